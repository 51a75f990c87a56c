# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import naming, reference

SHA256 = "sha256:" + "ab" * 32
PLAIN = naming.make("harbor.local", "mirror")
OVERRIDES = {"quay.io": "q", "quay.io/calico": "calico", "quay.io/calico/node": "nodes/one", "busybox.example:5000": "mirror/bb"}
OVERRIDDEN = naming.make("harbor.local:8443", "mirror/upstream", OVERRIDES)


def target(text: str, named: naming.Naming) -> str:
    return str(naming.target(reference.parse(text), named, "app.yaml"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("busybox", "harbor.local/mirror/docker.io/library/busybox:latest"),
        ("docker.io/library/busybox:1", "harbor.local/mirror/docker.io/library/busybox:1"),
        ("quay.io/calico/node:v3", "harbor.local/mirror/quay.io/calico/node:v3"),
        (f"quay.io/calico/node:v3@{SHA256}", f"harbor.local/mirror/quay.io/calico/node:v3@{SHA256}"),
        (f"quay.io/calico/node@{SHA256}", f"harbor.local/mirror/quay.io/calico/node@{SHA256}"),
        ("Registry.Example:5000/a:1", "harbor.local/mirror/registry.example_5000/a:1"),
        ("localhost:5000/a/b:1", "harbor.local/mirror/localhost_5000/a/b:1"),
        ("[fd00:1:2:3:4:5:6:7]:5000/a:1", "harbor.local/mirror/fd00_1_2_3_4_5_6_7_5000/a:1"),
        ("Registry/a:1", "harbor.local/mirror/registry/a:1"),
        ("[fd00::1]:5000/a:1", "harbor.local/mirror/fd00__1_5000/a:1"),
        # What is a copy already, by whole host and whole components
        ("harbor.local/mirror/quay.io/calico/node:v3", "harbor.local/mirror/quay.io/calico/node:v3"),
        ("HARBOR.local/mirror/x:1", "harbor.local/mirror/x:1"),
        ("harbor.local2/mirror/x:1", "harbor.local/mirror/harbor.local2/mirror/x:1"),
        ("harbor.local:443/mirror/x:1", "harbor.local/mirror/harbor.local_443/mirror/x:1"),
        ("harbor.local/mirror2/x:1", "harbor.local/mirror/harbor.local/mirror2/x:1"),
        ("harbor.local/mirror:1", "harbor.local/mirror/harbor.local/mirror:1"),
    ],
)
def test_the_scheme(source: str, expected: str) -> None:
    assert target(source, PLAIN) == expected
    assert target(expected, PLAIN) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("quay.io/other/x:1", "harbor.local:8443/q/other/x:1"),
        ("quay.io/calico/cni:1", "harbor.local:8443/calico/cni:1"),
        ("quay.io/calico2/cni:1", "harbor.local:8443/q/calico2/cni:1"),
        ("quay.io/calico/node:1", "harbor.local:8443/nodes/one:1"),
        ("quay.io/calico/node-driver:1", "harbor.local:8443/calico/node-driver:1"),
        ("busybox.example:5000/x:1", "harbor.local:8443/mirror/bb/x:1"),
        ("busybox:1", "harbor.local:8443/mirror/upstream/docker.io/library/busybox:1"),
    ],
)
def test_the_longest_override_wins_at_a_component(source: str, expected: str) -> None:
    assert target(source, OVERRIDDEN) == expected
    assert target(expected, OVERRIDDEN) == expected


@pytest.mark.parametrize("docker", ["docker.io", "index.docker.io"])
def test_docker_hub_is_one_source(docker: str) -> None:
    assert target("busybox:1", naming.make("h.x", "p", {docker: "hub"})) == "h.x/hub/library/busybox:1"


@pytest.mark.parametrize(
    ("named", "source", "words"),
    [
        (PLAIN, "q.io/" + "p" * 244, "its path has 256 letters, and 255 may be"),
        (PLAIN, "[::1]:5000/x", "can be no part of a path"),
        (naming.make("h.x", "p", {"q.io/a/b": "b"}), "q.io/a/b:1", "Harbor wants a project before the repository"),
    ],
)
def test_a_copy_that_cannot_be(named: naming.Naming, source: str, words: str) -> None:
    with pytest.raises(_errors.BadInputError, match="cannot be named") as caught:
        target(source, named)
    assert words in str(caught.value)
    assert str(caught.value).startswith("app.yaml: ")


def test_the_longest_path_there_may_be() -> None:
    assert len(naming.target(reference.parse("q.io/" + "p" * 243), PLAIN).path) == reference.LONGEST_PATH


@pytest.mark.parametrize(
    ("registry", "project", "overrides", "words"),
    [
        ("https://harbor.local", "p", {}, "no host of a registry"),
        ("harbor.local/p", "p", {}, "no host of a registry"),
        ("harbor", "p", {}, "no host of a registry"),
        ("", "p", {}, "no host of a registry"),
        ("[fd00::1]:5000", "p", {}, "is an IPv6 address"),
        ("h.x", "", {}, "no path on a registry"),
        ("h.x", "P", {}, "no path on a registry"),
        ("h.x", "p/", {}, "no path on a registry"),
        ("h.x", "p:1", {}, "no path on a registry"),
        ("h.x", "p", {"quay.io": "/q"}, "no path on a registry"),
        ("h.x", "p", {"quay": "q"}, "no host of a registry"),
        ("h.x", "p", {"quay.io/": "q"}, "no path on a registry"),
        ("h.x", "p", {"docker.io": "a", "index.docker.io": "b"}, "for the same source"),
    ],
)
def test_bad_settings(registry: str, project: str, overrides: dict[str, str], words: str) -> None:
    with pytest.raises(_errors.BadInputError, match=words):
        naming.make(registry, project, overrides)


@pytest.mark.parametrize(
    ("prefix", "named", "expected"),
    [
        ("quay.io/", PLAIN, "harbor.local/mirror/quay.io/"),
        ("quay.io", PLAIN, "harbor.local/mirror/quay.io/"),
        ("my.registry:5000/calico/", PLAIN, "harbor.local/mirror/my.registry_5000/calico/"),
        ("harbor.local/mirror/quay.io/", PLAIN, "harbor.local/mirror/quay.io/"),
        ("harbor.local/mirror/", PLAIN, "harbor.local/mirror/"),
        ("docker.io/", naming.make("h.x", "p", {"docker.io": "hub"}), "h.x/hub/"),
        ("quay.io/calico", naming.make("h.x", "p", {"quay.io": "q"}), "h.x/q/calico/"),
    ],
)
def test_prefixes(prefix: str, named: naming.Naming, expected: str) -> None:
    assert naming.target_of_prefix(prefix, named) == expected
    assert naming.target_of_prefix(expected, named) == expected


def test_a_prefix_whose_images_go_to_several_places() -> None:
    with pytest.raises(_errors.BadInputError, match=r"several places by overrides: quay\.io/calico, quay\.io/calico/node"):
        naming.target_of_prefix("quay.io/", OVERRIDDEN, "x")


@pytest.mark.parametrize(("text", "host"), [("quay.io", "quay.io"), ("r.x:5000", "r.x:5000"), ("index.docker.io", "docker.io")])
def test_source_hosts(text: str, host: str) -> None:
    assert naming.source_host(text) == host


COMPONENT = st.from_regex(r"[a-z0-9]{1,6}", fullmatch=True)
HOST = st.sampled_from(["quay.io", "docker.io", "r.x:5000", "harbor.local", "harbor.local2", "harbor.local:8443", "localhost:1"])
PATH = st.lists(COMPONENT | st.sampled_from(["mirror", "mirror2", "q", "calico", "node"]), min_size=1, max_size=4).map("/".join)


@given(HOST, PATH, st.sampled_from(["", ":v1", f"@{SHA256}", f":v1@{SHA256}"]), st.sampled_from([PLAIN, OVERRIDDEN]))
def test_a_copy_is_its_own_copy(host: str, path: str, rest: str, named: naming.Naming) -> None:
    source = reference.parse(f"{host}/{path}{rest}")
    copy = naming.target(source, named)
    assert naming.target(copy, named) == copy
    assert naming.is_target(copy, named)
    assert (copy.tag, copy.digest) == (source.tag, source.digest)
    assert copy.path.endswith(source.path.rpartition("/")[2]) or copy.path == "nodes/one"


@given(HOST, PATH, HOST, PATH)
def test_without_overrides_two_images_never_share_a_copy(host: str, path: str, other_host: str, other_path: str) -> None:
    one, two = reference.parse(f"{host}/{path}:1"), reference.parse(f"{other_host}/{other_path}:1")
    if not naming.is_target(one, PLAIN) and not naming.is_target(two, PLAIN):
        assert (naming.target(one, PLAIN) == naming.target(two, PLAIN)) == (one == two)
