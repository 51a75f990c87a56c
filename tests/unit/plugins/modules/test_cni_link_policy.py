# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni import link_policy as policy
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError, NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import commands, link_policy
from ansible_collections.podnet.cni.plugins.modules import cni_link_policy

PATHS = {ours.manager: ours.path for ours in policy.OURS}
RELOADS = {ours.manager: ours.reload for ours in policy.OURS}


class Systemd:
    """Answers for systemctl and the managers' own tools."""

    def __init__(self, *running: str) -> None:
        self.running = list(running)
        self.problem = ""
        self.reloaded: list[tuple[str, ...]] = []

    def run(self, argv: t.Sequence[str], **_options: t.Any) -> commands.Output:
        if argv[1] == "show":
            return commands.Output("\n\n".join(f"Id={name}.service\nActiveState=active" for name in self.running))
        self.reloaded.append(tuple(argv))
        return commands.Output(problem=self.problem)


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Systemd:
    fake = Systemd(policy.NETWORK_MANAGER, policy.UDEV)
    monkeypatch.setattr(commands, "run", fake.run)
    return fake


def settle(root: Path, state: str = "present", check_mode: bool = False) -> dict[str, t.Any]:
    return cni_link_policy.settle(state, check_mode, str(root))


def tree(root: Path) -> dict[str, str]:
    return {f"/{path.relative_to(root)}": path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


def test_files_for_those_that_run(systemd: Systemd, tmp_path: Path) -> None:
    result = settle(tmp_path)
    assert result["changed"] is True
    assert result["managers"] == [policy.NETWORK_MANAGER, policy.UDEV]
    assert result["files"] == [PATHS[policy.NETWORK_MANAGER], PATHS[policy.UDEV]]
    assert tree(tmp_path) == {ours.path: ours.content for ours in policy.OURS if ours.manager != policy.NETWORKD}
    assert (tmp_path / PATHS[policy.UDEV][1:]).stat().st_mode & 0o777 == 0o644
    assert systemd.reloaded == [RELOADS[policy.NETWORK_MANAGER], RELOADS[policy.UDEV]]


def test_the_second_time_nothing_happens(systemd: Systemd, tmp_path: Path) -> None:
    settle(tmp_path)
    systemd.reloaded.clear()
    assert settle(tmp_path)["changed"] is False
    assert systemd.reloaded == []


def test_removal_leaves_what_was_before(systemd: Systemd, tmp_path: Path) -> None:
    theirs = tmp_path / "etc/NetworkManager/conf.d/calico.conf"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("[keyfile]\n")
    before = tree(tmp_path)
    settle(tmp_path)
    systemd.running = [policy.UDEV]  # stopped meanwhile: its file goes too, and nobody has to read that
    systemd.reloaded.clear()
    result = settle(tmp_path, "absent")
    assert result["files"] == [PATHS[policy.NETWORK_MANAGER], PATHS[policy.UDEV]]
    assert tree(tmp_path) == before
    assert systemd.reloaded == [RELOADS[policy.UDEV]]
    assert settle(tmp_path, "absent")["changed"] is False


def test_a_file_of_a_manager_that_was_stopped_stays(systemd: Systemd, tmp_path: Path) -> None:
    settle(tmp_path)
    systemd.running = []
    assert settle(tmp_path)["changed"] is False
    assert PATHS[policy.UDEV] in tree(tmp_path)


@pytest.mark.parametrize("state", ["present", "absent"])
def test_check_mode_predicts_and_changes_nothing(systemd: Systemd, tmp_path: Path, state: str) -> None:
    if state == "absent":
        settle(tmp_path)
        systemd.reloaded.clear()
    before = tree(tmp_path)
    predicted = settle(tmp_path, state, check_mode=True)
    assert tree(tmp_path) == before
    assert systemd.reloaded == []
    assert predicted == settle(tmp_path, state)
    sides = {part["before_header"]: (part["before"] == "", part["after"] == "") for part in predicted["diff"]}
    assert sides == dict.fromkeys(predicted["files"], (state == "present", state == "absent"))


@pytest.mark.usefixtures("systemd")
def test_an_older_file_of_ours_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / PATHS[policy.UDEV][1:]
    file.parent.mkdir(parents=True)
    file.write_text("# Written by podnet.cni 0.0\n[Match]\n")
    assert settle(tmp_path)["changed"] is True
    assert file.read_text() == policy.OURS[2].content


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_file_of_somebody_else_is_not_touched(systemd: Systemd, tmp_path: Path, state: str) -> None:
    file = tmp_path / PATHS[policy.NETWORKD][1:]
    file.parent.mkdir(parents=True)
    file.write_text("[Match]\nName=*\n")
    with pytest.raises(BadInputError, match="not from podnet") as caught:
        settle(tmp_path, state)
    assert caught.value.where == PATHS[policy.NETWORKD]
    assert tree(tmp_path) == {PATHS[policy.NETWORKD]: "[Match]\nName=*\n"}
    assert systemd.reloaded == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_run_that_did_not_come_to_reloading_is_made_up_for(systemd: Systemd, tmp_path: Path, state: str) -> None:
    if state == "absent":
        settle(tmp_path)
    systemd.problem = "connection refused"
    with pytest.raises(NodeError, match="connection refused"):
        settle(tmp_path, state)
    systemd.problem = ""
    systemd.reloaded.clear()
    assert settle(tmp_path, state, check_mode=True)["changed"] is True
    assert settle(tmp_path, state)["changed"] is True
    assert systemd.reloaded == [RELOADS[policy.NETWORK_MANAGER], RELOADS[policy.UDEV]]
    assert settle(tmp_path, state)["changed"] is False


@pytest.mark.usefixtures("systemd")
def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("")
    with pytest.raises(NodeError, match="cannot be"):
        settle(tmp_path)


def test_without_systemd_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "run", lambda _argv: commands.Output(problem="not found"))
    with pytest.raises(NodeError, match="systemctl says: not found"):
        link_policy.running()


@pytest.mark.usefixtures("systemd")
@pytest.mark.parametrize(("arguments", "changed"), [({}, True), ({"state": "absent"}, False)])
def test_the_module(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: dict[str, t.Any],
    changed: bool,
) -> None:
    monkeypatch.setattr(link_policy, "_at", lambda _root, path: tmp_path / path[1:])
    with patch_module_args(arguments), pytest.raises(SystemExit):
        cni_link_policy.main()
    assert json.loads(capsys.readouterr().out)["changed"] is changed


def test_an_error_is_one_message(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(commands, "run", lambda _argv: commands.Output(problem="not found"))
    with patch_module_args({}), pytest.raises(SystemExit):
        cni_link_policy.main()
    assert "Run this as root on a node with systemd." in json.loads(capsys.readouterr().out)["msg"]
