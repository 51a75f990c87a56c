# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted of Harbor against what is found: the changes, in order. Pure: no I/O. Private: may change at any time."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._harbor.records import (
    FOREVER,
    UNLIMITED,
    Permission,
    Project,
    Quota,
    Robot,
    Rule,
    permission_data,
)

# --- The steps of a change; what is done for each is the modules' ---

CREATE = "create"
UPDATE = "update"
DELETE = "delete"
SET_QUOTA = "set_quota"
SET_SECRET = "set_secret"  # noqa: S105 - a step
GENERATE_SECRET = "generate_secret"  # noqa: S105 - a step

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_LONGEST_NAME = 255
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTP]i?)?B?", re.IGNORECASE)
_POWERS = "KMGTP"
_ACCESS = re.compile(r"[a-z-]+:[a-z-]+")
_PULL = ("repository:pull",)
_SECRET_KINDS = {"an upper-case letter": r"[A-Z]", "a lower-case letter": r"[a-z]", "a digit": r"[0-9]"}
_SECRET_LENGTH = (8, 128)


@dataclasses.dataclass(frozen=True)
class Change:
    """``before`` and ``after`` say what matters of a thing, empty where it is not there."""

    before: t.Mapping[str, t.Any]
    after: t.Mapping[str, t.Any]
    steps: t.Tuple[str, ...]

    @property
    def changed(self) -> bool:
        return bool(self.steps)

    @property
    def diff(self) -> t.Dict[str, t.Any]:
        """As Ansible shows it."""
        return {"before": dict(self.before), "after": dict(self.after)}


# --- Sizes and names ---


def parse_size(text: str) -> int:
    """Bytes of ``50GiB``, ``500 MB``, ``1.5Ti``, ``1048576``; ``-1`` and ``unlimited`` are no limit.

    With an ``i`` a unit is a power of 1024, without one of 1000. Raises BadInputError.
    """
    if text.strip().lower() in (str(UNLIMITED), "unlimited"):
        return UNLIMITED
    found = _SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * _unit(found[2] or "")) if found else 0
    if size < 1:
        raise _errors.BadInputError(f"{text!r} is no size", "option storage_limit", "Write it as 50GiB, as bytes, or -1 for no limit.")
    return size


def _unit(letters: str) -> int:
    base = 1024 if letters.lower().endswith("i") else 1000
    return base ** (_POWERS.index(letters[0].upper()) + 1) if letters else 1


def check_name(name: str, option: str) -> None:
    """Raises BadInputError for what Harbor takes as no name."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        rule = f"A name has lower-case letters and digits, single separators (. _ -) between them, and at most {_LONGEST_NAME} of all."
        raise _errors.BadInputError(f"{name!r} is no name in Harbor", f"option {option}", rule)


# --- Projects ---


def project(public: t.Optional[bool], storage_limit: t.Optional[int], found: t.Optional[Project], quota: t.Optional[Quota]) -> Change:
    """The project made or changed. None leaves what is there; a new project is then private, and has the system's quota."""
    if found is None:
        limit = {} if storage_limit is None else {"storage_limit": storage_limit}
        return Change({}, {"public": bool(public), **limit}, (CREATE,))
    before: t.Dict[str, t.Any] = {"public": found.public}
    after: t.Dict[str, t.Any] = {"public": found.public if public is None else public}
    if storage_limit is not None:
        before["storage_limit"] = quota.hard if quota else None
        after["storage_limit"] = storage_limit
    steps = [(UPDATE, "public"), (SET_QUOTA, "storage_limit")]
    return Change(before, after, tuple(step for step, key in steps if before.get(key) != after.get(key)))


def no_project(found: t.Optional[Project], force: bool) -> Change:
    """The project deleted. Raises HarborError where it has repositories, unless ``force``."""
    if found is None:
        return Change({}, {}, ())
    if found.repositories and not force:
        raise _errors.HarborError(
            f"the project has {found.repositories} repositories",
            f"project {found.name}",
            "Prune or delete them first, or set force to delete them with all of their images.",
        )
    return Change({"public": found.public, "repositories": found.repositories}, {}, (DELETE,))


def check_mirror_target(found: t.Optional[Project]) -> None:
    """Raises HarborError for a proxy cache, which nothing can be pushed to."""
    if found is not None and found.proxy_cache:
        raise _errors.HarborError(
            "this is a proxy-cache project: Harbor fills it by itself, and refuses what is pushed",
            f"project {found.name}",
            "Name another project for the mirrored images, or set allow_proxy_cache if nothing is to be pushed to it.",
        )


def rule_warnings(name: str, immutability: t.Iterable[Rule], retention: t.Iterable[Rule]) -> t.List[str]:
    """What rules that are enabled mean for images that are mirrored into the project."""
    fixed = [str(rule) for rule in immutability if rule.enabled]
    retained = [str(rule) for rule in retention if rule.enabled]
    warnings = []
    if fixed:
        warnings.append(
            f"Project {name} has immutable tags ({'; '.join(fixed)}): a tag that is there can neither be deleted nor get another digest."
        )
    if retained:
        warnings.append(
            f"Project {name} has a retention policy that keeps only {'; '.join(retained)}: it deletes other images, "
            "mirrored ones too, and the next mirror run copies them again."
        )
    return warnings


# --- Robots ---


@dataclasses.dataclass(frozen=True)
class RobotWish:
    """A robot as wanted. ``name`` is the short one; without a ``project`` it is one of the system. None leaves what is there."""

    name: str
    project: str = ""
    description: t.Optional[str] = None
    duration: t.Optional[int] = None
    disabled: t.Optional[bool] = None
    permissions: t.Optional[t.Tuple[Permission, ...]] = None

    @property
    def level(self) -> str:
        return "project" if self.project else "system"

    def full_name(self, prefix: str) -> str:
        """The name that it logs in with."""
        return f"{prefix}{self.project}+{self.name}" if self.project else f"{prefix}{self.name}"


def permissions(given: t.Optional[t.Sequence[t.Mapping[str, t.Any]]], project_name: str) -> t.Optional[t.Tuple[Permission, ...]]:
    """The option ``permissions`` (``namespace``, ``access``), checked and in a fixed order. None stays None. Raises BadInputError."""
    if given is None:
        return None
    found: t.Dict[str, t.Set[str]] = {}
    for entry in given:
        namespace = entry.get("namespace") or project_name
        _check_permission(namespace, entry["access"], project_name)
        found.setdefault(namespace, set()).update(entry["access"])
    if not found:
        raise _errors.BadInputError("a robot without any permission is none to Harbor", "option permissions", "Name what it may do.")
    return tuple(Permission(namespace, tuple(sorted(access))) for namespace, access in sorted(found.items()))


def find_robot(wish: RobotWish, robots: t.Iterable[Robot], prefix: str) -> t.Optional[Robot]:
    """The wanted robot among those of its level and project."""
    full = wish.full_name(prefix)
    return next((robot for robot in robots if robot.name == full), None)


def robot(wish: RobotWish, found: t.Optional[Robot]) -> Change:
    """The robot made or changed, its secret aside."""
    wanted = wish if wish.permissions is not None or found is not None else dataclasses.replace(wish, permissions=_least(wish))
    before = _robot_values(found) if found else {}
    after = {
        "description": _first(wanted.description, before.get("description"), ""),
        "duration": _first(wanted.duration, before.get("duration"), FOREVER),
        "disabled": _first(wanted.disabled, before.get("disabled"), False),
        "permissions": before.get("permissions") if wanted.permissions is None else permission_values(wanted.permissions),
    }
    step = CREATE if found is None else UPDATE
    return Change(before, after, () if before == after else (step,))


def robot_data(wish: RobotWish, after: t.Mapping[str, t.Any], name: str) -> t.Mapping[str, t.Any]:
    """What the API takes for a robot that is to be as ``after`` says. ``name`` is the short one of a new robot, else the full one."""
    return {
        "name": name,
        "level": wish.level,
        "description": after["description"],
        "duration": after["duration"],
        "disable": after["disabled"],
        "permissions": [permission_data(Permission(item["namespace"], tuple(item["access"]))) for item in after["permissions"]],
    }


def no_robot(found: t.Optional[Robot]) -> Change:
    """The robot deleted."""
    return Change(_robot_values(found), {}, (DELETE,)) if found else Change({}, {}, ())


def with_secret(change: Change, given: bool, rotate: bool, fits: t.Optional[bool]) -> Change:
    """The change with the step that the secret needs. ``fits`` is whether the given one opens the robot's account; None: nobody can tell.

    A new robot has a secret of Harbor's making, so only a given one is a step of its own.
    """
    if CREATE in change.steps:
        return dataclasses.replace(change, steps=(*change.steps, SET_SECRET)) if given else change
    step = SET_SECRET if given and fits is False else GENERATE_SECRET if rotate else ""
    if not step:
        return change
    after = "the given one" if step == SET_SECRET else "a new one"
    return Change({**change.before, "secret": "another one"}, {**change.after, "secret": after}, (*change.steps, step))


def check_secret(secret: str) -> None:
    """Raises BadInputError, without the secret, for one that Harbor refuses."""
    least, most = _SECRET_LENGTH
    lacks = [kind for kind, pattern in _SECRET_KINDS.items() if not re.search(pattern, secret)]
    if lacks or not least <= len(secret) <= most:
        problem = f"lacks {' and '.join(lacks)}" if lacks else f"has {len(secret)} characters"
        rule = f"Harbor wants {least} to {most} characters, with upper and lower case and a digit among them."
        raise _errors.BadInputError(f"the robot's secret {problem}", "option secret", rule)


def is_expired(found: Robot, now: float) -> bool:
    return found.expires_at != FOREVER and found.expires_at <= now


def dockerconfigjson(registry: str, username: str, secret: str) -> str:
    """``.dockerconfigjson`` in the data of a Kubernetes Secret, in base64 as it is there. ``registry`` is host or host:port."""
    auth = base64.b64encode(f"{username}:{secret}".encode()).decode()
    document = {"auths": {registry: {"username": username, "password": secret, "auth": auth}}}
    return base64.b64encode(json.dumps(document, sort_keys=True).encode()).decode()


def _check_permission(namespace: str, access: t.Sequence[str], project_name: str) -> None:
    where = "option permissions"
    if not namespace:
        raise _errors.BadInputError(
            "a permission of a system robot needs a namespace", where, "Name a project, * for all, or / for the system."
        )
    if project_name and namespace != project_name:
        advice = "Leave the namespace out, or leave out project to make a robot of the system."
        raise _errors.BadInputError(f"a robot of project {project_name} has no permission in {namespace}", where, advice)
    bad = [entry for entry in access if not _ACCESS.fullmatch(entry)]
    if bad or not access:
        raise _errors.BadInputError(f"{bad[0] if bad else access!r} is no access", where, "Write RESOURCE:ACTION, like repository:pull.")


def _least(wish: RobotWish) -> t.Tuple[Permission, ...]:
    """What a new robot may do when nobody says: pull in its own project."""
    if wish.project:
        return (Permission(wish.project, _PULL),)
    raise _errors.BadInputError(
        f"{wish.name} is to be a new robot of the system, and nothing says what it may do", "option permissions", "Name its permissions."
    )


def _robot_values(found: Robot) -> t.Dict[str, t.Any]:
    return {
        "description": found.description,
        "duration": found.duration,
        "disabled": found.disabled,
        "permissions": permission_values(found.permissions),
    }


def permission_values(found: t.Iterable[Permission]) -> t.List[t.Dict[str, t.Any]]:
    return [{"namespace": item.namespace, "access": list(item.access)} for item in sorted(found, key=lambda item: item.namespace)]


def _first(*values: t.Any) -> t.Any:
    return next(value for value in values if value is not None)
