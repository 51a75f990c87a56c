# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts the connectivity probe into a cluster, fetches what it read, and takes it out again.

Private: may change at any time.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import connectivity, continuity, objects, unreadiness
from ansible_collections.podnet.cni.plugins.module_utils._cni.canaries import COMPONENT
from ansible_collections.podnet.cni.plugins.module_utils._kube import canary, execute, namespaces
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline

_PLURALS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Service": "/api/v1/namespaces/{}/services",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
}
#: Seconds the API server has for what takes it a moment.
_MOMENT = 90
#: Seconds in which a node must have sent its readings, and in which it must have removed them.
_READ_SECONDS = 120
_CLEAR_SECONDS = 20
#: Nodes that are read at the same time.
_PARALLEL = 16
_MOST_NAMED = 10


@dataclasses.dataclass(frozen=True)
class Running:
    """What is in the cluster before anything is changed."""

    namespace: t.Optional[objects.Raw]

    @property
    def until(self) -> int:
        """When the probe that is there ends, in seconds since 1970; 0 when there is none, or it is going, or does not say."""
        if self.namespace is None or namespaces.is_going(self.namespace):
            return 0
        said = (objects.metadata(self.namespace).get("annotations") or {}).get(connectivity.UNTIL, "")
        return int(said) if said.isdigit() else 0


def look(client: t.Any, namespace: str) -> Running:
    """The namespace, if it is there. One that is not ours is an error."""
    return Running(namespaces.find(Api(client), namespace))


def find_app(client: t.Any, wanted: t.Mapping[str, t.Any]) -> connectivity.App:
    """The user's Service: its address in the cluster, and the wanted port or else its first TCP port."""
    service = canary.find_service(client, wanted["namespace"], wanted["name"])
    ports = [entry.port for entry in service.ports]
    port = wanted["port"]
    where = f"Service {service.namespace}/{service.name}"
    if not service.cluster_ip or not ports:
        lacks = "TCP port" if service.cluster_ip else "address in the cluster"
        raise _errors.BadInputError(f"it has no {lacks}", where, "Name one that has, or leave it out.")
    if port and port not in ports:
        raise _errors.BadInputError(
            f"it has no TCP port {port}, but {', '.join(map(str, ports))}", where, "Name one of these, or leave the port out."
        )
    return connectivity.App(service.namespace, service.name, service.cluster_ip, port or ports[0], wanted["protocol"], wanted["path"])


def changes(client: t.Any, settings: connectivity.Settings, running: Running) -> t.Tuple[str, ...]:
    """What `apply` would do, in its order, without doing any of it."""
    if running.namespace is None or namespaces.is_going(running.namespace):
        return tuple(f"create {_name(definition)}" for definition in connectivity.listing(settings))
    api = Api(client)
    early = (connectivity.namespace(settings), *connectivity.foundation(settings))
    service = api.item(_path(early[-1]))
    late = connectivity.workloads(settings, *_given(service)) if service else connectivity.workloads(settings, "", 0)
    return tuple(filter(None, (_change(api, definition) for definition in (*early, *late))))


def apply(client: t.Any, settings: connectivity.Settings, deadline: Deadline) -> None:
    """Creates what is missing and changes what is not as it should be."""
    api = Api(client)
    namespaces.await_removal(api, settings.namespace, deadline)
    _put(api, connectivity.namespace(settings))
    # Until the namespace has its default service account, pods in it are refused.
    account = f"/api/v1/namespaces/{settings.namespace}/serviceaccounts/default"
    deadline.poll(lambda: api.item(account), lambda seen: seen is not None)
    for definition in connectivity.foundation(settings):
        service = _put(api, definition)
    for definition in connectivity.workloads(settings, *_given(service)):
        _put(api, definition)


def wait_ready(client: t.Any, settings: connectivity.Settings, deadline: Deadline) -> t.Tuple[str, ...]:
    """Waits until every pod is ready; returns the nodes. The pods on the hosts' network are when they know where the others are.

    A node that is itself not ready holds up nothing.
    """
    api = Api(client)
    path = _PLURALS["DaemonSet"].format(settings.namespace)
    excused = sum(not node.ready for node in map(objects.node, api.items("/api/v1/nodes") or []))

    def _done(daemon_sets: t.Sequence[objects.Raw]) -> bool:
        return len(daemon_sets) == 2 and all(_is_rolled_out(daemon_set, excused) for daemon_set in daemon_sets)

    found = deadline.poll(lambda: api.items(path) or [], _done)
    pods = api.items(f"/api/v1/namespaces/{settings.namespace}/pods") or []
    if _done(found):
        return tuple(sorted({pod.node for pod in map(objects.pod, pods) if pod.ready}))
    events = api.items(f"/api/v1/namespaces/{settings.namespace}/events") or ()
    raise _errors.ClusterError(
        f"not all pods are ready after {deadline.seconds:.0f} s: {_why(pods, events)}",
        f"namespace {settings.namespace}",
        "Repair what they say and run this again, or remove the probe with state=absent.",
    )


def read(client: t.Any, namespace: str) -> t.Tuple[continuity.Reading, ...]:
    """The readings of every node. They come by way of the pods on the hosts' network, so a broken pod network hides none."""
    command = connectivity.read_command(connectivity.directory(namespace))
    return _on_each_host(client, namespace, lambda node, pod: _read(client, namespace, node, pod, command))


def remove(client: t.Any, settings: connectivity.Settings, deadline: Deadline) -> t.Mapping[str, str]:
    """The probing pods first, so that nobody writes any more; then the readings on the nodes; then all the rest.

    Returns the nodes whose readings are still there, and why.
    """
    api = Api(client)
    running = look(client, settings.namespace)
    if running.namespace is None:
        return {}
    probe = next(definition for definition in connectivity.workloads(settings, "", 0) if _short(definition) == connectivity.PROBE)
    if api.delete(objects.reference(probe)):
        deadline.poll(lambda: _pods_of(api, settings.namespace, connectivity.PROBE), lambda pods: not pods)
    command = connectivity.clear_command(settings)
    cleared = dict(_on_each_host(client, settings.namespace, lambda node, pod: (node, _clear(client, settings.namespace, pod, command))))
    namespaces.remove(api, running.namespace, deadline)
    return {node: why for node, why in sorted(cleared.items()) if why}


_Result = t.TypeVar("_Result")


def _on_each_host(client: t.Any, namespace: str, ask: t.Callable[[str, str], _Result]) -> t.Tuple[_Result, ...]:
    pods = [objects.pod(raw) for raw in _pods_of(Api(client), namespace, connectivity.HOST)]
    places = sorted({pod.node: pod.name for pod in sorted(pods, key=lambda pod: pod.ready)}.items())
    if not places:
        return ()
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(_PARALLEL, len(places))) as pool:
        return tuple(pool.map(lambda place: ask(*place), places))


def _read(client: t.Any, namespace: str, node: str, pod: str, command: t.List[str]) -> continuity.Reading:
    before = time.time()
    output = execute.execute(client, namespace, pod, command, _READ_SECONDS, container=connectivity.PROBER)
    return continuity.Reading(node, output.text, before, time.time(), output.problem)


def _clear(client: t.Any, namespace: str, pod: str, command: t.List[str]) -> str:
    """Why the directory is still there, or nothing."""
    output = execute.execute(client, namespace, pod, command, _CLEAR_SECONDS, container=connectivity.PROBER)
    return "" if output.text.strip() == "removed" else output.problem or output.text.strip() or "nothing was said"


def _pods_of(api: Api, namespace: str, component: str) -> t.List[objects.Raw]:
    pods = api.items(f"/api/v1/namespaces/{namespace}/pods") or []
    return [pod for pod in pods if (objects.metadata(pod).get("labels") or {}).get(COMPONENT) == component]


def _put(api: Api, definition: objects.Raw) -> objects.Raw:
    """Makes the object as it is defined, and returns it as the server keeps it."""
    path = _path(definition)
    found = api.item(path)
    if found is None:
        return api.create(definition)
    if _mark(found) == _mark(definition):
        return found
    api.patch(objects.reference(definition), definition)
    return api.item(path) or definition


def _change(api: Api, definition: objects.Raw) -> str:
    found = api.item(_path(definition))
    if found is None:
        return f"create {_name(definition)}"
    return "" if _mark(found) == _mark(definition) else f"change {_name(definition)}"


def _mark(item: objects.Raw) -> str:
    return str((objects.metadata(item).get("annotations") or {}).get(connectivity.DEFINITION, ""))


def _given(service: objects.Raw) -> t.Tuple[str, int]:
    """The address and the node port that a Service was given."""
    spec = service["spec"]
    return spec["clusterIP"], spec["ports"][0]["nodePort"]


def _path(definition: objects.Raw) -> str:
    metadata = objects.metadata(definition)
    return f"{_PLURALS[definition['kind']].format(metadata.get('namespace', ''))}/{metadata['name']}"


def _name(definition: objects.Raw) -> str:
    return f"{definition['kind']} {_short(definition)}"


def _short(definition: objects.Raw) -> str:
    return str(objects.metadata(definition)["name"])


def _is_rolled_out(daemon_set: objects.Raw, excused: int) -> bool:
    status = daemon_set.get("status") or {}
    desired = status.get("desiredNumberScheduled", 0)
    seen = status.get("observedGeneration", 0) >= objects.metadata(daemon_set).get("generation", 0)
    there = min(status.get("updatedNumberScheduled", 0), status.get("numberReady", 0))
    return bool(seen and desired and there + excused >= desired)


def _why(pods: t.Sequence[objects.Raw], events: t.Sequence[objects.Raw]) -> str:
    waiting = [raw for raw in pods if not objects.pod(raw).ready]
    if not waiting:
        told = unreadiness.warnings_about(connectivity.PROBE, events) or unreadiness.warnings_about(connectivity.HOST, events)
        return f"not all pods were created{f' ({told[-1]})' if told else ''}"
    named = [
        f"{pod.name} on {pod.node or 'no node'}: {unreadiness.reason(raw, unreadiness.warnings_about(pod.name, events))}"
        for raw, pod in ((raw, objects.pod(raw)) for raw in waiting[:_MOST_NAMED])
    ]
    return "; ".join(named) + (f" and {len(waiting) - _MOST_NAMED} more" if len(waiting) > _MOST_NAMED else "")
