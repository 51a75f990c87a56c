# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects of a connectivity probe: a pod and a pod on the host's network for every node, and what they need.

Pure: no I/O. ``_kube.connectivity`` creates and removes them; ``continuity`` makes sense of what the pods write.
Everything lives in one namespace, and the readings in one directory of each node, so removing these two removes all.
Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import prober
from ansible_collections.podnet.cni.plugins.module_utils._cni.canaries import COMPONENT, MANAGED_BY, MANAGER

#: Values of the component label, which are also the names of the DaemonSets and the beginning of their pods' names.
PROBE = "probe"
HOST = "host"
#: The headless Service whose EndpointSlices say where all pods are.
PEERS = "peers"
#: The container that measures, in the pods of both DaemonSets, and the one that reads where the others are.
PROBER = "prober"
WATCHER = "watcher"
LISTENER = "listener"
SCRIPTS = "scripts"

PORT = 8080
#: How many of its pods a rollout of the probe itself replaces at once: of three nodes two, so that it holds up nobody, and one goes on.
_AT_ONCE = "34%"
#: The directory of each node in which a directory with the namespace's name is made, and removed at the end. What is in it outlives a
#: reboot, only root writes to it, and nothing in it is a secret.
PARENT = "/var/cache"
#: KiB that the readings of one node may take. Four hours with 16 peers take about 10,000.
LIMIT_KIB = 64 * 1024

#: On each object: a hash of its definition, which is how a later run sees that nothing has to be done.
DEFINITION = "podnet.io/definition"
#: On the namespace: when the probe ends by itself, in seconds since 1970.
UNTIL = "podnet.io/until"

HTTP = "http"
TCP = "tcp"

Object = t.Dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class App:
    """A Service of the user's to reach all the time: by HTTP on ``path``, or with ``protocol`` TCP by a bare connection."""

    namespace: str
    name: str
    address: str
    port: int
    protocol: str
    path: str


@dataclasses.dataclass(frozen=True)
class Settings:
    """Where the probe lives, what it runs, how often and how many others each node asks, and until when (seconds since 1970)."""

    namespace: str
    image: str
    interval_ms: int
    peers: int
    until: int = 0
    app: t.Optional[App] = None

    @property
    def directory(self) -> str:
        """Where each node keeps its readings."""
        return directory(self.namespace)


def directory(namespace: str) -> str:
    """Where each node keeps the readings of the probe in that namespace."""
    return f"{PARENT}/{namespace}"


def check(namespace: str, interval_ms: int, peers: int, duration: int, service: t.Mapping[str, t.Any]) -> None:
    """Raises when an option cannot be used as it is."""
    for name, value, least in (("interval_ms", interval_ms, 50), ("peers", peers, 1), ("duration", duration, 1)):
        if value < least:
            raise _errors.BadInputError(f"{value} is too small", f"option {name}", f"It must be {least} or more.")
    # It becomes part of a path.
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", namespace):
        raise _errors.BadInputError(f"{namespace!r} is no name of a namespace", "option namespace", "Use small letters, digits and dashes.")
    path = str(service.get("path", "/"))
    if not re.fullmatch(r"/[!-~]*", path):
        raise _errors.BadInputError(f"{path!r} is no path", "option service.path", "It begins with a slash and has no spaces.")


def until(now: float, duration: int, running_until: int) -> int:
    """When to end. A probe that runs is left alone while more than half of the duration is left to it."""
    return running_until if running_until > now + duration / 2 else int(now) + duration


def namespace(settings: Settings) -> Object:
    """The namespace. Pods on the hosts' network need the privileged level of pod security."""
    levels = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
    metadata = {"name": settings.namespace, "labels": {MANAGED_BY: MANAGER, **levels}, "annotations": {UNTIL: str(settings.until)}}
    return _marked({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def foundation(settings: Settings) -> t.Tuple[Object, ...]:
    """What the pods stand on: the right to read where the others are, the programs, the Services."""
    role = f"{_RBAC}/v1"
    rules = [{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}]
    subject = {"kind": "ServiceAccount", "name": WATCHER, "namespace": settings.namespace}
    port = {"name": "probe", "port": PORT, "targetPort": PORT, "protocol": "TCP"}
    everyone = {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": {MANAGED_BY: MANAGER}, "ports": [port]}
    return tuple(
        map(
            _marked,
            (
                _head(settings, "v1", "ServiceAccount", WATCHER),
                {**_head(settings, role, "Role", WATCHER), "rules": rules},
                {
                    **_head(settings, role, "RoleBinding", WATCHER),
                    "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": WATCHER},
                    "subjects": [subject],
                },
                {**_head(settings, "v1", "ConfigMap", SCRIPTS), "data": dict(_SCRIPTS)},
                {**_head(settings, "v1", "Service", PEERS), "spec": everyone},
                {
                    **_head(settings, "v1", "Service", PROBE),
                    "spec": {"type": "NodePort", "selector": {COMPONENT: PROBE}, "ports": [port]},
                },
            ),
        )
    )


def workloads(settings: Settings, service_address: str, node_port: int) -> t.Tuple[Object, ...]:
    """The two DaemonSets; they need to know what address and port the Service `PROBE` was given."""
    environment = _environment(settings, service_address, node_port)
    probe = {
        "containers": [
            _container(settings, PROBER, _script("probe.sh"), [*environment, *_role(PROBE)], [_SCRIPT_MOUNT, _own_directory(settings)]),
            _listener(settings),
        ],
        "volumes": [_SCRIPT_VOLUME, _READINGS_VOLUME],
    }
    whole = {"name": "readings", "mountPath": PARENT}
    access = {"name": "access", "mountPath": _ACCESS, "readOnly": True}
    started = {"exec": {"command": ["test", "-s", f"{settings.directory}/peers"]}, "periodSeconds": 1, "failureThreshold": 600}
    host = {
        "hostNetwork": True,
        "serviceAccountName": WATCHER,
        "containers": [
            _container(settings, PROBER, _script("probe.sh"), [*environment, *_role(HOST)], [_SCRIPT_MOUNT, whole]),
            {
                **_container(settings, WATCHER, _script("watch.sh"), environment, [_SCRIPT_MOUNT, whole, access]),
                "startupProbe": started,
            },
        ],
        "volumes": [_SCRIPT_VOLUME, _READINGS_VOLUME, _ACCESS_VOLUME],
    }
    return _daemon_set(settings, PROBE, probe), _daemon_set(settings, HOST, host)


def is_probe(labels: t.Mapping[str, str]) -> bool:
    """Whether a pod of these labels measures."""
    return labels.get(MANAGED_BY) == MANAGER and labels.get(COMPONENT) in (PROBE, HOST)


def listing(settings: Settings) -> t.Tuple[Object, ...]:
    """All objects by kind and name, without what only the API server knows."""
    return (namespace(settings), *foundation(settings), *workloads(settings, "", 0))


def read_command(directory: str) -> t.List[str]:
    """Prints the node's clock, then all readings, each file ended by an empty line, then the clock again."""
    script = (
        'LC_ALL=C; echo "now ${EPOCHREALTIME/./}"; '
        'for f in "$0"/*.log; do if [ -f "$f" ]; then cat "$f"; echo; fi; done; echo "now ${EPOCHREALTIME/./}"'
    )
    return ["bash", "-c", script, directory]


def clear_command(settings: Settings) -> t.List[str]:
    """Removes the directory of the readings, and says so."""
    return ["sh", "-c", 'rm -rf "$0" && [ ! -e "$0" ] && echo removed', settings.directory]


# Much more than they use: on a busy processor this is how long they wait for their turn, and a probe that waits does not measure.
_SHARES = {PROBER: "50m", LISTENER: "50m", WATCHER: "10m"}
_RBAC = "rbac.authorization.k8s.io"
_ACCESS = "/access"
_SCRIPTS = (("probe.sh", prober.PROBER), ("watch.sh", prober.WATCHER))
_SCRIPT_MOUNT = {"name": SCRIPTS, "mountPath": "/podnet", "readOnly": True}
_SCRIPT_VOLUME = {"name": SCRIPTS, "configMap": {"name": SCRIPTS}}
_READINGS_VOLUME = {"name": "readings", "hostPath": {"path": PARENT, "type": "DirectoryOrCreate"}}
# Mounted into the one container that asks the API server, and nowhere else.
_ACCESS_VOLUME = {
    "name": "access",
    "projected": {
        "sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        ]
    },
}


def _head(settings: Settings, api_version: str, kind: str, name: str) -> Object:
    metadata = {"name": name, "namespace": settings.namespace, "labels": _labels(name)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _labels(component: str) -> t.Dict[str, str]:
    return {MANAGED_BY: MANAGER, COMPONENT: component}


def _marked(definition: Object) -> Object:
    metadata = definition["metadata"]
    annotations = {**metadata.get("annotations", {}), DEFINITION: _hash(definition)}
    return {**definition, "metadata": {**metadata, "annotations": annotations}}


def _hash(value: t.Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _daemon_set(settings: Settings, name: str, pod: Object) -> Object:
    # A pod reads its program when it starts, so another program means other pods.
    metadata = {"labels": _labels(name), "annotations": {DEFINITION: _hash(_SCRIPTS)}}
    template = {"metadata": metadata, "spec": {**_POD, **pod}}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": _AT_ONCE}}
    spec = {"selector": {"matchLabels": {COMPONENT: name}}, "template": template, "updateStrategy": strategy}
    return _marked({**_head(settings, "apps/v1", "DaemonSet", name), "spec": spec})


_POD: Object = {
    "nodeSelector": {"kubernetes.io/os": "linux"},
    # Control planes, cordoned nodes, anything: a node without a probe is a node without evidence.
    "tolerations": [{"operator": "Exists"}],
    "terminationGracePeriodSeconds": 1,
    "automountServiceAccountToken": False,
    "enableServiceLinks": False,
    "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
}


def _container(settings: Settings, name: str, command: t.List[str], environment: t.Sequence[Object], mounts: t.Sequence[Object]) -> Object:
    return {
        "name": name,
        "image": settings.image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": list(environment),
        "volumeMounts": list(mounts),
        "resources": {"requests": {"cpu": _SHARES[name], "memory": "16Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            # Where SELinux is on, no other type but a privileged one's may write to the node's directory.
            "seLinuxOptions": {"type": "spc_t"},
        },
    }


def _listener(settings: Settings) -> Object:
    """Answers a packet or a connection with its pod's name, and can do nothing else. What it would log, line by line, is thrown away."""
    command = ["sh", "-c", f"exec /agnhost serve-hostname --tcp --udp --http=false --port={PORT} >/dev/null 2>&1"]
    container = _container(settings, LISTENER, command, (), ())
    security = {key: value for key, value in container["securityContext"].items() if key != "seLinuxOptions"}
    return {
        **container,
        "ports": [{"name": "probe", "containerPort": PORT}],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": 5},
        "securityContext": {**security, "runAsNonRoot": True, "runAsUser": 65534},
    }


def _script(name: str) -> t.List[str]:
    return ["bash", f"{_SCRIPT_MOUNT['mountPath']}/{name}"]


def _own_directory(settings: Settings) -> Object:
    return {"name": "readings", "mountPath": settings.directory, "subPath": settings.namespace}


def _role(component: str) -> t.Tuple[Object, ...]:
    return ({"name": "ROLE", "value": "pod" if component == PROBE else "host"},)


def _environment(settings: Settings, service_address: str, node_port: int) -> t.Tuple[Object, ...]:
    app = settings.app
    values = {
        "NAMESPACE": settings.namespace,
        "DATA": settings.directory,
        "LIMIT_KIB": LIMIT_KIB,
        "INTERVAL_MS": settings.interval_ms,
        "UNTIL": settings.until,
        "PEERS": settings.peers,
        "PORT": PORT,
        "SERVICE": service_address,
        "NODE_PORT": node_port,
        "ACCESS": _ACCESS,
        "RESOLV_CONF": "/etc/resolv.conf",
        "DNS_PORT": 53,
        "APP": app.address if app else "",
        "APP_PORT": app.port if app else "",
        "APP_NAME": f"{app.namespace}/{app.name}" if app else "",
        "APP_REQUEST": (app.path if app.protocol == HTTP else "open") if app else "",
    }
    fields = {"NODE": "spec.nodeName", "POD": "metadata.name"}
    return (
        *({"name": name, "value": str(value)} for name, value in values.items()),
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()),
    )
