# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._kube import adoption as kube_adoption
from ansible_collections.podnet.cni.plugins.modules import calico_adoption

CALICO = "crd.projectcalico.org/v1"
NETWORK = "10.244.0.0/16"


@pytest.fixture(name="run")
def _run(api_server: t.Any, kubeconfig: Path, capfd: pytest.CaptureFixture[str]) -> t.Callable[..., dict[str, t.Any]]:
    api_server.add_fixture("flannel_cluster")

    def run(**options: t.Any) -> dict[str, t.Any]:
        arguments = {"kubeconfig": str(kubeconfig), "network": NETWORK, "_ansible_diff": True, **options}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            calico_adoption.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run


def kept(api_server: t.Any, plural: str) -> list[dict[str, t.Any]]:
    return t.cast("list[dict[str, t.Any]]", api_server.answer(f"/apis/{CALICO}/{plural}", {})[1]["items"])


def test_predicts_writes_and_is_done(run: t.Callable[..., dict[str, t.Any]], api_server: t.Any) -> None:
    predicted = run(_ansible_check_mode=True)  # the kinds are not even defined yet
    assert predicted["changed"] is True
    api_server.serve(CALICO)
    assert kept(api_server, "ippools") == []

    done = run()
    assert done["written"] == predicted["written"]
    assert {block["state"] for block in done["blocks"]} == {"claimed"}
    assert [pool["spec"]["cidr"] for pool in kept(api_server, "ippools")] == [NETWORK]
    assert len(kept(api_server, "ipamblocks")) == len(kept(api_server, "blockaffinities")) == len(done["blocks"])
    assert kept(api_server, "ipamconfigs")[0]["spec"]["autoAllocateBlocks"] is False

    again = run()
    assert (again["changed"], again["written"], {block["state"] for block in again["blocks"]}) == (False, [], {"was"})


def test_a_block_is_never_written_over(run: t.Callable[..., dict[str, t.Any]], api_server: t.Any) -> None:
    api_server.serve(CALICO)
    run()
    block = kept(api_server, "ipamblocks")[0]
    first = block["spec"]["cidr"].partition("/")[0]
    block["spec"].update(allocations=[0, *block["spec"]["allocations"][1:]], attributes=[{"handle_id": "vxlan-tunnel-addr-n1"}])
    run()
    again = next(item for item in kept(api_server, "ipamblocks") if item["spec"]["cidr"].startswith(first))
    assert again["spec"]["allocations"][0] == 0


def test_what_a_killed_run_left_out_is_written(run: t.Callable[..., dict[str, t.Any]], api_server: t.Any) -> None:
    api_server.serve(CALICO)
    run()
    name = kept(api_server, "blockaffinities")[0]["metadata"]["name"]
    api_server.delete(f"/apis/{CALICO}/blockaffinities/{name}")
    assert run()["written"] == [f"create BlockAffinity {name}"]


def test_lifts_the_limits_and_is_done(run: t.Callable[..., dict[str, t.Any]], api_server: t.Any) -> None:
    api_server.serve(CALICO)
    run()
    released = run(state="released")
    assert released["written"] == ["patch IPAMConfig default", "delete IPReservation podnet-cni-migration"]
    assert kept(api_server, "ipamconfigs")[0]["spec"] == {"strictAffinity": False, "autoAllocateBlocks": True, "maxBlocksPerHost": 0}
    assert run(state="released")["changed"] is False


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"network": "10.244.0.1/16"}, "host bits set"),
        ({"block_size": 33}, "prefix length from 20 to 32"),
        ({"nodes": ["n9"]}, "no node n9"),
        ({"block_size": 24}, "not enough free IPAM blocks of /24"),
    ],
)
def test_bad_input_changes_nothing(
    run: t.Callable[..., dict[str, t.Any]], api_server: t.Any, options: dict[str, t.Any], words: str
) -> None:
    api_server.serve(CALICO)
    result = run(**options)
    assert (result["failed"], words in result["msg"]) == (True, True), result["msg"]
    assert kept(api_server, "ippools") == []


def test_kinds_that_never_come_are_named(run: t.Callable[..., dict[str, t.Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_adoption, "_MOMENT", 0)
    assert "does not serve blockaffinities" in run()["msg"]
