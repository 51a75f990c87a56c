# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import switch
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.switch import AT_ONCE, ROLLING
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError

VXLAN = {"Type": "vxlan"}
DIRECT = {"Type": "vxlan", "DirectRouting": True}
HOST_GW = {"Type": "host-gw"}
UDP = {"Type": "udp"}
WIREGUARD = {"Type": "wireguard"}
IPIP = {"Type": "ipip"}


def text(backend: dict[str, t.Any]) -> str:
    return json.dumps({"Network": "10.244.0.0/16", "Backend": backend}, indent=2)


def plan(before: dict[str, t.Any], after: dict[str, t.Any]) -> switch.Switch:
    return switch.plan(text(before), after, "net-conf.json", allow_udp=True)


@pytest.mark.parametrize(
    ("before", "after", "start", "smaller"),
    [
        (VXLAN, DIRECT, ROLLING, False),
        (VXLAN, HOST_GW, ROLLING, False),
        (VXLAN, UDP, AT_ONCE, False),
        (DIRECT, VXLAN, ROLLING, False),
        (DIRECT, HOST_GW, ROLLING, False),
        (DIRECT, UDP, AT_ONCE, False),
        (HOST_GW, VXLAN, ROLLING, True),
        (HOST_GW, DIRECT, ROLLING, True),
        (HOST_GW, UDP, AT_ONCE, True),
        (UDP, VXLAN, AT_ONCE, True),
        (UDP, DIRECT, AT_ONCE, True),
        (UDP, HOST_GW, AT_ONCE, False),
        (VXLAN, {"Type": "vxlan", "VNI": 7}, AT_ONCE, False),
        (VXLAN, {"Type": "vxlan", "Port": 4789}, AT_ONCE, False),
        (VXLAN, {"Type": "vxlan", "MTU": 1400}, ROLLING, True),
        (VXLAN, IPIP, ROLLING, False),
        (IPIP, VXLAN, ROLLING, True),
        (VXLAN, WIREGUARD, AT_ONCE, True),
        (WIREGUARD, HOST_GW, AT_ONCE, False),
    ],
)
def test_how_flanneld_starts_anew(before: dict[str, t.Any], after: dict[str, t.Any], start: str, smaller: bool) -> None:
    planned = plan(before, after)
    assert planned.changed
    assert (planned.start, planned.smaller) == (start, smaller)
    assert json.loads(planned.text) == {"Network": "10.244.0.0/16", "Backend": after}
    assert planned.reason


@pytest.mark.parametrize(
    ("before", "after"),
    [(VXLAN, VXLAN), (VXLAN, {"Type": "vxlan", "VNI": 1, "Port": 0, "DirectRouting": False}), ({"type": "vxlan", "vni": 1}, VXLAN)],
)
def test_what_comes_to_the_same_is_no_switch(before: dict[str, t.Any], after: dict[str, t.Any]) -> None:
    """The text stays as it is, byte for byte: nobody has to start anew for a default that is written out."""
    planned = plan(before, after)
    assert (planned.changed, planned.hazards) == (False, ())
    assert planned.text == text(before)


def test_hazards_are_told() -> None:
    assert any("narrower ones" in hazard for hazard in plan(VXLAN, UDP).hazards)
    assert any("no traffic between nodes" in hazard for hazard in plan(UDP, VXLAN).hazards)
    assert any("reverse path" in hazard for hazard in plan(VXLAN, HOST_GW).hazards)
    assert plan(VXLAN, {"Type": "vxlan", "Learning": True}).hazards == ()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (text(VXLAN), UDP, "backend udp is for debugging only"),
        (text(VXLAN), {}, "backend: it has no Type"),
        (text(VXLAN), {"VNI": 7}, "backend: it has no Type"),
        (text(VXLAN), {"Type": "hostgw"}, "backend: there is no backend 'hostgw'"),
        (text(VXLAN), {"Type": "host-gw", "VNI": 7}, "backend: backend host-gw has no option VNI, which is of vxlan"),
        ("{", VXLAN, "net-conf.json: it is no JSON"),
        (text({"Type": "alloc"}), VXLAN, "net-conf.json: there is no backend 'alloc'"),
    ],
)
def test_refused(before: str, after: dict[str, t.Any], message: str) -> None:
    with pytest.raises(BadInputError) as refused:
        switch.plan(before, after, "net-conf.json")
    assert message in str(refused.value)


def test_a_mark_stands_for_the_text() -> None:
    marks = {switch.mark(text(VXLAN), "", set()), switch.mark(text(VXLAN) + " ", "", set()), switch.mark(text(VXLAN), "7", set())}
    assert len(marks) == 3
    assert switch.mark(text(VXLAN), "", marks) in marks
    assert switch.mark(text(VXLAN), "8", marks) not in marks, "another edit, so pods with the earlier mark are old"
    assert len(switch.mark("", "", set())) == 16
