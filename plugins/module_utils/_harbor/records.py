# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Harbor's API tells, as records. Pure: no I/O. Source: the API of Harbor 2.16. Private: may change at any time."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _moments

Data = t.Mapping[str, t.Any]
#: A quota without a limit.
UNLIMITED = -1
#: An account without an end.
FOREVER = -1

_SYSTEM = "/"


@dataclasses.dataclass(frozen=True)
class Project:
    """``repositories`` is their number, ``retention_id`` None where there is no retention policy."""

    id: int
    name: str
    public: bool
    proxy_cache: bool = False
    repositories: int = 0
    retention_id: t.Optional[int] = None


@dataclasses.dataclass(frozen=True)
class Quota:
    """``hard`` is the limit, ``used`` what is taken, in bytes."""

    id: int
    project_id: int
    hard: int
    used: int


@dataclasses.dataclass(frozen=True)
class Permission:
    """What a robot may do in ``namespace``: a project's name, ``*`` for all projects, ``/`` for the system. ``access`` is sorted
    ``resource:action``, like ``repository:pull``."""

    namespace: str
    access: t.Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Robot:
    """``name`` is the full one, with which it logs in; ``duration`` is in days, ``expires_at`` in seconds; -1 is no end in both."""

    id: int
    name: str
    level: str
    description: str
    duration: int
    disabled: bool
    permissions: t.Tuple[Permission, ...]
    expires_at: int = FOREVER


@dataclasses.dataclass(frozen=True)
class Rule:
    """A rule of immutability, or of retention: then ``keeps`` is what it keeps, and ``schedule`` when it runs (cron)."""

    id: int
    enabled: bool
    repositories: str
    tags: str
    keeps: str = ""
    schedule: str = ""

    def __str__(self) -> str:
        what = f"{self.keeps} of tags" if self.keeps else "tags"
        return f"{what} {self.tags} in repositories {self.repositories}" + (f", at {self.schedule}" if self.schedule else "")


@dataclasses.dataclass(frozen=True)
class Artifact:
    """``repository`` is the path below the project, ``children`` are the digests of an index's parts, moments are in seconds."""

    repository: str
    digest: str
    tags: t.Tuple[str, ...]
    size: int
    pushed: float
    pulled: float = 0.0
    children: t.Tuple[str, ...] = ()
    immutable: bool = False


def project(data: Data) -> Project:
    metadata = data.get("metadata") or {}
    retention = metadata.get("retention_id")
    return Project(
        id=data["project_id"],
        name=data["name"],
        public=metadata.get("public") == "true",
        proxy_cache=bool(data.get("registry_id")),
        repositories=data.get("repo_count") or 0,
        retention_id=int(retention) if retention else None,
    )


def quota(data: Data) -> Quota:
    return Quota(data["id"], data["ref"]["id"], data["hard"]["storage"], data["used"].get("storage", 0))


def robot(data: Data) -> Robot:
    return Robot(
        id=data["id"],
        name=data["name"],
        level=data.get("level", ""),
        description=data.get("description", ""),
        duration=data.get("duration", 0),
        disabled=bool(data.get("disable")),
        permissions=tuple(map(_permission, data.get("permissions") or ())),
        expires_at=data.get("expires_at", FOREVER),
    )


def permission_data(permission: Permission) -> Data:
    """What the API takes for it."""
    pairs = [entry.split(":", 1) for entry in permission.access]
    return {
        "kind": "system" if permission.namespace == _SYSTEM else "project",
        "namespace": permission.namespace,
        "access": [{"resource": resource, "action": action} for resource, action in pairs],
    }


def immutability_rule(data: Data) -> Rule:
    return Rule(data["id"], not data.get("disabled"), *_selected(data))


def retention_rules(data: Data) -> t.Tuple[Rule, ...]:
    """The rules of a retention policy."""
    schedule = ((data.get("trigger") or {}).get("settings") or {}).get("cron") or ""
    return tuple(
        Rule(rule.get("id", 0), not rule.get("disabled"), *_selected(rule), keeps=_kept(rule), schedule=schedule)
        for rule in data.get("rules") or ()
    )


def artifact(repository: str, data: Data) -> Artifact:
    tags = data.get("tags") or ()
    return Artifact(
        repository=repository,
        digest=data["digest"],
        tags=tuple(sorted(tag["name"] for tag in tags)),
        size=data.get("size") or 0,
        pushed=_moment(data.get("push_time")),
        pulled=_moment(data.get("pull_time")),
        children=tuple(child["child_digest"] for child in data.get("references") or ()),
        immutable=any(tag.get("immutable") for tag in tags),
    )


def _permission(data: Data) -> Permission:
    return Permission(data["namespace"], tuple(sorted(f"{access['resource']}:{access['action']}" for access in data["access"])))


def _selected(rule: Data) -> t.Tuple[str, str]:
    """Repositories and tags of a rule in words."""
    return _pattern((rule.get("scope_selectors") or {}).get("repository")), _pattern(rule.get("tag_selectors"))


def _pattern(selectors: t.Any) -> str:
    """``matching v*``, ``excluding latest``."""
    return " and ".join(map(_selector, selectors or ())) or "matching **"


def _selector(selector: Data) -> str:
    verb = "excluding" if str(selector.get("decoration")).lower().endswith("excludes") else "matching"
    return f"{verb} {selector.get('pattern', '')}"


def _kept(rule: Data) -> str:
    """``latestPushedK 10``, as the API names it."""
    values = " ".join(str(value) for _name, value in sorted((rule.get("params") or {}).items()))
    return f"{rule.get('template', 'some')} {values}".strip()


def _moment(text: t.Optional[str]) -> float:
    # Harbor has "never" as the first of January of the year 1.
    found = re.sub(r"\+00:00$", "Z", text or "")
    return max(0.0, _moments.parse(found) or 0.0)
