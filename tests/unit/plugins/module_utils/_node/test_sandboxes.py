# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import signal
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.in_place import Container, Sandbox
from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import sandboxes
from ansible_collections.podnet.cni.plugins.module_utils._node.sandboxes import Runtime
from tests.support.living_runtime import NOT_FOUND, LivingRuntime

from .conftest import Script, Server, answer, failure


@pytest.fixture(name="living")
def _living() -> LivingRuntime:
    return LivingRuntime()


@pytest.fixture(name="runtime")
def _runtime(serve: t.Callable[[Script], Server], living: LivingRuntime, tmp_path: Path) -> Runtime:
    servers: list[Server] = []

    def script(stream: int, path: str) -> list[t.Any]:
        content = living.answer(path.rpartition("/")[2], servers[0].requests[-1])
        return failure(stream, NOT_FOUND, "not found") if content is None else answer(stream, content)

    servers.append(serve(script))
    return Runtime(servers[0].path, str(tmp_path))


def test_sandboxes_of_the_pods_that_are_asked_for(runtime: Runtime, living: LivingRuntime) -> None:
    living.pod("u1", "10.244.1.5", "web", "side", more=("fd00::5",))
    living.pod("u2", "10.244.1.6", "other")
    living.pod("u3", "192.0.2.1", host_network=True, attempt=3)
    web, host = runtime.sandboxes({"u1", "u3"})
    assert web == Sandbox(
        living.boxes[0].id,
        "u1",
        ready=True,
        created=7,
        addresses=("10.244.1.5", "fd00::5"),
        containers=(Container("c1", "web", True, 20), Container("c2", "side", True, 20)),
        pod="demo/name",
    )
    assert (host.attempt, host.host_network) == (3, True)
    assert ("PodSandboxStatus", living.boxes[1].id) not in living.calls
    assert [sandbox.uid for sandbox in runtime.sandboxes()] == ["u1", "u2", "u3"]


def test_the_identifiers_of_all_sandboxes(runtime: Runtime, living: LivingRuntime) -> None:
    living.pod("u1", "10.244.1.5", "web")
    living.pod("u2", "192.0.2.1", host_network=True, ready=False)
    assert runtime.ids() == {box.id for box in living.boxes}
    assert {method for method, *_about in living.calls} == {"ListPodSandbox"}


def test_a_sandbox_that_has_ended_is_still_known(runtime: Runtime, living: LivingRuntime) -> None:
    living.dead = True
    box = living.pod("u1", "10.244.1.5", "web")
    living.end(box.id)
    (ended,) = runtime.sandboxes({"u1"})
    assert (ended.ready, ended.addresses, ended.running) == (False, (), ())


def test_a_sandbox_removed_between_two_questions_is_not_ready(
    runtime: Runtime, living: LivingRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    living.pod("u1", "10.244.1.5", "web")
    monkeypatch.setattr(living, "_PodSandboxStatus", lambda *_: None)
    (sandbox,) = runtime.sandboxes({"u1"})
    assert not sandbox.ready


@pytest.fixture(name="killed")
def _killed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The processes that get a signal, and which."""
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(sandboxes.os, "kill", lambda *args: killed.append(args))
    return killed


@pytest.mark.parametrize(
    "group", ["0::/kubepods.slice/cri-containerd-s1.scope\n", "5:pids:/kubepods/besteffort/pod-u1/s1\n1:name=systemd:/x\n"]
)
def test_the_process_that_holds_a_sandbox_is_ended(
    runtime: Runtime, living: LivingRuntime, killed: list[tuple[int, int]], tmp_path: Path, group: str
) -> None:
    living.holders = True
    living.pod("u1", "10.244.1.5", "web")
    (tmp_path / "1001").mkdir()
    (tmp_path / "1001" / "cgroup").write_text(group)
    runtime.end("s1")
    assert killed == [(1001, signal.SIGKILL)]
    assert living.stops() == []


@pytest.mark.parametrize("group", ["0::/kubepods.slice/cri-containerd-s2.scope\n", None])
def test_no_other_process_is_ever_ended(
    runtime: Runtime, living: LivingRuntime, killed: list[tuple[int, int]], tmp_path: Path, group: str | None
) -> None:
    living.holders = True
    living.pod("u1", "10.244.1.5", "web")
    if group:
        (tmp_path / "1001").mkdir()
        (tmp_path / "1001" / "cgroup").write_text(group)
    runtime.end("s1")
    assert killed == []
    assert living.stops() == [("StopPodSandbox", "s1")]


def test_a_runtime_that_does_not_tell_the_process_is_asked_to_stop(
    runtime: Runtime, living: LivingRuntime, killed: list[tuple[int, int]]
) -> None:
    living.pod("u1", "10.244.1.5", "web")
    runtime.end("s1")
    assert (living.stops(), killed) == ([("StopPodSandbox", "s1")], [])


def test_another_error_is_told(serve: t.Callable[[Script], Server]) -> None:
    server = serve(lambda stream, path: answer(stream, b"") if path.endswith("/Version") else failure(stream, 13, "cannot unmount"))
    with pytest.raises(NodeError, match="cannot unmount"):
        Runtime(server.path).end("s1")
    with pytest.raises(NodeError, match="cannot unmount"):
        Runtime(server.path).sandboxes({"u1"})


def test_how_long_a_pod_was_away(runtime: Runtime, living: LivingRuntime) -> None:
    living.pod("u1", "10.244.1.5", "web", "side")
    (old,) = runtime.sandboxes({"u1"})
    living.end("s1")
    runtime.sandboxes({"u1"})
    new = next(sandbox for sandbox in runtime.sandboxes({"u1"}) if sandbox.ready)
    # c1 ended in second 2 and c2 in 4, c3 began in second 5 and c4 in 7.
    assert runtime.away(old, new) == 5.0
    living.forgotten = {"c1"}
    assert runtime.away(old, new) == 3.0
    living.forgotten = {"c1", "c2"}
    assert runtime.away(old, new) == 0.0


def test_a_pod_of_which_nothing_ran_was_not_away(runtime: Runtime, living: LivingRuntime) -> None:
    living.pod("u1", "10.244.1.5")
    (old,) = runtime.sandboxes({"u1"})
    assert runtime.away(old, old) == 0.0
