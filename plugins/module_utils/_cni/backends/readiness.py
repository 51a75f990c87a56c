# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the nodes can carry pods' packets by another backend: asked before anything is changed.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster, firewall, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import host_gw, nodes, udp
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import Peer, Underlay
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.switch import Switch

Snapshots = t.Mapping[str, snapshot.NodeSnapshot]

_UNCHANGED = "Nothing was changed."


class _Scene:
    """The nodes as they announce themselves, with the network below each of those that could be read."""

    def __init__(self, planned: Switch, members: t.Sequence[cluster.Node], snapshots: Snapshots) -> None:
        self.planned, self.members, self.snapshots = planned, members, snapshots
        self.peers = {member.name: nodes.peer(member) for member in members}
        self.below: t.Dict[str, Underlay] = {}
        self.homeless: t.List[str] = []
        for member in members:
            if member.name not in snapshots:
                continue
            try:
                self.below[member.name] = nodes.underlay(member, snapshots[member.name])
            except _errors.NodeError as error:
                self.homeless.append(f"{member.name}: {error.what}")


def judge(planned: Switch, members: t.Sequence[cluster.Node], snapshots: Snapshots) -> t.Tuple[checks.Check, ...]:
    """All that is asked for this switch."""
    scene = _Scene(planned, members, snapshots)
    return (
        _seen(scene),
        _ranges(scene),
        _card(scene),
        *_one_subnet(scene),
        *_architecture(scene),
        *_ports(scene),
        _mtu(scene),
    )


def leaving(planned: Switch, members: t.Sequence[cluster.Node], snapshots: Snapshots) -> t.Dict[str, t.Tuple[str, ...]]:
    """Devices that carry packets now and that the new backend does not have, by node; nodes without any are left out."""
    scene = _Scene(planned, members, snapshots)
    found = {}
    for name, below in scene.below.items():
        wanted = {link.name for link in planned.after.backend.own(planned.after, scene.peers[name], below).links}
        carriers = [link.name for link in snapshots[name].links if link.owner.startswith("flannel-")]
        found[name] = tuple(device for device in carriers if device not in wanted)
    return {name: devices for name, devices in found.items() if devices}


def _seen(scene: _Scene) -> checks.Check:
    unseen = [member.name for member in scene.members if member.name not in scene.snapshots]
    if unseen:
        return checks.failed(
            "nodes-read",
            f"{len(unseen)} of {checks.counted(len(scene.members), 'node')} could not be read, and would be left as they are",
            checks.shortened(unseen),
            f"Repair them, or take them out of the cluster. {_UNCHANGED}",
        )
    return checks.passed("nodes-read", checks.counted(len(scene.members), "node"))


def _ranges(scene: _Scene) -> checks.Check:
    without = [f"{member.name}: it has no podCIDR" for member in scene.members if not member.pod_cidrs]
    ranges = sorted(
        ((ipaddress.ip_network(cidr), member.name) for member in scene.members for cidr in member.pod_cidrs),
        key=lambda item: (item[0].version, int(item[0][0]), item[0].prefixlen),
    )
    # In this order at least one pair of neighbours overlaps where any two ranges do.
    double = [
        f"{after[1]}: its {after[0]} overlaps {before[0]} of {before[1]}"
        for before, after in zip(ranges, ranges[1:])
        if before[0].version == after[0].version and before[0].overlaps(after[0])
    ]
    if without or double:
        return checks.failed(
            "pod-ranges",
            f"{len(without) + len(double)} nodes have no range of their own",
            checks.shortened(checks.places([*without, *double])),
            f"flannel takes a node's range from spec.podCIDR: see kube-controller-manager's --cluster-cidr. {_UNCHANGED}",
            [*without, *double],
        )
    return checks.passed("pod-ranges", f"{len(ranges)} ranges, none overlaps another")


def _card(scene: _Scene) -> checks.Check:
    if scene.homeless:
        return checks.failed(
            "device-below",
            f"on {checks.counted(len(scene.homeless), 'node')} no device has the address that flannel announces",
            checks.shortened(checks.places(scene.homeless)),
            f"See `ip address` there and the annotation {nodes.PREFIX}{nodes.ADDRESS}. {_UNCHANGED}",
            scene.homeless,
        )
    found = sorted({f"{below.device} with MTU {below.mtu}" for below in scene.below.values()})
    return checks.passed("device-below", checks.shortened(found) or "none was looked at")


def _one_subnet(scene: _Scene) -> t.Iterator[checks.Check]:
    """host-gw names each peer as the next hop, and the kernel takes none for one that it cannot reach by itself."""
    after = scene.planned.after
    if after.name != host_gw.NAME:
        return
    far = {name: _behind_router(scene, name) for name in scene.below}
    lines = [f"{name}: {checks.shortened(others)} behind a router" for name, others in far.items() if others]
    translated = [name for name, below in scene.below.items() if scene.peers[name].address not in ("", below.address)]
    lines += [f"{name}: it announces {scene.peers[name].address}, which is not its own (a NAT)" for name in translated]
    if lines:
        yield checks.failed(
            "one-subnet",
            f"backend host-gw needs all nodes in one subnet: {checks.counted(len(checks.places(lines)), 'node')} cannot reach all others",
            checks.shortened(checks.places(lines)),
            f"Choose vxlan, with DirectRouting for the nodes that are in one subnet. {_UNCHANGED}",
            lines,
        )
    else:
        yield checks.passed("one-subnet", f"{checks.counted(len(scene.below), 'node')} reach each other without a router")


def _behind_router(scene: _Scene, name: str) -> t.List[str]:
    near = nodes.near(scene.peers.values(), scene.snapshots[name], scene.planned.after.networks)
    return sorted(peer.name for peer in scene.peers.values() if peer.number is not None and peer.name not in near)


def _architecture(scene: _Scene) -> t.Iterator[checks.Check]:
    if scene.planned.after.name != udp.NAME:
        return
    others = [f"{member.name}: {member.architecture}" for member in scene.members if member.architecture not in ("", "amd64")]
    if others:
        yield checks.failed(
            "udp-architecture",
            "backend udp is built for amd64 alone",
            checks.shortened(checks.places(others)),
            f"Choose another backend. {_UNCHANGED}",
            others,
        )
    else:
        yield checks.passed("udp-architecture", "amd64 on every node")


def _ports(scene: _Scene) -> t.Iterator[checks.Check]:
    """The UDP ports that the new backend needs and the old one did not."""
    after, before = scene.planned.after, scene.planned.before
    closed: t.List[str] = []
    asked: t.Set[int] = set()
    for name, below in scene.below.items():
        peer = scene.peers[name]
        old = {listener.port for listener in before.backend.own(before, peer, below).listeners}
        for port in {listener.port for listener in after.backend.own(after, peer, below).listeners} - old:
            asked.add(port)
            closed += [f"{name}: {where} drops UDP {port}" for where in _barriers(scene, peer, below, port)]
    if closed:
        yield checks.failed(
            "firewall-ports",
            f"packets between nodes would be dropped on {checks.counted(len(checks.places(closed)), 'node')}",
            checks.shortened(checks.places(closed)),
            f"Open UDP {', '.join(map(str, sorted(asked)))} between all nodes. {_UNCHANGED}",
            closed,
        )
    elif asked:
        yield checks.passed("firewall-ports", f"nothing on the nodes drops UDP {', '.join(map(str, sorted(asked)))}")


def _barriers(scene: _Scene, peer: Peer, below: Underlay, port: int) -> t.List[str]:
    others = (other.address for other in scene.peers.values() if other.name != peer.name and other.address)
    verdicts = firewall.between_nodes(scene.snapshots[peer.name], port, below.address, below.device, others)
    return [verdict.where for verdict in verdicts if verdict.answer == firewall.CLOSED]


def _mtu(scene: _Scene) -> checks.Check:
    before, after = scene.planned.before, scene.planned.after
    sizes = {(before.backend.mtu(before, below), after.backend.mtu(after, below)) for below in scene.below.values()}
    told = ", ".join(f"{old} becomes {new}" if old != new else f"{old} stays" for old, new in sorted(sizes)) or "not known"
    if scene.planned.smaller and scene.planned.changed:
        return checks.warned(
            "pod-mtu",
            f"the pods' MTU: {told}. Pods keep the one they were made with, and those made before send packets that are too large",
            "",
            "They have to be made anew once the switch is done.",
        )
    return checks.passed("pod-mtu", told)
