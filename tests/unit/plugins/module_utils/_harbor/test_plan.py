# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._harbor import plan
from ansible_collections.podnet.cni.plugins.module_utils._harbor.plan import CREATE, DELETE, GENERATE_SECRET, SET_QUOTA, SET_SECRET, UPDATE
from ansible_collections.podnet.cni.plugins.module_utils._harbor.records import Permission, Project, Quota, Robot, Rule

PROJECT = Project(1, "mirror", public=False)
QUOTA = Quota(1, 1, hard=1000, used=10)
PULL = (Permission("mirror", ("repository:pull",)),)
ROBOT = Robot(7, "robot$mirror+puller", "project", "for pulling", 30, False, PULL, expires_at=1000)
WISH = plan.RobotWish("puller", "mirror")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1048576", 1048576),
        ("50GiB", 50 * 1024**3),
        ("50 Gi", 50 * 1024**3),
        ("50gib", 50 * 1024**3),
        ("50GB", 50 * 1000**3),
        ("50G", 50 * 1000**3),
        ("1.5TiB", 3 * 1024**4 // 2),
        ("1 KB", 1000),
        ("2PiB", 2 * 1024**5),
        ("10B", 10),
        ("-1", -1),
        (" unlimited ", -1),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert plan.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "GiB", "-2", "5 apples", "1e9", "50GiBB", "0.1B", "1,5GiB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(_errors.BadInputError, match="is no size"):
        plan.parse_size(text)


@pytest.mark.parametrize("name", ["mirror", "a.b_c-d9", "2026", "a" * 255])
def test_names(name: str) -> None:
    plan.check_name(name, "name")


@pytest.mark.parametrize("name", ["", "Mirror", "a/x", "a--x", "-a", "a ", "a+b", "a" * 256])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(_errors.BadInputError, match=r"option project: .* is no name in Harbor"):
        plan.check_name(name, "project")


@pytest.mark.parametrize(
    ("wanted", "found", "steps", "after"),
    [
        ((None, None), (None, None), (CREATE,), {"public": False}),
        ((True, 5), (None, None), (CREATE,), {"public": True, "storage_limit": 5}),
        ((None, None), (PROJECT, QUOTA), (), {"public": False}),
        ((False, 1000), (PROJECT, QUOTA), (), {"public": False, "storage_limit": 1000}),
        ((True, None), (PROJECT, QUOTA), (UPDATE,), {"public": True}),
        ((None, -1), (PROJECT, QUOTA), (SET_QUOTA,), {"public": False, "storage_limit": -1}),
        ((True, 5), (PROJECT, QUOTA), (UPDATE, SET_QUOTA), {"public": True, "storage_limit": 5}),
        ((None, 5), (PROJECT, None), (SET_QUOTA,), {"public": False, "storage_limit": 5}),
    ],
)
def test_projects(
    wanted: tuple[bool | None, int | None], found: tuple[Project | None, Quota | None], steps: tuple[str, ...], after: dict[str, t.Any]
) -> None:
    change = plan.project(*wanted, *found)
    assert (change.steps, change.after) == (steps, after)
    assert change.changed is bool(steps)
    assert (change.before == {}) is (found[0] is None)


def test_a_project_with_repositories_is_not_deleted_by_mistake() -> None:
    full = Project(1, "mirror", False, repositories=3)
    assert plan.no_project(None, False).steps == ()
    assert plan.no_project(PROJECT, False).steps == (DELETE,)
    assert plan.no_project(full, True).steps == (DELETE,)
    with pytest.raises(_errors.HarborError, match=r"project mirror: the project has 3 repositories\. .* set force"):
        plan.no_project(full, False)


def test_a_proxy_cache_is_no_target() -> None:
    plan.check_mirror_target(None)
    plan.check_mirror_target(PROJECT)
    with pytest.raises(_errors.HarborError, match="proxy-cache"):
        plan.check_mirror_target(Project(1, "hub", False, proxy_cache=True))


def test_rules_are_warned_about_when_they_are_enabled() -> None:
    on, off = Rule(1, True, "matching **", "matching v*"), Rule(2, False, "matching **", "matching x*")
    assert plan.rule_warnings("p", [off], [off]) == []
    fixed, kept = plan.rule_warnings("p", [on, off], [Rule(1, True, "matching **", "matching **", "latestPushedK 10", "0 0 0 * * *")])
    assert "immutable tags (tags matching v* in repositories matching **)" in fixed
    assert "keeps only latestPushedK 10 of tags matching ** in repositories matching **, at 0 0 0 * * *" in kept


@pytest.mark.parametrize(
    ("wish", "found", "steps"),
    [
        (WISH, None, (CREATE,)),
        (WISH, ROBOT, ()),
        (plan.RobotWish("puller", "mirror", "for pulling", 30, False, PULL), ROBOT, ()),
        (plan.RobotWish("puller", "mirror", description=""), ROBOT, (UPDATE,)),
        (plan.RobotWish("puller", "mirror", duration=-1), ROBOT, (UPDATE,)),
        (plan.RobotWish("puller", "mirror", disabled=True), ROBOT, (UPDATE,)),
        (plan.RobotWish("puller", "mirror", permissions=(Permission("mirror", ("repository:push",)),)), ROBOT, (UPDATE,)),
    ],
)
def test_robots(wish: plan.RobotWish, found: Robot | None, steps: tuple[str, ...]) -> None:
    assert plan.robot(wish, found).steps == steps


def test_a_new_robot_may_pull_in_its_own_project_for_ever() -> None:
    after = plan.robot(WISH, None).after
    assert after == {
        "description": "",
        "duration": -1,
        "disabled": False,
        "permissions": [{"namespace": "mirror", "access": ["repository:pull"]}],
    }
    assert plan.robot_data(WISH, after, "puller")["permissions"] == [
        {"kind": "project", "namespace": "mirror", "access": [{"resource": "repository", "action": "pull"}]}
    ]
    with pytest.raises(_errors.BadInputError, match="nothing says what it may do"):
        plan.robot(plan.RobotWish("puller"), None)


def test_the_order_of_permissions_means_nothing() -> None:
    given = [{"namespace": "b", "access": ["repository:push", "repository:pull"]}, {"namespace": "a", "access": ["tag:list"]}]
    wanted = plan.permissions(given, "")
    assert wanted == plan.permissions(list(reversed(given)), "")
    assert wanted
    found = Robot(7, "robot$x", "system", "", -1, False, tuple(reversed(wanted)))
    assert not plan.robot(plan.RobotWish("x", permissions=wanted), found).changed


def test_permissions_of_the_system() -> None:
    wish = plan.RobotWish("x", permissions=plan.permissions([{"namespace": "/", "access": ["registry:list"]}], ""))
    assert plan.robot_data(wish, plan.robot(wish, None).after, "x")["permissions"][0]["kind"] == "system"
    assert plan.permissions(None, "") is None


@pytest.mark.parametrize(
    ("given", "project", "words"),
    [
        ([], "mirror", "without any permission"),
        ([{"namespace": "", "access": ["repository:pull"]}], "", "needs a namespace"),
        ([{"namespace": "other", "access": ["repository:pull"]}], "mirror", "has no permission in other"),
        ([{"access": ["pull"]}], "mirror", "'pull' is no access"),
        ([{"access": []}], "mirror", "is no access"),
    ],
)
def test_bad_permissions(given: list[dict[str, t.Any]], project: str, words: str) -> None:
    with pytest.raises(_errors.BadInputError, match=words):
        plan.permissions(given, project)


@pytest.mark.parametrize(
    ("found", "given", "rotate", "fits", "steps"),
    [
        (None, False, False, None, (CREATE,)),
        (None, True, False, None, (CREATE, SET_SECRET)),
        (None, False, True, None, (CREATE,)),
        (ROBOT, False, False, None, ()),
        (ROBOT, True, False, True, ()),
        (ROBOT, True, False, False, (SET_SECRET,)),
        (ROBOT, True, False, None, ()),
        (ROBOT, False, True, None, (GENERATE_SECRET,)),
    ],
)
def test_secrets(found: Robot | None, given: bool, rotate: bool, fits: bool | None, steps: tuple[str, ...]) -> None:
    change = plan.with_secret(plan.robot(WISH, found), given, rotate, fits)
    assert change.steps == steps
    assert ("secret" in change.after) is bool({SET_SECRET, GENERATE_SECRET} & set(steps) and found)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("Short1x", "has 7 characters"),
        ("aA1" * 50, "has 150 characters"),
        ("alllowercase1", "lacks an upper-case letter"),
        ("ALLUPPERCASE1", "lacks a lower-case letter"),
        ("NoDigitsAtAll", "lacks a digit"),
        ("--------", "lacks an upper-case letter and a lower-case letter and a digit"),
    ],
)
def test_secrets_that_harbor_refuses(secret: str, words: str) -> None:
    with pytest.raises(_errors.BadInputError, match=words) as caught:
        plan.check_secret(secret)
    assert secret not in str(caught.value)


def test_a_secret_that_harbor_takes() -> None:
    plan.check_secret("Good-enough1")
    plan.check_secret("aA1" + "x" * 125)


def test_an_account_that_has_ended() -> None:
    assert plan.is_expired(ROBOT, 1000.0)
    assert not plan.is_expired(ROBOT, 999.0)
    assert not plan.is_expired(Robot(1, "r", "system", "", -1, False, ()), 1e12)


def test_full_names() -> None:
    system = Robot(8, "bot-puller", "system", "", -1, False, ())
    assert plan.find_robot(WISH, [system, ROBOT], "robot$") is ROBOT
    assert plan.find_robot(plan.RobotWish("puller"), [ROBOT, system], "bot-") is system
    assert plan.find_robot(plan.RobotWish("ler"), [system], "bot-") is None


def test_the_value_of_a_pull_secret() -> None:
    found = json.loads(base64.b64decode(plan.dockerconfigjson("harbor.local:8443", "robot$p+x", "Secret-123")))
    assert found["auths"]["harbor.local:8443"] == {
        "username": "robot$p+x",
        "password": "Secret-123",
        "auth": base64.b64encode(b"robot$p+x:Secret-123").decode(),
    }
