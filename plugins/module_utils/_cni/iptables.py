# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a rule of iptables, so that others can decide about a packet with it.

Source: iptables(8), iptables-extensions(8). Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import functools
import shlex
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Condition

JUMP, GOTO = "jump", "goto"


@dataclasses.dataclass(frozen=True)
class Reading:
    """One rule. ``verb`` is `JUMP` or `GOTO`, or empty where a rule does nothing but count; ``target`` is a chain or a built-in target.

    ``arguments`` are the target's own options (``--to-destination``) in the order of the rule; ``probability`` is the share of packets
    to which the rule applies if its ``conditions`` hold, and nothing when that is not a matter of chance.
    """

    conditions: t.Tuple[Condition, ...] = ()
    verb: str = ""
    target: str = ""
    arguments: t.Tuple[t.Tuple[str, str], ...] = ()
    probability: t.Optional[float] = None

    def argument(self, name: str) -> str:
        """The value of one of the target's options, empty where it is not given."""
        return next((value for key, value in self.arguments if key == name), "")


#: Options that say what a packet must be, and the key of that in facts.
_KEYS = {
    "-s": "source",
    "--source": "source",
    "-d": "destination",
    "--destination": "destination",
    "-p": "protocol",
    "-i": "device",
    "-o": "out device",
    "--ctstate": "state",
    "--state": "state",
    "--mark": "mark",
    "--dst-type": "local",
    "--src-type": "source type",
}
_PORTS = {
    **dict.fromkeys(("--dport", "--dports", "--destination-port", "--destination-ports"), "dport"),
    **dict.fromkeys(("--sport", "--sports", "--source-port", "--source-ports"), "sport"),
}
#: Those that name nothing to compare with: they hold with themselves, or say nothing about the packet.
_SILENT = ("-m", "--match", "--comment", "--mode", "--nfacct-name")
_ONE_VALUE = ("-i", "-o", "--mark", "-s", "-d", "--source", "--destination")
_VERBS = {"-j": JUMP, "--jump": JUMP, "-g": GOTO, "--goto": GOTO}


@functools.lru_cache(maxsize=65536)
def read(text: str) -> Reading:
    """A rule as ``iptables-save`` prints it, without its chain. An option that is not known becomes a condition that nobody can judge."""
    words = shlex.split(text)
    conditions: t.List[Condition] = []
    probability: t.Optional[float] = None
    protocol, negated, at = "", False, 0
    while at < len(words):
        word = words[at]
        if word in _VERBS:
            return Reading(tuple(conditions), _VERBS[word], words[at + 1], _arguments(words[at + 2 :]), probability)
        values = _values(words, at)
        if word == "!":
            negated = True
        elif word == "--probability":
            probability = float(values[0])
        elif word not in _SILENT:
            conditions.append(_condition(word, values, protocol, negated))
            protocol = values[0] if word == "-p" and values else protocol
            negated = False
        at += 1 + len(values)
    return Reading(tuple(conditions), probability=probability)


def _values(words: t.Sequence[str], at: int) -> t.List[str]:
    """The words after an option, up to the next one."""
    if words[at] == "!":
        return []
    values = []
    for word in words[at + 1 :]:
        if word == "!" or word.startswith("-"):
            break
        values.append(word)
    return values


def _arguments(words: t.Sequence[str]) -> t.Tuple[t.Tuple[str, str], ...]:
    places = [at for at, word in enumerate(words) if word.startswith("--")]
    return tuple((words[at], " ".join(_values(words, at))) for at in places)


def _condition(option: str, values: t.Sequence[str], protocol: str, negated: bool) -> Condition:
    if option == "--match-set":
        return Condition(f"set {' '.join(values)}", ("yes",), negated)
    key = f"{protocol or 'th'} {_PORTS[option]}" if option in _PORTS else _KEYS.get(option, "?")
    listed = [part for value in values[:1] for part in value.lower().replace(":", "-").split(",")]
    if option in _ONE_VALUE:
        listed = list(values[:1])
    return Condition(key, tuple(listed), negated)
