# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher is run for real, by bash, with a stand-in for curl that says what an API server says in a watch."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import prober

BASH = shutil.which("bash") or "bash"
# Prints what is in the file "events" and what is added to it; the test ends it.
CURL = """#!/bin/sh
cat > "$PLACE/stdin.$$"
echo "$@" >> "$PLACE/arguments"
exec tail -n +1 -f "$PLACE/events"
"""


def endpoint(pod: str, node: str, address: str, *, terminating: bool = False) -> dict[str, t.Any]:
    return {
        "addresses": [address],
        "conditions": {"ready": not terminating, "serving": True, "terminating": terminating},
        "targetRef": {"kind": "Pod", "namespace": "podnet-connectivity", "name": pod, "uid": "u"},
        "nodeName": node,
    }


def event(kind: str, name: str, *endpoints: dict[str, t.Any]) -> str:
    """As the API server prints it: one line, its own bookkeeping between name and endpoints."""
    managed = [{"manager": "kube-controller-manager", "fieldsV1": {"f:endpoints": {}, "f:metadata": {"f:name": {}}}}]
    metadata = {"name": name, "generateName": "peers-", "managedFields": managed}
    item = {
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": [{"name": "probe"}],
    }
    return json.dumps({"type": kind, "object": item}, separators=(",", ":")) + "\n"


class Watcher:
    """A watcher that runs, and the directory it keeps."""

    def __init__(self, place: Path, node: str = "n1", peers: int = 16) -> None:
        self.place = place
        (place / "events").touch()
        (place / "access").mkdir()
        (place / "access" / "token").write_text("the-token")
        (place / "bin").mkdir()
        (place / "bin" / "curl").write_text(CURL)
        (place / "bin" / "curl").chmod(0o755)
        values = {
            "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
            "PLACE": place,
            "DATA": place / "data",
            "ACCESS": place / "access",
            "NAMESPACE": "podnet-connectivity",
            "NODE": node,
            "PEERS": peers,
            "KUBERNETES_SERVICE_HOST": "10.96.0.1",
            "KUBERNETES_SERVICE_PORT": "443",
        }
        environ = {name: str(value) for name, value in values.items()}
        self.process = subprocess.Popen([BASH, "-c", prober.WATCHER], env=environ, start_new_session=True)

    def say(self, *events: str) -> None:
        with (self.place / "events").open("a") as stream:
            stream.write("".join(events))

    def peers(self) -> list[str]:
        file = self.place / "data" / "peers"
        return file.read_text().splitlines() if file.exists() else []

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(name="start")
def _start(tmp_path: Path) -> t.Iterator[t.Callable[..., Watcher]]:
    running: list[Watcher] = []

    def start(**options: t.Any) -> Watcher:
        running.append(Watcher(tmp_path, **options))
        return running[-1]

    yield start
    for watcher in running:
        watcher.close()


def await_peers(watcher: Watcher, wanted: list[str]) -> None:
    deadline = time.monotonic() + 10
    while watcher.peers() != wanted:
        assert time.monotonic() < deadline, watcher.peers()
        time.sleep(0.02)


HOSTS = [endpoint(f"host-{number}", f"n{number}", f"192.0.2.{number}") for number in (3, 1, 2)]
PROBES = [endpoint(f"probe-{number}", f"n{number}", f"10.0.{number}.1") for number in (1, 2, 3)]


def test_nodes_and_pods_of_all_slices_beginning_with_its_own(start: t.Callable[..., Watcher]) -> None:
    watcher = start(node="n2")
    watcher.say(event("ADDED", "peers-a", HOSTS[0], PROBES[0], PROBES[1]), event("ADDED", "peers-b", HOSTS[1], HOSTS[2], PROBES[2]))
    await_peers(
        watcher,
        [
            "host n2 192.0.2.2",
            "pod n2 10.0.2.1 probe-2",
            "host n3 192.0.2.3",
            "pod n3 10.0.3.1 probe-3",
            "host n1 192.0.2.1",
            "pod n1 10.0.1.1 probe-1",
        ],
    )


def test_a_slice_of_a_hundred_nodes(start: t.Callable[..., Watcher]) -> None:
    watcher = start(node="n050", peers=100)
    hosts = [endpoint(f"host-{number}", f"n{number:03}", f"192.0.2.{number}") for number in range(100)]
    watcher.say(event("ADDED", "peers-a", *hosts))
    await_peers(watcher, [f"host n{number % 100:03} 192.0.2.{number % 100}" for number in range(50, 150)])
    assert [path.name for path in (watcher.place / "data").iterdir()] == ["peers"]


def test_the_token_goes_by_standard_input(start: t.Callable[..., Watcher]) -> None:
    watcher = start()
    watcher.say(event("ADDED", "peers-a", HOSTS[1]))
    await_peers(watcher, ["host n1 192.0.2.1"])
    (given,) = watcher.place.glob("stdin.*")
    assert given.read_text() == 'header = "Authorization: Bearer the-token"\n'
    arguments = (watcher.place / "arguments").read_text()
    assert "the-token" not in arguments
    url = "https://10.96.0.1:443/apis/discovery.k8s.io/v1/namespaces/podnet-connectivity/endpointslices"
    assert f"{url}?labelSelector=kubernetes.io/service-name=peers&watch=true&timeoutSeconds=300" in arguments
    assert f"--cacert {watcher.place}/access/ca.crt" in arguments


def test_an_address_stays_until_there_is_another(start: t.Callable[..., Watcher]) -> None:
    hosts = HOSTS[1:]
    before = ["host n1 192.0.2.1", "host n2 192.0.2.2", "pod n2 10.0.2.1 probe-2"]
    watcher = start()
    watcher.say(event("ADDED", "peers-a", *hosts, PROBES[1]))
    await_peers(watcher, before)
    old = endpoint("probe-2", "n2", "10.0.2.1", terminating=True)
    watcher.say(event("MODIFIED", "peers-a", *hosts, old), event("MODIFIED", "peers-a", *hosts))
    watcher.say(event("MODIFIED", "peers-a", *hosts, old, endpoint("probe-9", "n2", "10.0.2.9")))
    await_peers(watcher, [*before[:2], "pod n2 10.0.2.9 probe-9"])


def test_a_node_that_left_is_forgotten(start: t.Callable[..., Watcher]) -> None:
    watcher = start()
    watcher.say(event("ADDED", "peers-a", HOSTS[1], PROBES[0]), event("ADDED", "peers-b", HOSTS[2], PROBES[1]))
    await_peers(watcher, ["host n1 192.0.2.1", "pod n1 10.0.1.1 probe-1", "host n2 192.0.2.2", "pod n2 10.0.2.1 probe-2"])
    watcher.say(event("DELETED", "peers-b", HOSTS[2], PROBES[1]))
    await_peers(watcher, ["host n1 192.0.2.1", "pod n1 10.0.1.1 probe-1"])


@pytest.mark.parametrize(
    ("node", "peers", "chosen"),
    [
        ("n1", 2, ["n1", "n2", "n4"]),
        ("n5", 2, ["n5", "n6", "n2"]),
        ("n3", 1, ["n3", "n4"]),
        ("n6", 9, ["n6", "n1", "n2", "n3", "n4", "n5"]),
    ],
)
def test_in_a_large_cluster_peers_are_spread_over_the_ring(
    start: t.Callable[..., Watcher], node: str, peers: int, chosen: list[str]
) -> None:
    watcher = start(node=node, peers=peers)
    watcher.say(event("ADDED", "peers-a", *(endpoint(f"host-{number}", f"n{number}", f"192.0.2.{number}") for number in range(1, 7))))
    await_peers(watcher, [f"host {name} 192.0.2.{name[1:]}" for name in chosen])


def test_every_node_is_asked_by_as_many_as_it_asks() -> None:
    """The same arithmetic as in the program, over a whole cluster."""
    count, peers = 50, 16
    asked = [(at + 1 + step * (count - 1) // peers) % count for at in range(count) for step in range(peers)]
    assert {asked.count(node) for node in range(count)} == {peers}


def test_a_watch_that_ends_is_begun_again(start: t.Callable[..., Watcher]) -> None:
    watcher = start()
    watcher.say(event("ADDED", "peers-a", HOSTS[1], PROBES[0]))
    await_peers(watcher, ["host n1 192.0.2.1", "pod n1 10.0.1.1 probe-1"])
    (watcher.place / "events").write_text(event("ADDED", "peers-c", HOSTS[1], endpoint("probe-7", "n1", "10.0.1.7")))
    (given,) = watcher.place.glob("stdin.*")
    os.kill(int(given.suffix[1:]), signal.SIGTERM)
    await_peers(watcher, ["host n1 192.0.2.1", "pod n1 10.0.1.7 probe-7"])
