# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The questions a verification asks: their ids, their words, what to do when one fails, and how an answer is told.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks

NODES_READY = "nodes-ready"
CNI_READY = "cni-ready"
ONE_CONFLIST = "one-conflist"
CANARY_READY = "canary-ready"
CANARY_ADDRESS = "canary-address"
CANARY_VETH = "canary-veth"
POD_TO_POD = "pod-to-pod"
SOURCE_ADDRESS = "source-address"
POD_TO_SERVICE = "pod-to-service"
POD_TO_DNS_NAME = "pod-to-dns-name"
HOST_TO_NODEPORT = "host-to-nodeport"
HOST_TO_EXTERNALIP = "host-to-externalip"
POLICY_ENFORCED = "policy-enforced"
USER_CLUSTERIP = "service-clusterip"
USER_NODEPORT = "service-nodeport"
USER_EXTERNALIP = "service-externalip"
USER_LOADBALANCER = "service-loadbalancer"

#: Checks that need canaries, with the question each one asks. Those of `USER_CHECKS` are asked when the user names a Service.
QUESTIONS = {
    CANARY_READY: "does a canary pod start on every node",
    CANARY_ADDRESS: "does each canary have an address the CNI gave it",
    CANARY_VETH: "does each node route its canary to a device of the CNI",
    POD_TO_POD: "does a canary reach the canary of every other node",
    SOURCE_ADDRESS: "does a canary on another node see the client's own address",
    POD_TO_SERVICE: "does every canary reach a Service by its ClusterIP",
    POD_TO_DNS_NAME: "does every canary reach a Service by its name",
    HOST_TO_NODEPORT: "does every node reach a NodePort on every node",
    HOST_TO_EXTERNALIP: "does every node reach a Service's external address",
    POLICY_ENFORCED: "does a NetworkPolicy drop what it denies, and only then",
}
USER_CHECKS = {
    USER_CLUSTERIP: "does every canary reach the Service by its ClusterIP",
    USER_NODEPORT: "does every node reach the Service's NodePort on every node",
    USER_EXTERNALIP: "does every node reach the Service's external addresses",
    USER_LOADBALANCER: "does every node reach the Service's load balancer addresses",
}

_SERVICE_STEP = "See whether the Service has ready endpoints, and kube-proxy on the node of the client."
_NEXT_STEPS = {
    NODES_READY: "See kubelet and the CNI's pod on these nodes.",
    CNI_READY: "See the events of the pods that are not ready.",
    ONE_CONFLIST: "podnet.cni.cni_conflist removes files of other CNIs; podnet.cni.kubelet makes the runtime load the right one.",
    CANARY_READY: "See the pods' events; the image must be pullable on every node.",
    CANARY_ADDRESS: "See which CNI configuration the node's runtime has loaded: podnet.cni.cni_info tells.",
    CANARY_VETH: "Look for routes of the old CNI on that node: podnet.cni.cni_info tells them.",
    POD_TO_POD: "Look at routes, firewall and MTU between the two nodes; VXLAN needs its UDP port open.",
    SOURCE_ADDRESS: "A leftover masquerade rule rewrites the source: run podnet.cni.cni_cleanup for the old CNI.",
    POD_TO_SERVICE: "See kube-proxy on the node of the client.",
    POD_TO_DNS_NAME: "See the CoreDNS pods: they must run with an address of the new network.",
    HOST_TO_NODEPORT: "See kube-proxy on the node that was asked, and the path from it to the pods.",
    HOST_TO_EXTERNALIP: "See kube-proxy on the node of the client.",
    POLICY_ENFORCED: "See the CNI's agent on the sentinel's node; until this passes no NetworkPolicy protects anything.",
    **dict.fromkeys(USER_CHECKS, _SERVICE_STEP),
}


def unasked(user_service: bool) -> t.Tuple[checks.Check, ...]:
    """The checks that need canaries, in check mode: nothing is created, so nothing is known."""
    questions = {**QUESTIONS, **(USER_CHECKS if user_service else {})}
    return tuple(checks.skipped(check, f"check mode; would ask: {question}?") for check, question in questions.items())


def fault(check: str, seen: str, details: t.Iterable[str] = ()) -> checks.Check:
    """The question answered badly, with what to do next."""
    return checks.failed(check, seen, "", _NEXT_STEPS[check], details)


def all_of(names: t.Sequence[str]) -> str:
    """The names, and how many where they are too many to name."""
    return f"{len(names)} nodes ({checks.shortened(names)})"
