# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import capabilities
from tests.support.preflight_cases import (
    FLANNEL_NODE,
    Bad,
    assert_bad,
    assert_warned,
    both,
    can_fail,
    can_warn,
    examine,
    failed,
    names,
    node,
    with_changes,
)

BAD: list[Bad] = [
    ("architecture-supported", "n2", "riscv64", {"seen": with_changes(nodes=(node("n1"), node("n2", 2, architecture="riscv64")))}),
    ("architecture-supported", "n2", "architecture arm ", {"seen": with_changes(nodes=(node("n1"), node("n2", 2, architecture="arm")))}),
    ("os-supported", "n2", "windows", {"seen": with_changes(nodes=(node("n1"), node("n2", 2, operating_system="windows")))}),
    ("runtime-supported", "n2", "docker://20.10", {"seen": with_changes(nodes=(node("n1"), node("n2", 2, runtime="docker://20.10")))}),
]


BOTH_BACKENDS = dataclasses.replace(
    FLANNEL_NODE,
    chains=tuple(snapshot.Chain(backend, 4, "nat", "KUBE-X", rules=(snapshot.Rule("-j x"),)) for backend in ("legacy", "nft")),
)
WARNED: list[Bad] = [
    ("one-iptables-backend", "n2", "both legacy and nft iptables on n2", {"nodes": both(FLANNEL_NODE, BOTH_BACKENDS)}),
    ("kube-proxy-mode", "kube-proxy", "nftables", {"seen": with_changes(kube_proxy_mode="nftables")}),
]


@pytest.mark.parametrize(("name", "where", "words", "changes"), BAD, ids=names(BAD))
def test_bad_input_fails_one_check_that_says_what_where_and_what_next(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    assert_bad(name, where, words, changes)


@pytest.mark.parametrize(("name", "where", "words", "changes"), WARNED, ids=names(WARNED))
def test_what_somebody_should_look_at(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    assert_warned(name, where, words, changes)


def test_every_check_that_can_warn_is_in_the_table() -> None:
    assert can_warn(capabilities) == {name for name, _where, _words, _changes in WARNED}


def test_every_check_that_can_fail_is_in_the_table() -> None:
    assert can_fail(capabilities) == {name for name, _where, _words, _changes in BAD}


@pytest.mark.parametrize(
    ("changes", "name", "result", "words"),
    [
        ({"encapsulation": "ipip"}, "kernel-ipip", "skipped", "n1, n2"),
        (
            {"nodes": both(FLANNEL_NODE, dataclasses.replace(FLANNEL_NODE, links=()))},
            "kernel-vxlan",
            "skipped",
            "no vxlan device yet to prove it on n2",
        ),
        ({"seen": with_changes(kube_proxy_mode="ipvs")}, "kube-proxy-mode", "info", "ipvs"),
        ({}, "kube-proxy-mode", "passed", "iptables"),
    ],
)
def test_notes_that_do_not_stop_anything(changes: dict[str, t.Any], name: str, result: str, words: str) -> None:
    verdict = examine(**changes)
    assert failed(verdict) == []
    (check,) = (check for check in verdict.checks if check.id == name)
    assert check.result == result
    assert words in check.seen
