# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._harbor import records
from ansible_collections.podnet.cni.plugins.module_utils._harbor.records import Artifact, Permission, Project, Quota, Robot, Rule


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"project_id": 1, "name": "p", "metadata": {"public": "true"}, "repo_count": 2}, Project(1, "p", True, repositories=2)),
        ({"project_id": 1, "name": "p", "metadata": {"public": "false", "retention_id": "9"}}, Project(1, "p", False, retention_id=9)),
        ({"project_id": 1, "name": "p", "metadata": None, "registry_id": 3}, Project(1, "p", False, proxy_cache=True)),
        ({"project_id": 1, "name": "p", "registry_id": 0}, Project(1, "p", False)),
    ],
)
def test_projects(data: dict[str, t.Any], expected: Project) -> None:
    assert records.project(data) == expected


def test_a_quota() -> None:
    assert records.quota({"id": 4, "ref": {"id": 1}, "hard": {"storage": -1}, "used": {"storage": 7}}) == Quota(4, 1, -1, 7)


def test_a_robot() -> None:
    access = [{"resource": "repository", "action": "push"}, {"resource": "repository", "action": "pull"}]
    data = {
        "id": 3,
        "name": "robot$p+x",
        "level": "project",
        "duration": 30,
        "disable": True,
        "expires_at": 99,
        "secret": "never-kept",
        "permissions": [{"kind": "project", "namespace": "p", "access": access}],
    }
    permissions = (Permission("p", ("repository:pull", "repository:push")),)
    assert records.robot(data) == Robot(3, "robot$p+x", "project", "", 30, True, permissions, 99)
    assert records.permission_data(permissions[0])["access"] == list(reversed(access))


def test_rules() -> None:
    selectors = {
        "tag_selectors": [{"decoration": "matches", "pattern": "v*"}],
        "scope_selectors": {"repository": [{"decoration": "repoExcludes", "pattern": "quay.io/**"}]},
    }
    assert records.immutability_rule({"id": 5, "disabled": True, **selectors}) == Rule(5, False, "excluding quay.io/**", "matching v*")
    policy = {
        "rules": [{"id": 1, "template": "latestPushedK", "params": {"latestPushedK": 10}, **selectors}, {"id": 2, "template": "always"}],
        "trigger": {"settings": {"cron": "0 0 0 * * *"}},
    }
    first, second = records.retention_rules(policy)
    assert str(first) == "latestPushedK 10 of tags matching v* in repositories excluding quay.io/**, at 0 0 0 * * *"
    assert second == Rule(2, True, "matching **", "matching **", "always", "0 0 0 * * *")
    assert records.retention_rules({}) == ()


def test_an_artifact() -> None:
    data = {
        "digest": "sha256:aa",
        "size": 5,
        "push_time": "1970-01-01T00:01:00.500Z",
        "pull_time": "0001-01-01T00:00:00.000Z",
        "tags": [{"name": "v2", "immutable": True}, {"name": "v1"}],
        "references": [{"child_digest": "sha256:bb"}],
    }
    assert records.artifact("a/b", data) == Artifact("a/b", "sha256:aa", ("v1", "v2"), 5, 60.5, 0.0, ("sha256:bb",), True)
    assert records.artifact("a", {"digest": "sha256:aa", "tags": None, "references": None}) == Artifact("a", "sha256:aa", (), 0, 0.0)
