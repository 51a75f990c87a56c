# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import tempfile
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._kube import waiting
from ansible_collections.podnet.cni.plugins.modules import flannel_backend
from tests.support.flannel_cluster import CONFIG_MAP, DAEMONSET, FlannelCluster, Release

NET_CONF = """{
  "Network": "10.244.0.0/16",
  "EnableNFTables": false,
  "Backend": {
    "Type": "vxlan"
  },
  "mine": "stays"
}
"""
HOST_GW = {"Type": "host-gw"}
UDP = {"Type": "udp"}

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture(name="cluster")
def _cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[FlannelCluster]:
    # The client library keeps what it discovered there, by address.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cluster = FlannelCluster(NET_CONF)
    yield cluster
    cluster.close()


@pytest.fixture(name="run")
def _run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, cluster: FlannelCluster) -> Run:
    monkeypatch.setattr(waiting, "PAUSE", 0.02)
    monkeypatch.setattr(waiting, "SHORT_PAUSE", 0.01)

    def run(backend: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
        given = {"host": cluster.url, "api_key": "secret", "timeout": 5, "backend": backend, **options}
        with patch_module_args(given), pytest.raises(SystemExit):
            flannel_backend.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run


#: Of each time at which something of it changed, from v0.16 on.
RELEASES = [
    Release("kube-system", "kube-flannel-ds", "quay.io/coreos/flannel:v0.16.1"),
    Release("kube-system", "kube-flannel-ds", "rancher/mirrored-flannelcni-flannel:v0.18.1"),
    Release("kube-flannel", "kube-flannel-ds", "docker.io/rancher/mirrored-flannelcni-flannel:v0.20.2"),
    Release("kube-flannel", "kube-flannel-ds", "docker.io/flannel/flannel:v0.25.0"),
    Release("kube-flannel", "kube-flannel-ds", "ghcr.io/flannel-io/flannel:v0.28.9"),
    Release("network", "overlay-amd64", "harbor.example.com/mirror/flannel@sha256:0123"),
]


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.image)
def test_each_release_is_found_and_switched(run: Run, release: Release) -> None:
    cluster = FlannelCluster(NET_CONF, release=release)
    try:
        result = run(HOST_GW, host=cluster.url)
        assert (result["changed"], cluster.net_conf) == (True, NET_CONF.replace("vxlan", "host-gw")), result
        assert set(cluster.announced.values()) == {"host-gw"}
        assert run(HOST_GW, host=cluster.url)["changed"] is False
    finally:
        cluster.close()


def test_a_switch_changes_the_backend_and_nothing_else(run: Run, cluster: FlannelCluster) -> None:
    result = run(HOST_GW)
    assert result["changed"] is True, result
    assert cluster.net_conf == NET_CONF.replace("vxlan", "host-gw")
    assert set(cluster.announced.values()) == {"host-gw"}
    assert (result["start"], result["smaller_mtu"], result["net_conf"]) == ("rolling", False, cluster.net_conf)
    assert (result["before"]["VNI"], result["after"], result["title"]) == (1, {"Type": "host-gw"}, "vxlan to host-gw")
    assert run(HOST_GW)["changed"] is False
    back = run({"Type": "vxlan"})
    assert (back["changed"], back["smaller_mtu"], cluster.net_conf) == (True, True, NET_CONF)


def test_check_mode_tells_the_same_and_changes_nothing(run: Run, cluster: FlannelCluster) -> None:
    before = {path: item["metadata"]["resourceVersion"] for path, item in cluster.objects.items()}
    predicted = run(HOST_GW, _ansible_check_mode=True, _ansible_diff=True)
    assert {path: item["metadata"]["resourceVersion"] for path, item in cluster.objects.items()} == before
    result = run(HOST_GW, _ansible_diff=True)
    for part in ("changed", "before", "after", "net_conf", "start", "reason", "smaller_mtu", "hazards", "diff"):
        assert predicted[part] == result[part], part


def test_all_at_once_where_the_old_and_the_new_do_not_reach_each_other(run: Run, cluster: FlannelCluster) -> None:
    result = run({"Type": "vxlan", "VNI": 7})
    assert (result["start"], result["changed"]) == ("at_once", True)
    assert len(deleted(cluster)) > 1  # the first one its controller may have ended itself by then
    run(HOST_GW)
    before = len(deleted(cluster))
    run({"Type": "vxlan", "VNI": 7})
    assert len(deleted(cluster)) == before, "between these it rolls"


def deleted(cluster: FlannelCluster) -> list[str]:
    return [path for method, path in cluster.log if method == "DELETE"]


@pytest.mark.parametrize("fails", [DAEMONSET, CONFIG_MAP])
def test_a_run_that_ended_in_between_is_gone_on_with(run: Run, cluster: FlannelCluster, fails: str) -> None:
    """At the second write to the DaemonSet, which would start the pods anew, or at the one to the ConfigMap."""
    writes: list[str] = []

    def refuse(method: str, path: str) -> int:
        if method == "PATCH":
            writes.append(path)
        return 500 if method == "PATCH" and path == fails and len(writes) > 1 else 0

    cluster.before = refuse
    assert run(HOST_GW)["failed"] is True
    assert set(cluster.announced.values()) == {"vxlan"}
    cluster.before = lambda _method, _path: 0
    result = run(HOST_GW)
    assert result["changed"] is True
    assert set(cluster.announced.values()) == {"host-gw"}
    assert run(HOST_GW)["changed"] is False


def test_a_restart_that_is_under_way_is_awaited(run: Run, cluster: FlannelCluster) -> None:
    """As after a run that was killed while flanneld started anew: else the next step would go by what old nodes announce."""
    assert run(HOST_GW, timeout=0)["failed"] is True
    assert set(cluster.announced.values()) != {"host-gw"}
    result = run(HOST_GW)
    assert (result["changed"], set(cluster.announced.values())) == (False, {"host-gw"})


@pytest.mark.parametrize("again", [True, False], ids=["and back by us", "and back by hand, without starting flanneld anew"])
def test_what_somebody_switched_by_hand_meanwhile(run: Run, cluster: FlannelCluster, again: bool) -> None:
    """Pods that the other's edit started have the mark of our earlier switch, for it is in their template."""
    host_gw = NET_CONF.replace("vxlan", "host-gw")
    assert run(HOST_GW)["changed"] is True
    cluster.edit_by_hand(NET_CONF, restart=True)
    assert set(cluster.announced.values()) == {"vxlan"}
    if not again:
        cluster.edit_by_hand(host_gw, restart=False)
    assert run(HOST_GW, _ansible_check_mode=True)["changed"] is True
    assert run(HOST_GW)["changed"] is True
    assert (cluster.net_conf, set(cluster.announced.values())) == (host_gw, {"host-gw"})
    assert run(HOST_GW)["changed"] is False


def test_an_edit_by_hand_that_flanneld_never_read(run: Run, cluster: FlannelCluster) -> None:
    cluster.edit_by_hand(NET_CONF.replace("vxlan", "host-gw"), restart=False)
    assert run(HOST_GW)["changed"] is True
    assert set(cluster.announced.values()) == {"host-gw"}
    assert run(HOST_GW)["changed"] is False


def test_udp_gets_rights_and_loses_them_again(run: Run, cluster: FlannelCluster) -> None:
    assert "for debugging only" in run(UDP)["msg"]
    assert cluster.net_conf == NET_CONF
    assert run(UDP, allow_udp=True)["changed"] is True
    assert [item.get("securityContext") for item in cluster.containers] == [{"privileged": True}, None]
    assert run(UDP, allow_udp=True)["changed"] is False
    assert run(HOST_GW)["changed"] is True
    assert [item.get("securityContext") for item in cluster.containers] == [{"privileged": False}, None]
    assert "podnet.io/privileged-for-udp" not in cluster.objects[DAEMONSET]["metadata"]["annotations"]


def test_a_flanneld_that_does_not_start_stops_the_switch(run: Run, cluster: FlannelCluster) -> None:
    cluster.broken = {"host-gw"}
    result = run(HOST_GW, timeout=1)
    assert "flannel does not run with its new configuration everywhere after 1 s: n1: " in result["msg"]
    assert "CrashLoopBackOff" in result["msg"]
    assert "Nothing of the backend before was removed" in result["msg"]
    assert list(cluster.announced.values()) == ["vxlan"] * 3


@pytest.mark.parametrize(
    ("path", "change", "message"),
    [
        (DAEMONSET, {"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm keeps flannel (kube-flannel/kube-flannel-ds) as it is"),
        (CONFIG_MAP, {"annotations": {"argocd.argoproj.io/instance": "net"}}, "Argo CD keeps flannel"),
        (CONFIG_MAP, None, "has no ConfigMap with net-conf.json"),
        (DAEMONSET, None, "no DaemonSet runs flanneld"),
    ],
)
def test_what_is_not_there_or_somebody_else_s(
    run: Run, cluster: FlannelCluster, path: str, change: dict[str, t.Any] | None, message: str
) -> None:
    if change is None:
        del cluster.objects[path]
    else:
        cluster.objects[path]["metadata"].update(change)
    assert message in run(HOST_GW)["msg"]
    assert cluster.writes == []


def test_a_key_is_never_shown(run: Run, cluster: FlannelCluster) -> None:
    result = run({"Type": "wireguard", "PSK": "c2VjcmV0"}, _ansible_diff=True)
    assert result["changed"] is True, result
    assert "c2VjcmV0" not in json.dumps(result)
    assert "c2VjcmV0" in cluster.net_conf
    assert "c2VjcmV0" not in json.dumps(run(HOST_GW, _ansible_diff=True))
