# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import collect
from ansible_collections.podnet.cni.plugins.modules import cni_info

SNAPSHOT = model.NodeSnapshot("node-1", "amd64", "6.1.0", links=(model.Link("lo", owner="host"),), missing=("nft: not found; unknown: x",))


def run(capsys: pytest.CaptureFixture[str], arguments: dict[str, t.Any]) -> tuple[int, dict[str, t.Any]]:
    with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
        cni_info.main()
    return int(ended.value.code or 0), json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "conf_dir"),
    [({}, ""), ({"conf_dir": "/etc/cni/k8s.d"}, "/etc/cni/k8s.d"), ({"_ansible_check_mode": True}, "")],
)
def test_returns_the_snapshot(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: dict[str, t.Any], conf_dir: str
) -> None:
    asked: list[str] = []

    def take(conf_dir: str, packet_filters: bool) -> model.NodeSnapshot:
        asked.append(conf_dir)
        assert not packet_filters
        return SNAPSHOT

    monkeypatch.setattr(collect, "collect", take)
    code, result = run(capsys, arguments)
    assert (code, result["changed"], asked) == (0, False, [conf_dir])
    assert model.from_dict(result["snapshot"]) == SNAPSHOT
    assert result["summary"] == model.summary(SNAPSHOT)


def test_an_error_is_a_message(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def take(conf_dir: str, **_more: bool) -> model.NodeSnapshot:
        raise NodeError("cannot be read", conf_dir)

    monkeypatch.setattr(collect, "collect", take)
    code, result = run(capsys, {"conf_dir": "/x"})
    assert (code, result["failed"], result["msg"]) == (1, True, "/x: cannot be read.")


def test_this_machine_has_a_snapshot(capsys: pytest.CaptureFixture[str]) -> None:
    code, result = run(capsys, {})
    assert code == 0
    assert result["snapshot"]["hostname"]
    assert result["summary"][0].startswith(result["snapshot"]["hostname"])


def test_sample_of_the_documentation_is_a_snapshot() -> None:
    yaml = pytest.importorskip("yaml")
    sample = yaml.safe_load(cni_info.RETURN)["snapshot"]["sample"]
    snapshot = model.from_dict(sample)
    assert snapshot.links[0].vxlan == model.Vxlan(1, 8472, "192.0.2.11", "eth0")
    assert {link.owner for link in snapshot.links} | {route.owner for route in snapshot.routes} <= set(model.OWNERS)
