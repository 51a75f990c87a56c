# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module of the control machine runs in the worker only where a process of its own would do the same, and returns the same."""

from __future__ import annotations

import dataclasses
import importlib
import json
import signal
import sys
import types
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._kube import client
from ansible_collections.podnet.cni.plugins.plugin_utils import _control_machine

PLUGINS = Path(__file__).parents[4] / "plugins"
OPTIONS: dict[str, t.Any] = {
    "word": {"type": "str", "choices": ["fine", "bad"], "default": "fine", "aliases": ["text"]},
    "dest": {"type": "path"},
    "items": {"type": "list", "elements": "int", "default": []},
    "password": {"type": "str", "no_log": True},
    "other": {"type": "dict"},
}
IN_PROCESS = {"a": "process of its own"}
#: What a user sets to see the arguments in the result; ansible-core 2.19 always shows them.
TOLD = {"ansible_inject_invocation": True}

Run = t.Callable[..., dict[str, t.Any]]


class Connection(types.SimpleNamespace):
    def __init__(self, **more: t.Any) -> None:
        shell = types.SimpleNamespace(tmpdir=None, env_prefix=lambda **_environment: "")
        super().__init__(**{"transport": "local", "become": None, "has_native_async": False, "_shell": shell, **more})


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    sys.stdout.write("a word on stdout")
    sys.stderr.write("a word on stderr")
    if params["word"] == "bad":
        raise _errors.BadInputError(f"{params['password']} is bad", "here", "Do better.")
    params["items"].append(1)
    return {"changed": not call.check_mode, "dest": params["dest"], "pair": ("a", "b"), "said": f"it is {params['password']}"}


SPEC = _entry.Spec(OPTIONS, act, mutually_exclusive=[("dest", "other")])


@pytest.fixture(name="run")
def _run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the action with this in its task, connection or variables; what a process gives is IN_PROCESS."""
    monkeypatch.setattr(_control_machine.ControlMachineAction, "_execute_module", lambda _self, **_more: dict(IN_PROCESS))
    monkeypatch.setattr(_control_machine.ControlMachineAction, "_remove_tmp_path", lambda _self, _path: None)

    def run(
        spec: _entry.Spec | None = SPEC, connection: Connection | None = None, variables: t.Any = None, **more: t.Any
    ) -> dict[str, t.Any]:
        settings = {"args": {}, "async_val": 0, "check_mode": False, "become": False, "timeout": 0, "environment": [], "delegate_to": None}
        settings["no_log"] = False
        task = types.SimpleNamespace(**{**settings, "action": "podnet.cni.some", **more})
        templar = types.SimpleNamespace(template=lambda value: value)
        action_class = type("ActionModule", (_control_machine.ControlMachineAction,), {"spec": spec})
        play_context = types.SimpleNamespace(become=False)
        action = action_class(task, connection or Connection(), play_context, None, templar)
        return action.run(task_vars={"ansible_playbook_python": sys.executable, **(variables or {})})

    return run


def as_module(spec: _entry.Spec, capfd: pytest.CaptureFixture[str], args: dict[str, t.Any]) -> dict[str, t.Any]:
    with patch_module_args(args), pytest.raises(SystemExit):
        _entry.main(spec)
    return json.loads(capfd.readouterr().out.splitlines()[-1])


def delegated(interpreter: str) -> dict[str, t.Any]:
    return {"ansible_delegated_vars": {"localhost": {"ansible_python_interpreter": interpreter}}}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="nothing is special"),
        pytest.param({"environment": [{}, None]}, id="an environment without a variable"),
        pytest.param({"variables": {"ansible_python_interpreter": sys.executable}}, id="the Python of Ansible"),
        pytest.param({"variables": {"ansible_python_interpreter": "auto_silent"}}, id="any Python"),
        pytest.param({"delegate_to": "localhost", "variables": delegated(sys.executable)}, id="delegated to the Python of Ansible"),
    ],
)
def test_it_runs_in_the_worker(run: Run, change: dict[str, t.Any]) -> None:
    assert run(**change)["pair"] == ["a", "b"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"spec": None}, id="the module cannot be imported"),
        pytest.param({"spec": dataclasses.replace(SPEC, libraries={"some": lambda: "Traceback ..."})}, id="no library"),
        pytest.param({"spec": dataclasses.replace(SPEC, at_exit=None)}, id="nothing would tidy up"),
        pytest.param({"connection": Connection(transport="ssh")}, id="another machine"),
        pytest.param({"connection": Connection(become=object())}, id="another user"),
        pytest.param({"become": True}, id="become in the task"),
        pytest.param({"async_val": 60}, id="asynchronous"),
        pytest.param({"timeout": 10}, id="a timeout"),
        pytest.param({"environment": [{}, {"HTTPS_PROXY": "http://proxy"}]}, id="an environment"),
        pytest.param({"variables": {"ansible_python_interpreter": "/opt/other/bin/python3"}}, id="another Python"),
        pytest.param({"delegate_to": "localhost", "variables": delegated("/opt/other/bin/python3")}, id="delegated to another Python"),
    ],
)
def test_it_gets_a_process_of_its_own(run: Run, change: dict[str, t.Any]) -> None:
    assert run(**change) == IN_PROCESS


def test_a_link_to_our_python_elsewhere_has_other_packages(run: Run, tmp_path: Path) -> None:
    link = tmp_path / "python3"
    link.symlink_to(sys.executable)
    assert run(variables={"ansible_python_interpreter": str(link)}) == IN_PROCESS


@pytest.mark.parametrize(
    "args",
    [
        pytest.param({"password": "hunter2"}, id="a secret in the result"),
        pytest.param({"word": "bad", "password": "hunter2"}, id="a secret in the error"),
        pytest.param({"dest": "~/journal"}, id="a path"),
        pytest.param({"items": ["1", 2]}, id="types"),
        pytest.param({"text": "fine"}, id="an alias"),
        pytest.param({"word": "other"}, id="no such choice"),
        pytest.param({"dest": "/a", "other": {}}, id="options that exclude each other"),
        pytest.param({"_ansible_check_mode": True}, id="check mode"),
    ],
)
def test_the_result_is_the_one_of_a_module(run: Run, capfd: pytest.CaptureFixture[str], args: dict[str, t.Any]) -> None:
    options = {name: value for name, value in args.items() if name != "_ansible_check_mode"}
    result = run(args=options, check_mode="_ansible_check_mode" in args)
    assert result == as_module(SPEC, capfd, args)
    assert "hunter2" not in json.dumps(result)


def test_an_unknown_option_is_named_with_the_module(run: Run) -> None:
    result = run(args={"colour": "red"})
    assert result["failed"]
    assert "Unsupported parameters for (podnet.cni.some) module: colour. Supported parameters include: dest" in result["msg"]


def test_a_module_without_check_mode_is_skipped(run: Run) -> None:
    result = run(spec=dataclasses.replace(SPEC, supports_check_mode=False), check_mode=True)
    assert (result["skipped"], "does not support check mode" in result["msg"]) == (True, True)


def test_a_failure_has_the_result_beside_it(run: Run) -> None:
    def found(_call: _entry.Call) -> _entry.Result:
        raise _errors.FoundFailingError("two checks failed", {"changed": False, "checks": [1, 2]})

    result = run(spec=_entry.Spec({}, found), variables=TOLD)
    assert result == {"failed": True, "msg": "two checks failed", "changed": False, "checks": [1, 2], "invocation": {"module_args": {}}}


def test_an_unexpected_error_keeps_its_traceback(run: Run) -> None:
    def broken(_call: _entry.Call) -> _entry.Result:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        run(spec=_entry.Spec({}, broken))
    assert caught.traceback[-1].name == "broken"


def test_a_second_call_has_the_defaults_again(run: Run) -> None:
    assert [run(variables=TOLD)["invocation"]["module_args"]["items"] for _ in range(2)] == [[1], [1]]


@pytest.mark.parametrize("no_log", [False, True])
def test_the_module_knows_whether_its_task_is_silent(run: Run, capfd: pytest.CaptureFixture[str], no_log: bool) -> None:
    spec = _entry.Spec({}, lambda call: {"silent": call.no_log})
    told = as_module(spec, capfd, {"_ansible_no_log": no_log})
    assert (run(spec, no_log=no_log)["silent"], told["silent"]) == (no_log, no_log)


def test_it_prints_nothing(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    run()
    assert capfd.readouterr() == ("", "")


def test_the_alarm_of_the_search_for_the_api_server_is_put_back(run: Run, tmp_path: Path) -> None:
    def search(call: _entry.Call) -> _entry.Result:
        client.get_client(call)
        return {}

    before = signal.getsignal(signal.SIGALRM)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("a: b")
    result = run(spec=client.spec({}, search), args={"kubeconfig": str(kubeconfig)}, variables=TOLD)
    assert str(kubeconfig) in result["msg"]
    assert result["invocation"]["module_args"]["kubeconfig"] == str(kubeconfig)
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.alarm(0) == 0


def test_the_kubernetes_library_still_has_what_removes_its_files() -> None:
    assert client.spec({}, lambda _call: {}).at_exit is not None


def test_each_module_of_the_control_machine_has_an_action_and_no_other() -> None:
    modules = {path.stem for path in (PLUGINS / "modules").glob("*.py") if ".module_utils._node" not in path.read_text()}
    actions = {path.stem for path in (PLUGINS / "action").glob("*.py")}
    assert actions == modules
    for name in actions:
        action = importlib.import_module(f"ansible_collections.podnet.cni.plugins.action.{name}").ActionModule
        assert action.spec is importlib.import_module(f"ansible_collections.podnet.cni.plugins.modules.{name}").SPEC
