# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What flannel's DaemonSets say of the configuration that flanneld runs with, and what a switch writes into them.

flanneld reads net-conf.json when it starts, and nothing in the API tells which one that was. So a switch writes the mark of the wanted one
on the DaemonSet, then changes the ConfigMap, and then writes the mark into the pod template, which starts the pods anew. A run that was
killed in between sees by the two marks how far it came. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import flannel, objects

#: Names the configuration: on a DaemonSet the one that its pods are to have, in its template and on a pod the one it has.
MARK = "podnet.io/net-conf"

#: On a DaemonSet: the containers that were made privileged for backend udp, and are to lose that with it.
RAISED = "podnet.io/privileged-for-udp"

#: Annotation in a template by which kubectl starts pods anew.
_RESTARTED = "kubectl.kubernetes.io/restartedAt"


def wanted_mark(daemonset: objects.Raw) -> str:
    """The mark of what its pods are to have; empty where no switch has ever been."""
    return _annotations(daemonset).get(MARK, "")


def template_mark(daemonset: objects.Raw) -> str:
    """The mark of what new pods are started with."""
    return _annotations(_template(daemonset)).get(MARK, "")


def is_under_way(daemonset: objects.Raw) -> bool:
    """Whether a switch has begun and its pods were not started anew yet."""
    return wanted_mark(daemonset) != template_mark(daemonset)


def intent(mark: str) -> t.Dict[str, t.Any]:
    """The patch that says what its pods are to have."""
    return {"metadata": {"annotations": {MARK: mark}}}


def restart(daemonset: objects.Raw, mark: str, backend: str, now: str) -> t.Dict[str, t.Any]:
    """The strategic patch that starts the pods anew with that configuration, and with the rights that the backend needs."""
    template: t.Dict[str, t.Any] = {"metadata": {"annotations": {MARK: mark, _RESTARTED: now}}}
    change: t.Dict[str, t.Any] = {"metadata": {"annotations": {MARK: mark}}, "spec": {"template": template}}
    raised = [name for name in _annotations(daemonset).get(RAISED, "").split(",") if name]
    if backend == "udp":
        weak = [item["name"] for item in objects.containers(daemonset) if flannel.runs_flanneld(item) and not _is_privileged(item)]
        if weak:
            # Every packet goes through /dev/net/tun, which no capability alone opens to a container.
            template["spec"] = {"containers": [{"name": name, "securityContext": {"privileged": True}} for name in weak]}
            change["metadata"]["annotations"][RAISED] = ",".join(weak)
    elif raised:
        template["spec"] = {"containers": [{"name": name, "securityContext": {"privileged": False}} for name in raised]}
        change["metadata"]["annotations"][RAISED] = None
    return change


def is_current(pod: objects.Raw, mark: str) -> bool:
    """Whether the pod was started with that configuration."""
    return _annotations(pod).get(MARK, "") == mark


def belongs(pod: objects.Raw, daemonset: objects.Raw) -> bool:
    """Whether the DaemonSet is the pod's controller."""
    uid = objects.metadata(daemonset).get("uid")
    return any(owner.get("controller") and owner.get("uid") == uid for owner in objects.metadata(pod).get("ownerReferences") or ())


def _annotations(resource: objects.Raw) -> t.Mapping[str, str]:
    return objects.metadata(resource).get("annotations") or {}


def _template(daemonset: objects.Raw) -> objects.Raw:
    return (daemonset.get("spec") or {}).get("template") or {}


def _is_privileged(container: objects.Raw) -> bool:
    return bool((container.get("securityContext") or {}).get("privileged"))
