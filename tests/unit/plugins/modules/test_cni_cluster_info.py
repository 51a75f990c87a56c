# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster
from ansible_collections.podnet.cni.plugins.modules import cni_cluster_info


def run(capfd: pytest.CaptureFixture[str], **options: t.Any) -> dict[str, t.Any]:
    with patch_module_args(options), pytest.raises(SystemExit):
        cni_cluster_info.main()
    return json.loads(capfd.readouterr().out)


@pytest.mark.parametrize("check_mode", [False, True])
def test_it_reads_the_cluster(api_server: t.Any, kubeconfig: Path, capfd: pytest.CaptureFixture[str], check_mode: bool) -> None:
    api_server.add_fixture("flannel_cluster")
    result = run(capfd, kubeconfig=str(kubeconfig), _ansible_check_mode=check_mode)
    assert result["changed"] is False
    assert cluster.from_dict(result["cluster"]).flannel[0].network == "10.244.0.0/16"
    assert result["summary"][0] == "Kubernetes v1.33.13: 1 of 2 nodes Ready, 4 pods"


def test_an_error_is_one_message(kubeconfig: Path, capfd: pytest.CaptureFixture[str]) -> None:
    result = run(capfd, kubeconfig=f"{kubeconfig}-absent")
    assert result["failed"] is True
    # The option may hold secrets and is hidden from logs; a path is none, and who reads the message needs it.
    assert f"there is no kubeconfig {kubeconfig}-absent." in result["msg"]
    assert "exception" not in result


def test_keys_of_the_overlay_are_not_shown(api_server: t.Any, kubeconfig: Path, capfd: pytest.CaptureFixture[str]) -> None:
    backend = {"Type": "wireguard", "PSK": "bm90IGZvciB5b3U="}
    api_server.add_fixture("flannel_cluster")
    _status, config_map = api_server.answer("/api/v1/namespaces/kube-flannel/configmaps/kube-flannel-cfg", {})
    config_map["data"]["net-conf.json"] = json.dumps({"Network": "10.244.0.0/16", "Backend": backend})
    result = run(capfd, kubeconfig=str(kubeconfig))
    assert "bm90IGZvciB5b3U=" not in json.dumps(result)
    assert json.loads(result["cluster"]["flannel"][0]["net_conf"])["Backend"] == {"Type": "wireguard", "PSK": "(hidden)"}
