# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds who would bring flannel back: tools that keep a list of the objects they apply, and install again what is missing.

Labels on flannel's own objects tell much (`objects.managed_by`), but not all: Argo CD may track by a label that anybody uses, and
a chart's objects do not say that a controller stands behind the release.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, objects

ARGO = "Argo CD"
FLUX = "Flux"
HELM_CONTROLLER = "Helm controller"


def applications(resources: t.Iterable[objects.Raw], flannel: t.Iterable[cluster.ObjectRef]) -> t.Tuple[cluster.Keeper, ...]:
    """Argo CD's Applications that list an object of flannel."""
    named = ((item, [_argo_name(entry) for entry in _status(item).get("resources") or ()]) for item in resources)
    return _keepers(ARGO, "Application", named, flannel)


def kustomizations(resources: t.Iterable[objects.Raw], flannel: t.Iterable[cluster.ObjectRef]) -> t.Tuple[cluster.Keeper, ...]:
    """Flux's Kustomizations whose inventory holds an object of flannel."""
    named = ((item, [_flux_name(entry) for entry in (_status(item).get("inventory") or {}).get("entries") or ()]) for item in resources)
    return _keepers(FLUX, "Kustomization", named, flannel)


def charts(tool: str, kind: str, resources: t.Iterable[objects.Raw]) -> t.Tuple[cluster.Keeper, ...]:
    """Objects by which a controller keeps a release of flannel's chart: they name the chart, not what is in it."""
    return tuple(cluster.Keeper(tool, _place(kind, item), ()) for item in resources if _is_flannels(item))


def _keepers(
    tool: str, kind: str, named: t.Iterable[t.Tuple[objects.Raw, t.List[str]]], flannel: t.Iterable[cluster.ObjectRef]
) -> t.Tuple[cluster.Keeper, ...]:
    wanted = {_name(item.kind, item.namespace, item.name) for item in flannel}
    found = ((item, tuple(name for name in names if name in wanted)) for item, names in named)
    return tuple(cluster.Keeper(tool, _place(kind, item), keeps) for item, keeps in found if keeps)


def _status(resource: objects.Raw) -> objects.Raw:
    return resource.get("status") or {}


def _argo_name(entry: objects.Raw) -> str:
    return _name(entry.get("kind", ""), entry.get("namespace", ""), entry.get("name", ""))


def _flux_name(entry: objects.Raw) -> str:
    """Of ``namespace_name_group_kind``; colons in a role's name stand there as two underscores."""
    parts = str(entry.get("id", "")).split("_")
    return _name(parts[-1], parts[0], "_".join(parts[1:-2]).replace("__", ":"))


def _name(kind: str, namespace: str, name: str) -> str:
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _place(kind: str, resource: objects.Raw) -> str:
    return _name(kind, objects.metadata(resource).get("namespace", ""), objects.metadata(resource).get("name", ""))


def _is_flannels(resource: objects.Raw) -> bool:
    """By the chart's name, be it told as a word (Helm controller) or in a template (Flux), and by the release's."""
    chart = (resource.get("spec") or {}).get("chart") or ""
    if not isinstance(chart, str):
        chart = str((chart.get("spec") or {}).get("chart") or "")
    return any("flannel" in text.rpartition("/")[2] for text in (chart, objects.metadata(resource).get("name", "")))
