# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restart is one annotation of the template, and undone by the annotation it had before. A workload's own history knows that one.

So nothing has to be remembered over a run that was killed, and what is not a mere restart is never undone.
Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import objects

#: The annotation of `kubectl rollout restart`: tools that watch over templates know and tolerate it.
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"

_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"


@dataclasses.dataclass(frozen=True)
class Before:
    """The annotation's value before the restart; None when there was none."""

    restarted_at: t.Optional[str]


def restart(moment: str) -> t.Dict[str, t.Any]:
    """The patch that restarts a workload."""
    return {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: moment}}}}}


def undo(before: Before, resource: objects.Raw) -> t.Dict[str, t.Any]:
    """The patch that takes a restart back, unless the workload was changed meanwhile."""
    # In a merge patch None removes the key.
    version = objects.metadata(resource).get("resourceVersion")
    patch: t.Dict[str, t.Any] = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: before.restarted_at}}}}}
    return {**patch, **({"metadata": {"resourceVersion": version}} if version else {})}


def before(resource: objects.Raw, revisions: t.Iterable[objects.Raw]) -> t.Optional[Before]:
    """What a restart that is under way started from; None when the newest earlier template differs in more than the restart.

    ``revisions`` are the workload's ReplicaSets or ControllerRevisions.
    """
    current = _template(resource)
    older = sorted((item for item in revisions if _belongs(item, resource)), key=_revision, reverse=True)
    templates = [template for template in map(_template, older) if template != current]
    if not templates or _without_restart(templates[0]) != _without_restart(current):
        return None
    return Before(_annotations(templates[0]).get(RESTARTED_AT))


def _belongs(revision: objects.Raw, resource: objects.Raw) -> bool:
    owners = objects.metadata(revision).get("ownerReferences") or ()
    return any(owner.get("uid") == objects.metadata(resource).get("uid") for owner in owners)


def _revision(revision: objects.Raw) -> int:
    annotations = objects.metadata(revision).get("annotations") or {}
    return int(revision.get("revision") or annotations.get(_REVISION) or 0)


def _template(resource: objects.Raw) -> t.Dict[str, t.Any]:
    """The pod template, in a form in which equal ones are equal: what a controller adds to it is left out."""
    spec = (resource.get("data") or resource).get("spec") or {}
    template = spec.get("template") or {}
    metadata = {key: value for key, value in (template.get("metadata") or {}).items() if value}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != _HASH}
    return {"metadata": {**metadata, "labels": labels}, "spec": template.get("spec") or {}}


def _annotations(template: t.Mapping[str, t.Any]) -> t.Mapping[str, str]:
    return template["metadata"].get("annotations") or {}


def _without_restart(template: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    annotations = {key: value for key, value in _annotations(template).items() if key != RESTARTED_AT}
    return {**template, "metadata": {**template["metadata"], "annotations": annotations}}
