# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions about what the nodes can do: architecture, operating system, runtime, kernel, iptables.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import CALICO, Situation

ARCHITECTURES = ("amd64", "arm64", "ppc64le", "s390x")
RUNTIMES = ("containerd", "cri-o")


def architecture(at: Situation) -> t.Iterator[checks.Check]:
    yield from _each_node(
        at,
        "architecture-supported",
        lambda node: node.architecture in ARCHITECTURES,
        lambda node: f"architecture {node.architecture or 'unknown'}",
        f"Calico and flannel both have images for {', '.join(ARCHITECTURES)} only: remove the node first.",
    )


def operating_system(at: Situation) -> t.Iterator[checks.Check]:
    yield from _each_node(
        at,
        "os-supported",
        lambda node: node.operating_system == "linux",
        lambda node: f"operating system {node.operating_system or 'unknown'}",
        "Only Linux nodes can be changed: remove the node first.",
    )


def runtime(at: Situation) -> t.Iterator[checks.Check]:
    yield from _each_node(
        at,
        "runtime-supported",
        lambda node: node.runtime.split(":", 1)[0] in RUNTIMES,
        lambda node: f"runtime {node.runtime or 'unknown'}",
        f"Its CNI state can only be read from {' and '.join(RUNTIMES)}: move the node to one of them first.",
    )


def kernel(at: Situation) -> t.Iterator[checks.Check]:
    """A device of the kind proves that the kernel can; its absence proves nothing, so it never fails here."""
    kind = {"vxlan": "vxlan", "vxlan_cross_subnet": "vxlan", "ipip": "ipip"}.get(at.wanted.encapsulation)
    if kind is None or at.wanted.target != CALICO or not at.snapshots:
        return
    unproved = sorted(name for name, node in at.snapshots.items() if all(link.kind != kind for link in node.links))
    if unproved:
        yield checks.skipped(f"kernel-{kind}", f"no {kind} device yet to prove it on {checks.shortened(unproved)}")
    else:
        yield checks.passed(f"kernel-{kind}", f"a {kind} device works on {len(at.snapshots)} nodes")


def one_iptables_backend(at: Situation) -> t.Iterator[checks.Check]:
    """Never a failure: it is the user's to sort out, and both rule sets work as long as they agree."""
    mixed = sorted(name for name, node in at.snapshots.items() if len(_iptables_backends(node)) > 1)
    if mixed:
        yield checks.warned(
            "one-iptables-backend",
            f"rules in both legacy and nft iptables on {checks.shortened(mixed)}",
            ", ".join(mixed),
            "Packets have to pass both: find out who writes the odd ones, and set its iptables to that of kubelet and kube-proxy.",
        )
    else:
        yield checks.passed("one-iptables-backend", "no node has rules in both")


def kube_proxy(at: Situation) -> t.Iterator[checks.Check]:
    """Felix and kube-proxy work on the same packets, so the one has to know how the other does it."""
    mode = at.cluster.kube_proxy_mode
    if at.wanted.target != CALICO or not mode:
        return
    if mode == "nftables":
        yield checks.warned(
            "kube-proxy-mode",
            "kube-proxy works with nftables, Calico with iptables unless it is told otherwise",
            "kube-proxy",
            "Use Calico 3.30 or newer and set nftablesMode: Enabled in its FelixConfiguration, or policies may not see Service traffic.",
        )
    elif mode == "ipvs":
        yield checks.noted("kube-proxy-mode", "ipvs: Calico finds it out when calico-node starts; a later change of mode needs its restart")
    else:
        yield checks.passed("kube-proxy-mode", mode)


def _each_node(
    at: Situation, name: str, suits: t.Callable[[cluster.Node], bool], seen: t.Callable[[cluster.Node], str], next_step: str
) -> t.Iterator[checks.Check]:
    wrong = [node for node in at.cluster.nodes if not suits(node)]
    for node in wrong:
        yield checks.failed(name, f"{seen(node)} is not supported", node.name, next_step)
    if not wrong:
        yield checks.passed(name, ", ".join(dict.fromkeys(map(seen, at.cluster.nodes))) or "no node")


def _iptables_backends(node: snapshot.NodeSnapshot) -> t.Set[str]:
    """Backends that hold rules; chains without any are what a program leaves after it looked."""
    return {chain.backend for chain in node.chains if chain.rules}
