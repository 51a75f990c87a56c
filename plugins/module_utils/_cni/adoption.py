# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adoption: Calico takes up quarters inside the ranges of a flannel that lives on.

Each node gets IPAM blocks within its own podCIDR where no flannel pod has an address. So flannel's routes reach Calico's pods,
flannel's masquerading spares them, and no address can be given twice. Felix puts a blackhole route for each block of its node,
which would cut a flannel pod inside: hence only free blocks, and none is claimed by itself while flannel lives.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, network
from ansible_collections.podnet.cni.plugins.module_utils._cni.calico import given_addresses
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import NodeSnapshot

#: The name that calico-node gives a pool it makes itself.
POOL = "default-ipv4-ippool"

Snapshots = t.Mapping[str, NodeSnapshot]

#: Prefix lengths of blocks, the first that fits every node is taken: Calico's own first. Of /29s a node may have 16 in a /25,
#: below the 20 that Calico allows a node once the limits are lifted; smaller ones would end in less than 110 pods.
_BLOCK_SIZES = (26, 27, 28, 29)

#: Addresses of a node beside one for each of its pods: for pods that come while others have not yet gone, and the tunnel's own.
_LEAST_SPARE = 8

#: Bytes that VXLAN adds to a packet.
_VXLAN_OVERHEAD = 50

#: Felix's own choice, and what it gets where a flannel has it already (clusters with Windows nodes): the kernel refuses a twin.
_VXLAN_IDENTITY = (4096, 4789)
_OTHER_VNI = 4097


@dataclasses.dataclass(frozen=True)
class Wish:
    """``network`` and ``encapsulation`` of the pool; ``block_size`` 0 finds one; ``nodes`` get blocks now, empty means all."""

    network: str
    encapsulation: str = "vxlan"
    block_size: int = 0
    nodes: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Block:
    """A block of addresses for one node."""

    node: str
    cidr: str


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """A node that cannot get as many addresses as it needs; ``in_the_way`` are addresses with what has them."""

    node: str
    pod_cidr: str
    needed: int
    available: int
    in_the_way: t.Tuple[str, ...] = ()

    def __str__(self) -> str:
        occupied = f", in the way: {', '.join(self.in_the_way)}" if self.in_the_way else ""
        return f"{self.node}: {self.needed} addresses needed, {self.available} in free blocks of {self.pod_cidr or 'no podCIDR'}{occupied}"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be in Calico's IPAM. ``kept`` blocks are there, ``claimed`` are to come, ``returned`` to go (nobody has an address).

    ``mtu`` is for pods, in bytes, 0 leaves it to Calico; ``vni`` 0 is Calico's own; ``reserved`` addresses are not for pods.
    """

    network: str
    encapsulation: str
    block_size: int
    pool: str = POOL
    mtu: int = 0
    vni: int = 0
    kept: t.Tuple[Block, ...] = ()
    claimed: t.Tuple[Block, ...] = ()
    returned: t.Tuple[Block, ...] = ()
    reserved: t.Tuple[str, ...] = ()
    obstacles: t.Tuple[Obstacle, ...] = ()

    @property
    def most_blocks(self) -> int:
        """The greatest number of blocks of one node."""
        return max(collections.Counter(block.node for block in (*self.kept, *self.claimed)).values(), default=1)


def plan(seen: cluster.ClusterSnapshot, snapshots: Snapshots, wish: Wish) -> Plan:
    """The plan for a cluster on which flannel lives. Obstacles are part of it; `demand_room` makes an error of them."""
    names = {node.name for node in seen.nodes if not wish.nodes or node.name in wish.nodes}
    census = _Census.of(seen)
    estates = [_Estate.of(node, census, snapshots.get(node.name)) for node in seen.nodes]
    size = _block_size(seen, estates, wish)
    shares = [estate.share(size) for estate in estates if estate.node in names]
    elsewhere = [block for block in (seen.calico.blocks if seen.calico else ()) if block.node and block.node not in names]
    return Plan(
        network=wish.network,
        encapsulation=wish.encapsulation,
        block_size=size,
        pool=next((pool.name for pool in _pools(seen, wish.network)), POOL),
        mtu=_mtu(seen, snapshots),
        vni=_OTHER_VNI if any(map(_has_calicos_identity, snapshots.values())) else 0,
        kept=(*(block for share in shares for block in share.kept), *(Block(block.node, block.cidr) for block in elsewhere)),
        claimed=tuple(block for share in shares for block in share.claimed),
        returned=tuple(block for share in shares for block in share.returned),
        reserved=tuple(str(pod_range[-1]) for pod_range in map(_pod_range, seen.nodes) if pod_range is not None),
        obstacles=tuple(share.obstacle for share in shares if share.obstacle is not None),
    )


def lives_beside(seen: cluster.ClusterSnapshot) -> bool:
    """Whether there is something to live beside: flannel, or pods of a flannel that somebody took away before they had moved."""
    ranges = [pod_range for pod_range in map(_pod_range, seen.nodes) if pod_range is not None]
    return bool(seen.flannel) or any(ipaddress.ip_address(address) in pod_range for address in _strangers(seen) for pod_range in ranges)


def demand_room(plan_: Plan) -> None:
    """An error that names every node without room, what is in the way, and the ways out."""
    if not plan_.obstacles:
        return
    raise _errors.BadInputError(
        f"not enough free IPAM blocks of /{plan_.block_size} beside flannel's pods: {'; '.join(map(str, plan_.obstacles))}",
        "calico_adoption",
        "Make room: drain the node or delete the pods that are in the way, so that their controllers make them anew elsewhere; or choose "
        "a smaller block_size (a greater prefix length); or migrate with the strategy cutover, which needs no room.",
    )


def demand_peace(seen: cluster.ClusterSnapshot, plan_: Plan) -> None:
    """An error that names the pods of flannel's inside blocks that Calico has given addresses of: they are cut, and only they can go."""
    kept = [ipaddress.ip_network(block.cidr) for block in plan_.kept]
    strangers = {address: pod for address, pod in intruders(seen).items() if any(ipaddress.ip_address(address) in block for block in kept)}
    if strangers:
        named = ", ".join(f"{pod} ({address})" for address, pod in sorted(strangers.items()))
        raise _errors.ClusterError(
            f"these pods have an address of flannel's inside a block that Calico uses, so nothing reaches them: {named}",
            "calico_adoption",
            "Delete them, so that their controllers make them anew, and run this again.",
        )


def intruders(seen: cluster.ClusterSnapshot) -> t.Dict[str, str]:
    """Addresses inside Calico's blocks that a pod has which Calico did not give them to: the pod is cut, or soon will be."""
    blocks = [ipaddress.ip_network(block.cidr) for block in (seen.calico.blocks if seen.calico else ()) if block.node]
    return {address: pod for address, pod in _strangers(seen).items() if any(ipaddress.ip_address(address) in block for block in blocks)}


def _strangers(seen: cluster.ClusterSnapshot) -> t.Dict[str, str]:
    """Addresses of pods that Calico did not give to them.

    A pod of Calico's that is on its way out has lost its address before its object is gone, and then nobody has it.
    """
    given = given_addresses(seen.calico)
    return {
        address: f"{pod.namespace}/{pod.name}"
        for pod in seen.pods
        if _has_own_network(pod) and not (pod.of_calico and pod.deleting)
        for address in pod.ips
        if given.get(address) != f"{pod.namespace}/{pod.name}"
    }


@dataclasses.dataclass(frozen=True)
class _Census:
    """Who has which address, and what each node has. Taken once for all nodes: there may be a thousand, with fifty pods each.

    ``holders`` are the pods' addresses that are not Calico's, as numbers, and ``addresses`` the same in order; ``tunnels`` have an address
    out of a block without being a pod.
    """

    addresses: t.Tuple[int, ...]
    holders: t.Mapping[int, str]
    tunnels: t.FrozenSet[str]
    pods: t.Mapping[str, int]
    blocks: t.Mapping[str, t.Tuple[cluster.IPAMBlock, ...]]

    @classmethod
    def of(cls, seen: cluster.ClusterSnapshot) -> _Census:
        found = seen.calico.blocks if seen.calico else ()
        strangers = _strangers(seen).items()
        holders = {int(ipaddress.IPv4Address(address)): name for address, name in strangers if network.is_ipv4(f"{address}/32")}
        blocks: t.Dict[str, t.Tuple[cluster.IPAMBlock, ...]] = collections.defaultdict(tuple)
        for block in found:
            blocks[block.node] += (block,)
        return cls(
            addresses=tuple(sorted(holders)),
            holders=holders,
            tunnels=frozenset(address for block in found for address in block.others),
            pods=collections.Counter(pod.node for pod in seen.pods if _has_own_network(pod)),
            blocks=blocks,
        )

    def within(self, pod_range: ipaddress.IPv4Network) -> t.Dict[ipaddress.IPv4Address, str]:
        """The pods' addresses of that range."""
        start = bisect.bisect_left(self.addresses, int(pod_range[0]))
        end = bisect.bisect_right(self.addresses, int(pod_range[-1]))
        return {ipaddress.IPv4Address(address): self.holders[address] for address in self.addresses[start:end]}


@dataclasses.dataclass(frozen=True)
class _Share:
    """What becomes of the blocks of one node."""

    kept: t.Tuple[Block, ...]
    claimed: t.Tuple[Block, ...]
    returned: t.Tuple[Block, ...]
    obstacle: t.Optional[Obstacle]


@dataclasses.dataclass(frozen=True)
class _Estate:
    """One node's range, who has an address in it, what Calico has of it, and how many addresses its pods will need."""

    node: str
    pod_range: t.Optional[ipaddress.IPv4Network]
    taken: t.Mapping[ipaddress.IPv4Address, str]
    blocks: t.Tuple[cluster.IPAMBlock, ...]
    needed: int
    next_address: int

    @classmethod
    def of(cls, node: cluster.Node, census: _Census, snapshot: t.Optional[NodeSnapshot]) -> _Estate:
        pod_range = _pod_range(node)
        taken = _taken(census, snapshot, pod_range)
        pods = census.pods.get(node.name, 0)
        return cls(
            node=node.name,
            pod_range=pod_range,
            taken=taken,
            blocks=census.blocks.get(node.name, ()),
            needed=pods + max(_LEAST_SPARE, pods // 4),
            next_address=_next_address(taken, snapshot),
        )

    def share(self, size: int) -> _Share:
        """Empty blocks into which a flannel pod has come are given back; free ones are claimed until there is room for all pods."""
        invaded = [block for block in self.blocks if self._holders(ipaddress.ip_network(block.cidr))]
        returned = [block.cidr for block in invaded if not block.pods and not block.others]
        kept = [block.cidr for block in self.blocks if block.cidr not in returned]
        missing = self.needed - sum(ipaddress.ip_network(cidr).num_addresses for cidr in kept)
        free = [block for block in self.free_blocks(size) if str(block) not in kept]
        each = 2 ** (32 - size)
        claimed = [str(block) for block in free[: max(0, -(-missing // each))]]
        available = sum(ipaddress.ip_network(cidr).num_addresses for cidr in (*kept, *claimed))
        obstacle = None
        if available < self.needed:
            obstacle = Obstacle(self.node, str(self.pod_range or ""), self.needed, available, self._named())
        return _Share(self._own(kept), self._own(claimed), self._own(returned), obstacle)

    def free_blocks(self, size: int) -> t.List[ipaddress.IPv4Network]:
        """Blocks without anybody's address, first those that flannel's next addresses will reach last: it counts upwards, in a ring."""
        if self.pod_range is None or size <= self.pod_range.prefixlen:
            return []
        free = [block for block in self.pod_range.subnets(new_prefix=size) if not self._holders(block)]
        return sorted(free, key=lambda block: (int(block[0]) - self.next_address) % self.pod_range_size, reverse=True)

    def has_room(self, size: int) -> bool:
        return len(self.free_blocks(size)) * 2 ** (32 - size) >= self.needed

    @property
    def pod_range_size(self) -> int:
        return self.pod_range.num_addresses if self.pod_range is not None else 1

    def _holders(self, block: t.Any) -> t.List[ipaddress.IPv4Address]:
        return [address for address in self.taken if address in block]

    def _named(self) -> t.Tuple[str, ...]:
        return tuple(f"{address} ({self.taken[address]})" for address in sorted(self.taken))

    def _own(self, cidrs: t.Iterable[str]) -> t.Tuple[Block, ...]:
        return tuple(Block(self.node, cidr) for cidr in cidrs)


def _block_size(seen: cluster.ClusterSnapshot, estates: t.Sequence[_Estate], wish: Wish) -> int:
    """That of the pool that is there, which nobody can change; else the wanted one; else the first with room on all nodes."""
    pools = _pools(seen, wish.network)
    if pools or wish.block_size:
        return pools[0].block_size if pools else wish.block_size
    fitting = (size for size in _BLOCK_SIZES if all(estate.has_room(size) for estate in estates))
    return next(fitting, _BLOCK_SIZES[-1])


def _pools(seen: cluster.ClusterSnapshot, cidr: str) -> t.List[cluster.IPPool]:
    return [pool for pool in (seen.calico.pools if seen.calico else ()) if pool.cidr == cidr]


def _taken(
    census: _Census, snapshot: t.Optional[NodeSnapshot], pod_range: t.Optional[ipaddress.IPv4Network]
) -> t.Dict[ipaddress.IPv4Address, str]:
    """Addresses of the range that are not Calico's to give, with who has them: flannel's pods and the node's own devices."""
    if pod_range is None:
        return {}
    found = {str(pod_range[0]): "flannel's end of the tunnel", str(pod_range[1]): "the bridge"}
    found.update((item.address, item.device) for item in (snapshot.addresses if snapshot else ()) if item.family == 4)
    # A tunnel of Calico's has its address out of a block, and is no stranger there.
    parsed = {ipaddress.IPv4Address(address): holder for address, holder in found.items() if address not in census.tunnels}
    return {**{address: holder for address, holder in parsed.items() if address in pod_range}, **census.within(pod_range)}


def _next_address(taken: t.Mapping[ipaddress.IPv4Address, str], snapshot: t.Optional[NodeSnapshot]) -> int:
    """Where flannel's address management goes on: behind the last it gave, or, when it does not tell, behind the highest in use."""
    told = [int(ipaddress.IPv4Address(address)) for address in (snapshot.last_reserved.values() if snapshot else ()) if ":" not in address]
    return 1 + max(told or map(int, taken), default=0)


def _has_own_network(pod: cluster.Pod) -> bool:
    return not pod.host_network and pod.phase not in ("Succeeded", "Failed")


def _pod_range(node: cluster.Node) -> t.Optional[ipaddress.IPv4Network]:
    ranges = [network.parse_cidr(cidr) for cidr in node.pod_cidrs]
    return next((item for item in ranges if isinstance(item, ipaddress.IPv4Network)), None)


def _mtu(seen: cluster.ClusterSnapshot, snapshots: Snapshots) -> int:
    """What flannel gives its pods, where that is less than Calico would find for itself; else 0."""
    flannels = [int(node.subnet_env["FLANNEL_MTU"]) for node in snapshots.values() if node.subnet_env.get("FLANNEL_MTU", "").isdigit()]
    homes = {node.name: set(node.internal_ips) for node in seen.nodes}
    fitting = [
        link.mtu - _VXLAN_OVERHEAD
        for name, node in snapshots.items()
        for link in node.links
        if link.name in {address.device for address in node.addresses if address.address in homes.get(name, set())}
    ]
    least = min(flannels, default=0)
    return least if least < min(fitting, default=least + 1) else 0


def _has_calicos_identity(node: NodeSnapshot) -> bool:
    vxlans = [link.vxlan for link in node.links if link.vxlan is not None and link.owner != "calico"]
    return any((vxlan.vni, vxlan.port) == _VXLAN_IDENTITY for vxlan in vxlans)
