# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What iptables makes of a packet: a chain followed rule by rule.

Rules that apply by chance, as kube-proxy's that choose among a Service's pods, divide the packets. A rule that cannot be judged is taken
as one that does not apply, and remembered as a doubt. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import iptables, matching
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Packet
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Chain

ACCEPT, DROP, REJECT = "ACCEPT", "DROP", "REJECT"
_STOPS = (DROP, REJECT)
#: Of a packet that goes on with the next rule, and of one that goes back to where its chain was called from.
_ON, _BACK = "", "back"
_GOES_ON = (_ON, _BACK)
#: A chain that calls itself is refused by iptables, so no set of rules is deeper than its number of chains; this is far below Python's.
_DEEPEST = 64

#: What is known of a packet where it stands: `matching.Facts` beyond its headers.
FactsOf = t.Callable[[Packet], matching.Facts]


@dataclasses.dataclass(frozen=True)
class Passed:
    """A rule that decided something, and the chain that has it."""

    chain: str
    text: str

    def __str__(self) -> str:
        return f"{self.chain}: {self.text}"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What becomes of ``probability`` of the packets. ``verdict`` is `ACCEPT`, `DROP` or `REJECT`; ``masquerade`` wants another source.

    ``markings`` counts how often the packet's mark became another one.
    """

    verdict: str
    packet: Packet
    probability: float = 1.0
    passed: t.Tuple[Passed, ...] = ()
    doubts: t.Tuple[str, ...] = ()
    masquerade: bool = False
    markings: int = 0


@dataclasses.dataclass(frozen=True)
class Ruleset:
    """The chains of one table of one backend."""

    backend: str
    chains: t.Mapping[str, Chain]

    def follow(self, hook: str, packet: Packet, facts_of: FactsOf) -> t.List[Outcome]:
        """What the built-in chain ``hook`` makes of the packet; packets without a verdict meet its policy."""
        if hook not in self.chains:
            return [Outcome(ACCEPT, packet)]
        policy = self.chains[hook].policy
        found = _Walk(self.chains, facts_of).through(hook, [Outcome("", packet)])
        end = policy if policy in _STOPS else ACCEPT
        return [dataclasses.replace(item, verdict=end) if item.verdict in _GOES_ON else item for item in found]


def rulesets(chains: t.Iterable[Chain], table: str, family: int) -> t.Tuple[Ruleset, ...]:
    """Of each backend that has the table: the kernel asks legacy's and nft's one after the other."""
    found: t.Dict[str, t.Dict[str, Chain]] = {}
    for chain in chains:
        if (chain.table, chain.family) == (table, family):
            found.setdefault(chain.backend, {})[chain.name] = chain
    return tuple(Ruleset(backend, members) for backend, members in found.items())


class _Walk:
    """All packets that go through chains together; each is an `Outcome` whose verdict is empty as long as it goes on."""

    def __init__(self, chains: t.Mapping[str, Chain], facts_of: FactsOf) -> None:
        self._chains = chains
        self._facts_of = functools.lru_cache(maxsize=None)(facts_of)

    def through(self, name: str, entering: t.List[Outcome], depth: int = 0) -> t.List[Outcome]:
        """What comes out of a chain: decided, or, with an empty verdict, back to where it was called from."""
        done: t.List[Outcome] = []
        going = entering
        for rule in self._chains[name].rules if name in self._chains and depth < _DEEPEST else ():
            reading = iptables.read(rule.text)
            still: t.List[Outcome] = []
            for packet in going:
                taken, passed_by = self._divide(packet, reading, f"{name}: {rule.text}")
                still += passed_by
                for item in taken:
                    on, ended = self._apply(item, reading, Passed(name, rule.text), depth)
                    still += on
                    done += ended
            going = still
            if not going:
                break
        return [*done, *going]

    def _divide(self, item: Outcome, reading: iptables.Reading, where: str) -> t.Tuple[t.List[Outcome], t.List[Outcome]]:
        """Those to which the rule applies, and the others."""
        answer = matching.applies(reading.conditions, self._facts_of(item.packet))
        if answer is None:
            decides = reading.target in _STOPS or reading.target in self._chains
            return [], [dataclasses.replace(item, doubts=(*item.doubts, where)) if decides else item]
        if not answer:
            return [], [item]
        if reading.probability is None:
            return [item], []
        share = reading.probability
        return [dataclasses.replace(item, probability=item.probability * share)], [
            dataclasses.replace(item, probability=item.probability * (1 - share))
        ]

    def _apply(self, item: Outcome, reading: iptables.Reading, rule: Passed, depth: int) -> t.Tuple[t.List[Outcome], t.List[Outcome]]:
        """Those that go on in this chain, and those that are done with it."""
        target = reading.target
        if target == "MARK":
            marked = _marked(item.packet, reading)
            return [dataclasses.replace(item, packet=marked, markings=item.markings + (marked != item.packet))], []
        if target in self._chains:
            return self._inside(item, reading, rule, depth)
        ended = _ended(item, reading, rule)
        return ([item], []) if ended is None else ([], [ended])

    def _inside(self, item: Outcome, reading: iptables.Reading, rule: Passed, depth: int) -> t.Tuple[t.List[Outcome], t.List[Outcome]]:
        """Through another chain, and back unless it was entered by goto."""
        inside = self.through(reading.target, [_noted(item, rule)], depth + 1)
        decided = [found for found in inside if found.verdict not in _GOES_ON]
        verdict = _BACK if reading.verb == iptables.GOTO else _ON
        back = [_returned(item, found, verdict) for found in inside if found.verdict in _GOES_ON]
        return ([], [*decided, *back]) if reading.verb == iptables.GOTO else (back, decided)


def _ended(item: Outcome, reading: iptables.Reading, rule: Passed) -> t.Optional[Outcome]:
    """What a target comes to that ends a chain; nothing for one that only counts, logs or marks connections."""
    target = reading.target
    if target in (ACCEPT, *_STOPS):
        return _noted(item, rule, verdict=target)
    if target == "RETURN":
        return dataclasses.replace(item, verdict=_BACK)
    if target == "DNAT":
        return _noted(item, rule, verdict=ACCEPT, packet=_redirected(item.packet, reading.argument("--to-destination")))
    if target in ("MASQUERADE", "SNAT"):
        return _noted(item, rule, verdict=ACCEPT, masquerade=True)
    return None


def _returned(before: Outcome, after: Outcome, verdict: str) -> Outcome:
    """Back from a chain: the rules passed there decided nothing, unless one of them marked the packet, be it as it was marked before."""
    passed = after.passed if after.markings != before.markings else before.passed
    return dataclasses.replace(after, verdict=verdict, passed=passed)


def _noted(item: Outcome, rule: Passed, **changes: t.Any) -> Outcome:
    return dataclasses.replace(item, passed=(*item.passed, rule), **changes)


def _marked(packet: Packet, reading: iptables.Reading) -> Packet:
    """``--set-xmark value/mask``: the bits of the mask are cleared, then those of the value are turned over."""
    value, _, mask = reading.argument("--set-xmark").partition("/")
    if not value:
        return packet
    cleared = packet.mark & ~int(mask or "0xffffffff", 0) & 0xFFFFFFFF
    return dataclasses.replace(packet, mark=cleared ^ int(value, 0))


def _redirected(packet: Packet, destination: str) -> Packet:
    """``10.0.0.1:80``, ``[2001:db8::1]:80``, or an address alone."""
    if destination.startswith("["):
        address, _, port = destination[1:].partition("]:")
        address = address.rstrip("]")
    elif destination.count(":") > 1:
        address, port = destination, ""
    else:
        address, _, port = destination.partition(":")
    return dataclasses.replace(packet, target=address, target_port=int(port) if port.isdigit() else packet.target_port)
