# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a lab is made of: its nodes, addresses and folders. Pure, apart from reading the environment in `from_environment`."""

from __future__ import annotations

import dataclasses
import os
import typing as t
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LAB = REPOSITORY / "lab"

KUBERNETES_VERSION = "v1.33.13"
COREDNS_VERSION = "v1.12.0"
ETCD_VERSION = "3.5.24"
FLANNEL_VERSION = "v0.26.7"
FLANNEL_CNI_PLUGIN_VERSION = "v1.6.2-flannel1"
CALICO_VERSION = "v3.31.0"
AGNHOST_VERSION = "2.53"
PAUSE_VERSION = "3.10"

POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/12"
MAX_NODES_PER_SUBNET = 200
#: One lab runs on a machine at a time, so what runs has one place; inventories/lab names it too.
STATE = Path("/var/lib/podnet-lab")


class LabError(Exception):
    """Why the lab cannot go on, and what to do about it, in one message."""


@dataclasses.dataclass(frozen=True)
class Node:
    """One machine of the lab; the first one is the control plane. ``subnet`` is 0, or 1 for nodes behind the host's router."""

    name: str
    address: str
    subnet: int
    control_plane: bool


@dataclasses.dataclass(frozen=True)
class Settings:
    """One lab. ``cache`` holds what builds made (kept between labs), ``state`` what runs (gone after ``lab down``)."""

    nodes: tuple[Node, ...]
    cache: Path
    state: Path

    @property
    def gateway(self) -> str:
        """The host's address on the first bridge: the nodes' gateway, and where registries and manifests are served."""
        return gateway(0)

    @property
    def subnets(self) -> tuple[int, ...]:
        return tuple(sorted({node.subnet for node in self.nodes}))

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def ssh_key(self) -> Path:
        return self.state / "ssh" / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.state / "ssh" / "known_hosts"

    def node_dir(self, node: Node) -> Path:
        return self.state / "nodes" / node.name


def gateway(subnet: int) -> str:
    """The host's address on the bridge of a subnet."""
    return f"172.30.{subnet}.1"


def bridge(subnet: int) -> str:
    """The name of a subnet's bridge on the host."""
    return f"podnet-lab{subnet}"


def plan_nodes(count: int, far: int) -> tuple[Node, ...]:
    """``count`` nodes n1, n2, ...; the last ``far`` of them live in the second subnet."""
    if not 1 <= count <= MAX_NODES_PER_SUBNET:
        raise LabError(f"LAB_NODES={count} is out of range: choose 1 to {MAX_NODES_PER_SUBNET}.")
    if not 0 <= far < count:
        raise LabError(f"LAB_FAR_NODES={far} is out of range: choose 0 to {count - 1}; the control plane stays in the first subnet.")
    return tuple(_node(index, subnet=1 if index > count - far else 0) for index in range(1, count + 1))


def _node(index: int, subnet: int) -> Node:
    return Node(name=f"n{index}", address=f"172.30.{subnet}.{10 + index}", subnet=subnet, control_plane=index == 1)


def from_environment(environment: t.Mapping[str, str] = os.environ) -> Settings:
    """Settings from LAB_NODES, LAB_FAR_NODES and LAB_CACHE; each has a default."""
    home = Path(environment.get("HOME", "/root"))
    cache_home = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    return Settings(
        nodes=plan_nodes(_integer(environment, "LAB_NODES", 3), _integer(environment, "LAB_FAR_NODES", 0)),
        cache=Path(environment.get("LAB_CACHE") or cache_home / "podnet-lab"),
        state=STATE,
    )


def _integer(environment: t.Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "") or str(default)
    try:
        return int(text)
    except ValueError:
        raise LabError(f"{name}={text} is not a number.") from None
