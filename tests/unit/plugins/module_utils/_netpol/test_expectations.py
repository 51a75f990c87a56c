# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people write down about who may reach whom, and what comes of it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import expectations, load
from tests.support.netpol_cases import ANY, ingress, named, policy, world

ENTRY = {"source": "x/b", "destination": "x/a", "port": "TCP/80", "verdict": "allow"}


def place(number: int) -> str:
    return f"e.yaml, line {number + 1}" if number >= 0 else "e.yaml"


def parse(entries: t.Any) -> list[str]:
    return [f"{one.where}: {one}" for one in expectations.parse(entries, place)]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([ENTRY], ["e.yaml, line 1: x/b may reach x/a on TCP/80"], id="a list"),
        pytest.param({"expectations": [ENTRY]}, ["e.yaml, line 1: x/b may reach x/a on TCP/80"], id="an object"),
        pytest.param([{**ENTRY, "name": "no", "verdict": "deny"}], ["e.yaml, line 1: no: x/b must not reach x/a on TCP/80"], id="a name"),
        pytest.param([{**ENTRY, "port": 80}], ["e.yaml, line 1: x/b may reach x/a on TCP/80"], id="a number is TCP"),
        pytest.param(
            [ENTRY, {**ENTRY, "source": ["y/a", "z/a"], "port": ["udp/53", "TCP/http"]}],
            [
                "e.yaml, line 1: x/b may reach x/a on TCP/80",
                "e.yaml, line 2: y/a may reach x/a on UDP/53",
                "e.yaml, line 2: y/a may reach x/a on TCP/http",
                "e.yaml, line 2: z/a may reach x/a on UDP/53",
                "e.yaml, line 2: z/a may reach x/a on TCP/http",
            ],
            id="all combinations",
        ),
    ],
)
def test_parse(entries: t.Any, expected: list[str]) -> None:
    assert parse(entries) == expected


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "e.yaml: holds no list of expectations"),
        (None, "e.yaml: holds no list of expectations"),
        ({"expectations": [ENTRY], "more": 1}, "e.yaml: holds no list of expectations"),
        (["x"], "e.yaml, line 1: is a str, not an expectation"),
        ([ENTRY, {**ENTRY, "from": "x/a"}], "e.yaml, line 2: has the unknown field from. Fields are name, source,"),
        ([{**ENTRY, "source": []}], "e.yaml, line 1: lacks source."),
        ([{name: value for name, value in ENTRY.items() if name != "port"}], "e.yaml, line 1: lacks port."),
        ([{**ENTRY, "verdict": "undefined"}], "e.yaml, line 1: has the verdict 'undefined'. It is allow or deny."),
        ([{**ENTRY, "verdict": True}], "e.yaml, line 1: has the verdict True."),
        ([{**ENTRY, "source": {"pod": "a"}}], "e.yaml, line 1: has {'pod': 'a'} as source,"),
        ([{**ENTRY, "port": [True]}], "e.yaml, line 1: has [True] as port,"),
        ([{**ENTRY, "port": 0}], "e.yaml, line 1: ports: '0' is no port"),
    ],
)
def test_what_could_be_misread_is_refused(entries: t.Any, message: str) -> None:
    with pytest.raises(_errors.BadInputError) as caught:
        parse(entries)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("entry", "cni", "result"),
    [
        (ENTRY, "generic", "met"),
        ({**ENTRY, "source": "x/c", "verdict": "deny"}, "generic", "met"),
        ({**ENTRY, "source": "x/c"}, "generic", "missed"),
        ({**ENTRY, "verdict": "deny"}, "generic", "missed"),
        pytest.param({**ENTRY, "source": "x/c", "verdict": "deny"}, "flannel", "missed", id="nobody enforces"),
        pytest.param({**ENTRY, "port": "ICMP"}, "generic", "undefined", id="no matter of the API"),
    ],
)
def test_check(entry: dict[str, t.Any], cni: str, result: str) -> None:
    only_b = policy(named("a"), ingress=[ingress({"podSelector": named("b")})])
    found = load(world(only_b), cni=cni).matrix(["TCP/80"])
    (outcome,) = expectations.check(found, expectations.parse([entry], place))
    assert outcome.result == result
    assert str(outcome) == f"{outcome.expectation}: {result}"


def test_an_end_that_is_not_there_is_an_error() -> None:
    found = load(world(policy({}, ingress=[ingress(ANY)]))).matrix(["TCP/80"])
    with pytest.raises(_errors.BadInputError, match=r"^e\.yaml, line 1: x/aa: no such pod, workload, Service or node is in the input\."):
        expectations.check(found, expectations.parse([{**ENTRY, "source": "x/aa", "verdict": "deny"}], place))
