# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides which pods of a node get a new sandbox, and when one that did is back.

A sandbox holds the address that the pod is to lose, or it does not: nothing else is remembered, so a run that was killed restarts no
pod twice. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors

#: What is to be done with a pod: restart its sandbox; wait for one that is being made; nothing; nothing, as it is not on this node.
RESTART, AWAIT, KEEP, ABSENT = "restart", "await", "keep", "absent"


@dataclasses.dataclass(frozen=True)
class Pod:
    """A pod as the option names it: the addresses it is to lose, and the containers that ran."""

    namespace: str
    name: str
    uid: str
    addresses: t.Tuple[str, ...] = ()
    restart_policy: str = "Always"
    containers: t.Tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclasses.dataclass(frozen=True)
class Container:
    """A container as the runtime knows it; ``grace`` is how many seconds its pod gives it to end."""

    id: str
    name: str
    running: bool = False
    grace: int = 0


@dataclasses.dataclass(frozen=True)
class Sandbox:
    """A sandbox as the runtime knows it; ``attempt`` counts those of one pod, which ``pod`` names with its namespace."""

    id: str
    uid: str
    ready: bool = False
    attempt: int = 0
    created: int = 0
    addresses: t.Tuple[str, ...] = ()
    host_network: bool = False
    containers: t.Tuple[Container, ...] = ()
    pod: str = ""

    @property
    def running(self) -> t.Tuple[str, ...]:
        """Names of the containers that run."""
        return tuple(container.name for container in self.containers if container.running)

    @property
    def grace(self) -> int:
        """How many seconds its containers are given to end."""
        return max((container.grace for container in self.containers), default=0)


@dataclasses.dataclass(frozen=True)
class Decision:
    """What to do with a pod and why; ``sandbox`` is its newest one."""

    pod: Pod
    action: str
    reason: str = ""
    sandbox: t.Optional[Sandbox] = None

    @property
    def awaited(self) -> t.Tuple[str, ...]:
        """Containers that have to run afterwards: those that are known to have run before."""
        if self.pod.containers:
            return self.pod.containers
        return self.sandbox.running if self.action == RESTART and self.sandbox else ()


def demand_possible(pods: t.Iterable[Pod], networks: t.Sequence[str]) -> None:
    """Raises when a pod cannot be restarted in place, or when it could not be told later that it was."""
    pods = list(pods)
    for cidr in networks:
        _demand_network(cidr)
    never = ", ".join(str(pod) for pod in pods if pod.restart_policy == "Never")
    if never:
        raise _errors.BadInputError(
            f"the containers of {never} are never restarted (restartPolicy Never): without its sandbox such a pod would end as failed",
            "pods",
            "Let it finish, or delete and create it by hand. Nothing was changed.",
        )
    vague = ", ".join(str(pod) for pod in pods if not pod.addresses) if not networks else ""
    if vague:
        raise _errors.BadInputError(
            f"for {vague} neither the addresses to lose nor keep_networks are given, so every run would restart it once more",
            "pods",
            "Pass in_place as podnet.cni.workload_rollout returns it, or the networks in which an address is good.",
        )


def decide(pod: Pod, sandboxes: t.Iterable[Sandbox], networks: t.Sequence[str]) -> Decision:
    """What to do with one pod; an address inside ``networks`` is good."""
    found = newest(pod, sandboxes)
    if found is None:
        return Decision(pod, ABSENT, "no sandbox of it is on this node")
    if found.host_network:
        return Decision(pod, KEEP, "it is on the host's network", found)
    if not found.ready or not found.addresses:
        return Decision(pod, AWAIT, "a new sandbox is being made", found)
    if _has_moved(pod, found, networks):
        return Decision(pod, AWAIT, f"its sandbox has the address {', '.join(found.addresses)} already", found)
    return Decision(pod, RESTART, f"its sandbox has the address {', '.join(found.addresses)}", found)


def missing(decision: Decision, sandboxes: t.Iterable[Sandbox]) -> str:
    """What a pod still lacks to be back; empty when it is, or when it is gone for good."""
    found = newest(decision.pod, sandboxes)
    if found is None:
        return ""
    old = decision.sandbox if decision.action == RESTART else None
    if not found.ready or (old and found.id == old.id):
        return "kubelet has not made a new sandbox"
    if not found.addresses:
        return "its new sandbox has no address"
    stopped = [name for name in decision.awaited if name not in found.running]
    if stopped:
        return f"container {', '.join(stopped)} does not run in its new sandbox"
    # What ran before a run that was killed is not known; a container that was made was also started.
    return "" if old or decision.awaited or found.containers else "no container was made in its new sandbox"


def newest(pod: Pod, sandboxes: t.Iterable[Sandbox]) -> t.Optional[Sandbox]:
    """The pod's sandbox, the last one if it had several."""
    mine = [sandbox for sandbox in sandboxes if sandbox.uid == pod.uid]
    return max(mine, key=lambda sandbox: (sandbox.attempt, sandbox.created), default=None)


def _has_moved(pod: Pod, sandbox: Sandbox, networks: t.Sequence[str]) -> bool:
    if pod.addresses and not set(pod.addresses) & set(sandbox.addresses):
        return True
    return bool(networks) and all(_inside(address, networks) for address in sandbox.addresses)


def _inside(address: str, networks: t.Sequence[str]) -> bool:
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(cidr) for cidr in networks)


def _demand_network(cidr: str) -> None:
    try:
        ipaddress.ip_network(cidr)
    except ValueError as error:
        raise _errors.BadInputError(f"{error}", "keep_networks", "Write a CIDR like 10.244.1.192/26. Nothing was changed.") from error
