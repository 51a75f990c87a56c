# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts the canaries into a cluster and takes them out again.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import canaries, objects
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.scene import Place, Port, Service
from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client
from ansible_collections.podnet.cni.plugins.module_utils._kube import namespaces
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline

#: Seconds the API server has for what takes it a moment: a namespace that goes, a service account that comes.
_MOMENT = 90


def remove(client: t.Any, settings: canaries.Settings, wait: bool = True) -> None:
    """Removes the namespace and waits until it is gone, unless told not to. One that is not ours is left alone, and an error."""
    api = Api(client)
    found = namespaces.find(api, settings.namespace)
    if found is not None:
        namespaces.remove(api, found, Deadline(_MOMENT) if wait else None)


def create(client: t.Any, settings: canaries.Settings, sentinel_node: str) -> Service:
    """Creates the namespace and what belongs into it, except the Service with an external address and the policy.

    Returns the canaries' Service.
    """
    api = Api(client)
    api.create(canaries.namespace(settings))
    namespaces.await_account(api, settings.namespace, Deadline(_MOMENT))
    for definition in canaries.workloads(settings, sentinel_node):
        api.create(definition)
    return service(api.create(canaries.service(settings)))


def expose(client: t.Any, settings: canaries.Settings, address: str) -> t.Tuple[t.Optional[Service], str]:
    """The Service at ``address``; or, where the cluster forbids it, why."""
    try:
        return service(Api(client).create(canaries.external_service(settings, address))), ""
    except kube_client.RefusedError as error:
        return None, error.what


def deny(client: t.Any, settings: canaries.Settings) -> None:
    """From now on nothing may reach the sentinel."""
    Api(client).create(canaries.deny_policy(settings))


def allow(client: t.Any, settings: canaries.Settings) -> None:
    """Takes the denial back."""
    Api(client).delete(objects.reference(canaries.deny_policy(settings)))


def pods(client: t.Any, settings: canaries.Settings) -> t.Tuple[objects.Raw, ...]:
    """The pods of the namespace, as the API server tells them."""
    return tuple(Api(client).items(f"/api/v1/namespaces/{settings.namespace}/pods") or ())


def places(raw_pods: t.Iterable[objects.Raw], component: str) -> t.Tuple[Place, ...]:
    """Where the ready pods of a component are, by node name."""
    ready = [
        pod for pod in map(objects.pod, raw_pods) if pod.labels.get(canaries.COMPONENT) == component and pod.ready and not pod.deleting
    ]
    return tuple(sorted((Place(pod.node, pod.name, pod.ips[0]) for pod in ready if pod.ips), key=lambda place: place.node))


def find_service(client: t.Any, namespace: str, name: str) -> Service:
    """A Service by its name; that there is none is an error."""
    found = Api(client).item(f"/api/v1/namespaces/{namespace}/services/{name}")
    if found is None:
        raise _errors.BadInputError("there is no such Service", f"Service {namespace}/{name}", "Name one that exists, or leave it out.")
    return service(found)


def service(raw: objects.Raw) -> Service:
    """A Service object as the ways into it. Only TCP ports: a lost UDP packet proves nothing."""
    spec = raw.get("spec") or {}
    ingress = ((raw.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    address = spec.get("clusterIP") or ""
    return Service(
        namespace=objects.metadata(raw)["namespace"],
        name=objects.metadata(raw)["name"],
        cluster_ip="" if address == "None" else address,
        ports=tuple(
            Port(port["port"], port.get("nodePort") or 0) for port in spec.get("ports") or () if port.get("protocol", "TCP") == "TCP"
        ),
        external_ips=tuple(spec.get("externalIPs") or ()),
        load_balancer=tuple(filter(None, (entry.get("ip") or entry.get("hostname") for entry in ingress))),
    )
