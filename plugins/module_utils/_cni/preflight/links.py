# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions about what stands between nodes and CNI: managers of network devices, packet filters, sizes of packets, return paths.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster, firewall, link_policy, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import CALICO, FLANNEL, Situation

VXLAN_PORTS = {CALICO: 4789, FLANNEL: 8472}

#: What an encapsulation adds to a packet; across subnets Calico reckons with the larger one everywhere.
OVERHEAD = {"vxlan": 50, "vxlan_cross_subnet": 50, "ipip": 20, "none": 0}


def managers(at: Situation) -> t.Iterator[checks.Check]:
    """What programs would do to devices of a CNI that are not there yet."""
    claimed = {manager: _claimed(at, manager) for manager in link_policy.MANAGERS}
    lines = [line for found in claimed.values() for line in found]
    if not lines:
        running = sorted({manager.name for node in at.snapshots.values() for manager in node.link_managers})
        yield checks.passed("link-managers", f"{', '.join(running)} leave them alone" if running else "none runs")
    elif lines == claimed[link_policy.UDEV]:
        # Nearly every node has it so. Calico, and flannel of today, choose the address when they make the device, and then it stays.
        yield checks.noted(
            "link-managers",
            f"udev would change MAC addresses that the kernel chose for a CNI's devices on {_nodes(lines)}; cni_link_policy stops that",
            checks.shortened(checks.places(lines)),
            lines,
        )
    else:
        yield checks.warned(
            "link-managers",
            f"a program would take a CNI's network devices on {_nodes(lines)}",
            checks.shortened(checks.places(lines)),
            "podnet.cni.cni_link_policy makes it leave these devices alone, before they appear, and takes that back again.",
            lines,
            fix="ansible k8s_cluster -b -m podnet.cni.cni_link_policy",
        )


def _claimed(at: Situation, name: str) -> t.List[str]:
    """A line for each node on which a manager of that name would take devices."""
    return [
        f"{host}: {name} takes {', '.join(devices)}{_because(devices)}"
        for host, node in sorted(at.snapshots.items())
        for manager in node.link_managers
        for devices in [link_policy.claims(manager)]
        if manager.name == name and devices
    ]


def ports(at: Situation) -> t.Iterator[checks.Check]:
    """Whether nodes let each other's tunnel packets in."""
    wanted = _wanted_port(at)
    if wanted:
        yield from _port(at, "overlay-port-open", wanted, closed=checks.failed)
    used = VXLAN_PORTS[FLANNEL]
    if used != wanted and any(item.backend == "vxlan" for item in at.cluster.flannel):
        yield from _port(at, "flannel-port-open", used, closed=checks.warned)


def mtu(at: Situation) -> t.Iterator[checks.Check]:
    """Whether the target's packets fit the network between nodes, and how they compare with those of the CNI that runs."""
    outer = {name: size for name, size in ((name, _outer_mtu(at, name)) for name in at.snapshots) if size}
    if not outer or at.wanted.target != CALICO:
        return
    least = min(outer, key=lambda name: (outer[name], name))
    fits = outer[least] - OVERHEAD[at.wanted.encapsulation]
    if at.wanted.mtu > fits:
        yield checks.failed(
            "mtu-fits",
            f"MTU {at.wanted.mtu} is more than fits: {least} has {outer[least]}, less {OVERHEAD[at.wanted.encapsulation]} for the tunnel",
            least,
            f"Set calico_mtu to {fits} at most, or leave it at 0.",
        )
        return
    yield from _compared(outer, least, at.wanted.mtu or fits, _pods_mtu(at))


def return_paths(at: Situation) -> t.Iterator[checks.Check]:
    """In a mixed phase a packet comes in by one tunnel and is answered by the other: a strict filter drops it."""
    strict = [name for name, node in sorted(at.snapshots.items()) if _is_strict(node)]
    if strict:
        yield checks.noted(
            "reverse-path-filter",
            f"strict on {checks.shortened(strict)}: while flannel and Calico run side by side it is loosened, and then put back",
            checks.shortened(strict),
        )
    else:
        yield checks.passed("reverse-path-filter", "strict on no node")


def _outer_mtu(at: Situation, name: str) -> int:
    """The MTU of the device that holds the node's own address; 0 when that is not known."""
    device = _device(at, name)
    return next((link.mtu for link in at.snapshots[name].links if link.name == device), 0)


def _device(at: Situation, name: str) -> str:
    own = next((node.internal_ips for node in at.cluster.nodes if node.name == name), ())
    return next((item.device for item in at.snapshots[name].addresses if item.address in own), "")


def _compared(outer: t.Mapping[str, int], least: str, new: int, old: t.Mapping[str, int]) -> t.Iterator[checks.Check]:
    """Packets that were not too large yesterday may be too large tomorrow."""
    larger = sorted(name for name, size in old.items() if size > new)
    if larger:
        yield checks.warned(
            "mtu-fits",
            f"pods have an MTU of {max(old.values())} now and get {new}: a path that hides ICMP would lose large packets",
            checks.shortened(larger),
            "Pods that are told to use a fixed size need the new one; everything else finds it out by itself.",
        )
    elif len(set(outer.values())) > 1:
        yield checks.warned(
            "mtu-fits",
            f"nodes differ: the least is {outer[least]} on {least}, the most {max(outer.values())}",
            least,
            f"Calico looks at each node alone: set calico_mtu to {new}, which fits all.",
        )
    else:
        now = f", {max(old.values())} with flannel" if old else ""
        yield checks.passed("mtu-fits", f"nodes have {outer[least]}, pods get {new}{now}")


def _pods_mtu(at: Situation) -> t.Dict[str, int]:
    """What flannel told its pods, by node."""
    told = {name: node.subnet_env.get("FLANNEL_MTU", "") for name, node in at.snapshots.items()}
    return {name: int(text) for name, text in told.items() if text.isdigit()}


def _is_strict(node: snapshot.NodeSnapshot) -> bool:
    """The kernel takes the larger of the value for all devices and the device's own, so a loose one for all (2) is loose everywhere."""
    every = node.sysctls.get("net.ipv4.conf.all.rp_filter", "")
    own = [value for name, value in node.sysctls.items() if name.endswith(".rp_filter")]
    return every != "2" and "1" in own


def _wanted_port(at: Situation) -> int:
    if at.wanted.target == CALICO and not at.wanted.encapsulation.startswith("vxlan"):
        return 0
    return VXLAN_PORTS[at.wanted.target]


class _Answer(t.Protocol):
    def __call__(
        self, name: str, seen: str, where: str, next_step: str, details: t.Iterable[str] = (), *, fix: str = ""
    ) -> checks.Check: ...


def _port(at: Situation, name: str, port: int, closed: _Answer) -> t.Iterator[checks.Check]:
    found = {node.name: _barriers(at, node, port) for node in at.cluster.nodes if node.name in at.snapshots}
    shut = _lines(found, native=True)
    felix = _lines(found, native=False)
    if shut or (felix and port != VXLAN_PORTS[CALICO]):
        lines = sorted(shut + felix)
        yield closed(
            name,
            f"UDP {port} from other nodes is dropped on {_nodes(lines)}",
            checks.shortened(checks.places(lines)),
            f"Let UDP {port} in from the addresses of all nodes.",
            lines,
            fix=_command(at, port),
        )
    elif felix:
        yield checks.warned(
            name,
            f"UDP {port} from other nodes is dropped on {_nodes(felix)}, until calico-node puts its own rule before",
            checks.shortened(checks.places(felix)),
            f"Let UDP {port} in from the addresses of all nodes, if pods do not reach other nodes then.",
            felix,
            fix=_command(at, port),
        )
    else:
        yield _not_shut(found, name, port)


def _not_shut(found: t.Mapping[str, t.Sequence[firewall.Verdict]], name: str, port: int) -> checks.Check:
    unsure = [f"{node}: {verdict.where}" for node, verdicts in found.items() for verdict in verdicts]
    if unsure:
        seen = f"UDP {port}: what the rules do on {_nodes(unsure)} depends on more than they tell"
        return checks.noted(name, seen, checks.shortened(checks.places(unsure)), unsure)
    return checks.passed(name, f"UDP {port}: no rule of {checks.counted(len(found), 'node')} stands in the way")


def _lines(found: t.Mapping[str, t.Sequence[firewall.Verdict]], native: bool) -> t.List[str]:
    return [
        f"{name}: {verdict.where}"
        for name, verdicts in found.items()
        for verdict in verdicts
        if verdict.answer == firewall.CLOSED and verdict.native is native
    ]


def _barriers(at: Situation, node: cluster.Node, port: int) -> t.Tuple[firewall.Verdict, ...]:
    """What stops a tunnel's packet of another node."""
    own = next(iter(node.internal_ips), "")
    others = (ip for peer in at.cluster.nodes if peer.name != node.name for ip in peer.internal_ips if ":" not in ip)
    return firewall.between_nodes(at.snapshots[node.name], port, own, _device(at, node.name), others)


def _command(at: Situation, port: int) -> str:
    """The way of the firewall that runs; none where it is nobody's or the nodes differ."""
    ways = {
        "firewalld": f"firewall-cmd --add-port={port}/udp && firewall-cmd --permanent --add-port={port}/udp",
        "ufw": f"ufw allow {port}/udp",
    }
    running = {name for node in at.snapshots.values() for name in node.firewalls if name in ways}
    return ways[running.pop()] if len(running) == 1 else ""


def _nodes(lines: t.Iterable[str]) -> str:
    """How many nodes details are about."""
    return checks.counted(len(checks.places(lines)), "node")


def _because(devices: t.Mapping[str, str]) -> str:
    files = list(dict.fromkeys(path for path in devices.values() if path))
    return f" ({', '.join(files)})" if files else ""
