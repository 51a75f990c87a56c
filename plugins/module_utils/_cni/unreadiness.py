# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a pod is not ready, in one line: what its containers, its conditions or the last warning about it say.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import objects

# Reasons that say only that something is still going on: a warning event then says more.
_VAGUE = ("ContainerCreating", "PodInitializing", "")


def reason(pod: objects.Raw, warnings: t.Sequence[str] = ()) -> str:
    """``warnings`` are the messages of the warning events about the pod, oldest first."""
    told = _told(pod)
    return f"{told} ({warnings[-1]})" if warnings else told


def warnings_about(name: str, events: t.Iterable[objects.Raw]) -> t.Tuple[str, ...]:
    """The messages of the warnings about the pod ``name``, oldest first."""
    about = [event for event in events if event.get("type") == "Warning" and (event.get("involvedObject") or {}).get("name") == name]
    return tuple(f"{event.get('reason', '')}: {event.get('message', '')}" for event in sorted(about, key=_moment))


def _told(pod: objects.Raw) -> str:
    status = pod.get("status") or {}
    if "deletionTimestamp" in objects.metadata(pod):
        return f"still going since {objects.metadata(pod)['deletionTimestamp']}"
    states = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    told = [_container(state) for state in states if not state.get("ready")]
    clear = [text for vague, text in told if not vague]
    if clear:
        return clear[0]
    conditions = [item for item in status.get("conditions") or () if item.get("status") == "False" and item.get("message")]
    if conditions:
        return f"{conditions[0].get('reason', '')}: {conditions[0]['message']}"
    return told[0][1] if told else f"phase {status.get('phase', 'unknown')}"


def _container(status: objects.Raw) -> t.Tuple[bool, str]:
    """Whether the state says little, and the state in words."""
    state = status.get("state") or {}
    kind = next((kind for kind in ("waiting", "terminated") if kind in state), "")
    detail = state.get(kind) or {}
    why = detail.get("reason", "")
    if not kind:
        return True, f"container {status.get('name')} runs but is not ready"
    message = f": {detail['message']}" if detail.get("message") else ""
    return why in _VAGUE, f"container {status.get('name')} {kind}, {why}{message}"


def _moment(event: objects.Raw) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp") or "")
