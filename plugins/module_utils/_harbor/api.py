# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Harbor's API, one verb a function: records in and out. Raises HarborError. Private: may change at any time."""

from __future__ import annotations

import dataclasses
import typing as t
import urllib.parse

from ansible_collections.podnet.cni.plugins.module_utils._harbor import records
from ansible_collections.podnet.cni.plugins.module_utils._harbor.client import Client, RefusedError
from ansible_collections.podnet.cni.plugins.module_utils._harbor.records import Artifact, Project, Quota, Robot, Rule

#: Harbor's own, where nobody tells another.
_ROBOT_PREFIX = "robot$"


@dataclasses.dataclass(frozen=True)
class Created:
    """A robot that was made: its secret is told this once."""

    id: int
    name: str
    secret: str = dataclasses.field(repr=False)


class Harbor:
    """A Harbor by its API."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def host(self) -> str:
        """Host and port, the first part of the names of its images."""
        return self._client.host

    # --- The system ---

    def health(self) -> t.Mapping[str, t.Any]:
        """``status`` and ``components``; Harbor says 200 also when it is unhealthy."""
        return t.cast("t.Mapping[str, t.Any]", self._client.ask("GET", "/health"))

    def system(self) -> t.Mapping[str, t.Any]:
        """``harbor_version``, ``read_only``, ``auth_mode`` and more."""
        return t.cast("t.Mapping[str, t.Any]", self._client.ask("GET", "/systeminfo"))

    def login_works(self, username: str, secret: str) -> bool:
        """Whether that account is open to that secret, asked as ``docker login`` does."""
        response = self._client.as_account(username, secret).request("GET", "/service/token?service=harbor-registry")
        if response.status not in (200, 401):
            raise RefusedError(response.status, f"answers {response.status}", f"GET {self._client.url}/service/token")
        return bool(response.status == 200)

    # --- Projects ---

    def project(self, name: str) -> t.Optional[Project]:
        """None where there is none of that name."""
        found = self._found(f"/projects/{_part(name)}")
        return records.project(found) if found else None

    def projects(self) -> t.List[Project]:
        return [records.project(item) for item in self._client.pages("/projects")]

    def create_project(self, name: str, public: bool, storage_limit: t.Optional[int]) -> bool:
        """Whether it was made; False when somebody else was faster."""
        limit = {} if storage_limit is None else {"storage_limit": storage_limit}
        body = {"project_name": name, "metadata": {"public": _text(public)}, **limit}
        try:
            self._client.ask("POST", "/projects", body)
        except RefusedError as error:
            if error.status != 409:
                raise
            return False
        return True

    def set_public(self, name: str, public: bool) -> None:
        self._client.ask("PUT", f"/projects/{_part(name)}", {"metadata": {"public": _text(public)}})

    def delete_project(self, name: str) -> None:
        self._delete(f"/projects/{_part(name)}")

    def quota(self, project: Project) -> t.Optional[Quota]:
        """None where the account may not see quotas, which are the administrator's."""
        return self._quotas({"reference": "project", "reference_id": project.id}).get(project.id)

    def quotas(self) -> t.Dict[int, Quota]:
        """By the projects' ids; empty where the account may not see them."""
        return self._quotas({"reference": "project"})

    def set_quota(self, quota: Quota, storage_limit: int) -> None:
        self._client.ask("PUT", f"/quotas/{quota.id}", {"hard": {"storage": storage_limit}})

    def immutability(self, project: Project) -> t.List[Rule]:
        """Empty where the account may not see them."""
        found = self._visible(lambda: self._client.pages(f"/projects/{_part(project.name)}/immutabletagrules"))
        return [records.immutability_rule(item) for item in found]

    def retention(self, project: Project) -> t.List[Rule]:
        """Empty where the account may not see them."""
        if project.retention_id is None:
            return []
        found = self._visible(lambda: [self._client.ask("GET", f"/retentions/{project.retention_id}")])
        return [rule for policy in found for rule in records.retention_rules(policy)]

    # --- Robots ---

    def robot_prefix(self) -> str:
        """What each robot's full name begins with; Harbor's default for an account that may not see the configuration."""
        found = self._visible(lambda: [self._client.ask("GET", "/configurations")])
        return next((str(item["robot_name_prefix"]["value"]) for item in found if "robot_name_prefix" in item), _ROBOT_PREFIX)

    def robots(self, project: t.Optional[Project] = None) -> t.List[Robot]:
        """Those of the project; without one those of the system. Raises RefusedError with 403 where the account may not see them."""
        return [records.robot(item) for item in self._robots(project)]

    def visible_robots(self, project: t.Optional[Project] = None) -> t.List[Robot]:
        """The same; none where the account may not see them."""
        return [records.robot(item) for item in self._visible(lambda: self._robots(project))]

    def create_robot(self, data: records.Data) -> Created:
        """``data`` is of `plan.robot_data`, with the short name."""
        made = self._client.ask("POST", "/robots", data)
        return Created(made["id"], made["name"], made["secret"])

    def update_robot(self, number: int, data: records.Data) -> None:
        """``data`` is of `plan.robot_data`, with the full name."""
        self._client.ask("PUT", f"/robots/{number}", data)

    def set_robot_secret(self, number: int, secret: str) -> str:
        """Sets it; an empty one has Harbor make one. Returns the secret."""
        answer = self._client.ask("PATCH", f"/robots/{number}", {"secret": secret} if secret else {})
        return secret or str(answer["secret"])

    def delete_robot(self, number: int) -> None:
        self._delete(f"/robots/{number}")

    # --- Images ---

    def repositories(self, project: str) -> t.List[str]:
        """Paths below the project."""
        names = [str(item["name"]) for item in self._client.pages(f"/projects/{_part(project)}/repositories")]
        return sorted(name.partition("/")[2] for name in names)

    def artifacts(self, project: str, repository: str) -> t.List[Artifact]:
        """Those that Harbor lists: not an index's parts without a tag, and no signatures of others. None of a repository that is gone."""
        try:
            found = self._client.pages(
                f"{_repository(project, repository)}/artifacts", {"with_tag": "true", "with_immutable_status": "true"}
            )
        except RefusedError as error:
            if error.status != 404:
                raise
            return []
        return [records.artifact(repository, item) for item in found]

    def delete_artifact(self, project: str, repository: str, digest: str) -> None:
        """With its tags, and parts of an index that nobody else names."""
        self._delete(f"{_repository(project, repository)}/artifacts/{digest}")

    def delete_repository(self, project: str, repository: str) -> None:
        """With all that is in it."""
        self._delete(_repository(project, repository))

    # --- ---

    def _robots(self, project: t.Optional[Project]) -> t.Sequence[t.Mapping[str, t.Any]]:
        return self._client.pages("/robots", {"q": f"Level=project,ProjectID={project.id}"} if project else {})

    def _quotas(self, query: t.Mapping[str, t.Any]) -> t.Dict[int, Quota]:
        found = map(records.quota, self._visible(lambda: self._client.pages("/quotas", query)))
        return {quota.project_id: quota for quota in found}

    @staticmethod
    def _visible(read: t.Callable[[], t.Sequence[t.Mapping[str, t.Any]]]) -> t.Sequence[t.Mapping[str, t.Any]]:
        """What is read; nothing where the account may not see it."""
        try:
            return read()
        except RefusedError as error:
            if error.status != 403:
                raise
            return []

    def _found(self, path: str) -> t.Optional[t.Mapping[str, t.Any]]:
        try:
            return t.cast("t.Mapping[str, t.Any]", self._client.ask("GET", path))
        except RefusedError as error:
            if error.status != 404:
                raise
            return None

    def _delete(self, path: str) -> None:
        """What is gone already, perhaps by an answer that was lost, is fine."""
        try:
            self._client.ask("DELETE", path)
        except RefusedError as error:
            if error.status != 404:
                raise


def _repository(project: str, repository: str) -> str:
    # Encoded twice: Harbor's router decodes once, and would see the slashes as its own.
    return f"/projects/{_part(project)}/repositories/{_part(_part(repository))}"


def _part(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _text(value: bool) -> str:
    """The metadata of a project are texts."""
    return "true" if value else "false"
