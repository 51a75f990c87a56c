# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mesh: a DaemonSet whose pods answer with the address they were asked from. Two of them, made before and after, are a mixed cluster."""

from __future__ import annotations

import dataclasses
import time
import typing as t
from http import HTTPStatus
from pathlib import Path

import jinja2
import yaml
from kubernetes import client, utils
from kubernetes.stream import stream

MANIFEST = Path(__file__).with_name("mesh.yml.j2")
NAMESPACE = "mesh"
PORT = 8080
READY_SECONDS = 120
#: A node that has booted needs two minutes until kubelet has made its pods anew: first those that flannel and Calico run in.
REBOOT_SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Member:
    """A pod of a mesh."""

    mesh: str
    name: str
    node: str
    address: str


@dataclasses.dataclass(frozen=True)
class Answer:
    """What one pod heard from another: the address it was seen with, or nothing when it was not answered."""

    source: Member
    target: Member
    seen: str

    @property
    def reached(self) -> bool:
        return self.seen != ""

    @property
    def kept(self) -> bool:
        """Whether the source was seen with its own address. A pod that asks itself may be seen with any of its node's."""
        return self.source == self.target or self.seen == self.source.address

    def __str__(self) -> str:
        what = f"seen as {self.seen}" if self.seen else "no answer"
        return f"{self.source.mesh}@{self.source.node} -> {self.target.mesh}@{self.target.node}: {what}"


def create(core: client.CoreV1Api, name: str) -> None:
    """Makes a mesh and waits until it has a ready pod on every node."""
    for item in yaml.safe_load_all(jinja2.Template(MANIFEST.read_text()).render(mesh=name)):
        try:
            utils.create_from_dict(core.api_client, item)
        except utils.FailToCreateError as error:
            # The namespace and the Service are there from the first mesh on.
            if any(problem.status != HTTPStatus.CONFLICT for problem in error.api_exceptions):
                raise
    nodes = {node.metadata.name for node in core.list_node().items}
    end = time.monotonic() + READY_SECONDS
    while {member.node for member in members(core) if member.mesh == name} != nodes:
        assert time.monotonic() < end, f"mesh {name} has no ready pod on every node within {READY_SECONDS} s"
        time.sleep(0.5)  # between two looks


def wait_until_restarted(core: client.CoreV1Api, nodes: t.Collection[str]) -> None:
    """Waits until the members on these nodes, which rebooted, are ready again and not only said to be."""
    end = time.monotonic() + REBOOT_SECONDS
    while True:
        pods = [pod for pod in core.list_namespaced_pod(NAMESPACE).items if pod.spec.node_name in nodes]
        back = {pod.metadata.name for pod in pods if all(item.ready and item.restart_count for item in pod.status.container_statuses or ())}
        if back == {pod.metadata.name for pod in pods} <= {member.name for member in members(core)}:
            return
        assert time.monotonic() < end, f"only {sorted(back)} of {len(pods)} members are back within {REBOOT_SECONDS} s"
        time.sleep(0.5)  # between two looks


def remove(core: client.CoreV1Api) -> None:
    """Removes all meshes."""
    core.delete_namespace(NAMESPACE)


def members(core: client.CoreV1Api) -> list[Member]:
    """The ready pods of all meshes."""
    pods = core.list_namespaced_pod(NAMESPACE).items
    ready = [pod for pod in pods if any(item.type == "Ready" and item.status == "True" for item in pod.status.conditions or ())]
    return [
        Member(pod.metadata.labels["mesh"], pod.metadata.name, pod.spec.node_name, pod.status.pod_ip)
        for pod in ready
        if pod.metadata.deletion_timestamp is None
    ]


def ask_all(core: client.CoreV1Api) -> list[Answer]:
    """Every member asks every member, itself among them."""
    everybody = members(core)
    return [answer for source in everybody for answer in _ask(core, source, everybody)]


def deaf_to_the_service(core: client.CoreV1Api) -> list[str]:
    """Members that do not reach the meshes' common Service by its address, or by its port on every node."""
    spec = core.read_namespaced_service("mesh", NAMESPACE).spec
    homes = [address.address for node in core.list_node().items for address in node.status.addresses if address.type == "InternalIP"]
    addresses = [f"{spec.cluster_ip}:{PORT}", *(f"{home}:{spec.ports[0].node_port}" for home in homes)]
    heard = {member: _run(core, member, addresses) for member in members(core)}
    return [f"{member.mesh}@{member.node} -> {address}" for member, said in heard.items() for address in addresses if not said[address]]


def assert_every_pair_is_as_it_should_be(core: client.CoreV1Api, pods: int) -> None:
    """Each of so many pods reaches each, itself too, is seen with its own address, and reaches the Service."""
    answers = ask_all(core)
    assert len(answers) == pods**2
    assert [str(answer) for answer in answers if not (answer.reached and answer.kept)] == []
    assert deaf_to_the_service(core) == []


def _ask(core: client.CoreV1Api, source: Member, targets: t.Sequence[Member]) -> list[Answer]:
    heard = _run(core, source, [f"{target.address}:{PORT}" for target in targets])
    return [Answer(source, target, heard[f"{target.address}:{PORT}"]) for target in targets]


def _run(core: client.CoreV1Api, source: Member, addresses: t.Sequence[str]) -> dict[str, str]:
    """One command a pod asks all addresses at once; each line is an address and the client's address that the answer names."""
    asked = "".join(f'(echo "{address} $(curl -s -m 4 http://{address}/clientip)") & ' for address in addresses)
    command = ["sh", "-c", f"{asked}wait"]
    said = stream(core.connect_get_namespaced_pod_exec, source.name, NAMESPACE, command=command, stdout=True, stderr=False)
    heard = dict(line.split(" ", 1) for line in said.splitlines())
    return {address: heard.get(address, "").rpartition(":")[0] for address in addresses}
