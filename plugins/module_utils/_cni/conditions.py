# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The word of a CNI on a Node object that the pod network is there, which is the condition NetworkUnavailable.

There is one such condition for all CNIs. calico-node says that the network is away when it is taken from a node, which keeps
pods from being scheduled there, and a flannel that never stopped does not contradict: it only speaks when it starts.

Pure: no I/O and no clock. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import objects

TYPE = "NetworkUnavailable"


@dataclasses.dataclass(frozen=True)
class Words:
    """What a CNI says when it runs on a node."""

    reason: str
    message: str


#: In each CNI's own words, so that nobody can tell who said it.
WORDS: t.Mapping[str, Words] = {
    "flannel": Words("FlannelIsUp", "Flannel is running on this node"),
    "calico": Words("CalicoIsUp", "Calico is running on this node"),
}


@dataclasses.dataclass(frozen=True)
class Correction:
    """A node whose condition is not what the CNI that runs there would say, and what it says."""

    node: str
    seen: str
    words: Words

    def body(self, now: str) -> t.Dict[str, t.Any]:
        """The strategic merge patch of the node's status; ``now`` is a moment as the API writes it."""
        told = {"type": TYPE, "status": "False", "reason": self.words.reason, "message": self.words.message}
        return {"status": {"conditions": [{**told, "lastTransitionTime": now, "lastHeartbeatTime": now}]}}


def plan(nodes: t.Iterable[objects.Raw], cni: str, served: t.AbstractSet[str]) -> t.Tuple[Correction, ...]:
    """The corrections, by node name. ``served`` are the nodes on which the CNI's agent is ready: of others nothing is claimed.

    A node without the condition is left alone: some CNIs' options keep them from writing it.
    """
    words = WORDS[cni]
    found = {objects.metadata(node)["name"]: _condition(node) for node in nodes}
    wrong = {name: condition for name, condition in found.items() if name in served and condition and not _says(condition, words)}
    return tuple(Correction(name, _told(wrong[name]), words) for name in sorted(wrong))


def _condition(node: objects.Raw) -> objects.Raw:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return next((item for item in conditions if item.get("type") == TYPE), {})


def _says(condition: objects.Raw, words: Words) -> bool:
    return condition.get("status") == "False" and condition.get("reason") == words.reason


def _told(condition: objects.Raw) -> str:
    return f"{condition.get('status', 'Unknown')} ({condition.get('reason') or 'no reason'})"
