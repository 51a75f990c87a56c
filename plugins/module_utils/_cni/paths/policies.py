# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Calico's chains say about a packet, in the names of policies.

Felix makes a chain of each policy and direction, and writes the policy's name into a comment of its first rule. The chain of a pod asks
those of the policies that select the pod; one that allows a packet marks it, and a packet that none has marked is dropped at the end.
Source: Calico, ``felix/rules``. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import iptables
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.rules import Passed
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Chain

_COMMENT = re.compile(r"Policy (\S+) (ingress|egress)\b")
#: Before the name of a NetworkPolicy of Kubernetes' own, which Calico keeps among its policies.
_KUBERNETES = "knp.default."
#: Chains that stand for several policies.
_GROUPS = ("cali-gi-", "cali-go-")


@dataclasses.dataclass(frozen=True)
class Policy:
    """A policy of one direction. ``name`` is as people write it: ``NetworkPolicy default/web``, ``Calico's policy default/x``."""

    name: str
    direction: str

    def __str__(self) -> str:
        return f"{self.name} ({self.direction})"


class Policies:
    """The chains of one table, and which of them are a policy's."""

    def __init__(self, chains: t.Iterable[Chain]) -> None:
        self._chains = {chain.name: chain for chain in chains}
        comments = {name: _COMMENT.search(chain.rules[0].text) for name, chain in self._chains.items() if chain.rules}
        self._policies = {name: Policy(_name(found.group(1)), found.group(2)) for name, found in comments.items() if found}

    def allowed_by(self, passed: t.Iterable[Passed]) -> t.Tuple[Policy, ...]:
        """The policies that let a packet pass which passed these rules."""
        targets = (iptables.read(rule.text).target for rule in passed)
        return tuple(dict.fromkeys(self._policies[target] for target in targets if target in self._policies))

    def asked_by(self, chain: str) -> t.Tuple[Policy, ...]:
        """The policies that a pod's chain asks, directly or by the chain of a group of them."""
        targets = [iptables.read(rule.text).target for rule in self._chains[chain].rules] if chain in self._chains else []
        found: t.List[Policy] = []
        for target in targets:
            if target in self._policies:
                found.append(self._policies[target])
            elif target.startswith(_GROUPS):
                found += self.asked_by(target)
        return tuple(dict.fromkeys(found))


def _name(text: str) -> str:
    """``default/knp.default.web`` is the NetworkPolicy web of namespace default; others are Calico's own, global ones without a slash."""
    namespace, slash, name = text.partition("/")
    if slash and name.startswith(_KUBERNETES):
        return f"NetworkPolicy {namespace}/{name[len(_KUBERNETES) :]}"
    return f"Calico's policy {text}"
