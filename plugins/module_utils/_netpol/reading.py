# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the API's plain dictionaries into records. Policies were examined before (`validation`).

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._netpol import addresses, model
from ansible_collections.podnet.cni.plugins.module_utils._netpol.model import Raw

#: Where each kind of workload keeps the template of its pods.
TEMPLATES: t.Mapping[str, t.Tuple[str, ...]] = {
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
_ENDED = ("Succeeded", "Failed")
_SERVICE_OF_SLICE = "kubernetes.io/service-name"


def metadata(raw: Raw) -> Raw:
    """The object's metadata; an empty mapping when it has none, or something that `validation` refuses."""
    found = raw.get("metadata")
    return found if isinstance(found, dict) else {}


def labels_of(meta: Raw) -> model.Labels:
    """The labels in metadata. ValueError for a value that is no string, which selectors would pass by in silence."""
    labels: model.Labels = meta.get("labels") or {}
    for key, value in labels.items():
        if not isinstance(value, str):
            raise ValueError(f"label {key} is {value!r}, not a string; put it in quotes")  # noqa: TRY004  # it is the input that is wrong
    return labels


# --- Policies ---------------------------------------------------------------------------------------------------------


def policy(raw: Raw, place: model.Place) -> model.Policy:
    """A NetworkPolicy that the API server takes, with its defaults."""
    spec = raw.get("spec") or {}
    # The API server looks at the number of egress rules, so an empty list does not isolate.
    types = spec.get("policyTypes") or (("Ingress", "Egress") if spec.get("egress") else ("Ingress",))
    return model.Policy(
        namespace=place.namespace,
        name=place.name,
        selector=selector(spec.get("podSelector")),
        ingress=_rules(spec.get("ingress"), "from") if "Ingress" in types else None,
        egress=_rules(spec.get("egress"), "to") if "Egress" in types else None,
        place=place,
    )


def _rules(rules: t.Optional[t.Sequence[Raw]], peers: str) -> t.Tuple[model.Rule, ...]:
    return tuple(
        model.Rule(index, tuple(map(_peer, (rule or {}).get(peers) or ())), tuple(map(_port, (rule or {}).get("ports") or ())))
        for index, rule in enumerate(rules or ())
    )


def _peer(raw: Raw) -> model.Peer:
    pods, namespaces, block = raw.get("podSelector"), raw.get("namespaceSelector"), raw.get("ipBlock")
    return model.Peer(
        pods=None if pods is None else selector(pods),
        namespaces=None if namespaces is None else selector(namespaces),
        block=None if block is None else _block(block),
    )


def _block(raw: Raw) -> addresses.Block:
    return addresses.Block(addresses.network(raw["cidr"]), tuple(map(addresses.network, raw.get("except") or ())), raw["cidr"])


def _port(raw: t.Optional[Raw]) -> model.PortMatch:
    raw = raw or {}
    protocol, port = raw.get("protocol") or "TCP", raw.get("port")
    if port is None:
        return model.PortMatch(protocol)
    if isinstance(port, str):
        return model.PortMatch(protocol, name=port)
    return model.PortMatch(protocol, port, raw.get("endPort") or port)


def selector(raw: t.Optional[Raw]) -> model.Selector:
    """A label selector; None and {} match everything."""
    raw = raw or {}
    found = {model.Requirement(key, "In", (value,)) for key, value in (raw.get("matchLabels") or {}).items()}
    for item in raw.get("matchExpressions") or ():
        found.add(model.Requirement(item["key"], item["operator"], tuple(sorted(set(item.get("values") or ())))))
    return model.Selector(tuple(sorted(found, key=lambda one: (one.key, one.operator, one.values))))


# --- Pods and workloads -----------------------------------------------------------------------------------------------


def pod(raw: Raw, namespace: str) -> model.Pod:
    """A Pod object."""
    meta, spec, status = metadata(raw), raw.get("spec") or {}, raw.get("status") or {}
    return model.Pod(
        namespace=namespace,
        name=meta["name"],
        labels=labels_of(meta),
        ports=_named_ports(spec),
        addresses=_addresses(status, "podIPs", "podIP"),
        node=spec.get("nodeName") or "",
        host_addresses=_addresses(status, "hostIPs", "hostIP"),
        host_network=bool(spec.get("hostNetwork")),
        owner=_owner(meta, namespace),
        ended=status.get("phase") in _ENDED,
        terminating=bool(meta.get("deletionTimestamp")),
    )


def workload(raw: Raw, namespace: str) -> model.Pod:
    """The pod that a workload's template describes. Selectors see the template's labels, never the workload's own."""
    template: t.Any = raw
    for field in TEMPLATES[raw["kind"]]:
        template = template.get(field) or {}
    spec = template.get("spec") or {}
    return model.Pod(
        namespace=namespace,
        name=metadata(raw)["name"],
        kind=raw["kind"],
        labels=labels_of(metadata(template)),
        ports=_named_ports(spec),
        host_network=bool(spec.get("hostNetwork")),
        owner=_owner(metadata(raw), namespace),
    )


#: Most pods have ports that many others have too.
_named_port = functools.lru_cache(maxsize=4096)(model.NamedPort)


def _named_ports(spec: Raw) -> t.Tuple[model.NamedPort, ...]:
    containers = spec.get("containers") or ()
    if spec.get("initContainers"):
        # One that restarts is a sidecar; the others are gone when the pod serves.
        containers = [*containers, *(one for one in spec["initContainers"] if one.get("restartPolicy") == "Always")]
    listed = [port for container in containers for port in container.get("ports") or () if port.get("name")]
    return tuple([_named_port(port["name"], port.get("protocol") or "TCP", port["containerPort"]) for port in listed])


def _addresses(status: Raw, many: str, one: str) -> t.Tuple[str, ...]:
    listed = tuple([item["ip"] for item in status.get(many) or () if item.get("ip")])
    return listed or ((status[one],) if status.get(one) else ())


def _owner(meta: Raw, namespace: str) -> str:
    for owner in meta.get("ownerReferences") or ():
        if owner.get("controller"):
            return f"{namespace}/{owner.get('kind')}/{owner.get('name')}"
    return ""


# --- The rest ---------------------------------------------------------------------------------------------------------


def node(raw: Raw) -> model.Node:
    """A Node object."""
    spec, status = raw.get("spec") or {}, raw.get("status") or {}
    listed = status.get("addresses") or ()
    return model.Node(
        name=metadata(raw)["name"],
        addresses=tuple(item["address"] for item in listed if item.get("type") in ("InternalIP", "ExternalIP")),
        pod_cidrs=tuple(spec.get("podCIDRs") or filter(None, [spec.get("podCIDR")])),
    )


def service(raw: Raw, namespace: str) -> model.Service:
    """A Service object; `backends` adds the endpoints that somebody else wrote."""
    spec = raw.get("spec") or {}
    balancers = ((raw.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    listed = spec.get("clusterIPs") or filter(None, [spec.get("clusterIP")])
    labels = spec.get("selector")
    return model.Service(
        namespace=namespace,
        name=metadata(raw)["name"],
        type=spec.get("type") or "ClusterIP",
        selector=selector({"matchLabels": labels}) if labels else None,
        ports=tuple(_service_port(port) for port in spec.get("ports") or ()),
        cluster_ips=tuple(address for address in listed if address != "None") or _unassigned(spec),
        outside=(*(spec.get("externalIPs") or ()), *(one["ip"] for one in balancers if one.get("ip"))),
        keeps_client=spec.get("externalTrafficPolicy") == "Local",
    )


def _unassigned(spec: Raw) -> t.Tuple[str, ...]:
    """A manifest does not say the address that the Service will get; it will get one unless it is headless."""
    return () if spec.get("clusterIP") == "None" or spec.get("type") == "ExternalName" else ("",)


def _service_port(raw: Raw) -> model.ServicePort:
    return model.ServicePort(raw.get("protocol") or "TCP", raw["port"], raw.get("targetPort") or raw["port"], raw.get("nodePort") or 0)


def backends(raw: Raw, namespace: str) -> t.Tuple[str, t.Tuple[str, ...]]:
    """(the Service's reference, addresses) of an EndpointSlice or Endpoints object."""
    if raw["kind"] == "EndpointSlice":
        name = (metadata(raw).get("labels") or {}).get(_SERVICE_OF_SLICE, "")
        listed = [address for endpoint in raw.get("endpoints") or () for address in endpoint.get("addresses") or ()]
    else:
        name = metadata(raw)["name"]
        listed = [item["ip"] for subset in raw.get("subsets") or () for item in subset.get("addresses") or ()]
    return f"{namespace}/Service/{name}", tuple(address for address in listed if addresses.is_address(address))


def tier(raw: Raw, place: model.Place) -> model.Tier:
    """Whom an object of policy.networking.k8s.io may decide for."""
    spec = raw.get("spec") or {}
    subject = spec.get("subject") or {}
    both = subject.get("pods") or {}
    return model.Tier(
        name=f"{place.kind} {place.name}",
        baseline=place.kind.startswith("Baseline") or spec.get("tier") == "Baseline",
        namespaces=selector(both.get("namespaceSelector") if both else subject.get("namespaces")),
        pods=selector(both.get("podSelector")),
        directions=tuple(direction for direction in model.DIRECTIONS if spec.get(direction)),
        place=place,
    )


def labels_of_namespace(raw: Raw) -> t.Dict[str, str]:
    """A Namespace's labels, with the one that the API server sets."""
    return {**labels_of(metadata(raw)), model.NAME_LABEL: metadata(raw)["name"]}


#: Kinds of policy.networking.k8s.io.
TIERS = ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy")
#: Those of `FOREIGN` that are in no namespace.
FOREIGN_CLUSTER_WIDE = ("GlobalNetworkPolicy", "CiliumClusterwideNetworkPolicy")
#: Kinds of other projects that also decide about packets and are not evaluated, and how their API groups end.
FOREIGN = {
    "NetworkPolicy": ("projectcalico.org", "antrea.io"),
    "GlobalNetworkPolicy": ("projectcalico.org",),
    "ClusterNetworkPolicy": ("antrea.io",),
    "CiliumNetworkPolicy": ("cilium.io",),
    "CiliumClusterwideNetworkPolicy": ("cilium.io",),
}


def is_foreign(raw: Raw) -> bool:
    """Whether it is a policy of another project."""
    ends = FOREIGN.get(str(raw.get("kind")))
    return ends is not None and str(raw.get("apiVersion")).partition("/")[0].endswith(ends)
