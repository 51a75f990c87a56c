# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cases of a public conformance suite of NetworkPolicies, kept beside the repository, and what another evaluator says of each step.

Three namespaces of three pods, two ports, three protocols. A case is a list of steps, a step changes the world and is probed. The state of
the world is played from the case, because the oracle's copy of it is that of the case's end.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import typing as t
from pathlib import Path

#: Beside the checkout, or beside what holds a worktree; None where it is not.
FOLDER = next((path for parent in Path(__file__).parents if (path := parent / "shared/conformance").is_dir()), None)
WHY_NOT = "the cases (../shared/conformance) are not on this machine"

PROTOCOLS, NUMBERS = ("TCP", "UDP", "SCTP"), (80, 81)
PORTS = tuple(f"{protocol}/{number}" for protocol in PROTOCOLS for number in NUMBERS)
_NAMED = [
    {"name": f"serve-{number}-{protocol.lower()}", "protocol": protocol, "containerPort": number}
    for protocol in PROTOCOLS
    for number in NUMBERS
]

Raw = dict[str, t.Any]
_Key = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Step:
    """A world, and the pairs (``x/a>x/b:TCP/80``) that are denied in it, without what a pod says to itself."""

    case: str
    number: int
    objects: tuple[Raw, ...]
    pods: tuple[str, ...]
    denied: frozenset[str]

    def __str__(self) -> str:
        return f"{self.case} {self.number}"


def steps() -> list[Step]:
    """All steps of all cases, in their order; none where the cases are not at hand."""
    if FOLDER is None:
        return []
    cases = json.loads((FOLDER / "cyclonus_cases.json").read_text())
    oracle = iter(json.loads((FOLDER / "cyclonus_oracle.json").read_text()))
    found = []
    for case in cases:
        world = _World()
        for number, step in enumerate(case["Steps"]):
            for action in step["Actions"] or ():
                world.apply({verb: data for verb, data in action.items() if data})
            denied = frozenset(pair for pair in next(oracle)["denied"] or () if not _is_to_itself(pair))
            found.append(Step(case["Description"], number, world.objects(), tuple("/".join(pod) for pod in world.pods), denied))
    return found


def _is_to_itself(pair: str) -> bool:
    source, _, rest = pair.partition(">")
    return source == rest.partition(":")[0]


class _World:
    def __init__(self) -> None:
        self.namespaces = {name: {"ns": name} for name in "xyz"}
        self.pods: dict[_Key, dict[str, str]] = {(namespace, name): {"pod": name} for namespace in "xyz" for name in "abc"}
        self.policies: dict[_Key, Raw] = {}

    def apply(self, action: Raw) -> None:
        (verb, data), *_ = action.items()
        match verb:
            case "CreatePolicy" | "UpdatePolicy":
                meta = data["Policy"]["metadata"]
                self.policies[meta["namespace"], meta["name"]] = data["Policy"]
            case "DeletePolicy":
                del self.policies[data["Namespace"], data["Name"]]
            case "CreateNamespace" | "SetNamespaceLabels":
                self.namespaces[data["Namespace"]] = data["Labels"]
            case "DeleteNamespace":
                del self.namespaces[data["Namespace"]]
                self.pods = {pod: labels for pod, labels in self.pods.items() if pod[0] != data["Namespace"]}
            case "CreatePod" | "SetPodLabels":
                self.pods[data["Namespace"], data["Pod"]] = data["Labels"]
            case "DeletePod":
                del self.pods[data["Namespace"], data["Pod"]]
            case "ReadNetworkPolicies":
                pass
            case _:
                raise ValueError(f"no such action: {verb}")

    def objects(self) -> tuple[Raw, ...]:
        namespaces = [{"kind": "Namespace", "metadata": {"name": name, "labels": labels}} for name, labels in self.namespaces.items()]
        pods = [_pod(*pod, labels, f"192.168.1.{number}") for number, (pod, labels) in enumerate(self.pods.items(), start=1)]
        policies = [{**policy, "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"} for policy in self.policies.values()]
        return tuple(copy.deepcopy([*namespaces, *pods, *policies]))


def _pod(namespace: str, name: str, labels: dict[str, str], address: str) -> Raw:
    meta = {"namespace": namespace, "name": name, "labels": labels}
    spec = {"containers": [{"name": "c", "ports": _NAMED}], "nodeName": "n1"}
    return {"kind": "Pod", "metadata": meta, "spec": spec, "status": {"podIP": address, "phase": "Running"}}
