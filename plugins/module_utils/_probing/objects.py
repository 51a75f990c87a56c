# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects a measurement puts into a cluster for a minute: a namespace that owns all of them, and pods.

Pure: no I/O. `_kube.policy_probe` creates and removes them. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.canaries import MANAGED_BY, MANAGER
from ansible_collections.podnet.cni.plugins.module_utils._cni.objects import Raw, metadata
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import Stand

#: On every pod of ours, wherever it is; no selector of a user's speaks of it.
LABEL = "podnet.io/policy-probe"
CONTAINER = "podnet-probe"
#: The label of the namespace that owns them.
OWNER = (LABEL, "owner")
#: A pod with this gate is never ready: nobody sets the condition, so no Service ever sends it anything.
_GATE = "podnet.io/never"
#: Not root, so it may run wherever pod security is restricted.
_USER = 65534

Object = t.Dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Settings:
    """``namespace``: ours, which owns all pods. ``seconds``: after which a pod ends by itself, whatever became of who made it."""

    namespace: str
    image: str
    seconds: int


def namespace(settings: Settings) -> Object:
    """The namespace. It says that a measurement goes on, and takes all pods along when it goes. In it is the `kinds.outsider` only."""
    labels = dict([(MANAGED_BY, MANAGER), OWNER])
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": settings.namespace, "labels": labels}}


def without_probes(raw: t.Iterable[Raw]) -> t.List[Raw]:
    """The objects without the pods that a killed run has left."""
    return [item for item in raw if LABEL not in (metadata(item).get("labels") or {})]


def shadow(stand: Stand, ports: t.Sequence[Port], settings: Settings, owner: str) -> Object:
    """A pod with the labels and the named ports of the one that it imitates. ``owner``: the uid of `namespace`.

    Its owner is a controller as the API has it, so no ReplicaSet takes it for one of its pods.
    """
    imitated = stand.kind.model
    reference = {"apiVersion": "v1", "kind": "Namespace", "name": settings.namespace, "uid": owner, "controller": True}
    metadata = {
        "name": stand.name,
        "namespace": stand.namespace,
        "labels": {**imitated.labels, LABEL: "shadow"},
        # Sidecars would answer, or keep from listening.
        "annotations": {"sidecar.istio.io/inject": "false", "linkerd.io/inject": "disabled"},
        "ownerReferences": [reference],
    }
    own = {(port.protocol, port.number) for port in imitated.ports}
    # A name may be there once in a container; the imitated pod may have several containers with it, and the first is what counts.
    once = {port.name: port for port in reversed(imitated.ports)}
    named = [{"name": port.name, "protocol": port.protocol, "containerPort": port.number} for port in once.values()]
    rest = [{"protocol": port.protocol, "containerPort": port.number} for port in ports if (port.protocol, port.number) not in own]
    listened = [*ports, *(Port(port.protocol, port.number) for port in imitated.ports)]
    container = {
        **_container(listened, settings),
        "ports": [*named, *rest],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": f"{_memory(listened)}Mi"}},
    }
    spec = {
        # Straight to the node: what is measured is this node.
        "nodeName": stand.node,
        "tolerations": [{"operator": "Exists"}],
        "readinessGates": [{"conditionType": _GATE}],
        "restartPolicy": "Never",
        "activeDeadlineSeconds": settings.seconds,
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "seccompProfile": {"type": "RuntimeDefault"},
            # Low ports without a capability.
            "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
        },
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _memory(listened: t.Sequence[Port]) -> int:
    """MiB that a shadow may take: what asking takes (see `agent.MOST_TARGETS`), and 6 for each listener, measured, with some to spare.

    A listener that is killed for want of memory refuses, and that looks like a policy.
    """
    return 256 + 8 * len({port.number for port in listened})


def ephemeral(name: str, settings: Settings) -> Object:
    """A container for a pod of a user's: it only asks, for the pod's own programs listen. It ends by itself, and cannot be removed."""
    return {**_container((), settings), "name": name}


def _container(ports: t.Sequence[Port], settings: Settings) -> Object:
    numbers = [port.number for port in ports if port.protocol != "SCTP"]
    sctp = [port.number for port in ports if port.protocol == "SCTP"]
    return {
        "name": CONTAINER,
        "image": settings.image,
        "imagePullPolicy": "IfNotPresent",
        "command": agent.listener(numbers, sctp, settings.seconds),
        "env": [{"name": agent.VARIABLE, "value": agent.CONNECT}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": _USER,
        },
    }
