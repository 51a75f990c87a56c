# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import table
from ansible_collections.podnet.cni.plugins.module_utils._cni.net_conf import NetConf
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError


def settings(backend: str, options: dict[str, t.Any], **conf: t.Any) -> table.Settings:
    return table.settings(NetConf(**{"network": "10.244.0.0/16", "backend": backend, "options": options, **conf}), "net-conf.json")


@pytest.mark.parametrize("name", table.BACKENDS)
def test_defaults(name: str) -> None:
    backend = table.BACKENDS[name]
    found = settings(name, {})
    assert found.backend is backend
    assert found.options == {option: backend.OPTIONS[option].default for option in backend.OPTIONS}


def test_options_have_one_name_whatever_their_case() -> None:
    assert settings("vxlan", {"vni": 7, "DIRECTROUTING": True}).options == {
        "VNI": 7,
        "Port": 0,
        "MTU": 0,
        "GBP": False,
        "Learning": False,
        "DirectRouting": True,
    }


@pytest.mark.parametrize(
    ("backend", "options", "words"),
    [
        ("vxlan", {}, "vxlan"),
        ("vxlan", {"VNI": 1}, "vxlan"),
        ("vxlan", {"VNI": 7, "DirectRouting": True}, "vxlan (VNI 7, DirectRouting)"),
        ("wireguard", {"PSK": "c2VjcmV0", "Mode": "auto"}, "wireguard (PSK, Mode auto)"),
    ],
)
def test_in_words(backend: str, options: dict[str, t.Any], words: str) -> None:
    assert str(settings(backend, options)) == words


@pytest.mark.parametrize(
    ("backend", "options", "problem"),
    [
        ("vxlna", {}, "there is no backend 'vxlna'. Choose one of vxlan, host-gw, wireguard, ipip, udp."),
        ("alloc", {}, "there is no backend 'alloc'"),
        ("vxlan", {"Vnid": 1}, "backend vxlan has no option Vnid. It has VNI, Port, MTU, GBP, Learning, DirectRouting."),
        ("host-gw", {"VNI": 1}, "backend host-gw has no option VNI, which is of vxlan. It has none."),
        ("udp", {"directrouting": True}, "backend udp has no option directrouting, which is of vxlan and ipip. It has Port."),
        ("vxlan", {"VNI": "1"}, "option VNI of backend vxlan has to be a whole number and is '1'"),
        ("vxlan", {"VNI": True}, "option VNI of backend vxlan has to be a whole number and is True"),
        ("vxlan", {"VNI": 0}, "option VNI of backend vxlan has to be from 1 to 16777215 and is 0"),
        ("vxlan", {"Port": 65536}, "option Port of backend vxlan has to be from 0 to 65535 and is 65536"),
        ("vxlan", {"DirectRouting": "true"}, "option DirectRouting of backend vxlan has to be true or false and is 'true'"),
        ("wireguard", {"Mode": "both"}, "option Mode of backend wireguard has to be one of separate, auto, ipv4, ipv6 and is both"),
    ],
)
def test_what_flanneld_could_not_use(backend: str, options: dict[str, t.Any], problem: str) -> None:
    with pytest.raises(BadInputError) as refused:
        settings(backend, options)
    assert problem in str(refused.value)


def test_a_key_is_not_shown() -> None:
    with pytest.raises(BadInputError) as refused:
        settings("wireguard", {"PSK": 123456})
    assert "option PSK of backend wireguard has to be text" in str(refused.value)
    assert "123456" not in str(refused.value)


@pytest.mark.parametrize("backend", ["udp", "ipip"])
def test_a_family_that_a_backend_does_not_carry(backend: str) -> None:
    with pytest.raises(BadInputError, match=f"backend {backend} does not carry IPv6"):
        settings(backend, {}, ipv6=True, ipv6_network="fd00::/56")
