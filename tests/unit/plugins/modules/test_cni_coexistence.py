# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Conflist, NodeSnapshot
from ansible_collections.podnet.cni.plugins.modules import cni_coexistence

BLOCK = {"subnet": "10.244.1.0/24", "ranges": ["10.244.1.192/30", "10.244.2.192/26"]}
ADDRESSES = [f"10.244.1.{last}" for last in (192, 193, 194, 195)]


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., dict[str, t.Any]]:
    monkeypatch.setattr(cni_coexistence.collect, "collect", lambda **_parts: NodeSnapshot("n1"))

    def run(**options: t.Any) -> dict[str, t.Any]:
        own = {"data_dir": str(tmp_path), "record": str(tmp_path / "record.json"), "boot_file": str(tmp_path / "boot.conf")}
        with patch_module_args({**own, **options}), pytest.raises(SystemExit):
            cni_coexistence.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run


def test_predicts_reserves_and_gives_free(tmp_path: Path, run: t.Callable[..., dict[str, t.Any]]) -> None:
    leases = tmp_path / "cbr0"
    leases.mkdir()
    (leases / "10.244.1.7").write_text("0a1b2c\r\neth0")
    (leases / "10.244.1.193").write_text("a pod's")
    new = [address for address in ADDRESSES if address != "10.244.1.193"]

    predicted = run(**BLOCK, _ansible_check_mode=True)
    assert (predicted["changed"], predicted["addresses"]) == (True, new)
    assert len(list(leases.iterdir())) == 2

    done = run(**BLOCK)
    assert (done["addresses"], done["taken"], done["directory"]) == (new, ["10.244.1.193"], str(leases))
    assert {path.name for path in leases.iterdir()} == {"10.244.1.7", *ADDRESSES}
    assert (leases / "10.244.1.193").read_text() == "a pod's"
    again = run(**BLOCK)
    assert (again["changed"], again["taken"]) == (False, ["10.244.1.193"])
    assert run()["addresses"] == []

    assert run(state="absent", _ansible_check_mode=True)["addresses"] == new
    freed = run(state="absent")
    assert (freed["changed"], freed["addresses"]) == (True, new)
    assert {path.name for path in leases.iterdir()} == {"10.244.1.7", "10.244.1.193"}
    assert run(state="absent")["changed"] is False


def test_addresses_of_pods_that_are_gone_are_given_free_where_calico_wins(
    tmp_path: Path, run: t.Callable[..., dict[str, t.Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    leases = tmp_path / "cbr0"
    leases.mkdir()
    (leases / "10.244.1.7").write_text("living")
    (leases / "10.244.1.8").write_text("gone")
    (leases / "10.244.1.193").write_text("gone")
    monkeypatch.setattr(cni_coexistence.sandboxes.Runtime, "ids", lambda _self: frozenset({"living"}))
    assert run(**BLOCK, release_stale=True, _ansible_check_mode=True)["released"] == []

    winner = Conflist("/etc/cni/net.d/10-calico.conflist", owner="calico", wins=True)
    monkeypatch.setattr(cni_coexistence.collect, "collect", lambda **_parts: NodeSnapshot("n1", conflists=(winner,)))
    assert run(**BLOCK, _ansible_check_mode=True)["released"] == []
    done = run(**BLOCK, release_stale=True)
    assert (done["released"], done["addresses"]) == (["10.244.1.193", "10.244.1.8"], ADDRESSES)
    assert {path.name for path in leases.iterdir()} == {"10.244.1.7", *ADDRESSES}
    assert run(**BLOCK, release_stale=True)["changed"] is False


def test_a_node_that_never_had_flannel_has_nothing_to_give_free(run: t.Callable[..., dict[str, t.Any]]) -> None:
    assert run(state="absent")["changed"] is False


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ranges": ["10.244.1.192/26"]}, "subnet"),
        ({"subnet": "10.244.1.0/24", "ranges": ["all"]}, "ranges: 'all' is no IPv4 network"),
    ],
)
def test_bad_input_is_told_and_writes_nothing(
    tmp_path: Path, run: t.Callable[..., dict[str, t.Any]], options: dict[str, t.Any], words: str
) -> None:
    result = run(**options)
    assert result["failed"] is True
    assert words in result["msg"]
    assert list(tmp_path.iterdir()) == []
