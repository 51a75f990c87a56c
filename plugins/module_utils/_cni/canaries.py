# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects a verification puts into a cluster for a minute: canary pods, pods on the hosts' network, Services, a policy.

Pure: no I/O. ``_kube.canary`` creates and removes them. Everything lives in one namespace, so removing that removes all.
Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "podnet.cni"
COMPONENT = "app.kubernetes.io/component"

#: Values of the component label, which are also the objects' names.
CANARY = "canary"
HOST = "host"
SENTINEL = "sentinel"
EXTERNAL = "canary-external"

PORT = 8080

Object = t.Dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Settings:
    """Where the canaries live and what they run; ``external_port`` is the port of the Service with an external address."""

    namespace: str
    image: str
    external_port: int


def namespace(settings: Settings) -> Object:
    """The namespace. Pods on the hosts' network need the privileged level of pod security."""
    levels = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": settings.namespace, "labels": {MANAGED_BY: MANAGER, **levels}},
    }


def workloads(settings: Settings, sentinel_node: str) -> t.Tuple[Object, ...]:
    """A canary and a host pod for every node, and the sentinel on ``sentinel_node``."""
    return (
        _daemon_set(settings, CANARY, {"containers": [_listener(settings)]}),
        _daemon_set(settings, HOST, {"containers": [_sleeper(settings)], "hostNetwork": True}),
        {
            **_head(settings, "v1", "Pod", SENTINEL),
            # Straight to the node: no scheduler may put it elsewhere, the test needs a neighbour on the same node.
            "spec": {**_pod_spec({"containers": [_listener(settings)]}), "nodeName": sentinel_node},
        },
    )


def service(settings: Settings) -> Object:
    """The canaries by an address and a name of the cluster, and by a port of every node."""
    return {
        **_head(settings, "v1", "Service", CANARY),
        "spec": {"type": "NodePort", "selector": {COMPONENT: CANARY}, "ports": [{"name": "http", "port": PORT, "targetPort": PORT}]},
    }


def external_service(settings: Settings, address: str) -> Object:
    """The canaries once more, at ``address``, an address of a node. Some clusters forbid this, so it is apart from the rest."""
    ports = [{"name": "http", "port": settings.external_port, "targetPort": PORT}]
    return {
        **_head(settings, "v1", "Service", EXTERNAL),
        "spec": {"selector": {COMPONENT: CANARY}, "ports": ports, "externalIPs": [address]},
    }


def deny_policy(settings: Settings) -> Object:
    """Nothing may reach the sentinel."""
    return {
        **_head(settings, "networking.k8s.io/v1", "NetworkPolicy", SENTINEL),
        "spec": {"podSelector": {"matchLabels": {COMPONENT: SENTINEL}}, "policyTypes": ["Ingress"]},
    }


def _head(settings: Settings, api_version: str, kind: str, name: str) -> Object:
    metadata = {"name": name, "namespace": settings.namespace, "labels": _labels(name)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _labels(component: str) -> t.Dict[str, str]:
    return {MANAGED_BY: MANAGER, COMPONENT: component}


def _daemon_set(settings: Settings, name: str, pod: Object) -> Object:
    template = {"metadata": {"labels": _labels(name)}, "spec": _pod_spec(pod)}
    selector = {"matchLabels": {COMPONENT: name}}
    return {**_head(settings, "apps/v1", "DaemonSet", name), "spec": {"selector": selector, "template": template}}


def _pod_spec(pod: Object) -> Object:
    return {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        # Control planes, cordoned nodes, anything: a node without a canary is a node without evidence.
        "tolerations": [{"operator": "Exists"}],
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **pod,
    }


def _listener(settings: Settings) -> Object:
    probe = {"httpGet": {"path": "/hostname", "port": PORT}, "periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": 60}
    command = ["/agnhost", "netexec", f"--http-port={PORT}"]
    return {**_container(settings, command), "ports": [{"name": "http", "containerPort": PORT}], "readinessProbe": probe}


def _sleeper(settings: Settings) -> Object:
    """On a host's network it must not listen: any port may be taken."""
    return _container(settings, ["/agnhost", "pause"])


def _container(settings: Settings, command: t.List[str]) -> Object:
    requests = {"cpu": "10m", "memory": "16Mi"}
    return {
        "name": "agnhost",
        "image": settings.image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "resources": {"requests": requests},
    }
