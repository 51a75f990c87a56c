# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a packet is in a set that rules of iptables ask for."""

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.ip_sets import Known, Sets
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Ipset

FACTS = {
    "source": "10.244.1.7",
    "destination": "10.96.0.10",
    "protocol": "udp",
    "th dport": "53",
    "th sport": None,
    "device": "cali1",
    "out device": "eth0",
}


@pytest.mark.parametrize(
    ("kind", "members", "directions", "expected"),
    [
        pytest.param("hash:ip", ["10.244.1.7"], "src", True, id="address"),
        pytest.param("hash:ip", ["10.244.1.7"], "dst", False, id="address of the other end"),
        pytest.param("hash:ip", ['10.244.1.7 comment "a b"'], "src", True, id="with a comment"),
        pytest.param("hash:ip", [], "src", False, id="empty"),
        pytest.param("hash:net", ["10.244.0.0/16"], "src", True, id="network"),
        pytest.param("hash:net", ["0.0.0.0/1", "128.0.0.0/1"], "src", True, id="half of all"),
        pytest.param("hash:net", ["10.244.1.7"], "src", True, id="network of one address"),
        pytest.param("hash:net", ["10.244.0.0/16", "10.244.1.0/24 nomatch"], "src", False, id="an exception"),
        pytest.param("hash:net", ["10.244.0.0/16 nomatch", "10.244.1.0/24"], "src", True, id="an exception that is wider"),
        pytest.param("hash:net", ["fd00::/8"], "src", False, id="network of the other family"),
        pytest.param("hash:ip,port", ["10.96.0.10,udp:53"], "dst,dst", True, id="address and port"),
        pytest.param("hash:ip,port", ["10.96.0.10,tcp:53"], "dst,dst", False, id="port of another protocol"),
        pytest.param("hash:ip,port", ["10.96.0.10,udp:53"], "dst,src", None, id="a port that is not known"),
        pytest.param("hash:ip,port", ["10.96.0.10,udp:53"], "dst", None, id="too few directions"),
        pytest.param("hash:net,port,net", ["10.0.0.0/8,udp:53,10.96.0.0/12"], "src,dst,dst", True, id="three parts"),
        pytest.param("hash:net,iface", ["10.0.0.0/8,cali1"], "src,src", True, id="device"),
        pytest.param("bitmap:port", ["53"], "dst", True, id="ports"),
        pytest.param("bitmap:port", ["54"], "dst", False, id="other ports"),
        pytest.param("hash:mac", ["00:11:22:33:44:55"], "src", None, id="what nobody knows of a packet"),
        pytest.param("list:set", ["other"], "src", True, id="set of sets"),
        pytest.param("list:set", ["unread"], "src", None, id="set of a set that was not read"),
    ],
)
def test_has(kind: str, members: list[str], directions: str, expected: bool | None) -> None:
    sets = Sets([Ipset("s", kind, members=tuple(members)), Ipset("other", "hash:net", members=("10.244.1.0/24",)), Ipset("unread")])
    assert sets.has(f"set s {directions}", FACTS) is expected


def test_facts_about_sets() -> None:
    """A set that was read is asked; of another only what the facts tell is known."""
    known = Known({**FACTS, "set s src": "no", "set t src": "yes"}, Sets([Ipset("s", "hash:ip", members=("10.244.1.7",)), Ipset("t")]))
    assert [known.get(key) for key in ("set s src", "set t src", "set u src", "source", "mark")] == ["yes", "yes", None, "10.244.1.7", None]
