# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reservations: addresses that flannel must not give to its pods, since Calico's address management may have given them.

flannel's plugin has its addresses from `host-local`, which keeps one file for each address in use. A file of ours is as good
as one of a pod's: host-local takes the next address.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import posixpath
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import NodeSnapshot, cni_of

#: What upstream's manifest calls flannel's network.
DEFAULT_NETWORK = "cbr0"

#: In the place of a container's id. No runtime gives such a one, so no pod's end removes it.
CONTENT = b"podnet.cni\r\nreserved"

#: More than any block of Calico's inside one node's range; a mistake would fill the disk with files.
_MOST = 65536

Files = t.Mapping[str, bytes]


@dataclasses.dataclass(frozen=True)
class Plan:
    """Files to write and to remove, by path. ``taken`` are addresses that pods have and that cannot be reserved any more."""

    write: t.Tuple[str, ...] = ()
    remove: t.Tuple[str, ...] = ()
    taken: t.Tuple[str, ...] = ()

    def beside(self, other: Plan) -> Plan:
        """Both plans in one; what is removed is removed first."""
        return Plan(self.write + other.write, self.remove + other.remove, self.taken + other.taken)

    @property
    def addresses(self) -> t.Tuple[str, ...]:
        """The addresses these files stand for."""
        return tuple(posixpath.basename(path) for path in (*self.write, *self.remove))


def network_name(node: NodeSnapshot) -> str:
    """The name under which host-local keeps the addresses of flannel's pods on this node."""
    return next((item.network for item in node.conflists if cni_of(item.owner) == "flannel" and item.network), DEFAULT_NETWORK)


def reserve(files: Files, directory: str, subnet: str, ranges: t.Iterable[str]) -> Plan:
    """A file for each address of ``ranges`` inside ``subnet`` that has none; a pod's own is left as it is."""
    wanted = dict.fromkeys(posixpath.join(directory, str(address)) for inner in _inside(subnet, ranges) for address in inner)
    taken = tuple(posixpath.basename(path) for path in wanted if files.get(path, CONTENT) != CONTENT)
    return Plan(write=tuple(path for path in wanted if path not in files), taken=taken)


def release(files: Files) -> Plan:
    """No file of ours is left."""
    return Plan(remove=tuple(path for path in sorted(files) if files[path] == CONTENT))


def stale(files: Files, sandboxes: t.AbstractSet[str]) -> Plan:
    """The addresses of sandboxes that are gone are free.

    A pod that ends while the runtime has another CNI's configuration is taken down by that one, and flannel's plugin, which
    would have given its address free, is not asked.
    """
    leases = {path: content.decode("utf-8", "replace").split() for path, content in files.items() if _is_address(path)}
    return Plan(remove=tuple(path for path in sorted(leases) if leases[path] and _is_gone(leases[path][0], sandboxes)))


def may_be_stale(node: NodeSnapshot) -> bool:
    """Whether the runtime has another CNI's configuration: then no pod of flannel's is just being made, whose sandbox is not listed yet."""
    winner = next((item for item in node.conflists if item.wins), None)
    return winner is not None and cni_of(winner.owner) != "flannel"


def _is_gone(container: str, sandboxes: t.AbstractSet[str]) -> bool:
    return container not in sandboxes and container != CONTENT.split()[0].decode()


def _is_address(path: str) -> bool:
    try:
        ipaddress.ip_address(posixpath.basename(path))
    except ValueError:
        return False
    return True


def _inside(subnet: str, ranges: t.Iterable[str]) -> t.List[ipaddress.IPv4Network]:
    """The parts of the ranges that lie in the node's subnet, in order and apart from each other."""
    whole = _ipv4(subnet, "subnet")
    parts = [whole if whole.subnet_of(other) else other for other in (_ipv4(text, "ranges") for text in ranges) if whole.overlaps(other)]
    collapsed = list(ipaddress.collapse_addresses(parts))
    count = sum(part.num_addresses for part in collapsed)
    if count > _MOST:
        raise _errors.BadInputError(f"that would reserve {count:,} addresses", "ranges", f"Name at most {_MOST:,}.")
    return collapsed


def _ipv4(text: str, option: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError as error:
        raise _errors.BadInputError(f"{text!r} is no IPv4 network: {error}", option, "Write a CIDR like 10.244.1.0/24.") from error
