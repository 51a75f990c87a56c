# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import tempfile
import threading
import time
import types
import typing as t
from pathlib import Path

import kubernetes
import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._kube import client

Options = dict[str, t.Any]


def fake_module(**params: t.Any) -> t.Any:
    return types.SimpleNamespace(params=params, no_log_values=set())


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("K8S_AUTH_KUBECONFIG", "K8S_AUTH_CONTEXT", "K8S_AUTH_HOST", "KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    # The library reads this once, when it is imported.
    monkeypatch.setattr(kubernetes.config.kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "nothing-here"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def kubeconfig_text(server: str, **cluster: t.Any) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": server, **cluster}}],
            "users": [{"name": "admin", "user": {"token": "secret"}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "admin"}}],
        }
    )


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_kubeconfig_that_works(kubeconfig: Path) -> None:
    assert client.get_client(fake_module(kubeconfig=str(kubeconfig))).client.version["kubernetes"]["gitVersion"] == "v1.33.13"


def test_the_variable_of_kubernetes_core_works(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", str(kubeconfig))
    assert client.get_client(fake_module())


def test_no_kubeconfig_at_all_says_where_was_looked() -> None:
    with pytest.raises(_errors.ClusterError, match="no kubeconfig found") as caught:
        client.get_client(fake_module())
    for place in ("option kubeconfig", "K8S_AUTH_KUBECONFIG", "KUBECONFIG (not set)", "~/.kube/config", "service account"):
        assert place in str(caught.value)


def test_a_named_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(_errors.ClusterError, match=r"there is no kubeconfig .*/absent"):
        client.get_client(fake_module(kubeconfig=str(tmp_path / "absent")))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        "- a\n- list\n",
        "key: [unclosed",
        "{}",
        '{"current-context": "lab"}',
        '{"current-context": "lab", "contexts": [], "clusters": [], "users": []}',
        '{"current-context": "lab", "contexts": 5, "clusters": 5, "users": 5}',
    ],
)
def test_a_file_that_is_no_kubeconfig(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wrong"
    path.write_text(text)
    with pytest.raises(_errors.ClusterError, match="kubeconfig") as caught:
        client.get_client(fake_module(kubeconfig=str(path)))
    assert caught.value.where == str(path)
    assert caught.value.next_step


def test_a_context_that_is_not_in_the_kubeconfig(kubeconfig: Path) -> None:
    with pytest.raises(_errors.ClusterError, match=r"cannot be used: .*elsewhere"):
        client.get_client(fake_module(kubeconfig=str(kubeconfig), context="elsewhere"))


def test_a_server_that_nobody_listens_for(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig_text(f"http://127.0.0.1:{closed_port()}"))
    with pytest.raises(_errors.ClusterError, match=r"not reachable: .*refused") as caught:
        client.get_client(fake_module(kubeconfig=str(path)))
    assert "address in the kubeconfig" in caught.value.next_step


def test_a_server_that_speaks_no_tls(api_server: t.Any, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig_text(api_server.url.replace("http:", "https:")))
    with pytest.raises(_errors.ClusterError, match="not reachable"):
        client.get_client(fake_module(kubeconfig=str(path)))


def test_a_server_that_never_answers(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        path = tmp_path / "kubeconfig"
        path.write_text(kubeconfig_text(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        begin = time.monotonic()
        with pytest.raises(_errors.ClusterError, match="no answer within 1 s"):
            client.get_client(fake_module(kubeconfig=str(path)), deadline=1)
        assert time.monotonic() - begin < 5


@pytest.mark.parametrize(("status", "words"), [(401, "unauthorized"), (403, "forbids"), (503, "answered 503")])
def test_a_server_that_refuses(api_server: t.Any, kubeconfig: Path, status: int, words: str) -> None:
    api_server.refuse["*"] = status
    with pytest.raises(_errors.ClusterError, match=words):
        client.get_client(fake_module(kubeconfig=str(kubeconfig)))


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html>Welcome</html>", "its server is no Kubernetes API server"),
        (200, b'{"hello": "world"}', "its server is no Kubernetes API server"),
        (404, b"<html>Not here</html>", "it is no Kubernetes API server"),
    ],
)
def test_a_server_of_something_else(tmp_path: Path, status: int, body: bytes, words: str) -> None:
    path = tmp_path / "kubeconfig"
    with web_server(status, body) as url:
        path.write_text(kubeconfig_text(url))
        with pytest.raises(_errors.ClusterError, match=words) as caught:
            client.get_client(fake_module(kubeconfig=str(path)))
    assert caught.value.next_step


@contextlib.contextmanager
def web_server(status: int, body: bytes) -> t.Iterator[str]:
    """Answers everything with the same."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Tests are quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, _errors.ClusterError),
        (403, client.RefusedError),
        (404, client.AbsentError),
        (409, client.ConflictError),
        (422, client.RefusedError),
        (429, _errors.UnavailableError),
        (503, _errors.UnavailableError),
    ],
)
def test_the_kind_of_error(status: int, kind: type[Exception]) -> None:
    with pytest.raises(_errors.ClusterError) as caught, client.api_errors("here"):
        raise kubernetes.client.exceptions.ApiException(status, "why")
    assert type(caught.value) is kind
    assert caught.value.where == "here"


@pytest.mark.parametrize(
    ("kubeconfig", "hidden"),
    [
        ("/nowhere/kubeconfig", False),
        ({"users": []}, True),
        ('{"users": []}', True),
        ("users:\n- token: secret\n", True),
    ],
)
def test_a_path_is_no_secret_and_a_configuration_is(kubeconfig: t.Any, hidden: bool) -> None:
    module = fake_module(kubeconfig=kubeconfig)
    module.no_log_values.add(str(kubeconfig))
    with pytest.raises(_errors.ClusterError) as caught:
        client.get_client(module)
    assert (str(kubeconfig) in module.no_log_values) is hidden
    assert (str(kubeconfig) in str(caught.value)) is not hidden


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = client.spec({}, lambda _call: {})
    assert spec.lacks() is None
    monkeypatch.setattr(client, "KUBERNETES_IMPORT_ERROR", "Traceback ...")
    assert spec.lacks() == ("kubernetes", "Traceback ...")
