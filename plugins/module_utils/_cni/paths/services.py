# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services, as far as a packet's target depends on them.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import objects


@dataclasses.dataclass(frozen=True)
class Port:
    """A port of a Service; ``node_port`` is 0 where it has none."""

    name: str
    number: int
    protocol: str
    node_port: int = 0


@dataclasses.dataclass(frozen=True)
class Service:
    """A Service with addresses: its own (none if headless), those outside of the cluster, and its ports."""

    namespace: str
    name: str
    addresses: t.Tuple[str, ...] = ()
    external: t.Tuple[str, ...] = ()
    ports: t.Tuple[Port, ...] = ()


def read(resource: objects.Raw) -> Service:
    """A Service object."""
    metadata, spec = objects.metadata(resource), resource.get("spec") or {}
    ingress = ((resource.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    own = spec.get("clusterIPs") or [spec.get("clusterIP") or ""]
    return Service(
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        addresses=tuple(address for address in own if address and address != "None"),
        external=(*(spec.get("externalIPs") or ()), *(item["ip"] for item in ingress if item.get("ip"))),
        ports=tuple(_port(item) for item in spec.get("ports") or ()),
    )


def _port(entry: objects.Raw) -> Port:
    protocol = str(entry.get("protocol") or "TCP").lower()
    return Port(entry.get("name") or "", int(entry.get("port") or 0), protocol, int(entry.get("nodePort") or 0))
