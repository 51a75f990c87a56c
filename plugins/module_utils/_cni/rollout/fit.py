# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a pod is on the CNI that is to serve it.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.calico import given_addresses
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Calico, Node, Pod

CALICO, FLANNEL = "calico", "flannel"
CNIS = (CALICO, FLANNEL)


@dataclasses.dataclass(frozen=True)
class Fit:
    """Which pods are where they are to be. ``nodes`` limits the question to pods on these nodes; empty means all.

    Calico says itself which pod it gave an address to. Flannel does not, so there a pod is well when its address is of its node's
    range and Calico did not give it. With ``agents`` (node -> seconds since the epoch) a pod has to be younger, too, than the CNI's agent
    on its node, so that it has what that was started with.
    """

    cni: str
    given: t.Mapping[str, str]
    ranges: t.Mapping[str, t.Tuple[str, ...]] = dataclasses.field(default_factory=dict)
    nodes: t.FrozenSet[str] = frozenset()
    agents: t.Mapping[str, float] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(
        cls,
        cni: str,
        calico: t.Optional[Calico],
        nodes: t.Iterable[Node] = (),
        only: t.Iterable[str] = (),
        agents: t.Optional[t.Mapping[str, float]] = None,
    ) -> Fit:
        """The question about ``cni``, in a cluster with these nodes and this IPAM."""
        return cls(cni, given_addresses(calico), {node.name: node.pod_cidrs for node in nodes}, frozenset(only), agents or {})

    def is_foreign(self, pod: Pod) -> bool:
        """Whether the pod has an address, and it is not the CNI's. Pods on the host's network and finished ones have none to lose."""
        if pod.host_network or pod.phase in ("Succeeded", "Failed") or not pod.ips:
            return False
        if self.nodes and pod.node not in self.nodes:
            return False
        return not self._is_good(pod) or self._is_older(pod)

    def _is_older(self, pod: Pod) -> bool:
        return 0 < pod.started < self.agents.get(pod.node, 0)

    def _is_good(self, pod: Pod) -> bool:
        name = f"{pod.namespace}/{pod.name}"
        given = [self.given.get(address) == name for address in pod.ips]
        if self.cni == CALICO:
            return all(given)
        return not any(given) and all(self._in_range(pod.node, address) for address in pod.ips)

    def _in_range(self, node: str, address: str) -> bool:
        return any(ipaddress.ip_address(address) in ipaddress.ip_network(cidr) for cidr in self.ranges.get(node, ()))
