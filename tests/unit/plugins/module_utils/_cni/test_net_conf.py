# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils._cni import net_conf
from ansible_collections.podnet.cni.plugins.module_utils._cni.net_conf import NetConf
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError

UPSTREAM = """{
  "Network": "10.244.0.0/16",
  "EnableNFTables": false,
  "Backend": {
    "Type": "vxlan"
  }
}
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(UPSTREAM, NetConf("10.244.0.0/16", backend="vxlan"), id="as upstream has it"),
        pytest.param('{"Network": "10.244.0.0/16"}', NetConf("10.244.0.0/16", backend="udp"), id="no backend is udp"),
        pytest.param('{"Network": "10.0.0.0/8", "Backend": null}', NetConf("10.0.0.0/8", backend="udp"), id="null is no backend"),
        pytest.param(
            '{"network": "10.244.0.0/16", "backend": {"type": "vxlan", "vni": 7}}',
            NetConf("10.244.0.0/16", backend="vxlan", options={"vni": 7}),
            id="keys in any case",
        ),
        pytest.param(
            '{"Network": "10.1.0.0/16", "Network": "10.2.0.0/16", "Backend": {"Type": "udp"}, "Backend": {"Type": "host-gw"}}',
            NetConf("10.2.0.0/16", backend="host-gw"),
            id="of a key that is there twice the last one",
        ),
        pytest.param(
            '{"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:10::/56", "EnableNFTables": true,'
            ' "Backend": {"Type": "vxlan", "Port": 4789}}',
            NetConf("10.244.0.0/16", "fd00:10::/56", ipv6=True, nftables=True, backend="vxlan", options={"Port": 4789}),
            id="dual stack, nftables",
        ),
        pytest.param(
            '{"EnableIPv4": false, "EnableIPv6": true, "IPv6Network": "fd00:10::/56", "Backend": {"Type": "host-gw"}}',
            NetConf("", "fd00:10::/56", ipv4=False, ipv6=True, backend="host-gw"),
            id="IPv6 alone",
        ),
        pytest.param(
            '{"Network": "10.244.0.0/16", "SubnetLen": 26, "mine": [1, {"Backend": 2}], "Backend": {"Type": "vxlan"}}',
            NetConf("10.244.0.0/16", backend="vxlan"),
            id="what is no concern of a backend",
        ),
    ],
)
def test_what_it_says(text: str, says: NetConf) -> None:
    assert net_conf.parse(text, "net-conf.json") == says


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '{\n  "Network": "10.244.0.0/16",\n  "Backend": {"Type": "vxlan",}\n}',
            'Expecting property name enclosed in double quotes in line 3, column 31: \'"Backend": {"Type": "vxlan",}\'',
        ),
        ("", "it is no JSON: Expecting value in line 1, column 1"),
        ("[1]", "it is a JSON list and no object"),
        ('{"Backend": {"Type": "vxlan"}}', "Network: '' has no prefix length"),
        ('{"Network": "10.244.0.0/33", "Backend": {"Type": "vxlan"}}', "Network: '10.244.0.0/33' does not appear"),
        ('{"Network": "10.244.1.0/16", "Backend": {"Type": "vxlan"}}', "has host bits set"),
        ('{"Network": "fd00::/56", "Backend": {"Type": "vxlan"}}', "is no range of IPv4"),
        ('{"Network": "10.244.0.0/16", "EnableIPv6": "yes"}', "enableipv6 is 'yes', and flanneld wants true or false"),
        ('{"Network": "10.244.0.0/16", "Backend": "vxlan"}', "Backend is a JSON str and no object"),
        ('{"Network": "10.244.0.0/16", "Backend": {"VNI": 1}}', "Backend has no Type, and flanneld would not start"),
        ('{"Network": "10.244.0.0/16", "Backend": {"Type": 1}}', "Backend.Type is 1 and no text"),
        ('{"EnableIPv4": false}', "are both off"),
    ],
)
def test_what_flanneld_could_not_use(text: str, problem: str) -> None:
    with pytest.raises(BadInputError) as refused:
        net_conf.parse(text, "net-conf.json")
    assert problem in str(refused.value)


HOST_GW = {"Type": "host-gw"}


@pytest.mark.parametrize(
    ("text", "backend", "after"),
    [
        pytest.param(
            UPSTREAM,
            {"Type": "vxlan", "VNI": 7},
            UPSTREAM.replace('"Type": "vxlan"\n', '"Type": "vxlan",\n    "VNI": 7\n'),
            id="in the manner of the text",
        ),
        pytest.param(
            '{"Backend":{"Type":"vxlan"},"Network":"10.244.0.0/16"}',
            HOST_GW,
            '{"Backend":{"Type": "host-gw"},"Network":"10.244.0.0/16"}',
            id="on one line",
        ),
        pytest.param('{"Network": "10.244.0.0/16"}', HOST_GW, '{"Network": "10.244.0.0/16", "Backend": {"Type": "host-gw"}}', id="new"),
        pytest.param(
            '{\n\t"Network": "10.244.0.0/16"\n}\n',
            HOST_GW,
            '{\n\t"Network": "10.244.0.0/16",\n\t"Backend": {\n\t\t"Type": "host-gw"\n\t}\n}\n',
            id="new, behind the others, with tabs",
        ),
        pytest.param("{}", HOST_GW, '{"Backend": {"Type": "host-gw"}}', id="all there is"),
        pytest.param(
            '{"backend": {"Type": "udp"}, "Backend": {"Type": "vxlan"}}',
            HOST_GW,
            '{"backend": {"Type": "udp"}, "Backend": {"Type": "host-gw"}}',
            id="the one that counts",
        ),
        pytest.param(
            '{"note": "a \\"Backend\\": {", "Backend" : null }',
            HOST_GW,
            '{"note": "a \\"Backend\\": {", "Backend" : {"Type": "host-gw"} }',
            id="not in a text",
        ),
    ],
)
def test_another_backend_and_nothing_else(text: str, backend: dict[str, t.Any], after: str) -> None:
    assert net_conf.with_backend(text, backend, "net-conf.json") == after
    assert net_conf.with_backend(after, backend, "net-conf.json") == after


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(st.dictionaries(st.text(), JSON), st.sampled_from([None, 1, 2, "\t"]))
def test_other_keys_and_their_order_stay(document: dict[str, t.Any], indent: int | str | None) -> None:
    kept = {key: value for key, value in document.items() if key.lower() != "backend"}
    text = json.dumps(kept, indent=indent, ensure_ascii=False)
    after = json.loads(net_conf.with_backend(text, HOST_GW, "net-conf.json"))
    assert list(after.items()) == [*kept.items(), ("Backend", HOST_GW)]
