# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, redaction, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.redaction import HIDDEN

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\n-----END RSA PRIVATE KEY-----"
# Put together here, so that no tool takes it for one that leaked.
JWT = ".".join(["eyJhbGciOiJSUzI1NiJ9", "eyJzdWIiOiJ4In0xx", "c2lnbmF0dXJl"])
KUBECONFIG = {
    "clusters": [{"name": "lab", "cluster": {"server": "https://192.0.2.11:6443", "certificate-authority-data": "LS0tLS1DQQ=="}}],
    "users": [{"name": "admin", "user": {"client-certificate-data": "LS0tLS1DRVJU", "client-key-data": "LS0tLS1LRVk=", "token": JWT}}],
}


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "Passwd",
        "db_password",
        "passphrase",
        "PSK",
        "psk",
        "token",
        "bearerToken",
        "client-secret",
        "privateKey",
        "private_key",
        "preSharedKey",
        "client-key-data",
        "certificate-authority-data",
        "Authorization",
        "apiKey",
        "credentials",
    ],
)
def test_keys_that_name_a_secret(key: str) -> None:
    assert redaction.clean({key: "s3cr3t"}) == {key: HIDDEN}
    assert redaction.clean([{"a": {key: ["s3cr3t", {"x": "s3cr3t", "n": 1}]}}]) == [{"a": {key: [HIDDEN, {"x": HIDDEN, "n": 1}]}}]


@pytest.mark.parametrize("key", ["name", "key", "path", "owner", "keys", "pass", "passed", "compass", "public_key", "secondary"])
def test_keys_that_do_not(key: str) -> None:
    assert redaction.clean({key: "plain"}) == {key: "plain"}


@pytest.mark.parametrize("value", ["", 1, True, None, 1.5])
def test_what_tells_nothing_stays_what_it_is(value: t.Any) -> None:
    assert redaction.clean({"token": value}) == {"token": value}
    assert type(redaction.clean({"token": value})["token"]) is type(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing to hide", "nothing to hide"),
        (f"a {KEY} b", f"a {HIDDEN} b"),
        ("-----BEGIN CERTIFICATE-----\nMIIC", HIDDEN),
        (f"it was {JWT}.", f"it was {HIDDEN}."),
        ("Authorization: Bearer abcdefgh123", f"Authorization: {HIDDEN} {HIDDEN}"),
        ("with Bearer abcdefgh123", f"with Bearer {HIDDEN}"),
        ("https://user:pw@registry.example/x", f"https://{HIDDEN}@registry.example/x"),
        ("https://registry.example:5000/x@sha256:ab", "https://registry.example:5000/x@sha256:ab"),
        ("kubeadm join --token abcdef.0123456789abcdef --discovery", f"kubeadm join --token {HIDDEN} --discovery"),
        ("--client-secret=xyz", f"--client-secret={HIDDEN}"),
        ("password = hunter2; user = x", f"password = {HIDDEN}; user = x"),
        ("token: abc\nname: x", f"token: {HIDDEN}\nname: x"),
        ('{"Backend": {"Type": "wireguard", "PSK": "bm90IGZvciB5b3U="}}', '{"Backend": {"Type": "wireguard", "PSK": "(hidden)"}}'),
        (r"{\"PSK\": \"bm90\"}", r"{\"PSK\": \"(hidden)\"}"),
        (r"{\\\"PSK\\\":\\\"bm90\\\"}", r"{\\\"PSK\\\":\\\"(hidden)\\\"}"),
        ("node01.internalcluster0", "node01.internalcluster0"),
        ("-s 10.244.0.0/16 -m comment --comment x -j ACCEPT", "-s 10.244.0.0/16 -m comment --comment x -j ACCEPT"),
    ],
)
def test_texts(text: str, expected: str) -> None:
    assert redaction.clean_text(text) == expected
    assert redaction.clean_text(expected) == expected


@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump, lambda data: json.dumps(json.dumps(data))])
def test_a_kubeconfig_in_whatever_form(write: t.Callable[[t.Any], str]) -> None:
    secrets = ["LS0tLS1DQQ", "LS0tLS1DRVJU", "LS0tLS1LRVk", JWT]
    assert [secret for secret in secrets if secret in json.dumps(redaction.clean(KUBECONFIG))] == []
    assert [secret for secret in secrets if secret in redaction.clean_text(write(KUBECONFIG))] == []
    assert "192.0.2.11" in redaction.clean_text(write(KUBECONFIG))


def test_snapshots_stay_what_they_are() -> None:
    node = snapshot.NodeSnapshot(
        "n1",
        input_chains=(snapshot.FilterChain("inet", "x", "in", rules=(snapshot.FilterRule((snapshot.Condition("udp dport"),), "accept"),)),),
        files=(snapshot.File("/etc/cni/net.d/calico-kubeconfig", "config"),),
        chains=(snapshot.Chain("nft", 4, "nat", "KUBE-SVC-X", rules=(snapshot.Rule('-m comment --comment "a/web" -j KUBE-SEP-Y'),)),),
    )
    assert snapshot.from_dict(redaction.clean(snapshot.to_dict(node))) == node
    seen = cluster.ClusterSnapshot(pods=(cluster.Pod("a", "token-refresher", labels={"app": "x"}, claims=("secret-data",)),))
    assert cluster.from_dict(redaction.clean(cluster.to_dict(seen))) == seen
