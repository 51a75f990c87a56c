# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labels nodes, and waits until calico-node runs where it should and nowhere else.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import calico, objects, selection, unreadiness
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline


def nodes(client: t.Any) -> t.List[objects.Raw]:
    """All Node objects."""
    return Api(client).items("/api/v1/nodes") or []


def label(client: t.Any, patches: t.Iterable[selection.LabelPatch], dry_run: bool) -> None:
    """Sends the patches, in a dry run for the server's opinion only."""
    api = Api(client)
    for patch in patches:
        if not api.patch(ObjectRef("v1", "Node", patch.node), patch.body, dry_run):
            raise _errors.BadInputError(f"the cluster has no node {patch.node}", "nodes", "Name nodes as `kubectl get nodes` does.")


def wait_until_ready(client: t.Any, names: t.Sequence[str], deadline: Deadline) -> None:
    """Waits for a ready calico-node on each of the nodes; the error says of each other one why not."""
    daemonset = _daemonset(client)
    if daemonset is None:
        raise _errors.BadInputError("no DaemonSet runs calico-node", "cluster", "Apply Calico's manifest first.")
    agents = deadline.poll(lambda: _agents(client, daemonset), lambda seen: not _unready(seen, names))
    unready = _unready(agents, names)
    if not unready:
        return
    namespace = objects.metadata(daemonset)["namespace"]
    events = Api(client).items(f"/api/v1/namespaces/{namespace}/events") or ()
    reasons = "; ".join(f"{name}: {_why(agents.get(name), events)}" for name in unready)
    raise _errors.ClusterError(
        f"calico-node is not ready within {deadline.seconds:.0f} s on {len(unready)} of {len(names)} nodes: {reasons}",
        f"DaemonSet {namespace}/{objects.metadata(daemonset)['name']}",
        "Other nodes are as they were. Mend it and run this again.",
    )


def wait_until_gone(client: t.Any, names: t.Sequence[str], deadline: Deadline) -> None:
    """Waits until no calico-node is left on the nodes, as after their label was taken."""
    daemonset = _daemonset(client)
    if daemonset is None:
        return
    left = deadline.poll(lambda: _present(client, daemonset, names), lambda seen: not seen)
    if left:
        raise _errors.ClusterError(
            f"calico-node is still there after {deadline.seconds:.0f} s on {', '.join(left)}", "pods", "See `kubectl describe pod`."
        )


def _daemonset(client: t.Any) -> t.Optional[objects.Raw]:
    return calico.find_daemonset(Api(client).items("/apis/apps/v1/daemonsets") or ())


def _pods(client: t.Any, daemonset: objects.Raw) -> t.List[objects.Raw]:
    return Api(client).items(f"/api/v1/namespaces/{objects.metadata(daemonset)['namespace']}/pods") or []


def _agents(client: t.Any, daemonset: objects.Raw) -> t.Dict[str, objects.Raw]:
    return selection.agents(_pods(client, daemonset), daemonset)


def _present(client: t.Any, daemonset: objects.Raw, names: t.Sequence[str]) -> t.List[str]:
    """Nodes that have a pod of it, be it on its way out."""
    found = {objects.pod(pod).node for pod in _pods(client, daemonset) if selection.belongs(pod, daemonset)}
    return sorted(found & set(names))


def _unready(agents: t.Mapping[str, objects.Raw], names: t.Sequence[str]) -> t.List[str]:
    return [name for name in names if name not in agents or not objects.pod(agents[name]).ready]


def _why(pod: t.Optional[objects.Raw], events: t.Iterable[objects.Raw]) -> str:
    if pod is None:
        return "no pod was created there"
    return unreadiness.reason(pod, unreadiness.warnings_about(objects.metadata(pod)["name"], events))
