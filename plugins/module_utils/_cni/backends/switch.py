# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a switch of flannel's backend changes, how flanneld has to be started anew for it, and what may go wrong.

Source: the switch matrix that was tried in a lab, see docs/architecture.md. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import net_conf
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import table, udp
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import Underlay

#: Node after node, or all at the same time.
ROLLING, AT_ONCE = "rolling", "at_once"

#: Backends whose ways stay in the kernel while flanneld is away, so that nodes before and after the switch reach each other by them.
_STAYS = ("vxlan", "host-gw", "ipip")

#: Options of a tunnel that both ends have to share.
_SHARED = {"vxlan": ("VNI", "Port", "GBP"), "udp": ("Port",)}

_ANY_CARD = Underlay("eth0", 1500)


@dataclasses.dataclass(frozen=True)
class Switch:
    """From one configuration to another. ``text`` is net-conf.json afterwards, ``reason`` why the start has to be as ``start`` says.

    ``smaller`` is whether pods that were made before have a larger MTU than the new backend carries.
    """

    before: table.Settings
    after: table.Settings
    text: str
    changed: bool
    start: str
    reason: str
    smaller: bool
    hazards: t.Tuple[str, ...] = ()


def plan(text: str, backend: t.Mapping[str, t.Any], where: str, *, allow_udp: bool = False) -> Switch:
    """The switch from what net-conf.json says to ``backend``. Raises BadInputError where either cannot be used."""
    before = table.settings(net_conf.parse(text, where), where)
    if not backend.get("Type"):
        raise _errors.BadInputError("it has no Type", "backend", f"Choose one of {', '.join(table.BACKENDS)}.")
    wanted = net_conf.with_backend(text, backend, where)
    after = table.settings(net_conf.parse(wanted, "backend"), "backend")
    if after.name == udp.NAME and not allow_udp:
        raise _errors.BadInputError(
            "backend udp is for debugging only: flanneld itself carries every packet, and all traffic between nodes ends with it",
            "backend",
            "Set allow_udp if that is what you want.",
        )
    changed = before != after
    start, reason = _start(before, after)
    return Switch(
        before,
        after,
        wanted if changed else text,
        changed,
        start,
        reason,
        after.backend.mtu(after, _ANY_CARD) < before.backend.mtu(before, _ANY_CARD),
        tuple(_hazards(before, after)) if changed else (),
    )


def mark(text: str, revision: str, known: t.AbstractSet[str]) -> str:
    """Names this net-conf.json with the edit that brings it, see `daemonsets.MARK`.

    ``known`` are the marks that DaemonSets have. One of the same text counts if there is no edit now (``revision``, the ConfigMap's version
    before the edit, is empty): what somebody else wrote in between, and took back, flanneld may run with.
    """
    named = hashlib.sha256(text.encode()).hexdigest()[:16]
    if not revision:
        return next((one for one in sorted(known) if one.partition(".")[0] == named), named)
    return f"{named}.{revision}"


def _start(before: table.Settings, after: table.Settings) -> t.Tuple[str, str]:
    for settings in (before, after):
        if settings.name not in _STAYS:
            return AT_ONCE, f"with backend {settings.name} nodes before and after the switch do not reach each other"
    shared = [name for name in _SHARED.get(after.name, ()) if before.name == after.name and before.options[name] != after.options[name]]
    if shared:
        return AT_ONCE, f"both ends of a tunnel have to have the same {' and '.join(shared)}"
    return ROLLING, "what the kernel has of the backend before carries packets until every node has changed"


def _hazards(before: table.Settings, after: table.Settings) -> t.Iterator[str]:
    if after.name in ("udp", "wireguard"):
        yield (
            f"{after.name} has one route for the whole network, and narrower ones of the backend before win over it: they are removed from "
            "all nodes as soon as every node has changed"
        )
    if before.name in ("udp", "wireguard"):
        yield f"the device of {before.name} ends with flanneld, so there is no traffic between nodes until all have changed"
    if "host-gw" in (before.name, after.name) or before.options.get("DirectRouting") or after.options.get("DirectRouting"):
        yield "for a moment packets come another way than they go, which a strict reverse path filter would drop: it is loosened meanwhile"
