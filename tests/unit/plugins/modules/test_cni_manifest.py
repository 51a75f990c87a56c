# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import http.server
import json
import socket
import threading
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.modules import cni_manifest

MANIFEST = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-flannel-ds, namespace: kube-flannel}
spec: {template: {spec: {containers: [{name: kube-flannel, image: "flannel:v1", command: [/opt/bin/flanneld]}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-flannel-cfg, namespace: kube-flannel}
data: {net-conf.json: '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'}
"""
DIGEST = hashlib.sha256(MANIFEST.encode()).hexdigest()


def run(capfd: pytest.CaptureFixture[str], **options: t.Any) -> dict[str, t.Any]:
    with patch_module_args({"cni": "flannel", **options}), pytest.raises(SystemExit):
        cni_manifest.main()
    return json.loads(capfd.readouterr().out)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    manifest = tmp_path / "kube-flannel.yml"
    manifest.write_text(MANIFEST)
    return manifest


@pytest.fixture
def url(path: Path) -> t.Iterator[str]:
    """A web server with the manifest."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: t.Any) -> None:
            super().__init__(*args, directory=str(path.parent))

        def log_message(self, *_words: object) -> None:
            """Tests are quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{path.name}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_path(capfd: pytest.CaptureFixture[str], path: Path, check_mode: bool) -> None:
    result = run(capfd, source=str(path), network="10.10.0.0/16", backend={"Type": "host-gw"}, _ansible_check_mode=check_mode)
    assert result["changed"] is False
    assert [item["kind"] for item in result["resources"]] == ["ConfigMap", "DaemonSet"]
    assert json.loads(result["resources"][0]["data"]["net-conf.json"]) == {"Network": "10.10.0.0/16", "Backend": {"Type": "host-gw"}}
    assert result["images"] == ["flannel:v1"]
    assert result["daemonset"] == {"name": "kube-flannel-ds", "namespace": "kube-flannel"}
    assert result["sha256"] == DIGEST


def test_a_url(capfd: pytest.CaptureFixture[str], url: str) -> None:
    assert run(capfd, source=url, checksum=f"sha256:{DIGEST}")["sha256"] == DIGEST


def test_a_url_needs_a_checksum(capfd: pytest.CaptureFixture[str], url: str) -> None:
    assert "needs a checksum" in run(capfd, source=url)["msg"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"checksum": "sha256:" + "0" * 64}, "checksum mismatch"),
        ({"checksum": "sha1:0"}, "is not sha256:"),
        ({"cni": "calico"}, "no DaemonSet in it runs calico"),
        ({"network": "10.10.1.0/16"}, "has host bits set"),
        ({"network": "fd00::/48"}, "not an IPv4 network"),
        ({"mtu": -5}, "mtu: -5 is not an MTU. It is between 576 and 65535, or 0."),
        ({"mtu": 100000}, "100000 is not an MTU"),
    ],
)
def test_bad_options(capfd: pytest.CaptureFixture[str], path: Path, options: dict[str, t.Any], words: str) -> None:
    result = run(capfd, source=str(path), **options)
    assert result["failed"] is True
    assert words in result["msg"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"a: 1\nb: c: d\n", "invalid YAML in line 2"), (b"\xff\xfe", "this is no text"), (b"", "no Kubernetes object")],
)
def test_bad_content(capfd: pytest.CaptureFixture[str], path: Path, content: bytes, words: str) -> None:
    path.write_bytes(content)
    result = run(capfd, source=str(path))
    assert words in result["msg"]
    assert str(path) in result["msg"]


def test_a_missing_file(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "cannot be read: No such file" in run(capfd, source=str(tmp_path / "absent"))["msg"]
    assert "cannot be read: Is a directory" in run(capfd, source=str(tmp_path))["msg"]


def test_a_missing_page(capfd: pytest.CaptureFixture[str], url: str) -> None:
    assert "cannot be fetched: HTTP Error 404" in run(capfd, source=f"{url}x", checksum=f"sha256:{DIGEST}")["msg"]


def test_a_server_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert "cannot be fetched: " in run(capfd, source=f"http://127.0.0.1:{port}/x", checksum=f"sha256:{DIGEST}")["msg"]


def test_the_password_of_a_url_is_not_repeated(capfd: pytest.CaptureFixture[str], url: str) -> None:
    source = url.replace("http://", "http://someone:pa%24%24word@") + "x"
    result = run(capfd, source=source, checksum=f"sha256:{DIGEST}")
    assert "cannot be fetched: HTTP Error 404" in result["msg"]
    assert "pa%24%24word" not in json.dumps(result)


@pytest.mark.parametrize("source", ["http://", "https://exa mple/x", "http://[bad/x"])
def test_a_url_that_is_none(capfd: pytest.CaptureFixture[str], source: str) -> None:
    assert run(capfd, source=source, checksum=f"sha256:{DIGEST}")["failed"] is True


def test_calico(capfd: pytest.CaptureFixture[str], path: Path) -> None:
    path.write_text(
        """\
apiVersion: v1
kind: ConfigMap
metadata: {name: calico-config, namespace: kube-system}
data: {calico_backend: bird}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: calico-node, namespace: kube-system}
spec: {template: {spec: {containers: [{name: calico-node, image: "calico/node:v3"}]}}}
"""
    )
    result = run(capfd, source=str(path), cni="calico", network="10.244.0.0/16", encapsulation="vxlan_cross_subnet", mtu=1400)
    config, daemonset = result["resources"]
    assert config["data"] == {"calico_backend": "vxlan", "veth_mtu": "1400"}
    environment = {item["name"]: item.get("value") for item in daemonset["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert environment["CALICO_IPV4POOL_VXLAN"] == "CrossSubnet"
    assert environment["IP_AUTODETECTION_METHOD"] == "kubernetes-internal-ip"
