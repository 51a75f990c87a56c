# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything there is to show of a cluster's network.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import net_conf
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import calico_vxlan, comparison, table
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.calico_vxlan import CalicoMesh
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.difference import Difference
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.expectation import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.mesh import Mesh
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Node
from ansible_collections.podnet.cni.plugins.module_utils._cni.inspection.tables import Table, tables
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.account import Account
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.proof import Proof
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import Host, World

#: In a larger cluster only the tables of nodes that the packets come by are told: a thousand nodes have a million routes.
MOST_TOLD = 50


@dataclasses.dataclass(frozen=True)
class NodeView:
    """A node: its addresses and range, its tables, and what differs from what its CNI has to have there."""

    name: str
    addresses: t.Tuple[str, ...]
    pod_ranges: t.Tuple[str, ...]
    pods: int
    tables: t.Tuple[Table, ...]
    differences: t.Tuple[Difference, ...] = ()
    unknown: str = ""


@dataclasses.dataclass(frozen=True)
class Inspection:
    """``carrier`` is what carries packets between nodes, and ``about`` explains it; ``proofs`` are by the name of their flow.

    ``expects`` is the CNI of which is known what it has to have, or empty.
    """

    title: str
    carrier: str
    about: str
    nodes: t.Tuple[NodeView, ...]
    accounts: t.Tuple[Account, ...]
    proofs: t.Mapping[str, Proof]
    expects: str

    @property
    def reasons(self) -> t.Tuple[str, ...]:
        """Why not all is well."""
        return (
            *(str(item) for node in self.nodes for item in node.differences),
            *(f"{item.flow.name} does not work" for item in self.accounts if not item.works),
            *(str(proof) for proof in self.proofs.values() if not proof.holds),
        )


def inspect(world: World, accounts: t.Sequence[Account], proofs: t.Sequence[Proof]) -> Inspection:
    """All of it."""
    mesh = _mesh(world)
    carrier, about = _carrier(world, mesh)
    passed = {name for item in accounts for name in item.nodes}
    told = passed if len(world.hosts) > MOST_TOLD else set(world.hosts)
    return Inspection(
        title="The pod network",
        carrier=carrier,
        about=about,
        nodes=tuple(_node(world, host, mesh, with_tables=name in told) for name, host in world.hosts.items()),
        accounts=tuple(accounts),
        proofs={proof.flow: proof for proof in proofs},
        expects="" if mesh is None else "flannel" if isinstance(mesh, Mesh) else "Calico",
    )


_AnyMesh = t.Union[Mesh, CalicoMesh, None]


def _mesh(world: World) -> _AnyMesh:
    """What the CNI has to have; nothing where there is not one of which that is known, or its configuration cannot be used."""
    seen = world.cluster
    if not seen.flannel and seen.calico is not None and calico_vxlan.is_carried(seen.calico):
        return CalicoMesh(seen.calico, seen.nodes)
    if len(seen.flannel) != 1:
        return None
    try:
        settings = table.settings(net_conf.parse(seen.flannel[0].net_conf, "net-conf.json"), "net-conf.json")
    except _errors.BadInputError:
        return None
    return Mesh(settings, world.peers.values())


def _carrier(world: World, mesh: _AnyMesh) -> t.Tuple[str, str]:
    if isinstance(mesh, Mesh):
        return f"flannel, {mesh.settings}", mesh.settings.backend.ABOUT
    calico = world.cluster.calico
    if calico is not None and calico.pools:
        pool = calico.pools[0]
        mode = next((word for word, value in (("VXLAN", pool.vxlan_mode), ("IPIP", pool.ipip_mode)) if value != "Never"), "plain routes")
        return f"Calico, {mode}", _CALICO
    return "unknown", ""


_CALICO = (
    "Each pod has a link of its own and a route of its own, and no bridge. Nodes have routes to blocks of each other's addresses. With "
    "VXLAN those lead to a tunnel device, which wraps packets for the node that has the block."
)


def _node(world: World, host: Host, mesh: _AnyMesh, *, with_tables: bool) -> NodeView:
    node = next((item for item in world.cluster.nodes if item.name == host.name), None)
    expected, unknown = _expectation(node, host, mesh)
    return NodeView(
        name=host.name,
        addresses=node.internal_ips if node else (),
        pod_ranges=node.pod_cidrs if node else (),
        pods=sum(1 for pod in world.pods.values() if pod.node == host.name),
        tables=tables(world, host, expected) if with_tables else (),
        differences=comparison.compare(expected, host.seen) if expected else (),
        unknown=unknown,
    )


def _expectation(node: t.Optional[Node], host: Host, mesh: _AnyMesh) -> t.Tuple[t.Optional[Expectation], str]:
    """And why there is none, if the CNI is known."""
    if mesh is None or node is None:
        return None, ""
    try:
        return mesh.expected(node, host.seen), ""
    except _errors.NodeError as error:
        return None, str(error)
