# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must not change between a plan and its run: by name in parts, so that a difference can be told, and as one hash.

What comes and goes by itself is left out: pods' names, nodes and numbers, leases, address blocks, devices and chains of single
pods, learned neighbours, whether a pod is ready, and Jobs. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster
from ansible_collections.podnet.cni.plugins.module_utils._cni.migration_plan import model, reading

#: Part -> item -> what was seen of it.
Parts = t.Dict[str, t.Dict[str, t.Any]]

_WORKLOADS = "workloads"

#: Their pods are there while they work. How they move is a setting, and that counts.
_FLEETING = ("Job", "CronJob")

#: What the kernel learns, and what follows from nodes and backend, which are in the hash.
_LEARNED = ("fdb", "neighbour", model.ROUTES)
#: What a node gets with its first pod and loses with it.
_WITH_PODS = re.compile(r"(link (veth|cali|cni0$)|(file|conflist) /var/lib/cni/|(rule|chain) .*\bCNI-)")

#: So many items of a part are told in a message.
_TOLD = 5


@dataclasses.dataclass(frozen=True)
class Difference:
    """What differs in one part, a line for each item."""

    part: str
    lines: t.Tuple[str, ...]

    @property
    def summary(self) -> str:
        hidden = len(self.lines) - _TOLD
        return f"{self.part}: {'; '.join(self.lines[:_TOLD])}" + (f"; and {hidden} more" if hidden > 0 else "")


def parts(facts: model.Facts) -> Parts:
    """The parts of the hash, as they survive a file of JSON."""
    found = {
        "cluster": _cluster(facts),
        "nodes": {node.name: _node(node) for node in facts.cluster.nodes},
        "flannel": {f"{item.daemonset.namespace}/{item.daemonset.name}": _flannel(item) for item in facts.cluster.flannel},
        "calico": _calico(facts.cluster),
        "strategy": {"strategy": facts.strategy, **{name: _plain(value) for name, value in facts.settings.items()}},
        "manifest": {"sha256": facts.manifest.sha256, "rendered": facts.manifest.rendered, "images": sorted(facts.manifest.images)},
        _WORKLOADS: _workloads(facts),
        "removals": {node: _lasting(items) for node, items in facts.removals.items()},
    }
    return t.cast("Parts", json.loads(reading.canonical(found)))


def digest(found: Parts) -> str:
    """The plan's hash."""
    return reading.digest({"schema": model.SCHEMA, "parts": found})


def written(found: Parts, plan: t.Mapping[str, t.Any]) -> str:
    """The text of ``plan.json``."""
    whole = {"schema": model.SCHEMA, "hash": digest(found), "parts": found, "plan": plan}
    return json.dumps(whole, indent=2, sort_keys=True) + "\n"


def read(text: str, where: str) -> Parts:
    """The parts in a ``plan.json``."""
    advice = "Name the plan.json that a run with --check wrote, as it was written."
    try:
        data = json.loads(text)
        schema, told, found = data["schema"], data["hash"], data["parts"]
    except (ValueError, KeyError, TypeError) as error:
        raise _errors.BadInputError(f"this is no plan of a migration: {error!r}", where, advice) from error
    if schema != model.SCHEMA:
        raise _errors.BadInputError(
            f"this plan has the form {schema}, and this release reads {model.SCHEMA}", where, "Make a new plan, and have it reviewed."
        )
    if not _is_whole(found) or digest(found) != told:
        raise _errors.BadInputError("its hash is not that of what it says, so somebody edited it", where, advice)
    return t.cast("Parts", found)


def compare(planned: Parts, now: Parts) -> t.Tuple[Difference, ...]:
    """The parts that differ, in order."""
    names = list(dict.fromkeys([*now, *planned]))
    found = (Difference(name, tuple(_lines(planned.get(name, {}), now.get(name, {})))) for name in names)
    return tuple(difference for difference in found if difference.lines)


def _is_whole(found: t.Any) -> bool:
    return isinstance(found, dict) and all(isinstance(items, dict) for items in found.values())


def _lines(planned: t.Mapping[str, t.Any], now: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for item in sorted({*planned, *now}):
        if item not in planned:
            yield f"{item} was not in the plan"
        elif item not in now:
            yield f"{item} is in the plan and not there any more"
        elif planned[item] != now[item]:
            yield f"{item}{_changed(planned[item], now[item])}"


def _changed(planned: t.Any, now: t.Any) -> str:
    """What became of one item."""
    if isinstance(planned, dict) and isinstance(now, dict):
        names = [name for name in sorted({*planned, *now}) if planned.get(name) != now.get(name)]
        return ": " + ", ".join(f"{name}{_changed(planned.get(name), now.get(name))}" for name in names)
    if isinstance(planned, list) and isinstance(now, list):
        moved = [f"{item} is new" for item in now if item not in planned] + [f"{item} is gone" for item in planned if item not in now]
        return ": " + (", ".join(map(str, moved)) or "the order differs")
    return f" was {_shown(planned)}, is {_shown(now)}"


def _shown(value: t.Any) -> str:
    return str(value) if value not in ("", None) else "empty"


def _cluster(facts: model.Facts) -> t.Dict[str, t.Any]:
    seen = facts.cluster
    return {
        "version": seen.version,
        "network": facts.network,
        "mtu": facts.adoption.mtu,
        "service CIDRs": sorted(seen.service_cidrs),
        "kube-proxy mode": seen.kube_proxy_mode,
        "other CNIs": sorted(seen.other_cnis),
    }


def _node(node: cluster.Node) -> t.Dict[str, t.Any]:
    """What makes it this node; not whether it is Ready, which the preflight asks."""
    return {
        "podCIDRs": list(node.pod_cidrs),
        "addresses": sorted(node.internal_ips),
        "control plane": node.control_plane,
        "architecture": node.architecture,
        "kubelet": node.kubelet_version,
        "runtime": node.runtime,
        "labels": dict(node.labels),
    }


def _flannel(item: cluster.Flannel) -> t.Dict[str, t.Any]:
    """The installation as a whole; its leases are not in it."""
    return {
        "backend": item.backend,
        "net-conf": item.net_conf,
        "image": item.image,
        "managed by": item.managed_by,
        "objects": sorted(f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}" for ref in item.objects),
    }


def _calico(seen: cluster.ClusterSnapshot) -> t.Dict[str, t.Any]:
    """Nothing before a migration; blocks come and go with pods."""
    if seen.calico is None:
        return {}
    pools = {f"IPPool {pool.name}": {"cidr": pool.cidr, "vxlan": pool.vxlan_mode, "ipip": pool.ipip_mode} for pool in seen.calico.pools}
    daemonset = seen.calico.daemonset
    runs = {f"DaemonSet {daemonset.namespace}/{daemonset.name}": seen.calico.image} if daemonset else {}
    return {**pools, **runs, **({"operator": "there"} if seen.calico.operator else {})}


def _workloads(facts: model.Facts) -> t.Dict[str, t.Any]:
    """Who has pods to move and how they move. Of a workload that moves, it does not matter if some pod of it stays."""
    staying = {item.title: model.LEAVE for item in facts.staying if item.kind not in _FLEETING}
    moving = {item.title: ", ".join(item.ways) for item in facts.moving if item.kind not in _FLEETING}
    return {**staying, **moving}


def _lasting(items: t.Iterable[model.Removal]) -> t.List[str]:
    return sorted({item.title for item in items if item.kind not in _LEARNED and not _WITH_PODS.match(item.title)})


def _plain(value: t.Any) -> t.Any:
    """A setting as text, since one from the command line is text and one from a file may be a number."""
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str("" if value is None else value)
