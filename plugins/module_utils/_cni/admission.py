# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the admission webhooks that a change of CNI depends on: without an answer of theirs the API server refuses what it writes.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, objects

VALIDATING = "ValidatingWebhookConfiguration"
MUTATING = "MutatingWebhookConfiguration"

#: What a change of CNI creates or changes, with the API group of each.
_WRITTEN: t.Mapping[str, str] = {
    "pods": "",
    "configmaps": "",
    "daemonsets": "apps",
    "deployments": "apps",
    "statefulsets": "apps",
    "customresourcedefinitions": "apiextensions.k8s.io",
}
_OPERATIONS = frozenset({"CREATE", "UPDATE", "*"})


def webhooks(kind: str, configurations: t.Iterable[objects.Raw], endpoint_slices: t.Iterable[objects.Raw]) -> t.Tuple[cluster.Webhook, ...]:
    """The webhooks of these configurations that must answer, with the ready addresses of the Service that does."""
    ready = ready_endpoints(endpoint_slices)
    found = (_webhook(kind, configuration, hook, ready) for configuration in configurations for hook in configuration.get("webhooks") or ())
    return tuple(hook for hook in found if hook is not None and hook.stops)


def needed(configurations: t.Iterable[objects.Raw]) -> bool:
    """Whether any of these has to answer by a Service: only then somebody has to know the Services' endpoints."""
    return any(_must_answer(hook) for configuration in configurations for hook in configuration.get("webhooks") or ())


def ready_endpoints(slices: t.Iterable[objects.Raw]) -> t.Dict[str, int]:
    """How many ready addresses each Service (namespace/name) has."""
    counts: t.Dict[str, int] = {}
    for item in slices:
        metadata = objects.metadata(item)
        name = (metadata.get("labels") or {}).get("kubernetes.io/service-name")
        if name:
            service = f"{metadata.get('namespace', '')}/{name}"
            # As the API has it: ready unless somebody says that it is not.
            ready = [one for one in item.get("endpoints") or () if (one.get("conditions") or {}).get("ready") is not False]
            counts[service] = counts.get(service, 0) + len(ready)
    return counts


def _webhook(kind: str, configuration: objects.Raw, hook: objects.Raw, ready: t.Mapping[str, int]) -> t.Optional[cluster.Webhook]:
    if not _must_answer(hook):
        return None
    reference = hook["clientConfig"]["service"]
    service = f"{reference.get('namespace', '')}/{reference.get('name', '')}"
    asked = [resource for resource, group in _WRITTEN.items() if any(_asks(rule, resource, group) for rule in hook.get("rules") or ())]
    return cluster.Webhook(
        kind=kind,
        configuration=objects.metadata(configuration).get("name", ""),
        name=hook.get("name", ""),
        service=service,
        stops=tuple(asked),
        selective=any(hook.get(name) for name in ("namespaceSelector", "objectSelector", "matchConditions")),
        endpoints=ready.get(service, 0),
    )


def _must_answer(hook: objects.Raw) -> bool:
    return hook.get("failurePolicy", "Fail") == "Fail" and bool((hook.get("clientConfig") or {}).get("service"))


def _asks(rule: objects.Raw, resource: str, group: str) -> bool:
    groups, resources = set(rule.get("apiGroups") or ()), set(rule.get("resources") or ())
    return bool(groups & {group, "*"} and resources & {resource, "*", "*/*"} and _OPERATIONS & set(rule.get("operations") or ()))
