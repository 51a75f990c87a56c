# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import conflist

D = "/etc/cni/net.d"


def a_list(name: str, *types: str) -> bytes:
    return json.dumps({"name": name, "cniVersion": "0.3.1", "plugins": [{"type": kind} for kind in types]}).encode()


FLANNEL = a_list("cbr0", "flannel", "portmap")
CALICO = a_list("k8s-pod-network", "calico", "portmap", "bandwidth")
BRIDGE = b'{"name": "podman", "type": "bridge"}'
BROKEN = b'{"name": "cbr0", "plugins": ['


@pytest.mark.parametrize("runtime", ["containerd", "cri-o", "docker", ""])
@pytest.mark.parametrize(
    ("files", "winner"),
    [
        ({}, ""),
        ({"10-flannel.conflist": FLANNEL}, "10-flannel.conflist"),
        ({"10-flannel.conflist": FLANNEL, "10-calico.conflist": CALICO}, "10-calico.conflist"),
        ({"87-podman.conf": BRIDGE, "10-flannel.conflist": FLANNEL}, "10-flannel.conflist"),
        ({"9-flannel.json": BRIDGE, "10-calico.conflist": CALICO}, "10-calico.conflist"),  # lexical: "1" before "9"
        ({"Z.conf": BRIDGE, "a.conflist": FLANNEL}, "Z.conf"),  # capitals come first
        ({"05-old.conflist.bak": FLANNEL, "10-calico.conflist": CALICO}, "10-calico.conflist"),
        ({"calico-kubeconfig": b"apiVersion: v1", "10-calico.conflist": CALICO}, "10-calico.conflist"),
        ({"10-calico.conflist": CALICO, "20-broken.conflist": BROKEN}, "10-calico.conflist"),
    ],
)
def test_winner(files: dict[str, bytes], winner: str, runtime: str) -> None:
    assert winner_of(files, runtime) == winner


@pytest.mark.parametrize(
    ("runtime", "winner", "reasons"),
    [
        (
            "containerd",
            "",
            [
                "first in lexical order, and containerd loads nothing at all when its first file is broken",
                "containerd stops at 05-broken.conf before it, which is broken",
            ],
        ),
        ("cri-o", "10-calico.conflist", ["cri-o cannot use it", "first in lexical order"]),
        ("docker", "10-calico.conflist", ["docker cannot use it", "first in lexical order"]),
    ],
)
def test_a_broken_first_file(runtime: str, winner: str, reasons: list[str]) -> None:
    files = {f"{D}/05-broken.conf": BROKEN, f"{D}/10-calico.conflist": CALICO}
    assert winner_of({path.rpartition("/")[2]: content for path, content in files.items()}, runtime) == winner
    assert [file.reason for file in conflist.read(files, runtime)] == reasons


@pytest.mark.parametrize(
    ("runtime", "default_network", "winner"),
    [
        ("cri-o", "cbr0", "10-flannel.conflist"),
        ("cri-o", "elsewhere", ""),
        ("cri-o", "", "10-calico.conflist"),
        ("containerd", "cbr0", "10-calico.conflist"),  # the setting is CRI-O's alone
    ],
)
def test_default_network_of_crio(runtime: str, default_network: str, winner: str) -> None:
    assert winner_of({"10-calico.conflist": CALICO, "10-flannel.conflist": FLANNEL}, runtime, default_network) == winner


def test_a_winner_that_is_no_pinned_network_has_no_reason_to_win() -> None:
    files = {f"{D}/10-calico.conflist": CALICO, f"{D}/10-flannel.conflist": FLANNEL}
    assert [file.reason for file in conflist.read(files, "cri-o", "cbr0")] == [
        "cri-o's cni_default_network is cbr0, and this one is k8s-pod-network",
        "carries cri-o's cni_default_network cbr0",
    ]


def test_losers_say_who_comes_before() -> None:
    files = {f"{D}/10-calico.conflist": CALICO, f"{D}/10-flannel.conflist": FLANNEL, f"{D}/10-flannel.conflist.bak": FLANNEL}
    assert [file.reason for file in conflist.read(files)] == [
        "first in lexical order",
        "10-calico.conflist comes before it",
        "containerd cannot use it",
    ]


def test_fields() -> None:
    (file,) = conflist.read({f"{D}/10-calico.conflist": CALICO})
    assert (file.path, file.network, file.cni_version) == (f"{D}/10-calico.conflist", "k8s-pod-network", "0.3.1")
    assert (file.plugins, file.problem, file.owner) == (("calico", "portmap", "bandwidth"), "", "calico")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.conflist", b"", "not JSON"),
        ("a.conflist", b"\xff\xfe", "not JSON"),
        ("a.conflist", BROKEN, "not JSON"),
        ("a.conflist", b"[]", "not a JSON object"),
        ("a.conflist", b'{"plugins": [{"type": "flannel"}]}', "has no network name"),
        ("a.conflist", b'{"name": 5, "plugins": [{"type": "flannel"}]}', "has no network name"),
        ("a.conflist", b'{"name": "x", "cniVersion": 1, "plugins": [{"type": "flannel"}]}', "cniVersion is not a string"),
        ("a.conflist", b'{"name": "x"}', "has no list of plugins"),
        ("a.conflist", b'{"name": "x", "plugins": []}', "has no list of plugins"),
        ("a.conflist", b'{"name": "x", "plugins": {"type": "flannel"}}', "has no list of plugins"),
        ("a.conflist", b'{"name": "x", "plugins": [{"type": "flannel"}, {"kind": "portmap"}]}', "plugin 2 has no type"),
        ("a.conflist", b'{"name": "x", "plugins": ["flannel"]}', "plugin 1 has no type"),
        ("a.conf", b'{"name": "x"}', "has no plugin type"),
        ("a.conf", FLANNEL, "is a list of plugins, which only a .conflist may hold"),
        ("a.json", FLANNEL, "is a list of plugins, which only a .conflist may hold"),
        ("a.conflist.bak", FLANNEL, "no runtime reads a file that does not end in .conf, .conflist, .json"),
        ("a.conflist~", BRIDGE, "no runtime reads a file that does not end in .conf, .conflist, .json"),
        ("a.conf", BRIDGE, ""),
    ],
)
def test_problem(name: str, content: bytes, problem: str) -> None:
    (file,) = conflist.read({f"{D}/{name}": content})
    assert file.problem.startswith(problem)
    assert bool(file.problem) == bool(problem)
    assert file.wins == (not problem)


@pytest.mark.parametrize(
    ("name", "content"),
    [("calico-kubeconfig", b"apiVersion: v1"), ("notes.txt", b"{}"), ("state.bak", b'{"type": "x"}'), ("calico-tls", b"\x00\xff")],
)
def test_no_configuration(name: str, content: bytes) -> None:
    assert conflist.read({f"{D}/{name}": content}) == ()


@pytest.mark.parametrize(
    ("name", "plugins", "owner"),
    [
        ("10-flannel.conflist", ("flannel", "portmap"), "flannel"),
        ("00-net.conflist", ("flannel",), "flannel"),
        ("10-calico.conflist", ("calico", "bandwidth"), "calico"),
        ("10-canal.conflist", ("calico", "portmap"), "calico"),
        ("10-calico.conflist", ("flannel-migration-in-progress",), "calico"),
        ("10-flannel.conflist", (), "flannel"),  # broken: only its name speaks
        ("calico-kubeconfig", (), "calico"),
        ("10-flannel.conflist", ("cilium-cni",), "unknown"),  # its content contradicts its name
        ("10-containerd-net.conflist", ("bridge", "portmap"), "runtime"),
        ("100-crio-bridge.conflist", ("bridge",), "runtime"),
        ("87-podman-bridge.conflist", ("bridge",), "runtime"),
        ("99-loopback.conf", ("loopback",), "runtime"),
        ("05-cilium.conflist", ("cilium-cni",), "unknown"),
        ("notes", (), "unknown"),
    ],
)
def test_owner(name: str, plugins: tuple[str, ...], owner: str) -> None:
    assert conflist.owner_of(f"{D}/{name}", plugins) == owner


@pytest.mark.parametrize(
    ("name", "read"), [("a.conf", True), ("a.conflist", True), ("a.json", True), (".conf", True), ("a.bak", False), ("conf", False)]
)
def test_is_read(name: str, read: bool) -> None:
    assert conflist.is_read(f"{D}/{name}") is read


def winner_of(files: t.Mapping[str, bytes], runtime: str, default_network: str = "") -> str:
    read = conflist.read({f"{D}/{name}": content for name, content in files.items()}, runtime, default_network)
    assert [file.path for file in read] == sorted(file.path for file in read)
    winners = [file.path.rpartition("/")[2] for file in read if file.wins]
    assert len(winners) <= 1
    return winners[0] if winners else ""
