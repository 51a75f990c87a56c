# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import typing as t
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Runtime
from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import cri
from ansible_collections.podnet.cni.plugins.module_utils._node.protobuf import field

from .conftest import Script, Server, answer, failure

Serve = t.Callable[[Script], Server]


def version(name: str, release: str) -> bytes:
    return field(1, "0.1.0") + field(2, name) + field(3, release) + field(4, "v1")


def status(*, ready: bool, reason: str = "", message: str = "", info: t.Mapping[str, t.Any] | None = None) -> bytes:
    conditions = field(1, field(1, "RuntimeReady") + field(2, 1))
    # proto3 leaves out what is false or empty.
    network = field(1, "NetworkReady") + (field(2, 1) if ready else b"") + field(3, reason) + field(4, message)
    entries = {key: value if isinstance(value, str) else json.dumps(value) for key, value in (info or {}).items()}
    return field(1, conditions + field(1, network)) + b"".join(field(2, field(1, key) + field(2, value)) for key, value in entries.items())


LOOPBACK = {"Config": {"Name": "cni-loopback", "CNIVersion": "0.3.1"}, "IFName": "lo"}


def cniconfig(*names: str) -> dict[str, t.Any]:
    networks = [LOOPBACK, *({"Config": {"Name": name, "Plugins": [{"Network": {"type": "x"}}]}, "IFName": "eth0"} for name in names)]
    return {"PluginDirs": ["/usr/lib/cni"], "PluginConfDir": "/etc/cni/net.d", "PluginMaxConfNum": 1, "Prefix": "eth", "Networks": networks}


V16 = {"cni": {"binDir": "/usr/lib/cni", "confDir": "/etc/cni/k8s.d", "maxConfNum": 1}, "sandboxImage": "pause"}
V20 = {"cni": {"binDir": "", "binDirs": ["/opt/cni/bin", "/usr/lib/cni"], "confDir": "/etc/cni/k8s.d"}}
NOT_READY = "Network plugin returns error: cni plugin not initialized"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (
            status(ready=True, info={"cniconfig": cniconfig("cbr0"), "config": V16, "golang": "go1.19", "lastCNILoadStatus": "OK"}),
            Runtime(network_ready=True, loaded=("cbr0",), reload_status="OK", bin_dir="/usr/lib/cni"),
        ),
        (
            status(
                ready=False,
                reason="NetworkPluginNotReady",
                message=NOT_READY,
                info={"cniconfig": cniconfig(), "lastCNILoadStatus": "cni config load failed: no network config found"},
            ),
            Runtime(network_message=NOT_READY, reload_status="cni config load failed: no network config found", bin_dir="/usr/lib/cni"),
        ),
        (status(ready=True, info={"config": V16}), Runtime(network_ready=True, conf_dir="/etc/cni/k8s.d", bin_dir="/usr/lib/cni")),
        (status(ready=True, info={"config": V20}), Runtime(network_ready=True, conf_dir="/etc/cni/k8s.d", bin_dir="/opt/cni/bin")),
        (status(ready=True), Runtime(network_ready=True)),
        (status(ready=False, reason="NetworkPluginNotReady"), Runtime(network_message="NetworkPluginNotReady")),
        (status(ready=True, info={"cniconfig": "no json", "config": "[]"}), Runtime(network_ready=True)),
        (status(ready=True, info={"cniconfig": {"Networks": None, "PluginDirs": None}}), Runtime(network_ready=True)),
        (b"", Runtime()),
    ],
)
def test_describe(response: bytes, expected: Runtime) -> None:
    described = cri.describe("/s", version("containerd", "1.7.24"), response)
    assert (described.name, described.version, described.socket, described.problem) == ("containerd", "1.7.24", "/s", "")
    same = ("network_ready", "network_message", "loaded", "reload_status", "conf_dir", "bin_dir")
    assert {name: getattr(described, name) for name in same} == {name: getattr(expected, name) for name in same}


def test_two_networks() -> None:
    assert cri.describe("/s", b"", status(ready=True, info={"cniconfig": cniconfig("cbr0", "second")})).loaded == ("cbr0", "second")


# --- asking ----------------------------------------------------------------------------------------------------------


def runtime_of(api: str, name: str, response: bytes) -> Script:
    """A runtime that knows one version of the CRI."""

    def script(stream: int, path: str) -> list[t.Any]:
        if not path.startswith(f"/runtime.{api}.RuntimeService/"):
            return failure(stream, 12, f"unknown service {path}")
        return answer(stream, version(name, "1.2.3") if path.endswith("/Version") else response)

    return script


@pytest.mark.parametrize(("api", "calls"), [("v1", 2), ("v1alpha2", 3)])
def test_ask(serve: Serve, api: str, calls: int) -> None:
    # The configuration of a real containerd has thousands of characters, and of one with many mirrors many more.
    padding = {"mirrors": "x" * 200_000}
    server = serve(runtime_of(api, "containerd", status(ready=True, info={"config": padding, "cniconfig": cniconfig("cbr0")})))
    found = cri.ask(server.path)
    assert (found.name, found.version, found.loaded, found.socket) == ("containerd", "1.2.3", ("cbr0",), server.path)
    assert len(server.calls) == calls
    assert server.requests[-1] == b"\x08\x01"  # verbose


def test_a_containerd_without_cri(serve: Serve) -> None:
    server = serve(runtime_of("v9", "containerd", b""))
    with pytest.raises(NodeError, match="unknown service"):
        cri.ask(server.path)


def test_another_error_is_not_tried_again(serve: Serve) -> None:
    server = serve(lambda stream, _: failure(stream, 7, "denied"))
    with pytest.raises(NodeError, match="denied"):
        cri.ask(server.path)
    assert len(server.calls) == 1


def test_find_takes_the_first_that_answers(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, good = serve(lambda _stream, _path: None), serve(runtime_of("v1", "cri-o", status(ready=True)))
    plain = tmp_path / "file.sock"
    plain.touch()
    monkeypatch.setattr(cri, "SOCKETS", (broken.path, good.path))
    found = cri.find([str(tmp_path / "absent.sock"), str(plain)])
    assert (found.name, found.socket, found.problem) == ("cri-o", good.path, "")


def test_kubelets_endpoint_comes_first(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, told = (serve(runtime_of("v1", name, status(ready=True))) for name in ("containerd", "cri-o"))
    monkeypatch.setattr(cri, "SOCKETS", (usual.path,))
    assert cri.find([told.path]).name == "cri-o"
    assert cri.find().name == "containerd"


def test_find_says_what_it_tried(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cri, "SOCKETS", ("/nowhere/a.sock",))
    assert cri.find(["/nowhere/b.sock"]).problem == "no container runtime's socket among /nowhere/b.sock, /nowhere/a.sock"
    broken = serve(lambda _stream, _path: None)
    assert cri.find([broken.path]).problem == f"{broken.path}: the server closed the connection."


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, Runtime("cri-o")),
        (
            {"network_dir": "/etc/crio/net.d/", "plugin_dirs": "/usr/libexec/cni/", "cni_default_network": "cbr0"},
            Runtime("cri-o", conf_dir="/etc/crio/net.d", bin_dir="/usr/libexec/cni", default_network="cbr0"),
        ),
    ],
)
def test_with_crio_settings(settings: dict[str, str], expected: Runtime) -> None:
    assert cri.with_crio_settings(Runtime("cri-o"), settings) == expected


@given(st.binary(max_size=60))
def test_any_answer_is_described_or_refused(message: bytes) -> None:
    with contextlib.suppress(NodeError):
        cri.describe("/s", message, message)
