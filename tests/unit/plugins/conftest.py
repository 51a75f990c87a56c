# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small API server on 127.0.0.1: what adapters to the API are tested against instead of mocks."""

from __future__ import annotations

import importlib.util
import json
import tempfile
import threading
import types
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import kubernetes
import pytest
import yaml

from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client
from ansible_collections.podnet.cni.plugins.module_utils._kube import lease
from tests.support import measured_cluster as measured

FIXTURES = Path(__file__).parents[2] / "fixtures" / "kube"

# Where the API serves a kind; kinds of one group version are served together, even when there is no object.
PLURALS = {
    "v1": {
        "Node": "nodes",
        "Pod": "pods",
        "ConfigMap": "configmaps",
        "Namespace": "namespaces",
        "PersistentVolume": "persistentvolumes",
    },
    "apps/v1": {"DaemonSet": "daemonsets"},
    "networking.k8s.io/v1": {"ServiceCIDR": "servicecidrs"},
    "networking.k8s.io/v1beta1": {"ServiceCIDR": "servicecidrs"},
    "rbac.authorization.k8s.io/v1": {"ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings"},
    "policy/v1beta1": {"PodSecurityPolicy": "podsecuritypolicies"},
    "crd.projectcalico.org/v1": {
        "BlockAffinity": "blockaffinities",
        "FelixConfiguration": "felixconfigurations",
        "IPAMBlock": "ipamblocks",
        "IPAMConfig": "ipamconfigs",
        "IPPool": "ippools",
        "IPReservation": "ipreservations",
    },
    "operator.tigera.io/v1": {"Installation": "installations"},
    "admissionregistration.k8s.io/v1": {
        "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
        "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
    },
    "discovery.k8s.io/v1": {"EndpointSlice": "endpointslices"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
    "argoproj.io/v1alpha1": {"Application": "applications"},
    "kustomize.toolkit.fluxcd.io/v1beta2": {"Kustomization": "kustomizations"},
    "helm.cattle.io/v1": {"HelmChart": "helmcharts"},
}
ALWAYS_SERVED = ("v1", "apps/v1", "rbac.authorization.k8s.io/v1")


class FakeApiServer:
    """Serves objects as lists and by name, in pages, and remembers what was asked."""

    def __init__(self) -> None:
        self.page_size = 500
        self.refuse: dict[str, int] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._items: dict[str, list[dict[str, t.Any]]] = {}
        for api_version in ALWAYS_SERVED:
            self.serve(api_version)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def paths(self) -> list[str]:
        """The paths asked for, once each."""
        return list(dict.fromkeys(path for path, _query in self.requests))

    def serve(self, api_version: str) -> None:
        """Makes the API know all kinds of a group version."""
        for plural in PLURALS[api_version].values():
            self._items.setdefault(f"{_prefix(api_version)}/{plural}", [])

    def add(self, *objects: dict[str, t.Any]) -> None:
        for item in objects:
            self.serve(item["apiVersion"])
            self._items[f"{_prefix(item['apiVersion'])}/{PLURALS[item['apiVersion']][item['kind']]}"].append(item)

    def add_fixture(self, name: str) -> None:
        self.add(*load_fixture(name))

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, t.Any]]:
        self.requests.append((path, query))
        status = self.refuse.get(path) or self.refuse.get("*")
        if status:
            return status, {"kind": "Status", "message": f"refused {path}", "code": status}
        if path == "/version":
            return 200, {"gitVersion": "v1.33.13", "major": "1", "minor": "33"}
        if path == "/apis":
            return 200, {"kind": "APIGroupList", "groups": self._groups()}
        if path in self._items:
            return 200, self._page(self._items[path], int(query.get("continue", "0")))
        head, _mark, tail = path.partition("/namespaces/")
        namespace, _slash, plural = tail.partition("/")
        if f"{head}/{plural}" in self._items:
            own = [item for item in self._items[f"{head}/{plural}"] if item["metadata"].get("namespace") == namespace]
            return 200, self._page(own, int(query.get("continue", "0")))
        return self._by_name(path)

    def merge(self, path: str, query: dict[str, str], patch: dict[str, t.Any]) -> tuple[int, dict[str, t.Any]]:
        """A JSON merge patch; a dry run answers the same and keeps nothing."""
        status, found = self.answer(path, query)
        if status != 200:
            return status, found
        merged = _merged(found, patch)
        if query.get("dryRun") != "All":
            found.clear()
            found.update(merged)
        return 200, merged

    def merge_status(self, path: str, query: dict[str, str], patch: dict[str, t.Any]) -> tuple[int, dict[str, t.Any]]:
        """A strategic merge patch of the conditions in a status: an item replaces the one of its type."""
        status, found = self.answer(path, query)
        if status == 200 and query.get("dryRun") != "All":
            news = {item["type"]: item for item in patch["status"]["conditions"]}
            old = found["status"]["conditions"]
            old[:] = [news.pop(item["type"], item) for item in old] + list(news.values())
        return status, found

    def create(self, path: str, item: dict[str, t.Any]) -> tuple[int, dict[str, t.Any]]:
        """Keeps the object; one of that name that is there is a conflict."""
        if any(there["metadata"]["name"] == item["metadata"]["name"] for there in self._items.get(path, [])):
            return 409, {"kind": "Status", "message": "already exists", "code": 409}
        self._items[path].append(item)
        return 201, item

    def delete(self, path: str) -> tuple[int, dict[str, t.Any]]:
        """Takes the object out."""
        parent, _slash, name = path.rpartition("/")
        left = [item for item in self._items.get(parent, []) if item["metadata"]["name"] != name]
        status = 200 if len(left) < len(self._items.get(parent, [])) else 404
        self._items[parent] = left
        return status, {"kind": "Status", "code": status}

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _page(self, items: list[dict[str, t.Any]], start: int) -> dict[str, t.Any]:
        end = start + self.page_size
        # As the real one does: items of a list carry neither apiVersion nor kind.
        page = [{key: value for key, value in item.items() if key not in ("apiVersion", "kind")} for item in items[start:end]]
        return {"kind": "List", "metadata": {"continue": str(end)} if end < len(items) else {}, "items": page}

    def _groups(self) -> list[dict[str, t.Any]]:
        served = dict.fromkeys(path.split("/")[2] for path in self._items if path.startswith("/apis/"))
        versions = {name: [version for version in PLURALS if version.startswith(f"{name}/")] for name in served}
        return [
            {
                "name": name,
                "versions": [{"groupVersion": version, "version": version.partition("/")[2]} for version in versions[name]],
                "preferredVersion": {"groupVersion": versions[name][0], "version": versions[name][0].partition("/")[2]},
            }
            for name in served
        ]

    def _by_name(self, path: str) -> tuple[int, dict[str, t.Any]]:
        parent, _slash, name = path.rpartition("/")
        head, _mark, tail = parent.partition("/namespaces/")
        namespace, _slash, plural = tail.partition("/")
        for item in self._items.get(f"{head}/{plural}" if plural else parent, []):
            if (item["metadata"]["name"], item["metadata"].get("namespace")) == (name, namespace or None):
                return 200, item
        return 404, {"kind": "Status", "message": "the server could not find the requested resource", "code": 404}


def _prefix(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _merged(target: t.Any, patch: t.Any) -> t.Any:
    """RFC 7386: a null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = _merged(kept.get(key), value)
    return kept


def _handler(server: FakeApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            self._send(*server.answer(address.path, dict(parse_qsl(address.query))))

        def do_PATCH(self) -> None:
            address = urlsplit(self.path)
            patch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            query = dict(parse_qsl(address.query))
            if address.path.endswith("/status"):
                assert self.headers["Content-Type"] == "application/strategic-merge-patch+json"
                self._send(*server.merge_status(address.path[: -len("/status")], query, patch))
            else:
                assert self.headers["Content-Type"] == "application/merge-patch+json"
                self._send(*server.merge(address.path, query, patch))

        def do_POST(self) -> None:
            item = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send(*server.create(urlsplit(self.path).path, item))

        def do_DELETE(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self._send(*server.delete(urlsplit(self.path).path))

        def _send(self, status: int, body: dict[str, t.Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_words: object) -> None:
            """Tests are quiet."""

    return Handler


def load_fixture(name: str) -> list[dict[str, t.Any]]:
    return list(yaml.safe_load_all((FIXTURES / f"{name}.yml").read_text()))


@pytest.fixture(autouse=True)
def own_client_configuration() -> t.Iterator[None]:
    """A module is a process of its own; here, a kubeconfig that one test loads would stay the default of the next."""
    yield
    kubernetes.client.Configuration.set_default(None)


@pytest.fixture
def api_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[FakeApiServer]:
    # The client library keeps what it discovered in the temporary directory, by address: the next server on this port is another one.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    server = FakeApiServer()
    yield server
    server.close()


@pytest.fixture
def kubeconfig(api_server: FakeApiServer, tmp_path: Path) -> Path:
    """A kubeconfig of the API server."""
    path = tmp_path / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "lab",
                "clusters": [{"name": "lab", "cluster": {"server": api_server.url}}],
                "users": [{"name": "admin", "user": {"token": "secret"}}],
                "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "admin"}}],
            }
        )
    )
    return path


@pytest.fixture
def connect() -> t.Callable[..., t.Any]:
    """A client like that of a module with these options."""
    return lambda **options: kube_client.get_client(t.cast("t.Any", types.SimpleNamespace(params=options, no_log_values=set())))


def _support(name: str) -> t.Any:
    """A module of tests/support: the importlib mode of pytest puts no test folder on the path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[2] / "support" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def start_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[t.Callable[..., t.Any]]:
    """Starts a living cluster of the named nodes; see tests/support/living_cluster.py."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    running: list[t.Any] = []

    def start(*nodes: str) -> t.Any:
        running.append(_support("living_cluster").LivingCluster(nodes))
        return running[-1]

    yield start
    for cluster in running:
        cluster.close()


@pytest.fixture
def object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[t.Any]:
    """An API server that keeps what is written to it; see tests/support/object_store.py."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = _support("object_store").ObjectStore()
    yield store
    store.close()


@pytest.fixture
def policy_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[t.Any]:
    """The world of tests/support/netpol_cases.py in an API server; see tests/support/policy_cluster.py."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cluster = _support("policy_cluster").PolicyCluster()
    cluster.add(*_support("netpol_cases").world())
    yield cluster
    cluster.close()


@pytest.fixture
def measured_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[measured.MeasuredCluster]:
    """A cluster whose policies can be measured, with a small world; see tests/support/measured_cluster.py."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # Whoever was killed is found out at once.
    monkeypatch.setattr(lease, "SHORT", 0)
    monkeypatch.setattr(lease, "LASTS", 0.1)
    cluster = measured.MeasuredCluster()
    cluster.add(*measured.world())
    yield cluster
    cluster.close()


@pytest.fixture
def ready_policy_cluster(policy_cluster: t.Any) -> t.Any:
    """`policy_cluster` with nodes that are ready."""
    for item in policy_cluster.objects.values():
        if item["kind"] == "Node":
            item["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    return policy_cluster


@pytest.fixture
def report_cases() -> t.Any:
    """What the other modules return around a migration; see tests/support/report_cases.py."""
    return _support("report_cases")


@pytest.fixture
def plan_cases() -> t.Any:
    """What the other modules return in check mode before a migration; see tests/support/plan_cases.py."""
    return _support("plan_cases")
