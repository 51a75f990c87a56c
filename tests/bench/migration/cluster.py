# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab as somebody with a shell sees it: the nodes over SSH, the API server through kubectl on the control plane."""

from __future__ import annotations

import json
import sys
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

from lab import nodes, processes
from lab.settings import REPOSITORY, LabError, Node, Settings

#: Any node of the lab answers within that, or the bench is over.
_SECONDS = 120.0


class Cluster:
    """Three nodes and their API server."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.names = tuple(node.name for node in settings.nodes)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Runs kubectl on the control plane, as its administrator."""
        command = " ".join(("kubectl --kubeconfig /etc/kubernetes/admin.conf", *words))
        return nodes.ssh(self.settings, self.settings.nodes[0], command, stdin=stdin)

    def objects(self, *words: str) -> list[dict[str, t.Any]]:
        """What kubectl gets."""
        return list(json.loads(self.kubectl("get", *words, "-o json"))["items"])

    def on_nodes(self, command: str) -> dict[str, str]:
        """Runs a shell command on every node at the same time; returns what each said."""

        def run(node: Node) -> str:
            return nodes.ssh(self.settings, node, command)

        with ThreadPoolExecutor(len(self.names)) as pool:
            return dict(zip(self.names, pool.map(run, self.settings.nodes), strict=True))

    def wait_until_settled(self, address: str) -> None:
        """Waits until every pod is ready and none is ending, then until the Service answers on every node."""
        poll("all pods are ready", lambda: unsettled(self.objects("pods --all-namespaces")) == [])
        # `|| true`: "not yet" is an answer here, and `poll` gives up by itself.
        ask = f"curl --silent --fail --max-time 1 --output /dev/null http://{address}/ && echo answered"
        poll("the Service answers on every node", lambda: all("answered" in said for said in self.on_nodes(f"{ask} || true").values()))


def unsettled(pods: t.Sequence[dict[str, t.Any]]) -> list[str]:
    """The names of the pods that are ending, or that are neither ready nor done."""
    return [pod["metadata"]["name"] for pod in pods if pod["status"].get("phase") != "Succeeded" and not _serves(pod)]


def _serves(pod: dict[str, t.Any]) -> bool:
    conditions = {condition["type"]: condition["status"] for condition in pod["status"].get("conditions", ())}
    return "deletionTimestamp" not in pod["metadata"] and conditions.get("Ready") == "True"


def poll(what: str, holds: t.Callable[[], bool], seconds: float = _SECONDS, interval: float = 0.5) -> None:
    """Asks until it holds. An API server that is away for a moment is asked again."""
    end = time.monotonic() + seconds
    while not _holds(holds):
        if time.monotonic() > end:
            raise LabError(f"{what}: not so within {seconds:.0f} s")
        time.sleep(interval)  # between two questions


def _holds(question: t.Callable[[], bool]) -> bool:
    try:
        return question()
    except LabError:
        return False


def reset() -> None:
    """A fresh lab on flannel, made by the command a person gives."""
    processes.run(["env", f"--chdir={REPOSITORY}", sys.executable, "-m", "lab", "reset"])
