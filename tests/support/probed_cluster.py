# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The living cluster with what the connectivity probe needs more: objects that are changed, DaemonSets that get ready, files on nodes."""

from __future__ import annotations

import threading
import time
import typing as t
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlsplit

from tests.support.living_cluster import LivingCluster, Object

DIRECTORY = "/var/cache/podnet-connectivity"


class ProbedCluster(LivingCluster):
    """``readings`` is what a node's directory holds, by node. ``stuck`` names DaemonSets that never get ready on
    one node; a namespace that is ``lingering`` does not go.
    """

    def __init__(self, nodes: t.Sequence[str]) -> None:
        super().__init__(nodes)
        self.readings: dict[str, str] = {}
        self.stuck: set[str] = set()
        self.unremovable: set[str] = set()
        self.lingering = False
        self.asked: list[tuple[str, str, list[str]]] = []
        self._command = threading.local()
        self._http.RequestHandlerClass = type("Handler", (_Handler, self._http.RequestHandlerClass), {})

    def command(self, pod: str, container: str, command: list[str]) -> None:
        """What the request of this thread wants to run."""
        self.asked.append((pod, container, command))
        self._command.words = command

    def execute(self, path: str, script: str) -> str:
        assert script == DIRECTORY
        node = self.objects[path]["spec"]["nodeName"]
        if "rm -rf" in " ".join(self._command.words):
            if node in self.unremovable:
                return "rm: cannot remove it: Read-only file system\n"
            self.readings.pop(node, None)
            return "removed\n"
        return f"now {time.time_ns() // 1000}\n{self.readings.get(node, '')}"

    def handle(self, method: str, path: str, body: Object) -> tuple[int, Object]:
        if method == "PATCH":
            self.log.append((method, path))
            found = self.objects[path]
            _merge(found, body)
            return 200, found
        status, answer = super().handle(method, path, body)
        for item in answer.get("items", []):
            if item.get("kind") == "DaemonSet" and item["metadata"].get("namespace") == "podnet-connectivity":
                self._roll_out(item)
        return status, answer

    def _roll_out(self, daemon_set: Object) -> None:
        count = len(self.of_kind("Node"))
        ready = count - 1 if daemon_set["metadata"]["name"] in self.stuck else count
        daemon_set["status"] = {"desiredNumberScheduled": count, "updatedNumberScheduled": count, "numberReady": ready}

    def _delete(self, path: str, options: Object) -> tuple[int, Object]:
        found = self.objects.get(path)
        if found is not None and found["kind"] == "Namespace" and self.lingering:
            found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            return 200, found
        return super()._delete(path, options)


class _Handler(BaseHTTPRequestHandler):
    cluster: t.ClassVar[ProbedCluster]

    def do_PATCH(self) -> None:
        self._reply("PATCH")  # type: ignore[attr-defined]  # of the class it is mixed into

    def _websocket(self, pod: str, command: list[str]) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        self.cluster.command(pod, query.get("container", ""), command)
        super()._websocket(pod, command)  # type: ignore[misc]  # of the class it is mixed into


def _merge(target: Object, change: Object) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = value
