# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import in_place
from ansible_collections.podnet.cni.plugins.module_utils._cni.in_place import Container, Pod, Sandbox
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError

POD = Pod("demo", "web", "u1", ("10.244.1.5",), containers=("web",))
RUNS, ENDED = Container("c1", "web", running=True, grace=30), Container("c0", "web")
OLD = Sandbox("s1", "u1", ready=True, created=1, addresses=("10.244.1.5",), containers=(RUNS,))
STOPPED = dataclasses.replace(OLD, ready=False, addresses=(), containers=(ENDED,))
NEW = Sandbox("s2", "u1", ready=True, attempt=1, created=2, addresses=("10.244.1.193",), containers=(RUNS,))
OTHER = dataclasses.replace(OLD, id="s9", uid="u9")


def change(sandbox: Sandbox, **fields: t.Any) -> Sandbox:
    return dataclasses.replace(sandbox, **fields)


@pytest.mark.parametrize(
    ("sandboxes", "action", "reason"),
    [
        pytest.param([OLD], "restart", "its sandbox has the address 10.244.1.5", id="the address it is to lose"),
        pytest.param([OTHER], "absent", "no sandbox of it is on this node", id="on another node, or another pod of this name"),
        pytest.param([STOPPED], "await", "a new sandbox is being made", id="stopped by a run that was killed"),
        pytest.param([STOPPED, change(NEW, addresses=())], "await", "a new sandbox is being made", id="half made"),
        pytest.param([NEW, STOPPED], "await", "its sandbox has the address 10.244.1.193 already", id="moved"),
        pytest.param([change(OLD, host_network=True)], "keep", "it is on the host's network", id="the host's network"),
        pytest.param([change(OLD, addresses=("10.244.1.5", "fd00::5"))], "restart", "10.244.1.5, fd00::5", id="one of two"),
    ],
)
def test_decisions(sandboxes: list[Sandbox], action: str, reason: str) -> None:
    decision = in_place.decide(POD, [*sandboxes, OTHER], ())
    assert decision.action == action
    assert reason in decision.reason


@pytest.mark.parametrize(
    ("addresses", "networks", "action"),
    [
        ((), ("10.244.1.192/26",), "restart"),
        ((), ("10.244.1.0/26",), "await"),
        ((), ("10.244.1.192/26", "10.244.1.0/24"), "await"),
        (("10.244.1.5",), ("10.244.1.0/24",), "await"),
        (("10.244.1.6",), ("10.244.1.192/26",), "await"),
    ],
)
def test_networks_in_which_an_address_is_good(addresses: tuple[str, ...], networks: tuple[str, ...], action: str) -> None:
    assert in_place.decide(dataclasses.replace(POD, addresses=addresses), [OLD], networks).action == action


CRASHED = change(NEW, containers=(ENDED,))


@pytest.mark.parametrize(
    ("before", "pod", "after", "words"),
    [
        pytest.param([OLD], POD, [STOPPED, NEW], "", id="back"),
        pytest.param([OLD], POD, [OLD], "kubelet has not made a new sandbox", id="not stopped yet"),
        pytest.param([OLD], POD, [STOPPED], "kubelet has not made a new sandbox", id="none yet"),
        pytest.param([OLD], POD, [STOPPED, change(NEW, ready=False)], "kubelet has not made a new sandbox", id="not ready"),
        pytest.param([OLD], POD, [STOPPED, change(NEW, addresses=())], "its new sandbox has no address", id="no address"),
        pytest.param([OLD], POD, [STOPPED, CRASHED], "container web does not run in its new sandbox", id="it crashed"),
        pytest.param([OLD], POD, [], "", id="deleted meanwhile"),
        pytest.param(
            [OLD], dataclasses.replace(POD, containers=()), [STOPPED, CRASHED], "container web does not run", id="what ran before"
        ),
        pytest.param(
            [change(OLD, containers=(ENDED,))], dataclasses.replace(POD, containers=()), [STOPPED, CRASHED], "", id="crashed before"
        ),
        pytest.param([STOPPED], POD, [STOPPED, CRASHED], "container web does not run", id="a run that was killed"),
        pytest.param([STOPPED], dataclasses.replace(POD, containers=()), [STOPPED, CRASHED], "", id="nobody knows what ran"),
        pytest.param(
            [STOPPED],
            dataclasses.replace(POD, containers=()),
            [STOPPED, change(NEW, containers=())],
            "no container was made in its new sandbox",
            id="nobody knows what ran, and nothing does",
        ),
        pytest.param([NEW], POD, [NEW], "", id="moved before"),
    ],
)
def test_what_a_pod_lacks(before: list[Sandbox], pod: Pod, after: list[Sandbox], words: str) -> None:
    lacks = in_place.missing(in_place.decide(pod, before, ()), after)
    assert words in lacks
    assert bool(lacks) is bool(words)


def test_a_sandbox_has_the_grace_of_its_containers() -> None:
    assert change(OLD, containers=(ENDED, RUNS)).grace == 30
    assert change(OLD, containers=()).grace == 0


@pytest.mark.parametrize(
    ("fields", "networks", "words"),
    [
        ({"restart_policy": "Never"}, (), "the containers of demo/web are never restarted"),
        ({"addresses": ()}, (), "for demo/web neither the addresses to lose nor keep_networks are given"),
        ({}, ("10.244.1.0/33",), "keep_networks: '10.244.1.0/33' does not appear"),
    ],
)
def test_what_cannot_be_done_is_refused(fields: dict[str, t.Any], networks: tuple[str, ...], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        in_place.demand_possible([dataclasses.replace(POD, **fields)], networks)


def test_what_can_be_done_is_not() -> None:
    in_place.demand_possible([POD, dataclasses.replace(POD, restart_policy="OnFailure")], ())
    in_place.demand_possible([dataclasses.replace(POD, addresses=())], ("10.244.1.192/26",))
