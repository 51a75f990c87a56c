# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import documents, lock, naming, places, reference, rewriting
from ansible_collections.podnet.cni.plugins.module_utils._images.lock import Entry

UPSTREAM = Path(__file__).parents[6] / "shared" / "upstream"
SHA256, OTHER = "sha256:" + "ab" * 32, "sha256:" + "cd" * 32
NAMING = naming.make("harbor.local:8443", "mirror")
PLAIN = rewriting.Settings(NAMING)
EVERYTHING = rewriting.Settings(NAMING, wanted=rewriting.wanted_of([], places.OPTIONAL))
HOME = "harbor.local:8443/mirror"


def pod(*images: str) -> str:
    return "kind: Pod\nspec:\n  containers:\n" + "".join(f"  - image: {image}\n" for image in images)


def rewritten(text: str, how: rewriting.Settings = PLAIN) -> str:
    """The text rewritten, which a second time changes nothing."""
    done = rewriting.rewrite(text, how)
    assert rewriting.rewrite(done.text, how).text == done.text
    return done.text


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("busybox", f"{HOME}/docker.io/library/busybox:latest"),
        ("'busybox:1' # c", f"'{HOME}/docker.io/library/busybox:1' # c"),
        ('&a !!str "busybox:1"', f'&a !!str "{HOME}/docker.io/library/busybox:1"'),
        ("|-\n      busybox:1", f"|-\n      {HOME}/docker.io/library/busybox:1"),
        (">-  # c\n\n      busybox:1", None),
        ('"\\x62usybox:1"', f'"{HOME}/docker.io/library/busybox:1"'),
        (f"q.io/x:1@{SHA256}", f"{HOME}/q.io/x:1@{SHA256}"),
        (f"q.io/x@{SHA256}", f"{HOME}/q.io/x@{SHA256}"),
        ("Q.io:5000/x:1", f"{HOME}/q.io_5000/x:1"),
        (f"{HOME}/q.io/x:1", f"{HOME}/q.io/x:1"),
        (f"{HOME}/busybox", f"{HOME}/busybox"),
        ("harbor.local/mirror/x:1", f"{HOME}/harbor.local/mirror/x:1"),
        ("'{{ image }}'", "'{{ image }}'"),
        ("{{ image }}", "{{ image }}"),
        ("${IMAGE}", "${IMAGE}"),
        ("", ""),
        ("null", "null"),
    ],
)
def test_an_image(image: str, expected: str | None) -> None:
    assert rewritten(pod(image)) == pod(image if expected is None else expected)


def test_the_word_elsewhere_is_left_alone() -> None:
    text = "# busybox\nkind: Pod\nmetadata: {name: busybox}\nspec: {containers: [{name: busybox, image: busybox, args: [busybox]}]}"
    assert rewritten(text) == text.replace("image: busybox", f"image: {HOME}/docker.io/library/busybox:latest")


def test_an_anchor_is_rewritten_once() -> None:
    text = "kind: Pod\nspec:\n  containers:\n  - image: &x q.io/x:1\n  - image: *x\n  - &b {image: q.io/y:1}\n  - {<<: *b, name: z}\n"
    assert rewritten(text) == text.replace("q.io", f"{HOME}/q.io")
    assert len(rewriting.rewrite(text, PLAIN).edits) == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "data:\n  pod.yaml: |\n    # é\n    kind: Pod\n    spec: {containers: [{image: 'busybox'}]}\n",
            "data:\n  pod.yaml: |\n    # é\n    kind: Pod\n    spec: {containers: [{image: 'HOME/docker.io/library/busybox:latest'}]}\n",
        ),
        ('data: {x: "{\\"image\\": \\"busybox\\"}"}\n', 'data: {x: "{\\"image\\": \\"HOME/docker.io/library/busybox:latest\\"}"}\n'),
        ('data: {x: \'{"it\'\'s": 1, "image": "q.io/x:1"}\'}\n', 'data: {x: \'{"it\'\'s": 1, "image": "HOME/q.io/x:1"}\'}\n'),
        ("data: {x: 'q.io/x:1'}\n", "data: {x: 'HOME/q.io/x:1'}\n"),
        ("data:\n  x: >\n    a: b\n    image: q.io/x:1\n", "data:\n  x: >\n    a: b\n    image: q.io/x:1\n"),
    ],
)
def test_texts(before: str, after: str) -> None:
    assert rewritten(f"kind: ConfigMap\n{before}", EVERYTHING) == f"kind: ConfigMap\n{after.replace('HOME', HOME)}"
    assert rewritten(f"kind: ConfigMap\n{before}") == f"kind: ConfigMap\n{before}"


INSTALLATION = "apiVersion: operator.tigera.io/v1\nkind: Installation\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("spec:\n  registry: quay.io/\n", f"spec:\n  registry: {HOME}/quay.io/\n"),
        ("spec:\n  registry: quay.io\n", f"spec:\n  registry: {HOME}/quay.io/\n"),
        ("spec: {registry: 'UseDefault', a: b}\n", f"spec: {{registry: '{HOME}/quay.io/', a: b}}\n"),
        ("spec:\n  registry: my.x:5000/a/\n  imagePath: p\n", f"spec:\n  registry: {HOME}/my.x_5000/a/\n  imagePath: p\n"),
        ("spec:\n  # why\n  a: b\n  c: d\n", f"spec:\n  # why\n  registry: {HOME}/quay.io/\n  a: b\n  c: d\n"),
        ("spec: &x\n  a: b\n", f"spec: &x\n  registry: {HOME}/quay.io/\n  a: b\n"),
        ("spec:\r\n  a: b\r\n", f"spec:\r\n  registry: {HOME}/quay.io/\r\n  a: b\r\n"),
        ("spec: {a: b}\n", f'spec: {{"registry": "{HOME}/quay.io/", a: b}}\n'),
        ("spec: {}\n", "spec: {}\n"),
        ("spec:\n  ? a\n  : b\n", "spec:\n  ? a\n  : b\n"),
    ],
)
def test_an_installation(before: str, after: str) -> None:
    assert rewritten(INSTALLATION + before) == INSTALLATION + after


def test_an_installation_in_json() -> None:
    text = '{"apiVersion": "operator.tigera.io/v1", "kind": "Installation", "spec": {"variant": "Calico"}}'
    assert rewritten(text) == text.replace('{"variant', f'{{"registry": "{HOME}/quay.io/", "variant')


@pytest.mark.parametrize("spec", ["{registry: 'quay.io/'}", "{variant: Calico}"])
def test_installations_that_share_a_spec(spec: str) -> None:
    one = "apiVersion: operator.tigera.io/v1, kind: Installation"
    text = f"kind: List\nitems:\n- {{{one}, spec: &s {spec}}}\n- {{{one}, spec: *s}}\n"
    assert rewritten(text).count(f"{HOME}/quay.io/") == 1


def test_an_installation_that_overrides_tear_apart() -> None:
    done = rewriting.rewrite(INSTALLATION + "spec: {a: b}\n", rewriting.Settings(naming.make("h.x", "p", {"quay.io/calico": "c"})))
    assert done.edits == ()
    assert "several places by overrides" in done.left_alone[0].reason


# --- Digests ---

LOCK = lock.make([Entry("q.io/x:1", SHA256, f"{HOME}/q.io/x:1"), Entry("busybox", OTHER, f"{HOME}/docker.io/library/busybox:latest")])
PINNED = rewriting.Settings(NAMING, LOCK)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("q.io/x:1", f"{HOME}/q.io/x:1@{SHA256}"),
        ("busybox", f"{HOME}/docker.io/library/busybox:latest@{OTHER}"),
        (f"{HOME}/q.io/x:1", f"{HOME}/q.io/x:1@{SHA256}"),
        (f"{HOME}/q.io/x:1@{OTHER}", f"{HOME}/q.io/x:1@{OTHER}"),
        (f"q.io/y:1@{OTHER}", f"{HOME}/q.io/y:1@{OTHER}"),
        (f"q.io/y@{OTHER}", f"{HOME}/q.io/y@{OTHER}"),
    ],
)
def test_the_lock_pins(image: str, expected: str) -> None:
    assert rewritten(pod(image), PINNED) == pod(expected)


@pytest.mark.parametrize("image", ["q.io/x:2", f"{HOME}/q.io/x:2"])
def test_an_image_that_the_lock_does_not_have(image: str) -> None:
    with pytest.raises(_errors.BadInputError, match=r"document 1, line 5: the lock file does not have"):
        rewriting.rewrite(pod("q.io/x:1", image), PINNED)


def test_a_lock_of_other_settings() -> None:
    with pytest.raises(_errors.BadInputError, match=r"is harbor\.local:8443/mirror/q\.io/x:1 by the lock file, and h\.x/p/q\.io/x:1 by"):
        rewriting.rewrite(pod("q.io/x:1"), rewriting.Settings(naming.make("h.x", "p"), LOCK))


# --- Refused ---


def merged() -> rewriting.Settings:
    return rewriting.Settings(naming.make("h.x", "p", {"a.io": "one", "b.io": "one"}))


@pytest.mark.parametrize(
    ("images", "how"),
    [
        (("a.io/x:1", "b.io/x:1"), merged()),
        ((f"a.io/x:1@{SHA256}", "b.io/x:1"), merged()),
        ((f"q.io/x:1@{SHA256}", f"q.io/x:1@{OTHER}"), PLAIN),
    ],
)
def test_two_images_for_one_target(images: tuple[str, str], how: rewriting.Settings) -> None:
    with pytest.raises(_errors.BadInputError) as caught:
        rewriting.rewrite(pod(*images), how, "app.yaml")
    assert str(caught.value).startswith(
        f"app.yaml, document 1, line 5: {images[1]} and {images[0]} (app.yaml, document 1, line 4) would both be"
    )
    with pytest.raises(_errors.BadInputError, match=r"^two, document 1, line 4"):
        rewriting.rewrite_all({"one": pod(images[0]), "two": pod(images[1])}, how)


@pytest.mark.parametrize(
    ("images", "how"),
    [
        (("a.io/x:1", "b.io/x:2"), merged()),
        (("busybox", "docker.io/library/busybox:latest"), PLAIN),
        (("q.io/x:1", f"q.io/x:1@{SHA256}"), PLAIN),
        ((f"q.io/x@{SHA256}", f"q.io/x@{OTHER}"), PLAIN),
        (("q.io/x:1", f"{HOME}/q.io/x:1"), PLAIN),
    ],
)
def test_images_that_do_not_meet(images: tuple[str, str], how: rewriting.Settings) -> None:
    assert rewritten(pod(*images), how).count("image:") == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (pod("q.io/" + "p" * 250), "app.yaml, document 1, line 4: the copy of"),
        ("a: 1\n---\n" + pod("x").replace("spec:", "kind: Pod\nspec:"), "app.yaml, document 2, line 4: the key 'kind' is there twice"),
        ("a: 1\n\tb: 2", "app.yaml, document 1, line 2: this is no YAML"),
    ],
)
def test_bad_texts(text: str, words: str) -> None:
    with pytest.raises(_errors.BadInputError) as caught:
        rewriting.rewrite(text, PLAIN, "app.yaml")
    assert str(caught.value).startswith(words)


# --- Everything else stays as it is ---

COMPONENT = st.from_regex(r"[a-z]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}", fullmatch=True)
IMAGES = st.builds(
    lambda host, path, rest: f"{host}{'/'.join(path)}{rest}",
    st.sampled_from(["", "quay.io/", "r.x:5000/", "docker.io/", "harbor.local/", f"{HOME}/", "harbor.local:8443/mirror2/"]),
    st.lists(COMPONENT, min_size=1, max_size=3),
    st.sampled_from(["", ":v1", ":1.36", f"@{SHA256}", f":v1@{SHA256}"]),
).filter(lambda image: yaml.safe_load(image) == image and reference.is_reference(image))

#: Ways to write a container, with %s for its image.
WRITTEN = (
    "- name: a\n  image: %s   # %s\n",
    '- {"image": %s, name: "é😀"}\n',
    '- image: "%s"\n  args: ["--x={{ y }}"]\n',
    "- {name: c, image: '%s'} # nothing\n",
    "- image: &a%d !!str %s\n",
    "- image: |-\n    %s\n\n  name: b\n",
    "- image:\n    # above\n    >-\n    %s\n",
    "-   image:   %s\n\n    env: [{name: A, value: 0644}, {name: B, value: on}]\n",
    "- name: >\n    folded\n    text\n  image: %s\n",
)


def container(number: int, way: str, image: str) -> str:
    return way.replace("# %s", "# q.io/comment:1").replace("%d", str(number)).replace("%s", image)


def manifest(parts: t.Sequence[tuple[str, str]], frame: str, newline: str, start: str, end: str) -> str:
    """Documents with a container each, written in these ways."""
    texts = [frame + "".join(f"  {line}\n" if line else "\n" for line in container(*one).split("\n")[:-1]) for one in _numbered(parts)]
    text = "--- # next\n".join(texts) + end
    return start + text.replace("\n", newline)


def _numbered(parts: t.Sequence[tuple[str, str]]) -> list[tuple[int, str, str]]:
    return [(number, way, image) for number, (way, image) in enumerate(parts)]


FRAMES = (
    "kind: Pod\nspec:\n  containers:\n",
    "# first\napiVersion: v1 # é\nkind:   Pod\nmetadata: {annotations: {on: off, t: 12:30:45}}\nspec:\n  initContainers:\n",
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(WRITTEN), IMAGES), min_size=1, max_size=5),
    st.sampled_from(FRAMES),
    st.sampled_from(["\n", "\r\n"]),
    st.tuples(st.sampled_from(["", "\ufeff", "# top\n\n", "---\n---\n"]), st.sampled_from(["", "...\n", "# end"])),
    st.booleans(),
)
def test_all_other_bytes_are_the_same(
    parts: list[tuple[str, str]], frame: str, newline: str, start_and_end: tuple[str, str], pure_python: bool
) -> None:
    copies = [(way, str(naming.target(reference.parse(image), NAMING)) if _moves(image) else image) for way, image in parts]
    before, after = (manifest(some, frame, newline, *start_and_end) for some in (parts, copies))
    with pytest.MonkeyPatch.context() as patch:
        if pure_python:
            patch.setattr(documents, "loader", lambda: yaml.SafeLoader)
        assert rewritten(before) == after
    assert len(rewriting.rewrite(before, PLAIN).findings.images) == len(parts)


def _moves(image: str) -> bool:
    return not naming.is_target(reference.parse(image), NAMING)


# --- Real manifests ---

MANIFESTS = {
    "flannel/kube-flannel-v0.20.2.yml": 3,
    "flannel/kube-flannel-v0.28.9.yml": 3,
    "calico/calico-v3.25.0.yaml": 5,
    "calico/calico-v3.31.7.yaml": 5,
}


@pytest.mark.skipif(not UPSTREAM.is_dir(), reason="upstream's manifests are not part of the repository")
@pytest.mark.parametrize(("name", "count"), MANIFESTS.items())
@pytest.mark.parametrize("how", [PLAIN, EVERYTHING], ids=["plain", "everything"])
def test_real_manifests(name: str, count: int, how: rewriting.Settings) -> None:
    text = (UPSTREAM / name).read_bytes().decode()
    written = re.findall(r"^ +image: *(\S+)$", text, re.MULTILINE)
    done = rewriting.rewrite(text, how, name)
    assert [str(image.source) for image in done.findings.images] == written
    assert len(written) == count
    assert done.left_alone == ()
    assert done.text == re.sub(r"^( +image: *)(\S+)$", rf"\1{HOME}/\2", text, flags=re.MULTILINE)
    assert rewriting.rewrite(done.text, how, name).edits == ()
