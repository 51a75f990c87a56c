# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.doc_fragments import registries as fragment
from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._registry import options
from ansible_collections.podnet.cni.plugins.module_utils._registry.mirror import Outcome, Progress
from tests.support.calls import call_of

yaml = pytest.importorskip("yaml", reason="ansible-core itself needs it")

SPEC = options.spec({"registry": {"type": "str"}}, lambda _call: {})
COPIED = Outcome("a:v1", "h/p/a:v1", "copied", digest="sha256:2", digest_before="sha256:1", bytes_copied=3 * 1024**2, bytes_mounted=7)
SAME = Outcome("b:v1", "h/p/b:v1", "unchanged", digest="sha256:3", digest_before="sha256:3")
FAILED = Outcome("c:v1", "h/p/c:v1", "failed", error="c:v1: no such image.")


def params(**given: t.Any) -> dict[str, t.Any]:
    return call_of(SPEC, given).params


def test_the_fragment_describes_these_options() -> None:
    described = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    assert list(described) == list(options.OPTIONS)
    for name, option in options.OPTIONS.items():
        assert described[name]["type"] == option["type"]
        assert described[name].get("default") == option.get("default")
        assert described[name].get("choices") == option.get("choices")
    assert list(described["hosts"]["suboptions"]) == list(options.OPTIONS["hosts"]["options"])


def test_every_password_is_kept_from_the_log() -> None:
    assert options.OPTIONS["password"]["no_log"]
    assert options.OPTIONS["hosts"]["options"]["password"]["no_log"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"hosts": [{"host": "no/host"}]}, "no host of a registry"),
        ({"hosts": [{"host": "Bad_Host.example"}]}, "option hosts"),
        ({"workers": 0}, "0 workers copy nothing"),
        ({"auth_file": "/nowhere/auth.json"}, "cannot be read"),
    ],
)
def test_options_that_cannot_be(given: dict[str, t.Any], told: str) -> None:
    with pytest.raises(_errors.BadInputError, match=told):
        options.registries(params(**given))


def test_hosts_are_what_references_mean_by_them() -> None:
    hosts = [{"host": "index.docker.io", "plain_http": True}, {"host": "r:5000", "validate_certs": False}]
    registries = options.registries(params(hosts=hosts))
    assert registries.host("docker.io").url("x").startswith("http://registry-1.docker.io/v2/x"), "docker.io is asked elsewhere"
    assert registries.host("r:5000").url("x") == "https://r:5000/v2/x"


def test_a_long_copy_is_told_every_few_seconds() -> None:
    told: list[str] = []
    clock = itertools.count()
    teller = options.Teller(told.append, lambda: float(next(clock)))
    for number in range(12):
        teller(Progress(images=60, images_done=number, bytes_sent=1024**2 * number, bytes_to_send=2 * 1024**3))
    assert told == ["images: 4 of 60, 4 MiB of 2.0 GiB, 819 KiB/s", "images: 9 of 60, 9 MiB of 2.0 GiB, 922 KiB/s"]


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (5 * 1024**3, "5.0 GiB"), (1024**4, "1024.0 GiB")]
)
def test_bytes_in_words(count: int, words: str) -> None:
    assert options.human(count) == words


def test_a_result() -> None:
    result = options.result([COPIED, SAME])
    assert result["changed"]
    assert result["summary"] == "1 copied, 1 unchanged; 3 MiB sent, 7 B mounted"
    assert result["lock"][0] == {"source": "a:v1", "digest": "sha256:2", "target": "h/p/a:v1"}
    assert result["diff"] == {"before": "h/p/a:v1 sha256:1\n", "after": "h/p/a:v1 sha256:2\n"}
    assert not options.result([SAME])["changed"]


def test_a_failure_tells_of_all_and_hides_none() -> None:
    with pytest.raises(_errors.FoundFailingError) as failure:
        options.result([COPIED, FAILED, SAME, *[FAILED] * 6])
    assert str(failure.value) == "7 of 9 images failed. " + " ".join(["c:v1: no such image."] * 5) + " and 2 more"
    assert failure.value.result["changed"]
    assert len(failure.value.result["lock"]) == 2
    assert len(failure.value.result["images"]) == 9
