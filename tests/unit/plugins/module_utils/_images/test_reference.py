# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import reference
from ansible_collections.podnet.cni.plugins.module_utils._images.reference import Reference

SHA256 = "sha256:" + "0123456789abcdef" * 4
SHA512 = "sha512:" + "0123456789abcdef" * 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Docker Hub's rules
        ("busybox", Reference("docker.io", "library/busybox", "latest")),
        ("busybox:1.36", Reference("docker.io", "library/busybox", "1.36")),
        ("busybox:5000", Reference("docker.io", "library/busybox", "5000")),
        ("calico/node:v3.25.0", Reference("docker.io", "calico/node", "v3.25.0")),
        ("docker.io/busybox", Reference("docker.io", "library/busybox", "latest")),
        ("docker.io/library/busybox", Reference("docker.io", "library/busybox", "latest")),
        ("index.docker.io/busybox:1", Reference("docker.io", "library/busybox", "1")),
        ("registry-1.docker.io/a/b:1", Reference("docker.io", "a/b", "1")),
        ("Docker.io/busybox:1", Reference("docker.io", "library/busybox", "1")),
        # A host has a dot, a port or upper case, or is localhost.
        ("quay.io/calico/node:v3", Reference("quay.io", "calico/node", "v3")),
        ("quay.io/node", Reference("quay.io", "node", "latest")),
        ("host:5000/x", Reference("host:5000", "x", "latest")),
        ("host:5000/x:5000", Reference("host:5000", "x", "5000")),
        ("localhost/x:1", Reference("localhost", "x", "1")),
        ("Registry/x:1", Reference("Registry", "x", "1")),
        ("REGISTRY.Example:5000/x", Reference("registry.example:5000", "x", "latest")),
        ("[fd00::1]:5000/x/y:1", Reference("[fd00::1]:5000", "x/y", "1")),
        ("10.0.0.1/x", Reference("10.0.0.1", "x", "latest")),
        # Tags and digests
        (f"busybox@{SHA256}", Reference("docker.io", "library/busybox", "", SHA256)),
        (f"quay.io/a/b:v1@{SHA256}", Reference("quay.io", "a/b", "v1", SHA256)),
        (f"quay.io/a/b@{SHA512}", Reference("quay.io", "a/b", "", SHA512)),
        ("x:" + "t" * 128, Reference("docker.io", "library/x", "t" * 128)),
        ("x:_Under.score-1", Reference("docker.io", "library/x", "_Under.score-1")),
        # Paths
        ("a.b/c/d/e/f:1", Reference("a.b", "c/d/e/f", "1")),
        ("a_b/c__d/e-f/g---h/i.j:1", Reference("docker.io", "a_b/c__d/e-f/g---h/i.j", "1")),
        ("q.io/" + "p" * 255, Reference("q.io", "p" * 255, "latest")),
        ("q.io/sha256", Reference("q.io", "sha256", "latest")),
    ],
)
def test_parse(text: str, expected: Reference) -> None:
    parsed = reference.parse(text)
    assert parsed == expected
    assert reference.is_reference(text)
    assert reference.parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it has no name"),
        ("@" + SHA256, "it has no name"),
        ("docker://busybox", "without a scheme"),
        ("oci://quay.io/a/b", "without a scheme"),
        ("https://quay.io/a/b", "without a scheme"),
        ("Busybox", "is no path"),
        ("quay.io/Calico/node", "is no path"),
        ("quay.io//node", "is no path"),
        ("quay.io/node/", "is no path"),
        ("/node", "is no path"),
        ("a..b/c", "is no host"),
        ("q.io/a___b", "is no path"),
        ("q.io/-a", "is no path"),
        ("x y", "is no path"),
        (" x", "is no path"),
        ("x\n", "is no path"),
        ("quay.io/x:1\n", "is no tag"),
        ("x:", "is no tag"),
        ("x:-1", "is no tag"),
        ("x:a b", "is no tag"),
        ("x:1:2", "is no tag"),
        ("x:" + "t" * 129, "is no tag"),
        ("x@sha256:1", "is no digest"),
        ("x@" + SHA256.upper(), "is no digest"),
        ("x@" + SHA256 + "0", "is no digest"),
        ("x@" + SHA256 + "@" + SHA256, "is no digest"),
        ("x@", "is no digest"),
        ("0123456789abcdef" * 4, "are an image's ID"),
        ("host:port/x", "is no host"),
        ("host:123456/x", "is no host"),
        ("-a.b/x", "is no host"),
        ("[fd00::1/x", "is no host"),
        ("q.io/" + "p" * 256, "its path has 256 letters, and 255 may be"),
        ("{{ image }}", "is no path"),
        ("${REGISTRY}/x:1", "is no host"),
    ],
)
def test_what_is_no_reference(text: str, words: str) -> None:
    assert not reference.is_reference(text)
    with pytest.raises(_errors.BadInputError, match="is no reference to an image") as caught:
        reference.parse(text, "app.yaml, line 7")
    assert words in caught.value.what
    assert str(caught.value).startswith("app.yaml, line 7: ")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("x:1", "1"), ("x", "latest"), (f"x:1@{SHA256}", SHA256), (f"x@{SHA256}", SHA256)],
    ids=["tag", "none", "both", "digest"],
)
def test_the_digest_decides(text: str, wanted: str) -> None:
    assert reference.parse(text).wanted == wanted


COMPONENT = st.from_regex(r"[a-z0-9]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}", fullmatch=True)
PATHS = st.lists(COMPONENT, min_size=1, max_size=4).map("/".join)
HOSTS = st.from_regex(r"[a-zA-Z0-9]{1,5}(\.[a-zA-Z0-9]{1,5}){1,2}(:[0-9]{1,5})?", fullmatch=True) | st.sampled_from(
    ["localhost", "localhost:5000", "docker.io", "index.docker.io", "Registry", "[fd00::1]:5000", "registry:80"]
)
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
DIGESTS = st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)
REFERENCES = st.builds(
    lambda host, path, tag, digest: (f"{host}/" if host else "") + path + (f":{tag}" if tag else "") + (f"@{digest}" if digest else ""),
    st.none() | HOSTS,
    PATHS,
    st.none() | TAGS,
    st.none() | DIGESTS,
).filter(reference.is_reference)


@given(REFERENCES)
def test_the_full_spelling_means_the_same(text: str) -> None:
    parsed = reference.parse(text)
    assert reference.parse(str(parsed)) == parsed
    assert str(reference.parse(str(parsed))) == str(parsed)
    assert text.endswith(parsed.digest or (f":{parsed.tag}" if parsed.tag != reference.LATEST else ""))
    assert parsed.digest or parsed.tag


@given(st.text(max_size=40))
def test_no_text_brings_another_error(text: str) -> None:
    try:
        parsed = reference.parse(text)
    except _errors.BadInputError:
        assert not reference.is_reference(text)
    else:
        assert reference.parse(str(parsed)) == parsed
