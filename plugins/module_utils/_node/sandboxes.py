# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sandboxes of a node, by the container runtime's own interface: which there are, and the end of one.

Kubelet makes a new sandbox in place of one that was stopped, with the network that the runtime has loaded by then.
Private: may change at any time.
"""

from __future__ import annotations

import collections
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.in_place import Container, Sandbox
from ansible_collections.podnet.cni.plugins.module_utils._node import cri, grpc
from ansible_collections.podnet.cni.plugins.module_utils._node.protobuf import field, mapping, message, messages, number, text

#: Seconds for all questions of one look, and for the end of a sandbox beyond what its containers are given.
_LOOK, _STOP = 15.0, 60.0

#: Kubelet's note on a container.
_GRACE = "io.kubernetes.pod.terminationGracePeriod"

_RUNNING = 1
_NODE_NETWORK = 2
_NOT_FOUND = 5


class Runtime:
    """The runtime behind a CRI socket."""

    def __init__(self, path: str) -> None:
        self._path = path

    def sandboxes(self, uids: t.Collection[str]) -> t.Tuple[Sandbox, ...]:
        """All sandboxes of these pods, those included that have ended and are not removed yet."""
        with grpc.connect(self._path, _LOOK) as channel:
            service, _version = cri.greet(channel)
            listed = messages(channel.call(f"{service}ListPodSandbox", b""), 1)
            containers: t.Dict[str, t.List[bytes]] = collections.defaultdict(list)
            for container in messages(channel.call(f"{service}ListContainers", b""), 1):
                containers[text(container, 2)].append(container)
            mine = [item for item in listed if text(message(item, 2), 2) in uids]
            return tuple(_sandbox(item, _status(channel, service, text(item, 1)), containers[text(item, 1)]) for item in mine)

    def started(self, sandbox: Sandbox) -> int:
        """When the last of its containers that run began to, in nanoseconds since the epoch."""
        with grpc.connect(self._path, _LOOK) as channel:
            service, _version = cri.greet(channel)
            ids = [container.id for container in sandbox.containers if container.running]
            statuses = [message(channel.call(f"{service}ContainerStatus", field(1, container)), 1) for container in ids]
            return max((number(status, 5) for status in statuses), default=0)

    def stop_container(self, container: str, grace: int) -> None:
        """Asks a container to end, and makes it after ``grace`` seconds. One that is not there has ended."""
        self._stop("StopContainer", field(1, container) + (field(2, grace) if grace else b""), grace + _STOP)

    def stop_sandbox(self, sandbox: str) -> None:
        """Ends all containers of a sandbox at once and takes its network away. It stays listed, as not ready."""
        self._stop("StopPodSandbox", field(1, sandbox), _STOP)

    def _stop(self, method: str, request: bytes, timeout: float) -> None:
        with grpc.connect(self._path, timeout) as channel:
            service, _version = cri.greet(channel)
            try:
                channel.call(f"{service}{method}", request)
            except grpc.CallError as error:
                if error.status != _NOT_FOUND:
                    raise


def _status(channel: grpc.Channel, service: str, sandbox: str) -> bytes:
    """The sandbox's status; empty when it was removed since it was listed."""
    try:
        return message(channel.call(f"{service}PodSandboxStatus", field(1, sandbox)), 1)
    except grpc.CallError as error:
        if error.status != _NOT_FOUND:
            raise
        return b""


def _sandbox(listed: bytes, status: bytes, containers: t.Iterable[bytes]) -> Sandbox:
    network = message(status, 5)
    addresses = [text(network, 1), *(text(more, 1) for more in messages(network, 2))]
    options = message(message(message(status, 6), 1), 2)
    return Sandbox(
        id=text(listed, 1),
        uid=text(message(listed, 2), 2),
        # The wire leaves out a zero, and ready is 0.
        ready=bool(status) and number(status, 3) == 0,
        attempt=number(message(listed, 2), 4),
        created=number(listed, 4),
        addresses=tuple(address for address in addresses if address),
        host_network=number(options, 1) == _NODE_NETWORK,
        containers=tuple(map(_container, containers)),
    )


def _container(listed: bytes) -> Container:
    grace = mapping(listed, 9).get(_GRACE, "")
    return Container(
        id=text(listed, 1),
        name=text(message(listed, 3), 1),
        running=number(listed, 6) == _RUNNING,
        grace=int(grace) if grace.isdigit() else 0,
    )
