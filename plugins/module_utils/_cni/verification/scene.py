# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scene of a verification: the CNI to prove, the pods and Services it is proved with.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class Cni:
    """What verification must know of a CNI.

    ``device_prefix`` names its pods' devices on the host, or is empty where no pod has a route. ``parts`` are the CNIs it is made of.
    """

    name: str
    device_prefix: str
    enforces_policies: bool
    parts: t.Tuple[str, ...]


#: ``mixed`` is both at once, while one takes the other's place: some nodes' new pods are Calico's, the others' flannel's.
CNIS = {
    cni.name: cni
    for cni in (
        Cni("calico", "cali", True, ("calico",)),
        Cni("flannel", "", False, ("flannel",)),
        Cni("mixed", "", False, ("flannel", "calico")),
    )
}


@dataclasses.dataclass(frozen=True)
class Place:
    """A running pod of ours: a canary with an address of the pod network, or a host pod with its node's."""

    node: str
    pod: str
    address: str


@dataclasses.dataclass(frozen=True)
class Port:
    """A TCP port of a Service; ``node_port`` is 0 when it has none."""

    port: int
    node_port: int = 0


@dataclasses.dataclass(frozen=True)
class Service:
    """The ways into a Service. ``cluster_ip`` is empty for a headless one."""

    namespace: str
    name: str
    cluster_ip: str = ""
    ports: t.Tuple[Port, ...] = ()
    external_ips: t.Tuple[str, ...] = ()
    load_balancer: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Scene:
    """The canaries and Services as they stand, ready to be probed. ``absent`` says of each node without a pod of ours why."""

    canaries: t.Tuple[Place, ...] = ()
    hosts: t.Tuple[Place, ...] = ()
    sentinel: t.Optional[Place] = None
    service: t.Optional[Service] = None
    external: t.Optional[Service] = None
    external_refused: str = ""
    user_service: t.Optional[Service] = None
    node_addresses: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    absent: t.Tuple[str, ...] = ()

    @property
    def canary_pods(self) -> t.FrozenSet[str]:
        """The canaries' names, which are also what they answer."""
        return frozenset(canary.pod for canary in self.canaries)
