# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._harbor import prune
from ansible_collections.podnet.cni.plugins.module_utils._harbor.prune import Needs, Place
from ansible_collections.podnet.cni.plugins.module_utils._harbor.records import Artifact

DAY = 86400.0
NOW = 100 * DAY
PLACE = Place("harbor.local:8443", "mirror")
NODE = "quay.io/calico/node"


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def artifact(letter: str, *tags: str, repository: str = NODE, days: float = 90, **more: t.Any) -> Artifact:
    """One that was pushed ``days`` ago."""
    return Artifact(repository, digest(letter), tags, 100, NOW - days * DAY, **more)


def needs(keep: t.Iterable[str] = (), in_use: t.Iterable[str] = (), keep_days: int = 30) -> Needs:
    return Needs(prune.names(keep, "keep"), prune.names(in_use, "in_use"), keep_days)


def reason(item: Artifact, wanted: Needs, *others: Artifact) -> str:
    """Why the artifact stays; empty when it goes."""
    plan, kept = prune.make(PLACE, [item, *others], wanted, NOW)
    key = item.repository, item.digest
    assert (key in [(doomed.repository, doomed.digest) for doomed in plan.artifacts]) is (
        key not in [(k.repository, k.digest) for k in kept]
    )
    return next((k.reason for k in kept if (k.repository, k.digest) == key), "")


USED = "a pod uses it"
OLD = artifact("a", "v1")


@pytest.mark.parametrize(
    ("item", "in_use", "expected"),
    [
        (OLD, [], ""),
        (OLD, ["harbor.local:8443/mirror/quay.io/calico/node:v1"], USED),
        (OLD, ["Harbor.local:8443/mirror/quay.io/calico/node:v1"], USED),
        (OLD, ["harbor.local:8443/mirror/quay.io/calico/node:v2"], ""),
        (OLD, ["harbor.local:8443/other/quay.io/calico/node:v1"], ""),
        (OLD, ["harbor.local2:8443/mirror/quay.io/calico/node:v1"], ""),
        # By a mirror of containerd.
        (OLD, ["quay.io/calico/node:v1"], USED),
        (OLD, ["io/calico/node:v1"], ""),
        (artifact("a", "latest", repository="docker.io/library/busybox"), ["busybox"], USED),
        (artifact("a", "v1", repository="deep/local_5000/x"), ["local:5000/x:v1"], USED),
        (artifact("a", "v1", repository="fe80__1_5000/x"), ["[fe80::1]:5000/x:v1"], USED),
        # By digest, whatever the name.
        (OLD, [f"nowhere.example/x@{digest('a')}"], USED),
        (OLD, [f"docker-pullable://nowhere.example/x@{digest('a')}"], USED),
        (OLD, [digest("a")], USED),
        (OLD, ["", digest("b")], ""),
        (artifact("a", children=(digest("b"),)), [f"nowhere.example/x@{digest('b')}"], USED),
        (artifact("a"), ["harbor.local:8443/mirror/quay.io/calico/node:v1"], ""),
    ],
)
def test_what_pods_use(item: Artifact, in_use: list[str], expected: str) -> None:
    assert reason(item, needs(in_use=in_use)) == expected


@pytest.mark.parametrize(
    ("item", "keep", "keep_days", "expected"),
    [
        (OLD, ["harbor.local:8443/mirror/quay.io/calico/node:v1"], 30, "it is to be kept"),
        (OLD, [f"harbor.local:8443/mirror/quay.io/calico/node:v3@{digest('a')}"], 30, "it is to be kept"),
        (OLD, [], 90, ""),
        (OLD, [], 91, "it was pushed or pulled less than 91 days ago"),
        (dataclasses.replace(OLD, pulled=NOW - DAY), [], 30, "it was pushed or pulled less than 30 days ago"),
        (artifact("a", days=0), [], 0, ""),
        (dataclasses.replace(OLD, immutable=True), [], 0, "a tag of it is immutable"),
    ],
)
def test_what_else_stays(item: Artifact, keep: list[str], keep_days: int, expected: str) -> None:
    assert reason(item, needs(keep, keep_days=keep_days)) == expected


def test_a_digest_that_harbor_does_not_list_protects_its_repository() -> None:
    other = artifact("a", "v1", repository="quay.io/calico/cni")
    wanted = needs(in_use=[f"harbor.local:8443/mirror/{NODE}@{digest('f')}"])
    assert reason(OLD, wanted, other) == "a pod uses a digest of this repository that Harbor does not list"
    assert reason(other, wanted, OLD) == ""


def test_parts_and_signatures_stay_with_what_they_belong_to() -> None:
    index = artifact("a", "v1", children=(digest("b"), digest("c")))
    part = artifact("b", "v1-amd64", children=(digest("d"),))
    part_of_part = artifact("d", "v1-odd")
    signature = artifact("e", f"sha256-{'a' * 64}.sig")
    of_another = artifact("f", f"sha256-{'9' * 64}.sig")
    everything = [signature, part_of_part, part, of_another, index]
    plan, kept = prune.make(PLACE, everything, needs(keep=[f"harbor.local:8443/mirror/{NODE}:v1"]), NOW)
    assert [item.digest for item in plan.artifacts] == [digest("f")]
    assert {item.digest: item.reason for item in kept} == {
        digest("a"): "it is to be kept",
        digest("b"): "an index that stays is made of it",
        digest("d"): "an index that stays is made of it",
        digest("e"): "it belongs to an image that stays",
    }


def test_an_index_goes_before_its_parts() -> None:
    part, index = artifact("a", "v1-amd64"), artifact("b", "v1", children=(digest("a"),))
    assert [item.digest for item in prune.make(PLACE, [part, index], needs(), NOW)[0].artifacts] == [index.digest, part.digest]


@pytest.mark.parametrize("text", ["Busybox", "docker://x", "x@sha256:1"])
def test_what_is_no_image_is_refused(text: str) -> None:
    with pytest.raises(_errors.BadInputError, match="option in_use"):
        prune.names([text], "in_use")


def test_a_plan_travels() -> None:
    plan, _kept = prune.make(PLACE, [OLD, artifact("b")], needs(), NOW)
    data = prune.to_dict(plan)
    assert prune.from_dict(data) == plan
    assert prune.from_dict({**data, "artifacts": list(data["artifacts"])}).hash == data["hash"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.pop("hash"), "is no plan"),
        (lambda data: data.update(artifacts="all"), "is no plan"),
        (lambda data: data["artifacts"][0].update(colour="red"), "is no plan"),
        (lambda data: data["artifacts"].pop(), "was changed"),
        (lambda data: data["artifacts"][0].update(digest=digest("f")), "was changed"),
        (lambda data: data.update(project="other"), "was changed"),
        (lambda data: data.update(keep_days=0), "was changed"),
        (lambda data: data.update(more=1), "was changed"),
    ],
)
def test_a_plan_that_somebody_changed(change: t.Callable[[dict[str, t.Any]], None], words: str) -> None:
    data = prune.to_dict(prune.make(PLACE, [OLD], needs(), NOW)[0])
    change(data)
    with pytest.raises(_errors.BadInputError, match=words):
        prune.from_dict(data)


def test_differences_to_what_is_there_now() -> None:
    other, gone = artifact("b", "v2"), artifact("c", "v3")
    plan, _kept = prune.make(PLACE, [OLD, other, gone], needs(), NOW)
    still = [OLD, other]
    assert prune.differences(plan, still, prune.make(PLACE, still, needs(), NOW)[1]) == []
    moved = [dataclasses.replace(OLD, tags=("v1", "v2")), dataclasses.replace(other, tags=())]
    kept = prune.make(PLACE, moved, needs(in_use=[f"harbor.local:8443/mirror/{NODE}:v1"]), NOW)[1]
    assert prune.differences(plan, moved, kept) == [
        f"{NODE}@{digest('a')} (v1) stays: a pod uses it",
        f"{NODE}@{digest('a')} (v1) has the tags v1, v2 now",
        f"{NODE}@{digest('b')} (v2) has the tags none now",
    ]
