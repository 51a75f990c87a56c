# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fake Harbor's REST API below /api/v2.0: what a request does to the state, and its answer. No HTTP; see fake_harbor.py."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import typing as t
from urllib.parse import unquote

from tests.support.harbor_state import NOBODY, Answer, Artifact, Principal, Project, Refusal, Robot, State

VERSION = "v2.16.0-fake"
_COMPONENTS = ("core", "database", "jobservice", "portal", "redis", "registry", "registryctl")
_LARGEST_PAGE = 100


@dataclasses.dataclass(frozen=True)
class Request:
    """One request below the base. ``path`` was decoded once, as the real one's router sees it."""

    method: str
    path: str
    query: t.Mapping[str, str]
    body: Answer
    who: Principal
    #: Deletes a manifest in the registry behind Harbor: repository, digest.
    delete_manifest: t.Callable[[str, str], None]
    #: Whether X-Is-Resource-Name says that a project of digits is a name.
    by_name: bool = False


@dataclasses.dataclass(frozen=True)
class Reply:
    status: int = 200
    body: t.Any = None
    headers: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


_Function = t.Callable[..., Reply]
_ROUTES: list[tuple[str, re.Pattern[str], bool, _Function]] = []


def _route(method: str, pattern: str, for_all: bool = False) -> t.Callable[[_Function], _Function]:
    """Whoever is not the administrator is refused, unless it is ``for_all``."""

    def add(function: _Function) -> _Function:
        _ROUTES.append((method, re.compile(pattern), for_all, function))
        return function

    return add


def answer(state: State, request: Request) -> Reply:
    """Raises Refusal."""
    for method, pattern, for_all, function in _ROUTES:
        found = pattern.fullmatch(request.path)
        if found and method == request.method:
            if not for_all:
                _require_admin(request.who)
            with state.lock:
                return function(state, request, *found.groups())
    raise Refusal(404, "NOT_FOUND", f"path {request.path} was not found")


def _require_admin(who: Principal) -> None:
    if who == NOBODY:
        raise Refusal(401, "UNAUTHORIZED", "unauthorized")
    if not who.is_admin:
        raise Refusal(403, "FORBIDDEN", "forbidden")


# --- The system ---


@_route("GET", "/ping", for_all=True)
def _ping(_state: State, _request: Request) -> Reply:
    return Reply(body="Pong")


@_route("GET", "/health", for_all=True)
def _health(state: State, _request: Request) -> Reply:
    components = [
        {"name": name, "status": "unhealthy" if name in state.unhealthy else "healthy", "error": state.unhealthy.get(name, "")}
        for name in _COMPONENTS
    ]
    return Reply(body={"status": "unhealthy" if state.unhealthy else "healthy", "components": components})


@_route("GET", "/systeminfo", for_all=True)
def _system_info(state: State, request: Request) -> Reply:
    public = {"auth_mode": "db_auth", "self_registration": False}
    return Reply(body=public if request.who == NOBODY else {**public, "harbor_version": VERSION, "read_only": state.read_only})


@_route("GET", "/configurations")
def _configurations(state: State, _request: Request) -> Reply:
    values = {"robot_name_prefix": state.robot_prefix, "read_only": state.read_only, "storage_per_project": -1}
    return Reply(body={name: {"value": value, "editable": True} for name, value in values.items()})


@_route("PUT", "/configurations")
def _configure(state: State, request: Request) -> Reply:
    state.read_only = bool(request.body.get("read_only", state.read_only))
    return Reply()


@_route("GET", "/registries")
def _registries(state: State, request: Request) -> Reply:
    return _page(request, state.registries)


@_route("POST", "/registries")
def _create_registry(state: State, request: Request) -> Reply:
    made = {**request.body, "id": state.next_id(), "status": "healthy"}
    state.registries.append(made)
    return Reply(201, headers={"Location": f"/api/v2.0/registries/{made['id']}"})


# --- Projects, quotas, rules ---


@_route("HEAD", "/projects")
def _has_project(state: State, request: Request) -> Reply:
    state.project(request.query.get("project_name", ""), by_name=True)
    return Reply()


@_route("GET", "/projects", for_all=True)
def _projects(state: State, request: Request) -> Reply:
    wanted = request.query.get("name", "")
    found = [project for project in state.projects.values() if wanted in project.name and state.may(request.who, "pull", project)]
    return _page(request, [_project(project) for project in found])


@_route("POST", "/projects")
def _create_project(state: State, request: Request) -> Reply:
    body = request.body
    public = _public(body.get("metadata") or {}, False)
    limit = body.get("storage_limit")
    made = state.create_project(
        body.get("project_name", ""), public=public, storage_limit=-1 if limit is None else limit, registry_id=body.get("registry_id")
    )
    return Reply(201, headers={"Location": f"/api/v2.0/projects/{made.id}"})


@_route("GET", "/projects/([^/]+)", for_all=True)
def _get_project(state: State, request: Request, name: str) -> Reply:
    project = state.project(name, request.by_name)
    if not state.may(request.who, "pull", project):
        _require_admin(request.who)
    return Reply(body=_project(project))


@_route("PUT", "/projects/([^/]+)")
def _update_project(state: State, request: Request, name: str) -> Reply:
    project = state.project(name, request.by_name)
    project.public = _public(request.body.get("metadata") or {}, project.public)
    return Reply()


@_route("DELETE", "/projects/([^/]+)")
def _delete_project(state: State, request: Request, name: str) -> Reply:
    state.delete_project(state.project(name, request.by_name))
    return Reply()


@_route("GET", "/quotas")
def _quotas(state: State, request: Request) -> Reply:
    wanted = request.query.get("reference_id", "")
    return _page(request, [_quota(project) for project in state.projects.values() if wanted in ("", str(project.id))])


@_route("PUT", "/quotas/([0-9]+)")
def _set_quota(state: State, request: Request, number: str) -> Reply:
    limit = request.body.get("hard", {}).get("storage")
    if not isinstance(limit, int) or limit == 0 or limit < -1:
        raise Refusal(400, "BAD_REQUEST", f"invalid hard limit value {limit}")
    state.project(number).storage_limit = limit
    return Reply()


@_route("GET", "/projects/([^/]+)/immutabletagrules")
def _immutable_rules(state: State, request: Request, name: str) -> Reply:
    return _page(request, state.project(name, request.by_name).immutable_rules)


@_route("POST", "/projects/([^/]+)/immutabletagrules")
def _add_immutable_rule(state: State, request: Request, name: str) -> Reply:
    state.project(name, request.by_name).immutable_rules.append({"disabled": False, **request.body, "id": state.next_id()})
    return Reply(201)


@_route("POST", "/retentions")
def _add_retention(state: State, request: Request) -> Reply:
    number = state.next_id()
    state.retentions[number] = {**request.body, "id": number}
    state.project(str(request.body["scope"]["ref"])).retention_id = number
    return Reply(201, headers={"Location": f"/api/v2.0/retentions/{number}"})


@_route("GET", "/retentions/([0-9]+)")
def _retention(state: State, _request: Request, number: str) -> Reply:
    if int(number) not in state.retentions:
        raise Refusal(404, "NOT_FOUND", f"retention policy {number} not found")
    return Reply(body=state.retentions[int(number)])


# --- Robots ---


@_route("GET", "/robots")
def _robots(state: State, request: Request) -> Reply:
    keywords = dict(part.split("=", 1) for part in request.query.get("q", "").split(",") if "=" in part)
    level = keywords.get("Level", "system")
    if level == "project" and "ProjectID" not in keywords:
        raise Refusal(400, "BAD_REQUEST", "must with project ID when to query project robots")
    project = state.project(keywords["ProjectID"]).name if level == "project" else ""
    found = [_robot(robot) for robot in state.robots.values() if (robot.level, robot.project) == (level, project)]
    return _page(request, found)


@_route("POST", "/robots")
def _create_robot(state: State, request: Request) -> Reply:
    made = state.create_robot(request.body)
    body = {key: value for key, value in _robot(made).items() if key in ("id", "name", "creation_time", "expires_at")}
    return Reply(201, {**body, "secret": made.secret}, {"Location": f"/api/v2.0/robots/{made.id}"})


@_route("GET", "/robots/([0-9]+)")
def _get_robot(state: State, _request: Request, number: str) -> Reply:
    return Reply(body=_robot(_found_robot(state, number)))


@_route("PUT", "/robots/([0-9]+)")
def _update_robot(state: State, request: Request, number: str) -> Reply:
    state.update_robot(_found_robot(state, number), request.body)
    return Reply()


@_route("PATCH", "/robots/([0-9]+)")
def _refresh_secret(state: State, request: Request, number: str) -> Reply:
    return Reply(body={"secret": state.set_secret(_found_robot(state, number), request.body.get("secret", ""))})


@_route("DELETE", "/robots/([0-9]+)")
def _delete_robot(state: State, _request: Request, number: str) -> Reply:
    del state.robots[_found_robot(state, number).id]
    return Reply()


# --- Repositories and artifacts. The name of a repository is encoded once more than the rest of the path. ---


@_route("GET", "/projects/([^/]+)/repositories")
def _repositories(state: State, request: Request, name: str) -> Reply:
    project = state.project(name, request.by_name)
    found = [{"name": f"{project.name}/{path}", "artifact_count": len(items)} for path, items in project.repositories.items()]
    return _page(request, found)


@_route("DELETE", "/projects/([^/]+)/repositories/([^/]+)")
def _delete_repository(state: State, request: Request, name: str, repository: str) -> Reply:
    project = state.project(name, request.by_name)
    path, artifacts = _found_repository(project, repository)
    for digest in sorted(artifacts, key=lambda each: not artifacts[each].children):
        if digest in artifacts:
            state.delete_artifact(project, path, digest)
    del project.repositories[path]
    return Reply()


@_route("GET", "/projects/([^/]+)/repositories/([^/]+)/artifacts")
def _artifacts(state: State, request: Request, name: str, repository: str) -> Reply:
    project = state.project(name, request.by_name)
    path, artifacts = _found_repository(project, repository)
    return _page(request, [_artifact(state, project, path, item) for item in state.roots(artifacts)])


@_route("DELETE", "/projects/([^/]+)/repositories/([^/]+)/artifacts/([^/]+)")
def _delete_artifact(state: State, request: Request, name: str, repository: str, reference: str) -> Reply:
    project = state.project(name, request.by_name)
    path, artifact = _found_artifact(state, project, repository, reference)
    for digest in state.delete_artifact(project, path, artifact.digest):
        request.delete_manifest(f"{project.name}/{path}", digest)
    return Reply()


@_route("DELETE", "/projects/([^/]+)/repositories/([^/]+)/artifacts/([^/]+)/tags/([^/]+)")
def _delete_tag(state: State, request: Request, name: str, repository: str, *place: str) -> Reply:
    reference, tag = place
    project = state.project(name, request.by_name)
    path, artifact = _found_artifact(state, project, repository, reference)
    if tag not in artifact.tags:
        raise Refusal(404, "NOT_FOUND", f"tag {tag} not found")
    if state.is_immutable(project, path, tag):
        raise Refusal(412, "PRECONDITION", f"the tag {tag} is configured as immutable, cannot be deleted")
    del artifact.tags[tag]
    return Reply()


# --- Records as the API shows them ---


def _project(project: Project) -> Answer:
    retention = {} if project.retention_id is None else {"retention_id": str(project.retention_id)}
    proxied = {} if project.registry_id is None else {"registry_id": project.registry_id}
    return {
        "project_id": project.id,
        "name": project.name,
        "creation_time": _moment(project.created),
        "repo_count": len(project.repositories),
        "metadata": {"public": "true" if project.public else "false", **retention},
        **proxied,
    }


def _quota(project: Project) -> Answer:
    reference = {"id": project.id, "name": project.name, "owner_name": "admin"}
    return {"id": project.id, "ref": reference, "hard": {"storage": project.storage_limit}, "used": {"storage": project.used}}


def _robot(robot: Robot) -> Answer:
    return {
        "id": robot.id,
        "name": robot.name,
        "level": robot.level,
        "description": robot.description,
        "duration": robot.duration,
        "disable": robot.disabled,
        "editable": True,
        "expires_at": robot.expires_at,
        "creation_time": _moment(robot.created),
        "permissions": robot.permissions,
    }


def _artifact(state: State, project: Project, path: str, item: Artifact) -> Answer:
    tags = [{"name": tag, "push_time": _moment(at), "immutable": state.is_immutable(project, path, tag)} for tag, at in item.tags.items()]
    return {
        "id": item.id,
        "digest": item.digest,
        "manifest_media_type": item.media_type,
        "size": item.size,
        "push_time": _moment(item.pushed),
        "pull_time": _moment(item.pulled) if item.pulled else "0001-01-01T00:00:00.000Z",
        "tags": tags or None,
        "references": [{"child_digest": digest, "platform": platform} for digest, platform in item.children] or None,
    }


def _found_robot(state: State, number: str) -> Robot:
    if int(number) not in state.robots:
        raise Refusal(404, "NOT_FOUND", f"robot {number} not found")
    return state.robots[int(number)]


def _found_repository(project: Project, encoded: str) -> tuple[str, dict[str, Artifact]]:
    path = unquote(encoded)
    if path not in project.repositories:
        raise Refusal(404, "NOT_FOUND", f"repository {project.name}/{path} not found")
    return path, project.repositories[path]


def _found_artifact(state: State, project: Project, encoded: str, reference: str) -> tuple[str, Artifact]:
    path, artifacts = _found_repository(project, encoded)
    artifact = artifacts.get(reference) or state.tagged(project, path, reference)
    if artifact is None:
        raise Refusal(404, "NOT_FOUND", f"artifact {project.name}/{path}:{reference} not found")
    return path, artifact


def _public(metadata: t.Mapping[str, t.Any], default: bool) -> bool:
    value = metadata.get("public", "true" if default else "false")
    if value not in ("true", "false"):
        raise Refusal(422, "UNPROCESSABLE_ENTITY", f"metadata.public {value!r} is no string true or false")
    return value == "true"


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _page(request: Request, items: list[Answer]) -> Reply:
    size = int(request.query.get("page_size", 10))
    if size > _LARGEST_PAGE:
        raise Refusal(422, "UNPROCESSABLE_ENTITY", f"page_size in query should be less than or equal to {_LARGEST_PAGE}")
    start = (int(request.query.get("page", 1)) - 1) * size
    return Reply(body=items[start : start + size], headers={"X-Total-Count": str(len(items))})
