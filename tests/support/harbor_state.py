# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the fake Harbor knows: projects, robots, quotas, rules, artifacts, tokens; and what it refuses. No HTTP; see fake_harbor.py.

Behaviour is that of Harbor 2.16, as far as a client of it can tell.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import fnmatch
import itertools
import re
import secrets
import threading
import time
import typing as t

Answer = dict[str, t.Any]
ADMIN = "admin"
_PROJECT_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


class Refusal(Exception):  # noqa: N818 - what Harbor does, not a mistake of ours
    """An error that Harbor answers with; ``challenge`` is the header Www-Authenticate, which may be empty."""

    def __init__(self, status: int, code: str, message: str, challenge: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.challenge = challenge

    @property
    def body(self) -> Answer:
        return {"errors": [{"code": self.code, "message": self.message}]}


@dataclasses.dataclass
class Artifact:
    id: int
    digest: str
    media_type: str
    size: int
    pushed: float
    pulled: float = 0.0
    tags: dict[str, float] = dataclasses.field(default_factory=dict)
    #: (digest, platform) of each child.
    children: list[tuple[str, Answer]] = dataclasses.field(default_factory=list)
    subject: str = ""
    artifact_type: str = ""


@dataclasses.dataclass
class Project:
    id: int
    name: str
    public: bool
    created: float
    registry_id: int | None = None
    storage_limit: int = -1
    retention_id: int | None = None
    #: What counts for the quota: digest -> bytes.
    blobs: dict[str, int] = dataclasses.field(default_factory=dict)
    #: Path below the project -> digest -> artifact.
    repositories: dict[str, dict[str, Artifact]] = dataclasses.field(default_factory=dict)
    immutable_rules: list[Answer] = dataclasses.field(default_factory=list)

    @property
    def used(self) -> int:
        return sum(self.blobs.values())


@dataclasses.dataclass
class Robot:
    id: int
    #: In full, with prefix and project.
    name: str
    secret: str
    level: str
    project: str
    description: str
    duration: int
    created: float
    permissions: list[Answer]
    disabled: bool = False

    @property
    def expires_at(self) -> int:
        return -1 if self.duration == -1 else int(self.created + self.duration * 86400)


@dataclasses.dataclass(frozen=True)
class Principal:
    """Who asks. ``scopes`` of a token limit what a robot or user may: repository -> actions; ``issued`` is the token's age."""

    name: str = ""
    robot: Robot | None = None
    scopes: t.Mapping[str, frozenset[str]] | None = None
    issued: float = 0.0

    @property
    def is_admin(self) -> bool:
        return self.name == ADMIN


NOBODY = Principal()


class State:
    """Everything; the lock is held by whoever reads and then changes."""

    def __init__(self, admin_password: str, robot_prefix: str, token_life: float) -> None:
        self.passwords = {ADMIN: admin_password}
        self.robot_prefix = robot_prefix
        #: Seconds. May be changed while it runs.
        self.token_life = token_life
        self.read_only = False
        self.now: t.Callable[[], float] = time.time
        self.projects: dict[str, Project] = {}
        self.robots: dict[int, Robot] = {}
        self.retentions: dict[int, Answer] = {}
        self.registries: list[Answer] = []
        self.tokens: dict[str, tuple[Principal, float]] = {}
        self.unhealthy: dict[str, str] = {}
        self.lock = threading.RLock()
        self._ids = itertools.count(1)

    def next_id(self) -> int:
        return next(self._ids)

    # --- Who asks ---

    def by_password(self, name: str, password: str) -> Principal:
        """Who this is; nobody where the password is wrong, as Harbor has it."""
        if name in self.passwords and secrets.compare_digest(self.passwords[name].encode(), password.encode()):
            return Principal(name)
        for robot in list(self.robots.values()):
            expired = robot.expires_at != -1 and robot.expires_at < self.now()
            if (
                robot.name == name
                and secrets.compare_digest(robot.secret.encode(), password.encode())
                and not robot.disabled
                and not expired
            ):
                return Principal(name, robot)
        return NOBODY

    def issue_token(self, who: Principal, wanted: t.Sequence[str]) -> Answer:
        """A token with all actions that ``who`` has on the repositories of the wanted scopes."""
        scopes: dict[str, frozenset[str]] = {}
        for scope in wanted:
            kind, _, rest = scope.partition(":")
            repository, _, _actions = rest.rpartition(":")
            project = self.projects.get(repository.partition("/")[0])
            if kind == "repository" and project is not None:
                scopes[repository] = frozenset(action for action in ("pull", "push", "delete") if self.may(who, action, project))
        token, issued = secrets.token_urlsafe(24), self.now()
        self.tokens[token] = (dataclasses.replace(who, scopes=scopes, issued=issued), issued + self.token_life)
        moment = dt.datetime.fromtimestamp(issued, dt.UTC).isoformat()
        return {"token": token, "access_token": "", "expires_in": int(self.token_life), "issued_at": moment}

    def by_token(self, token: str) -> Principal:
        who, expires = self.tokens.get(token, (NOBODY, 0.0))
        return who if self.now() < expires else NOBODY

    def may(self, who: Principal, action: str, project: Project, repository: str = "") -> bool:
        """Whether ``action`` (pull, push, delete) is allowed in the project, by a token in the repository."""
        if who.scopes is not None:
            return action in who.scopes.get(repository, ()) and who.issued >= project.created
        if who.is_admin or (action == "pull" and project.public):
            return True
        return who.robot is not None and _permits(who.robot, project.name, f"repository:{action}")

    # --- Projects ---

    def project(self, name_or_id: str, by_name: bool = False) -> Project:
        """The project; all digits are an id unless ``by_name``."""
        for project in self.projects.values():
            if name_or_id == (str(project.id) if name_or_id.isdigit() and not by_name else project.name):
                return project
        raise Refusal(404, "NOT_FOUND", f"project {name_or_id} not found")

    def create_project(self, name: str, *, public: bool = False, storage_limit: int = -1, registry_id: int | None = None) -> Project:
        if not _PROJECT_NAME.fullmatch(name) or len(name) > 255:
            raise Refusal(400, "BAD_REQUEST", f"invalid project name {name}")
        if name in self.projects:
            raise Refusal(409, "CONFLICT", f"The project named {name} already exists")
        if registry_id is not None and registry_id not in [registry["id"] for registry in self.registries]:
            raise Refusal(404, "NOT_FOUND", f"registry {registry_id} not found")
        made = Project(self.next_id(), name, public, self.now(), registry_id, storage_limit)
        self.projects[name] = made
        return made

    def delete_project(self, project: Project) -> None:
        if project.repositories:
            raise Refusal(412, "PRECONDITION", "the project contains repositories, can not be deleted")
        del self.projects[project.name]
        for robot in [robot for robot in self.robots.values() if robot.project == project.name]:
            del self.robots[robot.id]

    # --- Robots ---

    def create_robot(self, wanted: Answer) -> Robot:
        """A robot with a secret of Harbor's making: one that was asked for is not looked at."""
        level, permissions = wanted.get("level", ""), wanted.get("permissions") or []
        if not _PROJECT_NAME.fullmatch(wanted.get("name", "")):
            raise Refusal(400, "BAD_REQUEST", "robot name is not in lower case or contains illegal characters")
        self._check_robot(level, int(wanted.get("duration", 0)), permissions)
        project = permissions[0]["namespace"] if level == "project" else ""
        if project:
            self.project(project, by_name=True)
        full = f"{self.robot_prefix}{project}+{wanted['name']}" if project else f"{self.robot_prefix}{wanted['name']}"
        if full in [robot.name for robot in self.robots.values()]:
            raise Refusal(409, "CONFLICT", f"robot account {wanted['name']} already exists")
        duration = int(wanted.get("duration", 0)) or 30
        description, disabled = wanted.get("description", ""), bool(wanted.get("disable"))
        made = Robot(self.next_id(), full, _secret(), level, project, description, duration, self.now(), permissions, disabled)
        self.robots[made.id] = made
        return made

    def update_robot(self, robot: Robot, wanted: Answer) -> None:
        self._check_robot(wanted.get("level", ""), int(wanted.get("duration", 0)), wanted.get("permissions") or [])
        if (wanted["level"], wanted.get("name")) != (robot.level, robot.name):
            raise Refusal(400, "BAD_REQUEST", "cannot update the level or name of robot")
        robot.duration = int(wanted.get("duration", 0)) or 30
        robot.description, robot.disabled = wanted.get("description", ""), bool(wanted.get("disable"))
        robot.permissions = wanted["permissions"]

    def set_secret(self, robot: Robot, secret: str) -> str:
        """Sets the secret; an empty one has Harbor make one, which is returned. Else nothing is."""
        if not secret:
            robot.secret = _secret()
            return robot.secret
        kinds = (r"[a-z]", r"[A-Z]", r"[0-9]")
        if not 8 <= len(secret) <= 128 or not all(re.search(kind, secret) for kind in kinds):
            raise Refusal(400, "BAD_REQUEST", "the secret must be 8-128 characters with upper case, lower case and a number")
        robot.secret = secret
        return ""

    @staticmethod
    def _check_robot(level: str, duration: int, permissions: list[Answer]) -> None:
        if duration < -1:
            raise Refusal(400, "BAD_REQUEST", f"bad request error duration input: {duration}")
        if level not in ("system", "project"):
            raise Refusal(400, "BAD_REQUEST", f"bad request error level input: {level}")
        if not permissions or not all(permission.get("access") for permission in permissions):
            raise Refusal(400, "BAD_REQUEST", "bad request empty permission")
        if level == "project" and len(permissions) > 1:
            raise Refusal(400, "BAD_REQUEST", "bad request permission")

    # --- Artifacts ---

    def check_push(self, project: Project, size: int, digest: str = "") -> None:
        """Refuses what no push into the project may do, now with ``size`` more bytes unless the digest is counted already."""
        if self.read_only:
            raise Refusal(403, "DENIED", "The system is in read only mode. Any modification is prohibited.")
        if project.registry_id is not None:
            raise Refusal(403, "DENIED", f"can not push artifact to a proxy project: {project.name}")
        more = 0 if digest in project.blobs else size
        if 0 <= project.storage_limit < project.used + more:
            detail = f"adding {more} B of storage resource, which when updated to current usage of {project.used} B will exceed the limit"
            raise Refusal(403, "DENIED", f"{detail} of {project.storage_limit} B.")

    def check_tag(self, project: Project, repository: str, tag: str) -> None:
        """Refuses a tag that is immutable and there, whatever is pushed: also the very same."""
        if self.is_immutable(project, repository, tag) and self.tagged(project, repository, tag):
            raise Refusal(412, "PRECONDITION", f"Failed to process request due to '{repository}:{tag}' configured as immutable.")

    def is_immutable(self, project: Project, repository: str, tag: str) -> bool:
        rules = [rule for rule in project.immutable_rules if not rule.get("disabled")]
        return any(
            _selects(rule["tag_selectors"][0]["pattern"], tag) and _selects(rule["scope_selectors"]["repository"][0]["pattern"], repository)
            for rule in rules
        )

    @staticmethod
    def tagged(project: Project, repository: str, tag: str) -> Artifact | None:
        artifacts = project.repositories.get(repository, {}).values()
        return next((artifact for artifact in artifacts if tag in artifact.tags), None)

    def add_artifact(self, project: Project, repository: str, made: Artifact, tag: str) -> None:
        """Notes a manifest that was pushed; the tag goes over to it."""
        artifacts = project.repositories.setdefault(repository, {})
        kept = artifacts.setdefault(made.digest, made)
        if tag:
            for artifact in artifacts.values():
                artifact.tags.pop(tag, None)
            kept.tags[tag] = self.now()

    def delete_artifact(self, project: Project, repository: str, digest: str) -> list[str]:
        """Deletes it, and children that nobody else names. Returns the digests that are gone."""
        artifacts = project.repositories[repository]
        artifact = artifacts[digest]
        for tag in artifact.tags:
            if self.is_immutable(project, repository, tag):
                raise Refusal(412, "PRECONDITION", f"the artifact is configured as immutable by tag {tag}")
        if digest in _children(artifacts):
            raise Refusal(412, "PRECONDITION", "the deleting artifact is referenced by others")
        del artifacts[digest]
        project.blobs.pop(digest, None)
        gone = [digest]
        for child, _platform in artifact.children:
            if child in artifacts and not artifacts[child].tags and child not in _children(artifacts):
                gone += self.delete_artifact(project, repository, child)
        return gone

    @staticmethod
    def roots(artifacts: t.Mapping[str, Artifact]) -> list[Artifact]:
        """What Harbor lists: artifacts with a tag, and those that are nobody's child and nobody's accessory."""
        children = _children(artifacts)
        return [item for item in artifacts.values() if (item.tags or item.digest not in children) and item.subject not in artifacts]


def _children(artifacts: t.Mapping[str, Artifact]) -> set[str]:
    return {child for artifact in artifacts.values() for child, _platform in artifact.children}


def _permits(robot: Robot, project: str, wanted: str) -> bool:
    return any(
        permission.get("kind") == "project"
        and permission.get("namespace") in (project, "*")
        and wanted in [f"{access['resource']}:{access['action']}" for access in permission["access"]]
        for permission in robot.permissions
    )


def _selects(pattern: str, text: str) -> bool:
    """A pattern of Harbor's rules: ``**`` is anything, ``{a,b}`` either."""
    either = re.fullmatch(r"\{(.*)\}", pattern)
    return any(fnmatch.fnmatchcase(text, choice.replace("**", "*")) for choice in (either[1].split(",") if either else [pattern]))


def _secret() -> str:
    """Like Harbor's: 32 letters and digits with each kind among them."""
    return f"aA1{secrets.token_hex(14)}Z"
