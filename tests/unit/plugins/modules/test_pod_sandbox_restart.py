# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Runtime as Found
from ansible_collections.podnet.cni.plugins.module_utils._kube import waiting
from ansible_collections.podnet.cni.plugins.module_utils._node import cri, grpc
from ansible_collections.podnet.cni.plugins.modules import pod_sandbox_restart
from tests.support.living_runtime import NOT_FOUND, LivingRuntime

Run = t.Callable[..., dict[str, t.Any]]
OLD, NEW = "10.244.1.5", "10.9.0.7"
WEB = {"namespace": "demo", "name": "web", "uid": "u1", "addresses": [OLD], "containers": ["web"]}


@pytest.fixture(name="living")
def _living(monkeypatch: pytest.MonkeyPatch) -> LivingRuntime:
    """A runtime behind the client, without the socket, which test_sandboxes.py covers."""
    living = LivingRuntime()

    class Channel:
        def call(self, method: str, request: bytes) -> bytes:
            content = living.answer(method.rpartition("/")[2], request)
            if content is None:
                raise grpc.CallError("not found", "here", NOT_FOUND)
            return content

    monkeypatch.setattr(cri.grpc, "connect", lambda _path, _timeout: contextlib.nullcontext(Channel()))
    monkeypatch.setattr(pod_sandbox_restart.collect, "runtime", lambda: Found("containerd", socket="/run/x.sock"))
    monkeypatch.setattr(waiting, "PAUSE", 0.01)
    return living


@pytest.fixture(name="run")
def _run(capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*pods: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
        with patch_module_args({"pods": list(pods), "timeout": 2, **options}), pytest.raises(SystemExit):
            pod_sandbox_restart.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run


def test_a_pod_gets_a_new_sandbox_once(run: Run, living: LivingRuntime) -> None:
    living.pod("u1", OLD, "web")
    result = run(WEB)
    (pod,) = result["pods"]
    assert (pod["action"], pod["addresses"]) == ("restart", [NEW])
    assert pod["seconds"] == 1.0
    assert living.stops() == [("StopPodSandbox", "s1")]
    again = run(WEB)
    assert (again["changed"], again["pods"][0]["action"], again["pods"][0]["seconds"]) == (False, "await", 0.0)
    assert len(living.boxes) == 2


def test_check_mode_foretells_and_stops_nothing(run: Run, living: LivingRuntime) -> None:
    living.pod("u1", OLD, "web")
    predicted = run(WEB, _ansible_check_mode=True, _ansible_diff=True)
    assert living.stops() == []
    result = run(WEB, _ansible_diff=True)
    assert predicted["changed"] is result["changed"] is True
    assert predicted["diff"] == result["diff"] == {"before": "", "after": f"new sandbox for demo/web: its sandbox has the address {OLD}\n"}
    assert predicted["pods"][0]["action"] == result["pods"][0]["action"]


def test_a_run_that_was_killed_after_the_stop_waits_and_does_not_stop_again(run: Run, living: LivingRuntime) -> None:
    living.pod("u1", OLD, "web").ready = False
    living.delay = 5
    result = run(WEB)
    assert living.stops() == []
    assert (result["changed"], result["pods"][0]["action"], result["pods"][0]["addresses"]) == (False, "await", [NEW])


def test_a_run_that_was_killed_before_the_stop_goes_on(run: Run, living: LivingRuntime) -> None:
    box = living.pod("u1", OLD, "web")
    box.containers["web"] = ("c1", 2)
    assert run(WEB)["changed"] is True
    assert living.stops() == [("StopPodSandbox", "s1")]


@pytest.mark.parametrize(("parallel", "order"), [(1, "sLsL"), (2, "ssL")])
def test_so_many_at_a_time(run: Run, living: LivingRuntime, parallel: int, order: str) -> None:
    living.delay = 1
    for number in (1, 2):
        living.pod(f"u{number}", OLD, "web")
    run(*({**WEB, "uid": f"u{number}"} for number in (1, 2)), parallel=parallel)
    said = [{"StopPodSandbox": "s", "ListPodSandbox": "L"}.get(call[0], "") for call in living.calls]
    first = "".join(said).lstrip("L")
    assert first.rstrip("L") + "L" == order


def test_pods_that_are_not_here_or_have_nothing_to_lose(run: Run, living: LivingRuntime) -> None:
    living.pod("u2", "192.0.2.1", "host", host_network=True)
    result = run(WEB, {**WEB, "name": "host", "uid": "u2"})
    assert [pod["action"] for pod in result["pods"]] == ["absent", "keep"]
    assert result["changed"] is False
    assert living.stops() == []


def test_what_does_not_come_back_is_named_and_the_rest_is_left(run: Run, living: LivingRuntime) -> None:
    living.grace = 1
    living.dead = True
    for number in (1, 2):
        living.pod(f"u{number}", OLD, "web")
    result = run(WEB, {**WEB, "name": "later", "uid": "u2"}, timeout=1)
    assert "not back after 2 s: pod demo/web: kubelet has not made a new sandbox" in result["msg"]
    assert living.stops() == [("StopPodSandbox", "s1")]


def test_a_container_that_does_not_start_is_named(run: Run, living: LivingRuntime) -> None:
    living.grace = 0
    living.crash = True
    living.pod("u1", OLD, "web")
    assert "pod demo/web: container web does not run in its new sandbox" in run(WEB, timeout=1)["msg"]


@pytest.mark.parametrize(
    ("pod", "options", "words"),
    [
        ({"restart_policy": "Never"}, {}, "restartPolicy Never"),
        ({"addresses": []}, {}, "neither the addresses to lose nor keep_networks"),
        ({}, {"keep_networks": ["10.9.0.0/99"]}, "Write a CIDR like"),
        ({}, {"parallel": 0}, "parallel: it must be 1 or more."),
    ],
)
def test_bad_input_changes_nothing(run: Run, living: LivingRuntime, pod: dict[str, t.Any], options: dict[str, t.Any], words: str) -> None:
    living.pod("u1", OLD, "web")
    assert words in run({**WEB, **pod}, **options)["msg"]
    assert living.stops() == []


def test_no_runtime_is_told(run: Run, living: LivingRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_sandbox_restart.collect, "runtime", lambda: Found(problem="no socket among /run/x.sock"))
    assert "the container runtime cannot be asked: no socket among /run/x.sock" in run(WEB)["msg"]
    assert living.calls == []


def test_without_pods_nobody_is_asked(run: Run, living: LivingRuntime) -> None:
    assert run() == {**run(), "changed": False, "pods": []}
    assert living.calls == []
