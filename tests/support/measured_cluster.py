# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster whose NetworkPolicies can be measured: pods run once they are made, and connect as the policies in it say.

What a test wants to go wrong, it says in ``fate`` and ``fate_inside`` (what becomes of pods and of containers in users' pods), ``may``
(rights), ``grace`` (how long what was deleted stays), ``surprise`` (what a connection shows), ``spoil`` (what arrives of it), or, ahead of
any request, in ``before``.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import time
import typing as t
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlsplit

from ansible_collections.podnet.cni.plugins.module_utils._kube import lease
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Clock
from ansible_collections.podnet.cni.plugins.module_utils._netpol import DENY, load
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent
from tests.support import exec_stream, netpol_cases
from tests.support.object_store import Object
from tests.support.policy_cluster import PLURALS, PolicyCluster

SILENT = agent.Reading((agent.SILENT, agent.SILENT), 1000)
ANSWERED = agent.Reading((agent.ANSWERED,), 2)
REFUSED = agent.Reading((agent.REFUSED, agent.REFUSED), 1)
#: Whoever holds a Lease is a process that is gone.
HOLDER = lease.Holder("tests", lambda _name: False)
RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
#: Where the addresses are of pods that are made.
_PODS = "10.9."
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_NAMESPACED = re.compile(r"/(api/v1|apis/[^/]+/[^/]+)/namespaces/[^/]+/[a-z]+")
_AGENTS = {
    "calico": {"name": "calico-node", "image": "quay.io/calico/node:v3.31.0"},
    "flannel": {"name": "kube-flannel", "command": ["/opt/bin/flanneld"]},
}


@dataclasses.dataclass(frozen=True)
class Execution:
    """A command that was run in a pod: ``pod`` as namespace/name."""

    pod: str
    container: str
    words: tuple[str, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """PROTOCOL/PORT/ADDRESS/NAME of each target; none if it is no command that connects."""
        return self.words[4:] if self.words[3:4] == ("connect",) else ()


def hasty() -> Clock:
    """A clock on which waiting takes no time."""
    skipped = [0.0]

    def sleep(seconds: float) -> None:
        skipped[0] += seconds

    return Clock(lambda: time.monotonic() + skipped[0], sleep)


def waiting(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def pod_status(phase: str, state: Object | None = None, address: str = "") -> Object:
    """``state``: of its one container."""
    containers = [{"name": "main", "ready": phase == "Running", "state": state}] if state else []
    return {"phase": phase, "podIPs": [{"ip": address}] if address else [], "containerStatuses": containers}


def world() -> list[Object]:
    """Ready nodes n1 and n2, pods x/a, x/b and y/c, and a policy: nobody reaches x/a, but x/b on TCP/80.

    These are three kinds of pods, and six shadows: podnet-probe-0 to -3 in x and -4, -5 in y, the even ones on n1.
    """
    allowed = netpol_cases.ingress({"podSelector": netpol_cases.named("b")}, ports=[{"port": 80}])
    return [
        node("n1", netpol_cases.N1),
        node("n2", netpol_cases.N2),
        netpol_cases.namespace("x"),
        netpol_cases.namespace("y"),
        netpol_cases.pod("x/a", "10.0.0.1", on="n1"),
        netpol_cases.pod("x/b", "10.0.0.2"),
        netpol_cases.pod("y/c", "10.0.0.3"),
        netpol_cases.policy(netpol_cases.named("a"), name="web", ingress=[allowed]),
    ]


def node(name: str, address: str, ready: bool = True) -> Object:
    made = netpol_cases.node(name, address)
    made["status"]["conditions"] = [{"type": "Ready", "status": "True" if ready else "False"}]
    return made


class MeasuredCluster(PolicyCluster):
    """Made pods have addresses below 10.9. Other addresses that are no pod's answer wherever policies allow it."""

    def __init__(self) -> None:
        super().__init__()
        #: Whether a connection that policies deny is denied.
        self.enforces = True
        #: The status of a pod that is created; None lets it run.
        self.fate: t.Callable[[Object], Object | None] = lambda _pod: None
        #: The state of a container that is added to the pod (namespace/name).
        self.fate_inside: t.Callable[[str], Object] = lambda _pod: RUNNING
        #: Whether one has a right, as `rights` has it.
        self.may: t.Callable[[str], bool] = lambda _right: True
        #: What a connection from a pod to a pod or address on a port shows instead of what policies say; None leaves it to them.
        self.surprise: t.Callable[[str, str, str], agent.Reading | None] = lambda _source, _target, _port: None
        #: What arrives of an output, and the kubelet's word on how the command ended.
        self.spoil: t.Callable[[Execution, str], tuple[str, str]] = lambda _run, output: (output, exec_stream.SUCCESS)
        #: Seconds for which a pod or namespace that was deleted is still there.
        self.grace = 0.0
        #: Nodes that do not end their pods, however long one waits.
        self.deaf: set[str] = set()
        #: The rights that were asked for, as "verb resource/part.group in namespace".
        self.rights: list[str] = []
        self.executions: list[Execution] = []
        self._gone: dict[str, float] = {}
        self._addresses = itertools.count(1)
        self._http.RequestHandlerClass = type("Handler", (_Handler, self._http.RequestHandlerClass), {})
        self.run_cni("calico")

    def run_cni(self, name: str) -> None:
        """``name``: calico, or flannel, which enforces nothing."""
        daemonset = netpol_cases.workload("kube-system/DaemonSet/cni", {})
        daemonset["spec"]["template"]["spec"]["containers"] = [_AGENTS[name]]
        self.add(daemonset)
        self.enforces = name != "flannel"

    def pods(self) -> dict[str, Object]:
        """Its pods by ``namespace/name``."""
        return {f"{item['metadata']['namespace']}/{item['metadata']['name']}": item for item in self._of("Pod")}

    def namespaces(self) -> set[str]:
        return {item["metadata"]["name"] for item in self._of("Namespace")}

    def remove_pod(self, reference: str) -> None:
        """Deletes the pod as somebody else would."""
        namespace, _, name = reference.partition("/")
        del self.objects[f"/api/v1/namespaces/{namespace}/pods/{name}"]

    def _of(self, kind: str) -> t.Iterator[Object]:
        return (item for item in list(self.objects.values()) if item["kind"] == kind)

    # --- Objects ---------------------------------------------------------------------------------------------------------

    def handle(self, method: str, path: str, query: dict[str, str], body: Object) -> tuple[int, Object]:
        # Asking for a right changes nothing.
        return self._review(body) if path == _REVIEWS else super().handle(method, path, query, body)

    def _review(self, body: Object) -> tuple[int, Object]:
        asked = body["spec"]["resourceAttributes"]
        part = f"/{asked['subresource']}" if asked["subresource"] else ""
        group = f".{asked['group']}" if asked["group"] else ""
        right = f"{asked['verb']} {asked['resource']}{part}{group}" + (f" in {asked['namespace']}" if asked["namespace"] else "")
        self.rights.append(right)
        return 201, {**body, "status": {"allowed": self.may(right)}}

    def _get(self, path: str, body: Object) -> tuple[int, Object]:
        self._collect_gone()
        status, answer = self._inside(path) if _NAMESPACED.fullmatch(path) else super()._get(path, body)
        if "items" in answer:
            answer = {**answer, "items": _selected(answer["items"], self.query.get("labelSelector", ""))}
        return status, answer

    def _inside(self, collection: str) -> tuple[int, Object]:
        """A list of one namespace."""
        own = [item for place, item in self.objects.items() if place.rpartition("/")[0] == collection]
        return 200, {"kind": "List", "metadata": {}, "items": own}

    def _post(self, collection: str, body: Object) -> tuple[int, Object]:
        namespace = body["metadata"].get("namespace")
        if namespace and namespace not in self.namespaces():
            return 404, {"kind": "Status", "code": 404, "message": f'namespaces "{namespace}" not found'}
        if body["kind"] == "Pod":
            body["status"] = self.fate(body) or self.running()
        if body["kind"] == "Namespace":
            name = body["metadata"]["name"]
            account = {"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}
            self.put(f"{collection}/{name}/serviceaccounts/default", account)
        return super()._post(collection, body)

    def running(self) -> Object:
        """The status of a pod that runs, with an address of its own."""
        return pod_status("Running", RUNNING, f"{_PODS}0.{next(self._addresses)}")

    def _patch(self, path: str, body: Object) -> tuple[int, Object]:
        if "fieldManager" in self.query:
            return super()._patch(path, body)
        pod = path.removesuffix("/ephemeralcontainers")
        if pod not in self.objects:
            return 404, {"kind": "Status", "code": 404, "message": "not found"}
        return self._merge(path, body) if pod == path else self._attach(pod, body)

    def _merge(self, path: str, change: Object) -> tuple[int, Object]:
        before = self.objects[path]
        version = change.get("metadata", {}).get("resourceVersion")
        if version and version != before["metadata"]["resourceVersion"]:
            return 409, {"kind": "Status", "code": 409, "message": "the object has been modified"}
        self.put(path, _merged(before, change))
        return 200, self.objects[path]

    def _attach(self, path: str, change: Object) -> tuple[int, Object]:
        pod = self.objects[path]
        reference = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        for container in change["spec"]["ephemeralContainers"]:
            pod["spec"].setdefault("ephemeralContainers", []).append(container)
            told = {"name": container["name"], "state": self.fate_inside(reference)}
            pod["status"].setdefault("ephemeralContainerStatuses", []).append(told)
        return 200, pod

    def _delete(self, path: str, body: Object) -> tuple[int, Object]:
        found = self.objects.get(path)
        status, answer = super()._delete(path, body)
        if status != 200 or found is None:
            return status, answer
        going = [(path, found)] if found["kind"] in ("Pod", "Namespace") else []
        if found["kind"] == "Namespace":
            inside = f"/namespaces/{found['metadata']['name']}/"
            owned = [place for place, item in self.objects.items() if inside in place or _is_owned(item, found["metadata"]["uid"])]
            going += [(place, item) for place in owned if (item := self.objects.pop(place))["kind"] == "Pod"]
        for place, item in going:
            grace = self._grace_of(item, body.get("gracePeriodSeconds"))
            if not grace:
                continue
            self._gone.setdefault(place, time.monotonic() + grace)
            self.objects[place] = {**item, "metadata": {**item["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
        return status, answer

    def _grace_of(self, item: Object, asked: int | None) -> float:
        """Seconds for which it stays."""
        if item["metadata"].get("finalizers"):
            return float("inf")
        if asked == 0:
            return 0.0
        return float("inf") if item.get("spec", {}).get("nodeName") in self.deaf else self.grace

    def _collect_gone(self) -> None:
        for path in [path for path, end in self._gone.items() if end < time.monotonic()]:
            self._gone.pop(path)
            self.objects.pop(path, None)

    # --- Commands in pods ------------------------------------------------------------------------------------------------

    def execute(self, path: str, container: str, words: tuple[str, ...]) -> tuple[int, str, str]:
        """The status of a refusal, or else 0, what arrives of the output, and how the command ended."""
        self.log.append(("EXEC", path))
        status = self.before("EXEC", path)
        if status:
            return status, "", ""
        with self._lock:
            pod = self.objects.get(path)
            if pod is None:
                return 404, "", ""
            if not _is_running(pod, container):
                return 400, "", ""
            run = Execution(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}", container, words)
            self.executions.append(run)
            output = self._connect(run) if run.targets else self._end(pod, container)
        return (0, *self.spoil(run, output))

    def _end(self, pod: Object, container: str) -> str:
        """A command that does not connect ends its container."""
        for told in pod["status"].get("ephemeralContainerStatuses", []):
            if told["name"] == container:
                told["state"] = {"terminated": {"exitCode": 0}}
        return ""

    def _connect(self, run: Execution) -> str:
        matrix = load([item for item in self.objects.values() if item["kind"] in PLURALS]).matrix([])
        by_address = {one["ip"]: reference for reference, pod in self.pods().items() for one in pod["status"].get("podIPs", [])}
        lines = []
        for number, target in enumerate(run.targets):
            protocol, port, rest = target.split("/", 2)
            address, _, name = rest.rpartition("/")
            end = by_address.get(address, address)
            denied = self.enforces and matrix.verdict(run.pod, end, f"{protocol}/{port}") == DENY
            foreseen = SILENT if denied else self._answer(end, protocol, int(port), name)
            seen = self.surprise(run.pod, end, f"{protocol}/{port}") or foreseen
            lines.append(f"podnet {number} {','.join(seen.words)} {seen.milliseconds} {seen.text}\n")
        return "".join(lines)

    def _answer(self, end: str, protocol: str, port: int, name: str) -> agent.Reading:
        """Whether something listens, and whether that is who was meant."""
        pod = self.pods().get(end)
        if pod is None:
            return SILENT if end.startswith(_PODS) else ANSWERED
        if (protocol, port) not in _listened(pod):
            return REFUSED
        said = pod["metadata"]["name"]
        return ANSWERED if name in ("-", said) else agent.Reading((agent.WRONG,), 2, said)


def _selected(items: t.Iterable[Object], selector: str) -> list[Object]:
    """Those with all of the labels (KEY=VALUE,...), in the order of their names, as the real one lists them."""
    wanted = {tuple(pair.split("=", 1)) for pair in selector.split(",") if pair}
    found = [item for item in items if wanted <= set(item["metadata"].get("labels", {}).items())]
    return sorted(found, key=lambda item: (item["metadata"].get("namespace", ""), item["metadata"]["name"]))


def _is_owned(item: Object, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences", []))


def _is_running(pod: Object, container: str) -> bool:
    """Whether the pod has that container, in which something can be run."""
    status = pod["status"]
    inside = {told["name"]: told["state"] for told in status.get("ephemeralContainerStatuses", [])}
    own = {one["name"] for one in pod["spec"]["containers"]} if status["phase"] == "Running" else set()
    return container in own or "running" in inside.get(container, {})


def _listened(pod: Object) -> set[tuple[str, int]]:
    """What the command of a shadow names; of another pod the ports that it declares."""
    container = pod["spec"]["containers"][0]
    words = container.get("command", [])[5:]
    if words:
        plain = [int(word) for word in words if word.isdecimal()]
        sctp = {("SCTP", int(word.removeprefix("sctp-"))) for word in words if not word.isdecimal()}
        return {(protocol, number) for protocol in ("TCP", "UDP") for number in plain} | sctp
    return {(port["protocol"], port["containerPort"]) for port in container["ports"]}


def _merged(target: t.Any, change: t.Any) -> t.Any:
    """RFC 7386: a null removes, objects merge, everything else replaces."""
    if not isinstance(change, dict):
        return change
    kept = dict(target) if isinstance(target, dict) else {}
    merged = {key: _merged(kept.get(key), value) for key, value in change.items()}
    return {key: value for key, value in {**kept, **merged}.items() if value is not None}


class _Handler(BaseHTTPRequestHandler):
    store: t.ClassVar[MeasuredCluster]
    protocol_version = "HTTP/1.1"
    # A list of pods is more than one write: else the kernel holds the second back for 40 ms.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if not exec_stream.is_asked(self):
            self._reply("GET")  # type: ignore[attr-defined]  # of the class it is mixed into
            return
        address = urlsplit(self.path)
        query = parse_qsl(address.query, keep_blank_values=True)
        words = tuple(value for key, value in query if key == "command")
        status, output, ending = self.store.execute(address.path.removesuffix("/exec"), dict(query).get("container", ""), words)
        if status:
            self.send_error(status)
            return
        exec_stream.accept(self)
        exec_stream.say(self, output)
        exec_stream.end(self, ending)
