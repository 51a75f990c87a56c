# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container runtime with a kubelet: what is stopped comes back, with another address, after a few looks. In bytes, as the CRI has it.

``address`` is the one the next sandbox gets, ``dead`` whether kubelet no longer makes any, ``crash`` whether new containers end at once,
``holders`` whether it tells which process holds a sandbox.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._node.protobuf import field, text

NOT_FOUND = 5


@dataclasses.dataclass
class Box:
    """A sandbox and its containers: name -> identifier and state (1 runs, 2 has ended)."""

    id: str
    uid: str
    address: str
    attempt: int = 0
    ready: bool = True
    host_network: bool = False
    more: tuple[str, ...] = ()
    containers: dict[str, tuple[str, int]] = dataclasses.field(default_factory=dict)


class LivingRuntime:
    """``calls`` are the methods that were called, with the identifier they were about."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.calls: list[tuple[str, ...]] = []
        self.address = "10.9.0.7"
        self.dead = self.crash = self.holders = False
        self.delay, self.grace = 2, 20
        self.forgotten: set[str] = set()
        self._looks = 0
        self._containers, self._sandboxes = itertools.count(1), itertools.count(1)

    def pod(self, uid: str, address: str, *names: str, **more: t.Any) -> Box:
        containers = {name: (f"c{next(self._containers)}", 1) for name in names}
        self.boxes.append(Box(f"s{next(self._sandboxes)}", uid, address, containers=containers, **more))
        return self.boxes[-1]

    def answer(self, method: str, request: bytes) -> bytes | None:
        """The answer to a call; None when the thing it names is not there."""
        if method == "Version":
            return field(2, "containerd") + field(3, "1.6.20")
        about = text(request, 1)
        self.calls.append((method, about))
        if method == "ListPodSandbox":
            self._live()
        return t.cast("bytes | None", getattr(self, f"_{method}")(about, request))

    def stops(self) -> list[tuple[str, ...]]:
        return [call for call in self.calls if call[0].startswith("Stop")]

    def _live(self) -> None:
        """Kubelet looks, and some time later makes a sandbox for each pod that has none that is ready."""
        newest = {box.uid: box for box in self.boxes}
        for box in newest.values():
            self._looks += not box.ready
            if box.ready or self.dead or self._looks < self.delay:
                continue
            fresh = self.pod(box.uid, self.address, *box.containers, attempt=box.attempt + 1)
            if self.crash:
                fresh.containers = {name: (identifier, 2) for name, (identifier, _state) in fresh.containers.items()}

    def _ListPodSandbox(self, _about: str, _request: bytes) -> bytes:  # noqa: N802  the CRI's own names
        return b"".join(field(1, self._head(box)) for box in self.boxes)

    def _ListContainers(self, _about: str, _request: bytes) -> bytes:  # noqa: N802
        grace = field(1, "io.kubernetes.pod.terminationGracePeriod") + field(2, str(self.grace))
        return b"".join(
            field(1, field(1, identifier) + field(2, box.id) + field(3, field(1, name)) + field(6, state) + field(9, grace))
            for box in self.boxes
            for name, (identifier, state) in box.containers.items()
        )

    def _PodSandboxStatus(self, about: str, request: bytes) -> bytes | None:  # noqa: N802
        box = next((box for box in self.boxes if box.id == about), None)
        if box is None:
            return None
        network = field(1, box.address) + b"".join(field(2, field(1, address)) for address in box.more) if box.ready else b""
        options = field(6, field(1, field(2, field(1, 2)))) if box.host_network else b""
        pid = json.dumps({"pid": int(box.id[1:]) + 1000}) if self.holders else "no JSON"
        info = field(2, field(1, "info") + field(2, pid)) if request.endswith(field(2, 1)) else b""
        return field(1, self._head(box)[: -len(field(4, 7))] + field(5, network) + options) + info

    def _ContainerStatus(self, about: str, _request: bytes) -> bytes | None:  # noqa: N802
        """The first container began at second 1 and ended at second 2, the second one began at second 3 ..."""
        if about in self.forgotten:
            return None
        second = 2 * int(about[1:])
        return field(1, field(1, about) + field(5, (second - 1) * 10**9) + field(6, second * 10**9))

    def _StopPodSandbox(self, about: str, _request: bytes) -> bytes | None:  # noqa: N802
        return b"" if self.end(about) else None

    def end(self, sandbox: str) -> bool:
        """The sandbox has ended, and so have its containers."""
        for box in self.boxes:
            if box.id == sandbox:
                box.ready = False
                box.containers = {name: (identifier, 2) for name, (identifier, _state) in box.containers.items()}
                return True
        return False

    @staticmethod
    def _head(box: Box) -> bytes:
        metadata = field(1, "name") + field(2, box.uid) + field(3, "demo") + (field(4, box.attempt) if box.attempt else b"")
        return field(1, box.id) + field(2, metadata) + (b"" if box.ready else field(3, 1)) + field(4, 7)
