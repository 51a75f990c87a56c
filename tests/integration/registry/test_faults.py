# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry that cuts, waits, refuses and lies: what passes is waited for, what does not is one clear error that names the image."""

from __future__ import annotations

import email.utils
import json
import time
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._registry.limits import Patience
from tests.support import fault_proxy, images
from tests.support.fault_proxy import Fault, Request, Times, on

if t.TYPE_CHECKING:
    from tests.integration.registry.conftest import Scene

LAYER = b"0123456789abcdef" * 40_000
DENIED = b'{"errors":[{"code":"DENIED","message":"the quota of 10 MiB would be passed"}]}'


def refusal(status: int, code: str, message: str) -> Fault:
    return Fault(status, {"Content-Type": "application/json"}, json.dumps({"errors": [{"code": code, "message": message}]}).encode())


def published(scene: Scene) -> images.Image:
    image = images.multi(scene.work, [LAYER])
    scene.publish({"app:v1": image})
    return image


RETRY_AFTER = {
    "seconds": lambda: "0",
    "a date": lambda: email.utils.formatdate(time.time() + 0.1, usegmt=True),
    "a moment since 1970, as of Docker Hub": lambda: str(int(time.time())),
    "an hour, which is more than we wait": lambda: "3600",
    "nonsense": lambda: "soon",
    "none": lambda: "",
}
PASSING = {
    "too many requests": Fault(429),
    "unavailable": Fault(503),
    "bad gateway": Fault(502, body=b"<html>"),
    "request timeout": Fault(408),
    "a cut answer": Fault(cut_answer=3),
    "a longer length than the body": Fault(longer=5),
}


@pytest.mark.parametrize("part", ["/manifests/", "/blobs/"])
@pytest.mark.parametrize("kind", list(PASSING))
def test_at_the_source_it_passes(scene: Scene, kind: str, part: str) -> None:
    image = published(scene)
    with fault_proxy.before(scene.upstream.name, Times(2, PASSING[kind], on("GET", part))) as proxy:
        done = scene.run([scene.source("app:v1", proxy.name)])
        assert done.errors == ""
        assert scene.arrived("app:v1", proxy.name) == image.digest


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Times(2, Fault(500), on("POST", "/uploads/")), id="the begin of an upload"),
        pytest.param(Times(2, Fault(503), on("PUT", "/uploads/")), id="an upload that is refused"),
        pytest.param(Times(2, Fault(cut_request=100_000), on("PUT", "/uploads/")), id="an upload that is cut"),
        pytest.param(Times(2, Fault(cut_answer=0), on("PUT", "/uploads/")), id="an upload whose answer is lost"),
        pytest.param(Times(2, Fault(429), on("HEAD", "/blobs/")), id="a look for a blob"),
        pytest.param(Times(2, Fault(502), on("PUT", "/manifests/")), id="a manifest"),
    ],
)
def test_at_the_target_it_passes(scene: Scene, fault: fault_proxy.Decide) -> None:
    image = published(scene)
    with fault_proxy.before(scene.harbor.name, fault) as proxy:
        done = scene.run([scene.source("app:v1")], registry=proxy.name)
        assert done.errors == ""
        assert scene.arrived("app:v1") == image.digest
        assert done.outcomes[0].bytes_copied == sum(map(len, image.blobs.values()))


@pytest.mark.parametrize("form", list(RETRY_AFTER))
def test_every_form_of_retry_after(scene: Scene, form: str) -> None:
    published(scene)
    fault = Times(1, Fault(429, {"Retry-After": RETRY_AFTER[form]()}), on("HEAD", "/manifests/"))
    begun = time.monotonic()
    with fault_proxy.before(scene.upstream.name, fault) as proxy:
        assert scene.run([scene.source("app:v1", proxy.name)], check_mode=True).actions == ["would copy"]
    assert time.monotonic() - begun < 5


def test_retry_after_is_obeyed(scene: Scene) -> None:
    published(scene)
    fault = Times(1, Fault(429, {"Retry-After": "1"}), on("HEAD", "/manifests/"))
    begun = time.monotonic()
    with fault_proxy.before(scene.upstream.name, fault) as proxy:
        patience = Patience(attempts=3, first=0.01)
        assert scene.run([scene.source("app:v1", proxy.name)], check_mode=True, patience=patience).actions == ["would copy"]
    assert time.monotonic() - begun >= 1


def test_a_registry_that_has_too_much_is_asked_less(scene: Scene) -> None:
    made = images.small_set(8)
    scene.publish(made)
    overload = Times(4, Fault(503), on("GET", "/blobs/"))
    under_way: list[int] = []

    def decide(request: Request) -> Fault | None:
        fault = overload(request)
        if fault is None and not overload.left:
            under_way.append(proxy.inside)
        return fault or Fault(delay=0.005)

    with fault_proxy.before(scene.upstream.name, decide) as proxy:
        done = scene.run([scene.source(name, proxy.name) for name in made], workers=8)
    assert done.errors == ""
    assert proxy.most > 4, "before"
    # Those that were under way already, and then half as many as before.
    assert max(under_way[8:16]) <= 5


LASTING = {
    "the quota": (on("POST", "/uploads/"), Fault(403, body=DENIED), "the quota of 10 MiB would be passed"),
    "read-only": (on("POST", "/uploads/"), refusal(403, "DENIED", "The system is in read only mode"), "read only mode"),
    "immutable": (
        on("PUT", "/manifests/v1"),
        refusal(412, "PRECONDITION", "configured as immutable"),
        "the tag is immutable and has another digest",
    ),
    "no project": (
        lambda request: request.method in ("GET", "HEAD"),
        refusal(401, "UNAUTHORIZED", "project x not found"),
        "project x not found",
    ),
    "body limit": (on("PUT", "/uploads/"), Fault(413), "too large for the registry"),
    "invalid": (on("PUT", "/manifests/v1"), refusal(400, "MANIFEST_INVALID", "manifest invalid"), "MANIFEST_INVALID manifest invalid"),
    "for ever": (on("PUT", "/uploads/"), Fault(500), "HTTP status 500"),
}


@pytest.mark.parametrize("kind", list(LASTING))
def test_what_lasts_is_one_clear_error(scene: Scene, kind: str) -> None:
    fits, fault, told = LASTING[kind]
    published(scene)
    with fault_proxy.before(scene.harbor.name, lambda request: fault if fits(request) else None) as proxy:
        done = scene.run([scene.source("app:v1")], registry=proxy.name)
    assert done.actions == ["failed"]
    assert done.errors.startswith(scene.source("app:v1"))
    assert told in done.errors
    assert "\n" not in done.errors
    assert scene.arrived("app:v1") == "", "the tag comes last"


def test_a_blob_that_vanished_is_sent_again(scene: Scene) -> None:
    image = published(scene)
    fault = Times(1, refusal(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown"), on("PUT", "/manifests/"))
    with fault_proxy.before(scene.harbor.name, fault) as proxy:
        assert scene.run([scene.source("app:v1")], registry=proxy.name).errors == ""
    assert scene.arrived("app:v1") == image.digest


@pytest.mark.parametrize("part", ["/manifests/sha256", "/blobs/"])
def test_a_lying_source_is_found_out(scene: Scene, part: str) -> None:
    published(scene)
    fits = on("GET", part)
    with fault_proxy.before(scene.upstream.name, lambda request: Fault(mangle=True) if fits(request) else None) as proxy:
        done = scene.run([scene.source("app:v1", proxy.name)])
        assert done.actions == ["failed"]
        assert "has the digest sha256:" in done.errors
        assert scene.arrived("app:v1", proxy.name) == ""


def test_a_digest_that_head_leaves_out(scene: Scene) -> None:
    image = published(scene)
    without = Fault(without=frozenset({"docker-content-digest"}))
    with fault_proxy.before(scene.upstream.name, lambda _request: without) as proxy:
        done = scene.run([scene.source("app:v1", proxy.name)])
        assert done.errors == ""
        assert scene.arrived("app:v1", proxy.name) == image.digest


def test_a_tag_that_moves_meanwhile(scene: Scene) -> None:
    """What was resolved is copied, whatever the tag means by then."""
    image = published(scene)
    moved = []

    def decide(request: Request) -> Fault | None:
        if request.method == "GET" and not moved:
            moved.append(images.push(scene.upstream.name, f"{scene.work}/app:v1", images.multi("moved", [b"other"])))
        return None

    with fault_proxy.before(scene.upstream.name, decide) as proxy:
        done = scene.run([scene.source("app:v1", proxy.name)])
        assert moved
        assert done.errors == ""
        assert scene.arrived("app:v1", proxy.name) == image.digest


def test_a_tag_that_moves_and_takes_its_manifest_along(scene: Scene) -> None:
    published(scene)
    with fault_proxy.before(scene.upstream.name, lambda request: Fault(404) if on("GET", "/manifests/")(request) else None) as proxy:
        done = scene.run([scene.source("app:v1", proxy.name)])
    assert "the tag was moved meanwhile. Run again." in done.errors


def test_somebody_else_writes_the_tag(scene: Scene) -> None:
    published(scene)
    other = images.multi("other", [b"other"])

    def decide(request: Request) -> Fault | None:
        if request.method == "HEAD" and proxy.asked("PUT", "/manifests/v1"):
            images.push(scene.harbor.name, scene.place("app:v1"), other)
        return None

    with fault_proxy.before(scene.harbor.name, decide) as proxy:
        done = scene.run([scene.source("app:v1")], registry=proxy.name)
    assert "See whether somebody else writes this tag" in done.errors


@pytest.mark.parametrize("schema", ["application/vnd.docker.distribution.manifest.v1+prettyjws"])
def test_schema_1_is_refused(scene: Scene, schema: str) -> None:
    published(scene)
    with fault_proxy.before(scene.upstream.name, lambda _request: Fault(instead={"Content-Type": schema})) as proxy:
        done = scene.run([scene.source("app:v1", proxy.name)])
    assert "manifest schema 1" in done.errors


def test_a_registry_that_does_not_mount(scene: Scene) -> None:
    made = images.small_set(2)
    scene.publish(made)

    def decide(request: Request) -> Fault | None:
        return Fault(401) if "mount=" in request.query else None

    with fault_proxy.before(scene.harbor.name, decide) as proxy:
        done = scene.run([scene.source(name) for name in made], registry=proxy.name)
    assert done.errors == ""
    assert sum(outcome.bytes_mounted for outcome in done.outcomes) == 0
    assert [scene.arrived(name) for name in made] == [image.digest for image in made.values()]


@pytest.mark.parametrize("mounts", [True, False])
def test_what_an_earlier_run_has_sent_is_not_sent_again(scene: Scene, mounts: bool) -> None:
    image = published(scene)
    images.push(scene.harbor.name, scene.place("app:v1").rpartition(":")[0], images.Image(image.blobs))

    def decide(request: Request) -> Fault | None:
        return Fault(405) if "mount=" in request.query and not mounts else None

    with fault_proxy.before(scene.harbor.name, decide) as proxy:
        (outcome,) = scene.run([scene.source("app:v1")], registry=proxy.name).outcomes
    assert (outcome.action, outcome.bytes_copied) == ("copied", 0)
    assert outcome.bytes_skipped == sum(map(len, image.blobs.values()))
    assert proxy.asked("PUT", "/blobs/") == 0
    assert (proxy.asked("HEAD", "/blobs/") == 0) == mounts


def test_a_slow_registry_is_given_up(scene: Scene) -> None:
    published(scene)
    with fault_proxy.before(scene.upstream.name, lambda _request: Fault(delay=0.6)) as proxy:
        done = scene.run([scene.source("app:v1", proxy.name)], timeout=0.2, patience=Patience(attempts=2, first=0.01))
    assert "no answer in time" in done.errors


def test_no_host_of_that_name(scene: Scene) -> None:
    done = scene.run(["no-such-host.invalid/app:v1"], patience=Patience(attempts=2, first=0.01))
    assert done.errors.startswith("no-such-host.invalid/app:v1: no-such-host.invalid: ")


def test_a_host_that_is_down_costs_its_patience_once(scene: Scene) -> None:
    sources = [f"127.0.0.1:1/x/app{number}:v1" for number in range(20)]
    begun = time.monotonic()
    done = scene.run(sources, patience=Patience(attempts=3, first=0.2, longest=0.2), workers=2)
    assert done.actions == ["failed"] * 20
    assert time.monotonic() - begun < 2
