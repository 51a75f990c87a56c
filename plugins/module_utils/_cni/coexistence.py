# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Coexistence: the kernel settings by which flannel's and Calico's pods reach each other while both have some on a node.

- ``proxy_arp`` on flannel's bridge. Flannel's pods take the node's whole range for their own link and ask by ARP for a pod of
  Calico's on the same node; nobody on the bridge would answer.
- ``rp_filter`` loose where it is strict. Between nodes a packet may come by Calico's tunnel while the way back is flannel's.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import NodeSnapshot, cni_of

Sysctls = t.Dict[str, str]

_CONF = "net.ipv4.conf"
_ALL = f"{_CONF}.all.rp_filter"
_STRICT = "1"
_LOOSE = "2"

#: The bridge's name unless flannel's configuration says another: it appears with a node's first pod.
_BRIDGE = "cni0"

#: Devices whose filter says nothing about packets between nodes: pods' ends, which Felix keeps strict, and the loopback.
_APART = ("cali", "veth", "lo")


def needed(node: NodeSnapshot) -> Sysctls:
    """The settings a node needs now, by name; a strict filter on one device is loosened on all, for the greater value counts."""
    wanted = {f"{_CONF}.{_quoted(bridge)}.proxy_arp": "1" for bridge in _bridges(node)}
    return {**wanted, _ALL: _LOOSE} if _is_strict(node) else wanted


def to_write(node: NodeSnapshot, record: Sysctls) -> Sysctls:
    """What differs from what is needed; what an earlier run loosened stays loose."""
    kept = {_ALL: _LOOSE} if _ALL in record else {}
    return {name: value for name, value in {**needed(node), **kept}.items() if node.sysctls.get(name) != value}


def recorded(node: NodeSnapshot, record: Sysctls, changes: Sysctls) -> Sysctls:
    """The values before the first change; an older record is never written over, for it holds the true ones."""
    return {**{name: node.sysctls.get(name, "0") for name in changes}, **record}


def to_restore(node: NodeSnapshot, record: Sysctls) -> Sysctls:
    """What to write back, where the device is still there."""
    return {name: value for name, value in record.items() if name in node.sysctls and node.sysctls[name] != value}


def at_boot(node: NodeSnapshot, record: Sysctls) -> str:
    """The settings as a file of sysctl.d. udev applies it to a device that appears, so the bridge of a node without pods gets its too."""
    bridges = _bridges(node) or (_BRIDGE,)
    lines = [f"-{_CONF}.{_quoted(bridge)}.proxy_arp = 1" for bridge in bridges]
    lines += [f"{_ALL} = {_LOOSE}"] if _ALL in {**needed(node), **record} else []
    head = "# By podnet.cni, while flannel and Calico both have pods here. Removed when flannel is.\n"
    return head + "".join(f"{line}\n" for line in lines)


def _bridges(node: NodeSnapshot) -> t.Tuple[str, ...]:
    return tuple(link.name for link in node.links if link.kind == "bridge" and cni_of(link.owner) == "flannel")


def _is_strict(node: NodeSnapshot) -> bool:
    return any(name.endswith(".rp_filter") and value == _STRICT and not _is_apart(name) for name, value in node.sysctls.items())


def _is_apart(name: str) -> bool:
    return name[len(_CONF) + 1 :].startswith(_APART)


def _quoted(device: str) -> str:
    """A device's name inside a sysctl's: a dot of its own is written as a slash."""
    return device.replace(".", "/")
