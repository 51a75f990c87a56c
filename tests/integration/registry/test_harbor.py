# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mirroring to a Harbor: its tokens, projects and robots, and each of its refusals, which is told once and for its image alone."""

from __future__ import annotations

import dataclasses
import time
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._registry.credentials import Credential, Keyring
from tests.support import fault_proxy, images
from tests.support.docker_registry import counts
from tests.support.fake_harbor import FakeHarbor
from tests.support.fault_proxy import Fault, FaultProxy, Request

if t.TYPE_CHECKING:
    from tests.integration.registry.conftest import Mirrored, Scene
    from tests.support.harbor_state import Project

TOKENS = "/service/token"
PULL_AND_PUSH = [{"resource": "repository", "action": action} for action in ("pull", "push")]


@pytest.fixture(name="running", scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[FakeHarbor]:
    with FakeHarbor(tmp_path_factory.mktemp("fake_harbor")) as running:
        yield running


@dataclasses.dataclass
class Target:
    """A Harbor in which nothing is but what the test makes, behind a proxy; ``scene.work`` is the project that is copied to."""

    scene: Scene
    harbor: FakeHarbor
    proxy: FaultProxy
    keyring: Keyring = dataclasses.field(default_factory=lambda: Keyring({}, []))

    def project(self, **more: t.Any) -> Project:
        return self.harbor.state.create_project(self.scene.work, **more)

    def robot(self, namespace: str = "") -> None:
        """Mirrors from now on as a new robot with the rights to pull and push, in this project or the one named."""
        permissions = [{"kind": "project", "namespace": namespace or self.scene.work, "access": PULL_AND_PUSH}]
        made = self.harbor.state.create_robot({"name": "mirror", "level": "system", "duration": -1, "permissions": permissions})
        self.keyring = Keyring({self.proxy.name: Credential(made.name, made.secret)}, [])

    def mirror(self, *names: str, **more: t.Any) -> Mirrored:
        done = self.scene.run([self.scene.source(name) for name in names], self.proxy.name, self.scene.work, keyring=self.keyring, **more)
        for robot in self.harbor.state.robots.values():
            assert robot.secret not in done.errors
        return done

    def arrived(self, name: str) -> str:
        """The digest that Harbor has for it; empty if it has none."""
        path, _, tag = self.scene.place(name).partition("/")[2].rpartition(":")
        found = self.harbor.state.tagged(self.harbor.state.projects[self.scene.work], path, tag)
        return found.digest if found else ""

    def make_tags_immutable(self) -> None:
        everything = [{"kind": "doublestar", "decoration": "matches", "pattern": "**"}]
        rule = {"tag_selectors": everything, "scope_selectors": {"repository": everything}}
        self.harbor.state.projects[self.scene.work].immutable_rules.append(rule)

    def forget_requests(self) -> None:
        self.scene.upstream.asked()
        self.harbor.log.clear()
        self.proxy.log.clear()


@pytest.fixture(name="target")
def _target(scene: Scene, running: FakeHarbor) -> t.Iterator[Target]:
    running.forget()
    with fault_proxy.before(running.host) as proxy:
        yield Target(scene, running, proxy)


def wants_basic(request: Request) -> Fault | None:
    """What stands before some Harbors: it lets nobody through who has not said who he is, and knows of no tokens."""
    return None if "authorization" in request.headers else Fault(401, {"WWW-Authenticate": 'Basic realm="harbor"'})


# --- Who one is ---


@pytest.mark.parametrize("public", [pytest.param(True, id="public"), pytest.param(False, id="private")])
@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_a_robot_fills_a_project(target: Target, scheme: str, public: bool) -> None:
    made = images.small_set(2)
    target.scene.publish(made)
    target.project(public=public)
    target.robot()
    if scheme == "Basic":
        target.proxy.decide = wants_basic
    assert target.mirror(*made).errors == ""
    assert {name: target.arrived(name) for name in made} == {name: image.digest for name, image in made.items()}
    used = {request.headers.get("authorization", "").partition(" ")[0] for request in target.proxy.log if request.path != TOKENS}
    assert used - {""} == {scheme}


@pytest.mark.parametrize("public", [pytest.param(True, id="public"), pytest.param(False, id="private")])
def test_a_robot_of_another_project(target: Target, public: bool) -> None:
    target.scene.publish(images.small_set(1))
    target.project(public=public)
    target.robot("another-project")
    _one_refusal(target, "small/app0:v1", "401", "Check user name and password", "unauthorized to access repository")


@pytest.mark.parametrize(
    ("count", "pauses"),
    [pytest.param(3, [0.2] * 100, id="of many short uploads"), pytest.param(1, [1.2], id="of one upload that is longer than a token")],
)
def test_a_copy_that_outlives_its_tokens(target: Target, count: int, pauses: list[float]) -> None:
    made = images.small_set(count)
    target.scene.publish(made)
    target.project()
    target.robot()
    target.harbor.state.token_life = 1.0
    left = list(pauses)

    def slow(request: Request) -> Fault | None:
        return Fault(delay=left.pop()) if (request.method, "/uploads/" in request.path) == ("PUT", True) and left else None

    target.proxy.decide = slow
    began = time.monotonic()
    assert target.mirror(*made, workers=2).errors == ""
    assert time.monotonic() - began > 1.0, "or it has shown nothing"
    assert {name: target.arrived(name) for name in made} == {name: image.digest for name, image in made.items()}
    asked = [request.query for request in target.proxy.log if request.path == TOKENS]
    assert len(asked) > len(set(asked)), "some were asked for again"


def test_no_cookie_goes_back(target: Target) -> None:
    """Harbor would want a CSRF token of whoever comes with its session."""
    target.scene.publish(images.small_set(2))
    target.project()
    target.robot()
    cookies = {"Set-Cookie": "sid=of-a-session; Path=/"}
    target.proxy.decide = lambda _request: Fault(instead=cookies)
    assert target.mirror("small/app0:v1", "small/app1:v1").errors == ""
    assert target.proxy.asked("PUT", "/manifests/") == 2 * 3
    assert [request for request in target.proxy.log if "cookie" in request.headers] == []


# --- What is asked and written ---


def test_a_second_run_asks_twice_for_an_image_and_writes_nothing(target: Target) -> None:
    made = images.small_set(5)
    target.scene.publish(made)
    target.project()
    target.robot()
    assert target.mirror(*made).actions == ["copied"] * 5
    target.forget_requests()
    assert target.mirror(*made).actions == ["unchanged"] * 5
    assert target.harbor.writes() == []
    assert counts(target.scene.upstream.asked()) == {"HEAD manifests": 5}
    tokens, others = _split(target.proxy.log, lambda request: request.path == TOKENS)
    authorized, first = _split(others, lambda request: "authorization" in request.headers)
    assert [request.method for request in authorized] == ["HEAD"] * 5
    assert len(tokens) == 5, "one for each repository"
    # How all workers together learn what Harbor wants.
    assert [request.method for request in first] == ["HEAD"]


def test_shared_layers_are_mounted(target: Target) -> None:
    made = images.small_set(3)
    target.scene.publish(made)
    project = target.project()
    target.robot()
    done = target.mirror(*made)
    assert done.errors == ""
    unique = {key: data for image in made.values() for key, data in image.blobs.items()}
    uploads = [request.query for request in target.proxy.log if request.method == "PUT" and "/uploads/" in request.path]
    assert len(uploads) == len(unique), "each blob was sent once"
    assert sum(outcome.bytes_mounted for outcome in done.outcomes) == 2 * 2 * 4000
    # Harbor counts what it mounts, and what is there of each repository can be pulled from it.
    assert set(unique) <= set(project.blobs)
    for name, image in made.items():
        repository = target.scene.place(name).rpartition(":")[0]
        assert set(image.blobs) <= target.harbor.backend.blobs_of(repository)


# --- Refusals ---


def test_a_missing_project(target: Target) -> None:
    target.scene.publish(images.small_set(1))
    target.robot("*")
    _one_refusal(target, "small/app0:v1", "401", f"project {target.scene.work} not found", "that the project exists")


def _as_proxy_cache(target: Target) -> str:
    target.harbor.state.registries.append({"id": 5, "name": "hub"})
    target.project(registry_id=5)
    return "can not push artifact to a proxy project"


def _with_quota(target: Target) -> str:
    target.project(storage_limit=1000)
    return "will exceed the limit of 1000 B"


def _read_only(target: Target) -> str:
    target.project()
    target.harbor.state.read_only = True
    return "read only mode"


@pytest.mark.parametrize("prepare", [_as_proxy_cache, _with_quota, _read_only])
def test_what_may_not_be_pushed(target: Target, prepare: t.Callable[[Target], str]) -> None:
    target.scene.publish(images.small_set(1))
    told = prepare(target)
    target.robot()
    _one_refusal(target, "small/app0:v1", "403", "that is not allowed", told)
    assert target.arrived("small/app0:v1") == ""


def test_an_immutable_tag_that_is_the_same_stays_untouched(target: Target) -> None:
    made = images.small_set(1)
    target.scene.publish(made)
    target.project()
    target.robot()
    target.mirror(*made)
    target.make_tags_immutable()
    target.forget_requests()
    assert target.mirror(*made).actions == ["unchanged"]
    assert target.harbor.writes() == []


def test_an_immutable_tag_with_another_digest(target: Target) -> None:
    name, first, second = "app:v1", images.multi("first", [b"first"]), images.multi("second", [b"second"])
    target.scene.publish({name: first})
    target.project()
    target.robot()
    target.mirror(name)
    target.make_tags_immutable()
    target.scene.publish({name: second})
    _one_refusal(target, name, "412", "the tag is immutable and has another digest", "Choose another tag")
    assert target.arrived(name) == first.digest


def test_a_refusal_hides_no_other_image(target: Target) -> None:
    made = images.small_set(3)
    names = list(made)
    target.scene.publish(made)
    target.project()
    target.robot()
    # Of the image that shared layers would come by.
    target.scene.publish({names[0]: images.multi("before", [b"before"])})
    target.mirror(names[0])
    target.make_tags_immutable()
    target.scene.publish({names[0]: made[names[0]]})
    done = target.mirror(*names, "absent:v1")
    assert done.actions == ["failed", "copied", "copied", "failed"]
    assert [target.scene.source(name) in done.errors for name in (*names, "absent:v1")] == [True, False, False, True]
    assert [target.arrived(name) for name in names[1:]] == [made[name].digest for name in names[1:]]


def _one_refusal(target: Target, name: str, *parts: str) -> None:
    """The image fails with one error of one line, which names it and where it was to go, and has all of these parts."""
    (outcome,) = target.mirror(name).outcomes
    assert outcome.action == "failed"
    assert outcome.error.startswith(target.scene.source(name))
    assert [part for part in (target.proxy.name, *parts) if part not in outcome.error] == [], outcome.error
    assert len(outcome.error.splitlines()) == 1


def _split(requests: t.Iterable[Request], fits: t.Callable[[Request], bool]) -> tuple[list[Request], list[Request]]:
    """Those that fit, and the others."""
    parts: tuple[list[Request], list[Request]] = ([], [])
    for request in requests:
        parts[not fits(request)].append(request)
    return parts
