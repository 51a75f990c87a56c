# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sandboxes of a node, by the container runtime's own interface: which there are, and the end of one.

Kubelet makes a new sandbox in place of one that has ended, with the network that the runtime has loaded by then. To stop a sandbox over
the CRI kills its containers first, and kubelet may restart one in the old sandbox before that has ended, only to lose it again. So the
process that holds the sandbox is ended instead: the containers go on, and kubelet ends them as it ends any, hooks and grace included.
Private: may change at any time.
"""

from __future__ import annotations

import collections
import os
import signal
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.in_place import Container, Sandbox
from ansible_collections.podnet.cni.plugins.module_utils._node import cri, grpc
from ansible_collections.podnet.cni.plugins.module_utils._node.protobuf import field, mapping, message, messages, number, text

#: Seconds for all questions of one look, and for the end of a sandbox.
_LOOK, _STOP = 15.0, 60.0

#: Kubelet's note on a container.
_GRACE = "io.kubernetes.pod.terminationGracePeriod"

_RUNNING = 1
_NODE_NETWORK = 2
_NOT_FOUND = 5

# Places of moments in the status of a container.
_STARTED, _FINISHED = 5, 6


class Runtime:
    """The runtime behind a CRI socket; ``proc`` is for tests."""

    def __init__(self, path: str, proc: str = "/proc") -> None:
        self._path, self._proc = path, proc

    def sandboxes(self, uids: t.Optional[t.Collection[str]] = None) -> t.Tuple[Sandbox, ...]:
        """All sandboxes of these pods, or of all, those included that have ended and are not removed yet."""
        with grpc.connect(self._path, _LOOK) as channel:
            service, _version = cri.greet(channel)
            listed = messages(channel.call(f"{service}ListPodSandbox", b""), 1)
            containers: t.Dict[str, t.List[bytes]] = collections.defaultdict(list)
            for container in messages(channel.call(f"{service}ListContainers", b""), 1):
                containers[text(container, 2)].append(container)
            mine = [item for item in listed if uids is None or text(message(item, 2), 2) in uids]
            return tuple(_sandbox(item, _status(channel, service, text(item, 1)), containers[text(item, 1)]) for item in mine)

    def ids(self) -> t.FrozenSet[str]:
        """The identifiers of all sandboxes, those included that have ended and are not removed yet."""
        with grpc.connect(self._path, _LOOK) as channel:
            service, _version = cri.greet(channel)
            return frozenset(text(item, 1) for item in messages(channel.call(f"{service}ListPodSandbox", b""), 1))

    def away(self, old: Sandbox, new: Sandbox) -> float:
        """Seconds from the end of the first container of the old sandbox until the last one of the new sandbox ran; 0 if unknown."""
        with grpc.connect(self._path, _LOOK) as channel:
            service, _version = cri.greet(channel)
            ended, began = (
                [_moment(channel, service, container.id, place) for container in sandbox.containers if container.running]
                for sandbox, place in ((old, _FINISHED), (new, _STARTED))
            )
        known = [moment for moment in ended if moment]
        return max(0, max(began) - min(known)) / 1e9 if known and began else 0.0

    def end(self, sandbox: str) -> None:
        """Ends a sandbox. It stays listed, as not ready."""
        pid = self._holder(sandbox)
        if pid:
            os.kill(pid, signal.SIGKILL)
        else:
            self._stop(sandbox)

    def process_of(self, uid: str) -> int:
        """A process in the network of the pod; 0 where it has no sandbox that is ready, or the runtime does not tell."""
        return next((self._holder(item.id) for item in self.sandboxes({uid}) if item.ready), 0)

    def _holder(self, sandbox: str) -> int:
        """The process that holds the sandbox; 0 when the runtime does not tell, or the process is not the sandbox's."""
        with grpc.connect(self._path, _LOOK) as channel:
            service, _version = cri.greet(channel)
            answer = channel.call(f"{service}PodSandboxStatus", field(1, sandbox) + field(2, 1))
        info = cri.json_object(mapping(answer, 2).get("info", ""))
        pid = info.get("pid")
        return pid if isinstance(pid, int) and pid > 1 and self._is_of(pid, sandbox) else 0

    def _is_of(self, pid: int, sandbox: str) -> bool:
        """Whether the process is in a control group that is named after the sandbox."""
        try:
            with open(f"{self._proc}/{pid}/cgroup", encoding="utf-8", errors="replace") as groups:
                return sandbox in groups.read()
        except OSError:  # it has ended
            return False

    def _stop(self, sandbox: str) -> None:
        with grpc.connect(self._path, _STOP) as channel:
            service, _version = cri.greet(channel)
            channel.call(f"{service}StopPodSandbox", field(1, sandbox))


def _moment(channel: grpc.Channel, service: str, container: str, place: int) -> int:
    """A moment of a container's life in nanoseconds since the epoch; 0 when the container is forgotten."""
    return number(_ask(channel, f"{service}ContainerStatus", container), place)


def _status(channel: grpc.Channel, service: str, sandbox: str) -> bytes:
    """The sandbox's status; empty when it was removed since it was listed."""
    return _ask(channel, f"{service}PodSandboxStatus", sandbox)


def _ask(channel: grpc.Channel, method: str, about: str) -> bytes:
    """The status of a thing; empty when it is not there."""
    try:
        return message(channel.call(method, field(1, about)), 1)
    except grpc.CallError as error:
        if error.status != _NOT_FOUND:
            raise
        return b""


def _sandbox(listed: bytes, status: bytes, containers: t.Iterable[bytes]) -> Sandbox:
    metadata, network = message(listed, 2), message(status, 5)
    addresses = [text(network, 1), *(text(more, 1) for more in messages(network, 2))]
    options = message(message(message(status, 6), 1), 2)
    return Sandbox(
        id=text(listed, 1),
        uid=text(metadata, 2),
        # The wire leaves out a zero, and ready is 0.
        ready=bool(status) and number(status, 3) == 0,
        attempt=number(metadata, 4),
        created=number(listed, 4),
        addresses=tuple(address for address in addresses if address),
        host_network=number(options, 1) == _NODE_NETWORK,
        containers=tuple(map(_container, containers)),
        pod=f"{text(metadata, 3)}/{text(metadata, 1)}",
    )


def _container(listed: bytes) -> Container:
    grace = mapping(listed, 9).get(_GRACE, "")
    return Container(
        id=text(listed, 1),
        name=text(message(listed, 3), 1),
        running=number(listed, 6) == _RUNNING,
        grace=int(grace) if grace.isdigit() else 0,
    )
