# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A packet on its way through a cluster.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import model, rules
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Hop, Outer, Packet, Path


@dataclasses.dataclass(frozen=True)
class Translation:
    """What a node's connection tracking remembers of a connection's first packet: as it came and as it left."""

    node: str
    before: Packet
    after: Packet


@dataclasses.dataclass(frozen=True)
class State:
    """A packet that entered ``node`` by ``device``, or was made there (empty).

    ``came`` is the packet as it came to the node, once nat was asked about its target there; ``owed`` is an answer as it has to
    leave the node; ``kept`` is what nodes remember, ``answers`` whether it is the answer to a packet, ``passed`` how many nodes it entered.
    """

    packet: Packet
    node: str = ""
    device: str = ""
    hops: t.Tuple[Hop, ...] = ()
    probability: float = 1.0
    doubts: t.Tuple[str, ...] = ()
    came: t.Optional[Packet] = None
    owed: t.Optional[Packet] = None
    kept: t.Tuple[Translation, ...] = ()
    answers: bool = False
    passed: int = 0

    def at(self, node: str, device: str = "") -> State:
        """The same packet on that device."""
        return dataclasses.replace(self, node=node, device=device, came=None, owed=None)

    def carrying(self, packet: Packet) -> State:
        """The same way with a packet that was changed."""
        return dataclasses.replace(self, packet=packet)

    def hop(self, what: str, device: str, why: str, *, outer: t.Optional[Outer] = None, decided: t.Optional[rules.Outcome] = None) -> State:
        """One hop further. ``decided`` is what iptables said, whose rules are kept with it."""
        led = tuple(map(str, decided.passed)) if decided else ()
        return dataclasses.replace(self, hops=(*self.hops, Hop(self.node, what, device, why, self.packet.unmarked, outer, led)))

    def delivered(self, device: str, why: str) -> Ended:
        return Ended(self.hop("delivered", device, why), model.DELIVERED)

    def left(self, why: str) -> Ended:
        return Ended(self.hop("sent", "", why), model.LEFT)

    def lost(self, why: str, device: str = "", decided: t.Optional[rules.Outcome] = None) -> Ended:
        return Ended(self.hop("lost", device, why, decided=decided), model.LOST)


@dataclasses.dataclass(frozen=True)
class Ended:
    """A packet at the end of its way, as a `model.Path` has it."""

    state: State
    outcome: str

    @property
    def path(self) -> Path:
        state = self.state
        return Path(state.hops, self.outcome, state.probability, tuple(dict.fromkeys(state.doubts)))


#: What a step comes to.
Step = t.Union[State, Ended]
