# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.in_place import Container, Sandbox
from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node.sandboxes import Runtime
from tests.support.living_runtime import NOT_FOUND, LivingRuntime

from .conftest import Script, Server, answer, failure


@pytest.fixture(name="living")
def _living() -> LivingRuntime:
    return LivingRuntime()


@pytest.fixture(name="runtime")
def _runtime(serve: t.Callable[[Script], Server], living: LivingRuntime) -> Runtime:
    servers: list[Server] = []

    def script(stream: int, path: str) -> list[t.Any]:
        content = living.answer(path.rpartition("/")[2], servers[0].requests[-1])
        return failure(stream, NOT_FOUND, "not found") if content is None else answer(stream, content)

    servers.append(serve(script))
    return Runtime(servers[0].path)


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
    )
    assert (host.attempt, host.host_network) == (3, True)
    assert ("PodSandboxStatus", living.boxes[1].id) not in living.calls


def test_a_sandbox_that_has_ended_is_still_known(runtime: Runtime, living: LivingRuntime) -> None:
    living.dead = True
    box = living.pod("u1", "10.244.1.5", "web")
    runtime.stop_sandbox(box.id)
    (ended,) = runtime.sandboxes({"u1"})
    assert (ended.ready, ended.addresses, ended.running) == (False, (), ())


def test_a_sandbox_removed_between_two_questions_is_not_ready(
    runtime: Runtime, living: LivingRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    living.pod("u1", "10.244.1.5", "web")
    monkeypatch.setattr(living, "_PodSandboxStatus", lambda *_: None)
    (sandbox,) = runtime.sandboxes({"u1"})
    assert not sandbox.ready


@pytest.mark.parametrize(("grace", "wire"), [(0, ""), (20, "1014")])
def test_a_container_is_given_its_time(runtime: Runtime, living: LivingRuntime, grace: int, wire: str) -> None:
    living.pod("u1", "10.244.1.5", "web")
    runtime.stop_container("c1", grace)
    assert living.stops() == [("StopContainer", "c1", wire)]


def test_what_is_gone_has_ended(runtime: Runtime, living: LivingRuntime) -> None:
    runtime.stop_container("c1", 1)
    runtime.stop_sandbox("s1")
    assert len(living.stops()) == 2


def test_another_error_is_told(serve: t.Callable[[Script], Server]) -> None:
    server = serve(lambda stream, path: answer(stream, b"") if path.endswith("/Version") else failure(stream, 13, "cannot unmount"))
    with pytest.raises(NodeError, match="cannot unmount"):
        Runtime(server.path).stop_sandbox("s1")
    with pytest.raises(NodeError, match="cannot unmount"):
        Runtime(server.path).sandboxes({"u1"})


def test_when_its_containers_began(runtime: Runtime, living: LivingRuntime) -> None:
    living.pod("u1", "10.244.1.5", "web")
    living.pod("u2", "10.244.1.6")
    web, empty = runtime.sandboxes({"u1", "u2"})
    assert runtime.started(web) > 0
    assert runtime.started(empty) == 0
