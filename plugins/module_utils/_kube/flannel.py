# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads flannel's configuration from the API server, changes it, and starts flanneld anew with it.

Private: may change at any time.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, flannel, objects, unreadiness
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import daemonsets, nodes, switch, table, vxlan
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline

#: Pods that are deleted at the same time.
_DELETIONS = 16
#: Nodes named in an error.
_MOST_NAMED = 5


@dataclasses.dataclass(frozen=True)
class Installation:
    """Flannel's DaemonSets (one, or one for each architecture) and the ConfigMap with net-conf.json, as the API server has them."""

    daemonsets: t.Tuple[objects.Raw, ...]
    config_map: objects.Raw

    @property
    def net_conf(self) -> str:
        """The text of net-conf.json."""
        return str(self.config_map["data"][flannel.NET_CONF])

    @property
    def where(self) -> str:
        """Where that text is, for messages."""
        return "ConfigMap {namespace}/{name}".format(**objects.metadata(self.config_map))

    @property
    def is_under_way(self) -> bool:
        """Whether an earlier switch did not get to start flanneld anew."""
        return any(map(daemonsets.is_under_way, self.daemonsets))

    @property
    def revision(self) -> str:
        """The ConfigMap's version."""
        return str(objects.metadata(self.config_map).get("resourceVersion", ""))

    @property
    def marks(self) -> t.FrozenSet[str]:
        """The configurations that pods are to have, by the DaemonSets."""
        return frozenset(map(daemonsets.wanted_mark, self.daemonsets))

    def is_marked(self, mark: str) -> bool:
        """Whether a switch to that configuration started flanneld anew, so that its pods tell what they were started with."""
        return all(daemonsets.template_mark(daemonset) == mark for daemonset in self.daemonsets)


@dataclasses.dataclass(frozen=True)
class State:
    """How far the restart is: nodes with a pod that was not started anew, or is not ready, or that do not announce the backend yet.

    ``absent`` is how many pods are wanted and not there at all.
    """

    old: t.Tuple[str, ...] = ()
    unready: t.Mapping[str, objects.Raw] = dataclasses.field(default_factory=dict)
    silent: t.Tuple[str, ...] = ()
    absent: int = 0

    @property
    def is_done(self) -> bool:
        return self.is_settled and not self.silent

    @property
    def is_settled(self) -> bool:
        """Whether every pod that is wanted is there, was started anew and is ready."""
        return not (self.old or self.unready or self.absent)


def find(client: t.Any) -> Installation:
    """The cluster's one flannel, by image and command. Raises BadInputError where it is missing, not one, or somebody else's to change."""
    api = Api(client)
    found = flannel.candidates(api.items("/apis/apps/v1/daemonsets") or [])
    if not found:
        raise _errors.BadInputError("no DaemonSet runs flanneld", "cluster", "Install flannel first, or run this on its cluster.")
    names = dict.fromkeys(name for daemonset in found for name in flannel.config_map_names(daemonset))
    maps = {name: api.item("/api/v1/namespaces/{}/configmaps/{}".format(*name)) for name in names}
    with_conf = [item for item in maps.values() if item and flannel.NET_CONF in (item.get("data") or {})]
    titles = ", ".join("{namespace}/{name}".format(**objects.metadata(item)) for item in found)
    if len(with_conf) != 1:
        told = "has no ConfigMap with" if not with_conf else f"has {len(with_conf)} ConfigMaps with"
        raise _errors.BadInputError(f"flannel ({titles}) {told} {flannel.NET_CONF}", "cluster", "Nothing was changed.")
    keeper = objects.managed_by(*found, *with_conf)
    if keeper:
        raise _errors.BadInputError(
            f"{keeper} keeps flannel ({titles}) as it is, and would undo the change",
            "cluster",
            f"Change the backend where {keeper} has it from. Nothing was changed.",
        )
    return Installation(found, with_conf[0])


def members(client: t.Any) -> t.Tuple[cluster.Node, ...]:
    """The cluster's nodes."""
    return tuple(map(objects.node, Api(client).items("/api/v1/nodes") or []))


def is_stale(client: t.Any, found: Installation, planned: switch.Switch) -> bool:
    """Whether flanneld runs everywhere and starts nowhere, and has another backend than its configuration: it was not started anew."""
    (mark, *others) = {daemonsets.template_mark(daemonset) for daemonset in found.daemonsets}
    state = _state(client, found, planned, mark)
    return not others and state.is_settled and bool(state.silent)


def configure(client: t.Any, found: Installation, planned: switch.Switch, mark: str, dry_run: bool) -> None:
    """Writes what flanneld is to run with: first that it is wanted, then the configuration itself."""
    api = Api(client)
    for daemonset in found.daemonsets:
        if daemonsets.wanted_mark(daemonset) != mark:
            api.patch(_reference(daemonset), daemonsets.intent(mark), dry_run)
    if planned.changed:
        metadata = objects.metadata(found.config_map)
        target = cluster.ObjectRef("v1", "ConfigMap", metadata["name"], metadata["namespace"])
        change = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "data": {flannel.NET_CONF: planned.text}}
        api.patch(target, change, dry_run)


def restart(client: t.Any, found: Installation, planned: switch.Switch, mark: str, now: str, *, at_once: bool, dry_run: bool) -> None:
    """Starts flanneld anew: by the DaemonSet's own rollout, or everywhere at the same time."""
    api = Api(client)
    for daemonset in found.daemonsets:
        if daemonsets.template_mark(daemonset) != mark:
            api.patch_strategically(_reference(daemonset), daemonsets.restart(daemonset, mark, planned.after.name, now), dry_run)
    if dry_run:
        return
    waits = [item for item in found.daemonsets if ((item["spec"].get("updateStrategy") or {}).get("type")) == "OnDelete"]
    doomed = _old_pods(api, found.daemonsets if at_once else waits, mark)
    with concurrent.futures.ThreadPoolExecutor(_DELETIONS) as pool:
        list(pool.map(lambda pod: api.delete(_pod(pod), objects.metadata(pod).get("uid", "")), doomed))


def wait(client: t.Any, found: Installation, planned: switch.Switch, mark: str, deadline: Deadline) -> None:
    """Waits until flanneld runs with the configuration on every node, and each node announces it. Raises ClusterError that says why not."""
    state = deadline.poll(lambda: _state(client, found, planned, mark), lambda seen: seen.is_done)
    if state.is_done:
        return
    reasons = [f"{node}: {unreadiness.reason(pod, ())}" for node, pod in state.unready.items()]
    reasons += [f"{node}: flannel's pod was not started anew" for node in state.old]
    reasons += [f"{node}: it does not announce backend {planned.after.name} yet" for node in state.silent]
    reasons += [f"{state.absent} more nodes have no pod of flannel's"] if state.absent else []
    more = f", and {len(reasons) - _MOST_NAMED} more" if len(reasons) > _MOST_NAMED else ""
    raise _errors.ClusterError(
        f"flannel does not run with its new configuration everywhere after {deadline.seconds:.0f} s: "
        f"{'; '.join(reasons[:_MOST_NAMED])}{more}",
        "DaemonSet",
        "Nothing of the backend before was removed. See the logs of flannel's pods, then run this again: it goes on from here.",
    )


def _state(client: t.Any, found: Installation, planned: switch.Switch, mark: str) -> State:
    api = Api(client)
    pods = _pods(api, found.daemonsets)
    homes = {pod["spec"].get("nodeName", "") for pod in pods}
    members = [item for item in map(objects.node, api.items("/api/v1/nodes") or []) if item.name in homes]
    return State(
        old=tuple(sorted(pod["spec"].get("nodeName", "") for pod in pods if not daemonsets.is_current(pod, mark))),
        unready={pod["spec"].get("nodeName", ""): pod for pod in pods if daemonsets.is_current(pod, mark) and not objects.pod(pod).ready},
        silent=tuple(sorted(item.name for item in members if not _announces(item, planned.after))),
        absent=max(0, _wanted(api, found.daemonsets) - len(homes)),
    )


def _wanted(api: Api, owners: t.Iterable[objects.Raw]) -> int:
    """How many pods there are to be."""
    wanted = 0
    for owner in owners:
        metadata = objects.metadata(owner)
        fresh = api.item(f"/apis/apps/v1/namespaces/{metadata['namespace']}/daemonsets/{metadata['name']}") or {}
        wanted += objects.counts(fresh)[0]
    return wanted


def _announces(node: cluster.Node, settings: table.Settings) -> bool:
    peer = nodes.peer(node)
    if settings.name == vxlan.NAME and (peer.data or peer.data_v6).get("VNI") != settings.options["VNI"]:
        return False
    return peer.announced and peer.backend == ("" if settings.name == "udp" else settings.name)


def _pods(api: Api, owners: t.Iterable[objects.Raw]) -> t.List[objects.Raw]:
    owners = list(owners)
    spaces = dict.fromkeys(objects.metadata(owner)["namespace"] for owner in owners)
    listed = [pod for space in spaces for pod in api.items(f"/api/v1/namespaces/{space}/pods") or ()]
    return [pod for pod in listed if any(daemonsets.belongs(pod, owner) for owner in owners)]


def _old_pods(api: Api, owners: t.Iterable[objects.Raw], mark: str) -> t.List[objects.Raw]:
    return [pod for pod in _pods(api, owners) if not daemonsets.is_current(pod, mark) and "deletionTimestamp" not in objects.metadata(pod)]


def _reference(daemonset: objects.Raw) -> cluster.ObjectRef:
    return objects.reference(daemonset, "apps/v1", "DaemonSet")


def _pod(pod: objects.Raw) -> cluster.ObjectRef:
    return objects.reference(pod, "v1", "Pod")
