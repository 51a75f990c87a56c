# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What iptables and connection tracking of a node do with a packet: another target, a verdict, another source.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import matching
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import routing, rules
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Packet
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.state import State, Step, Translation
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import Host, World


@dataclasses.dataclass(frozen=True)
class _Hook:
    """Where the kernel asks: ``leaves`` is the device by which the packet is to leave, once that is known."""

    table: str
    chain: str
    leaves: str = ""


def translated(world: World, host: Host, state: State) -> t.Iterator[Step]:
    """With the target that a Service's rules choose; of an answer, with what its node did to the first packet turned back."""
    if state.answers:
        yield turned_back(state)
        return
    for left, outcome in _follow(world, host, state, _Hook("nat", "PREROUTING" if state.device else "OUTPUT")):
        if outcome.verdict != rules.ACCEPT:
            yield left.lost(f"nat: {_told(outcome)}", decided=outcome)
        elif left.packet.unmarked != state.packet.unmarked:
            share = f", for {outcome.probability:.0%} of connections" if outcome.probability < 1 else ""
            yield left.hop("translated", "", f"{_told(outcome)}{share}", decided=outcome)
        else:
            yield left


def turned_back(state: State) -> State:
    """An answer on the node that changed the first packet: it gets its target at once, and its source when it leaves, see `settled`."""
    for known in state.kept:
        if known.node == state.node and known.after.answer == state.packet:
            whole = known.before.answer
            packet = dataclasses.replace(state.packet, target=whole.target, target_port=whole.target_port)
            owed = dataclasses.replace(state, owed=whole)
            if packet == state.packet:
                return owed
            return owed.carrying(packet).hop("translated", "", "for whom this node gave the first packet another source")
    return state


def settled(state: State) -> State:
    """An answer with the source that who asked waits for."""
    if state.owed in (None, state.packet):
        return state
    return state.carrying(state.owed).hop("translated", "", "from the address that was asked, which this node had translated")


def filtered(world: World, host: Host, state: State, chain: str, leaves: str = "") -> t.Iterator[Step]:
    """Let pass or stopped."""
    for left, outcome in _follow(world, host, state, _Hook("filter", chain, leaves)):
        if outcome.verdict != rules.ACCEPT:
            yield left.lost(f"filter {chain}: {_denied(host, state, outcome)}", decided=outcome)
        elif outcome.passed:
            yield left.hop("filtered", "", f"{chain} lets it pass: {_allowed(host, state, outcome)}", decided=outcome)
        else:
            yield left


def masqueraded(world: World, host: Host, state: State, device: str) -> t.Iterator[State]:
    """With the source that POSTROUTING wants: the address of the device by which it leaves. Ports are not foretold then."""
    if state.answers:
        yield settled(state)
        return
    for left, outcome in _follow(world, host, state, _Hook("nat", "POSTROUTING", device)):
        if not outcome.masquerade:
            yield left
            continue
        source = routing.source(host.seen, device, ipaddress.ip_address(left.packet.target).version)
        packet = dataclasses.replace(left.packet, source=source, source_port=0)
        yield left.carrying(packet).hop("masqueraded", "", _told(outcome), decided=outcome)


def remembered(state: State) -> State:
    """With what connection tracking keeps, if the packet leaves otherwise than it came. The kernel's mark ends with the node."""
    before, after = (state.came or state.packet).unmarked, state.packet.unmarked
    kept = state.kept if state.answers or after == before else (*state.kept, Translation(state.node, before, after))
    return dataclasses.replace(state, packet=after, kept=kept)


def _follow(world: World, host: Host, state: State, hook: _Hook) -> t.List[t.Tuple[State, rules.Outcome]]:
    """Through that table of each backend there is."""
    states = _states(state)

    def facts(packet: Packet) -> matching.Facts:
        return world.facts(host, packet, entered=state.device, leaves=hook.leaves, states=states)

    found = [(state, rules.Outcome(rules.ACCEPT, state.packet))]
    for ruleset in rules.rulesets((*host.seen.chains, *host.seen.nft_chains), hook.table, _family(state)):
        found = [
            (_with(before, outcome), _both(earlier, outcome))
            for before, earlier in found
            for outcome in (ruleset.follow(hook.chain, before.packet, facts) if earlier.verdict == rules.ACCEPT else [earlier])
        ]
    return found


def _states(state: State) -> t.Tuple[str, ...]:
    """Connection tracking's words for the packet."""
    if state.answers:
        return ("established",)
    redirected = any((hop.what, hop.node) == ("translated", state.node) for hop in state.hops)
    return ("new", "dnat") if redirected else ("new",)


def _with(state: State, outcome: rules.Outcome) -> State:
    return dataclasses.replace(
        state,
        packet=outcome.packet,
        probability=state.probability * outcome.probability,
        doubts=(*state.doubts, *(f"{state.node}: {text}" for text in outcome.doubts)),
    )


def _both(earlier: rules.Outcome, later: rules.Outcome) -> rules.Outcome:
    return dataclasses.replace(later, passed=(*earlier.passed, *later.passed), masquerade=earlier.masquerade or later.masquerade)


def _allowed(host: Host, state: State, outcome: rules.Outcome) -> str:
    """The policies that allow it, or the rule that decided."""
    return ", ".join(map(str, host.policies(_family(state)).allowed_by(outcome.passed))) or _told(outcome)


def _denied(host: Host, state: State, outcome: rules.Outcome) -> str:
    """The policies that were asked and do not allow it, or the rule that decided."""
    asked = host.policies(_family(state)).asked_by(outcome.passed[-1].chain) if outcome.passed else ()
    return f"not allowed by {', '.join(map(str, asked))}" if asked else _told(outcome)


def _family(state: State) -> int:
    return ipaddress.ip_address(state.packet.target).version


def _told(outcome: rules.Outcome) -> str:
    """The rule that decided."""
    return str(outcome.passed[-1]) if outcome.passed else f"no rule applies, and the chain's policy is {outcome.verdict}"
