# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster behind a real HTTP and WebSocket server on 127.0.0.1: controllers make pods, pods get addresses, commands run in pods.

What a test wants to go wrong, it says in ``answer`` (what a probe sees), ``spoil`` (what becomes of a pod), ``refuse``,
``ending`` and ``endless`` (how commands end).
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from tests.support import exec_stream

Object = dict[str, t.Any]
Answer = tuple[int, str]

KINDS = {
    "v1": {"Node": "nodes", "Namespace": "namespaces", "Pod": "pods", "Service": "services", "ServiceAccount": "serviceaccounts"},
    "apps/v1": {"DaemonSet": "daemonsets", "ReplicaSet": "replicasets"},
    "networking.k8s.io/v1": {"NetworkPolicy": "networkpolicies"},
    "crd.projectcalico.org/v1": {"IPPool": "ippools", "IPAMBlock": "ipamblocks"},
}
CLUSTER_WIDE = ("Node", "Namespace", "IPPool", "IPAMBlock")
TUNNEL = 250
GOOD, REFUSED, SILENT = (0, ""), (1, "REFUSED"), (1, "TIMEOUT")
_COMMAND = re.compile(r"^(http|connect|route) (\d+) (.+) &$", re.MULTILINE)


class LivingCluster:
    """Calico's pool is 10.9.0.0/24; a pod's address below 10.9. was given by its address management, any other one was not.

    10.9.0.250 is the end of a node's tunnel.
    """

    def __init__(self, nodes: t.Sequence[str]) -> None:
        self.objects: dict[str, Object] = {}
        self.log: list[tuple[str, str]] = []
        self.refuse: dict[tuple[str, str], int] = {}
        self.answer: t.Callable[[LivingCluster, Object, str, str], Answer | None] = lambda *_: None
        self.spoil: t.Callable[[Object], None] = lambda _pod: None
        self.ending = exec_stream.SUCCESS
        self.endless = False
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        for number, name in enumerate(nodes, 1):
            self.add(_node(name, f"192.0.2.{number}"))
        self.add(
            _agent(len(nodes)),
            {"apiVersion": "crd.projectcalico.org/v1", "kind": "IPPool", "metadata": {"name": "pool"}, "spec": {"cidr": "10.9.0.0/24"}},
        )
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"cluster": self}))
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def add(self, *objects: Object) -> None:
        """Puts objects there as they are; no controller looks at them."""
        for item in objects:
            item["metadata"].setdefault("uid", f"uid-{next(self._numbers)}")
            self.objects[_path(item)] = item

    def of_kind(self, kind: str, namespace: str = "") -> list[Object]:
        return [item for item in self.objects.values() if item["kind"] == kind and namespace in ("", item["metadata"].get("namespace"))]

    def pod_at(self, address: str) -> Object | None:
        return next((pod for pod in self.of_kind("Pod") if pod["status"].get("podIP") == address), None)

    def new_pod(self, namespace: str, name: str, node: str, owner: tuple[str, str] | None = None, **more: t.Any) -> Object:
        """A pod as it is when kubelet and Calico have done their work."""
        spec = {"nodeName": node, **more.get("spec", {})}
        address = self.objects[f"/api/v1/nodes/{node}"]["status"]["addresses"][0]["address"]
        address = address if spec.get("hostNetwork") else f"10.9.0.{next(self._numbers)}"
        owners = [{"kind": owner[0], "name": owner[1], "controller": True}] if owner else []
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"namespace": namespace, "name": name, "labels": more.get("labels", {}), "ownerReferences": owners},
            "spec": spec,
            "status": {"phase": "Running", "podIP": more.get("address", address), "conditions": [{"type": "Ready", "status": "True"}]},
        }
        self.spoil(pod)
        self.add(pod)
        return pod

    # --- What the server asks of the cluster -----------------------------------------------------------------------------

    def handle(self, method: str, path: str, body: Object) -> tuple[int, Object]:
        with self._lock:
            self.log.append((method, path))
            status = self.refuse.get((method, path), 0)
            if status:
                return status, _status(status, f"refused {path}")
            if method == "POST":
                return 201, self._create(body)
            if method == "DELETE":
                return self._delete(path, body)
            return self._get(path)

    def execute(self, path: str, script: str) -> str:
        """What the probes of the script print in the pod."""
        pod = self.objects[path]
        with self._lock:
            said = [(number, self._probe(pod, kind, target.strip("'"))) for kind, number, target in _COMMAND.findall(script)]
        return "".join(f"podnet-probe\t{number}\t{status}\t{text}\n" for number, (status, text) in said)

    def _probe(self, pod: Object, kind: str, target: str) -> Answer:
        told = self.answer(self, pod, kind, target)
        if told is not None:
            return told
        if kind == "route":
            return 0, "cali0123456789a"
        if kind == "connect":
            listener = self.pod_at(target.partition(":")[0])
            denied = self.of_kind("NetworkPolicy") and listener and listener["metadata"]["name"] == "sentinel"
            return SILENT if denied else GOOD
        return 0, f"{pod['status']['podIP']}:40000" if target.endswith("/clientip") else self.of_kind("Pod", "podnet-verification")[0][
            "metadata"
        ]["name"]

    def _get(self, path: str) -> tuple[int, Object]:
        found = self.objects.get(path) or self._discovery(path)
        if found is not None:
            return 200, found
        if path == "/apis/crd.projectcalico.org/v1/ipamblocks":
            return 200, {"items": [self._block()], "metadata": {}}
        plural = path.rpartition("/")[2]
        kinds = {plural: kind for kinds in KINDS.values() for kind, plural in kinds.items()}
        kinds |= {"events": "Event"}
        if plural not in kinds or "/namespaces/" in path.rpartition("/namespaces/")[2]:
            return 404, _status(404, f"no {path}")
        namespace = path.partition("/namespaces/")[2].partition("/")[0] if "/namespaces/" in path else ""
        return 200, {"items": self.of_kind(kinds[plural], namespace), "metadata": {}}

    def _create(self, item: Object) -> Object:
        metadata = item["metadata"]
        self.add(item)
        if item["kind"] == "Namespace":
            account = {"metadata": {"name": "default", "namespace": metadata["name"]}}
            self.add({"apiVersion": "v1", "kind": "ServiceAccount", **account})
        if item["kind"] == "Service":
            item["spec"]["clusterIP"] = f"10.96.0.{next(self._numbers)}"
            if item["spec"].get("type") == "NodePort":
                item["spec"]["ports"][0]["nodePort"] = 30080
        if item["kind"] == "DaemonSet":
            template = item["spec"]["template"]
            for node in self.of_kind("Node"):
                name = f"{metadata['name']}-{node['metadata']['name']}"
                labels, spec = template["metadata"]["labels"], template["spec"]
                self.new_pod(
                    metadata["namespace"], name, node["metadata"]["name"], ("DaemonSet", metadata["name"]), labels=labels, spec=spec
                )
        if item["kind"] == "Pod":
            self.new_pod(metadata["namespace"], metadata["name"], item["spec"]["nodeName"], labels=metadata["labels"], spec=item["spec"])
        return item

    def _delete(self, path: str, options: Object) -> tuple[int, Object]:
        found = self.objects.get(path)
        if found is None:
            return 404, _status(404, f"no {path}")
        wanted = options.get("preconditions", {}).get("uid", found["metadata"]["uid"])
        if wanted != found["metadata"]["uid"]:
            return 409, _status(409, "another uid")
        del self.objects[path]
        if found["kind"] == "Namespace":
            self.objects = {
                key: item
                for key, item in self.objects.items()
                if not key.startswith(f"{path}/") and f"{path.removeprefix('/api/v1')}/" not in key
            }
        if found["kind"] == "DaemonSet":  # as the garbage collector: its pods go with it
            owner = {"kind": "DaemonSet", "name": found["metadata"]["name"], "controller": True}
            owned = {key for key, item in self.objects.items() if owner in item["metadata"].get("ownerReferences", [])}
            self.objects = {key: item for key, item in self.objects.items() if key not in owned}
        if found["kind"] == "Pod" and found["metadata"]["ownerReferences"]:
            owner = found["metadata"]["ownerReferences"][0]
            name = f"{owner['name']}-{next(self._numbers)}"
            more = {"labels": found["metadata"]["labels"]}
            self.new_pod(found["metadata"]["namespace"], name, found["spec"]["nodeName"], (owner["kind"], owner["name"]), **more)
        return 200, _status(200, "")

    def _block(self) -> Object:
        attributes: list[Object] = [{"handle_id": "vxlan-tunnel-addr-n1", "secondary": {"node": "n1", "type": "vxlanTunnelAddress"}}]
        allocations: list[int | None] = [0 if number == TUNNEL else None for number in range(256)]
        for pod in self.of_kind("Pod"):
            network, _dot, number = pod["status"].get("podIP", "").rpartition(".")
            if network == "10.9.0" and int(number) != TUNNEL:
                allocations[int(number)] = len(attributes)
                attributes.append({"secondary": {"namespace": pod["metadata"]["namespace"], "pod": pod["metadata"]["name"]}})
        spec = {"cidr": "10.9.0.0/24", "affinity": "host:n1", "allocations": allocations, "attributes": attributes}
        return {"metadata": {"name": "block"}, "spec": spec}

    def _discovery(self, path: str) -> Object | None:
        if path == "/version":
            return {"gitVersion": "v1.33.13", "major": "1", "minor": "33"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            versions = [{"groupVersion": group, "version": group.partition("/")[2]} for group in KINDS if group != "v1"]
            return {
                "kind": "APIGroupList",
                "groups": [{"name": one["groupVersion"].partition("/")[0], "versions": [one], "preferredVersion": one} for one in versions],
            }
        kinds = KINDS.get(path.removeprefix("/apis/").removeprefix("/api/"))
        resources = [_resource(kind, plural) for kind, plural in (kinds or {}).items()]
        return {"kind": "APIResourceList", "resources": resources} if kinds else None


def _resource(kind: str, plural: str) -> Object:
    verbs = ["create", "delete", "get", "list"]
    return {"kind": kind, "name": plural, "singularName": kind.lower(), "namespaced": kind not in CLUSTER_WIDE, "verbs": verbs}


def _node(name: str, address: str) -> Object:
    status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [{"type": "InternalIP", "address": address}],
        "nodeInfo": {"operatingSystem": "linux", "architecture": "amd64"},
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {}}, "spec": {}, "status": status}


def _agent(count: int) -> Object:
    spec = {"template": {"spec": {"containers": [{"name": "calico-node", "image": "quay.io/calico/node:v3.31.0"}]}}}
    metadata = {"name": "calico-node", "namespace": "kube-system"}
    status = {"desiredNumberScheduled": count, "numberReady": count}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec, "status": status}


def _path(item: Object) -> str:
    version, namespace = item["apiVersion"], item["metadata"].get("namespace")
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    middle = f"/namespaces/{namespace}" if namespace else ""
    plural = KINDS.get(version, {}).get(item["kind"], f"{item['kind'].lower()}s")
    return f"{prefix}{middle}/{plural}/{item['metadata']['name']}"


def _status(code: int, message: str) -> Object:
    return {"kind": "Status", "code": code, "message": message}


class _Handler(BaseHTTPRequestHandler):
    cluster: t.ClassVar[LivingCluster]
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: else the kernel holds the second back for 40 ms.
    wbufsize = -1

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if exec_stream.is_asked(self):
            self._websocket(address.path.removesuffix("/exec"), [value for key, value in parse_qsl(address.query) if key == "command"])
        else:
            self._reply("GET")

    def do_POST(self) -> None:
        self._reply("POST")

    def do_DELETE(self) -> None:
        self._reply("DELETE")

    def _reply(self, method: str) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        status, answer = self.cluster.handle(method, urlsplit(self.path).path, body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _websocket(self, pod: str, command: list[str]) -> None:
        refused = self.cluster.refuse.get(("EXEC", pod))
        if refused:
            self.send_error(refused)
            return
        exec_stream.accept(self)
        exec_stream.say(self, self.cluster.execute(pod, command[-1]))
        if self.cluster.endless:
            self.rfile.read(1)  # ends when the client has had enough
            return
        exec_stream.end(self, self.cluster.ending)

    def log_message(self, *_words: object) -> None:
        """Tests are quiet."""
