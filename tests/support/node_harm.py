# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can happen to one node of the lab: nobody reaches it, a disk of it is full, it leaves the cluster and comes as a new one."""

from __future__ import annotations

import base64
import contextlib
import typing as t

from kubernetes import client

from lab import cluster, nodes, processes
from lab.settings import Node, from_environment
from tests.support.faults import api

READY_SECONDS = 180
_FULL = "/run/full"
#: What makes a worker a machine that was never one. The folder of CNI configurations itself stays: the runtime watches it.
_FORGET = "kubeadm reset --force && rm -rf /etc/cni/net.d/* /var/lib/cni /opt/cni/bin/flannel && systemctl enable --quiet kubelet"


def named(name: str) -> Node:
    """The lab's node of that name."""
    return next(node for node in from_environment().nodes if node.name == name)


def on(name: str, command: str) -> str:
    """Runs a shell command on a node at once, without Ansible; returns what it printed."""
    return nodes.ssh(from_environment(), named(name), command)


@contextlib.contextmanager
def without_ssh(name: str) -> t.Iterator[None]:
    """Nobody on this machine gets through to the node's sshd, not even by connections that are open; all else reaches the node."""
    address = named(name).address
    rule = ["OUTPUT", "--destination", address, "--protocol", "tcp", "--dport", "22", "--jump", "REJECT", "--reject-with", "tcp-reset"]
    processes.run(["iptables", "-w", "-I", *rule])
    try:
        yield
    finally:
        processes.run(["iptables", "-w", "-D", *rule])


@contextlib.contextmanager
def full_disk(name: str, folder: str) -> t.Iterator[None]:
    """Over a folder of a node lies a small disk without a free byte, with a copy of what is in the folder."""
    on(
        name,
        f"mkdir -p {folder} {_FULL} && mount -t tmpfs -o size=64k full {_FULL} && cp -a {folder}/. {_FULL}"
        f" && ! dd if=/dev/zero of={_FULL}/.filler bs=4k status=none && mount --bind {_FULL} {folder} && umount {_FULL} && rmdir {_FULL}",
    )
    try:
        yield
    finally:
        on(name, f"umount --lazy {folder}")


def leave(name: str) -> None:
    """Takes a worker out of the cluster, and makes its machine as new; its images stay."""
    settings, core = from_environment(), client.CoreV1Api(api())
    on(name, "systemctl disable --quiet --now kubelet")
    core.delete_node(name)
    for pod in core.list_pod_for_all_namespaces(field_selector=f"spec.nodeName={name}").items:
        # Nobody is there who could end them.
        core.delete_namespaced_pod(pod.metadata.name, pod.metadata.namespace, grace_period_seconds=0)
    nodes.reboot(settings, named(name))
    on(name, _FORGET)
    cluster.wait_until_ready(settings, READY_SECONDS)


def join(name: str) -> None:
    """Makes a machine a worker of the cluster with the token that the others came with, and waits until all is ready."""
    settings = from_environment()
    cluster.join(settings, named(name), settings.nodes[0], _token())
    cluster.wait_until_ready(settings, READY_SECONDS)


def _token() -> str:
    secrets = client.CoreV1Api(api()).list_namespaced_secret("kube-system", field_selector="type=bootstrap.kubernetes.io/token").items
    return ".".join(base64.b64decode(secrets[0].data[key]).decode() for key in ("token-id", "token-secret"))
