#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: harbor_project
short_description: Keep a project of Harbor as wanted
version_added: 0.1.0
description:
  - Makes, changes or deletes a project of Harbor that images are mirrored into.
  - Rules of immutability and retention are read and warned about, because they stop or undo a mirror run.
  - A proxy-cache project is refused, because nothing can be pushed to it.
  - Runs on the control machine.
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - podnet.cni.harbor
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description: The project's name.
    type: str
    required: true
  state:
    description: Whether the project is to be there.
    type: str
    choices: [present, absent]
    default: present
  public:
    description: Whether everybody may pull. When not given, a project that is there stays as it is, and a new one is private.
    type: bool
  storage_limit:
    description:
      - How much the project may hold, like V(50GiB) (a power of 1024), V(50GB) (of 1000) or bytes; V(-1) is no limit.
      - When not given, the limit stays as it is, and a new project has the system's. Only Harbor's administrator may set it.
    type: str
  force:
    description: With O(state=absent), whether a project is deleted with the repositories in it.
    type: bool
    default: false
  allow_proxy_cache:
    description: Whether a proxy-cache project is accepted. Nothing can be mirrored into it.
    type: bool
    default: false
seealso:
  - module: podnet.cni.harbor_robot
  - module: podnet.cni.harbor_info
"""

EXAMPLES = r"""
- name: Have a place for mirrored images
  podnet.cni.harbor_project:
    url: https://harbor.example.com
    username: admin
    password: "{{ harbor_password }}"
    name: mirror
    public: false
    storage_limit: 50GiB

- name: Delete it with all of its images
  podnet.cni.harbor_project:
    url: https://harbor.example.com
    username: admin
    password: "{{ harbor_password }}"
    name: mirror
    state: absent
    force: true
"""

RETURN = r"""
project:
  description:
    - The project, in check mode as it would be. Empty when it is absent.
    - RV(ignore:storage_limit) and RV(ignore:storage_used) are in bytes, and missing where the account may not see quotas.
  returned: success
  type: dict
  sample: {name: mirror, public: false, proxy_cache: false, repositories: 0, storage_limit: 53687091200, storage_used: 0}
immutability_rules:
  description: Rules by which tags cannot change. The enabled ones are warned about.
  returned: success
  type: list
  elements: dict
  sample: [{id: 1, enabled: true, repositories: "matching **", tags: "matching v*", keeps: "", schedule: ""}]
retention_rules:
  description: Rules by which images are deleted. The enabled ones are warned about.
  returned: success
  type: list
  elements: dict
  sample: [{id: 1, enabled: true, repositories: "matching **", tags: "matching **", keeps: latestPushedK 10, schedule: 0 0 0 * * *}]
"""

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._harbor import options, plan
from ansible_collections.podnet.cni.plugins.module_utils._harbor.api import Harbor
from ansible_collections.podnet.cni.plugins.module_utils._harbor.plan import Change
from ansible_collections.podnet.cni.plugins.module_utils._harbor.records import Project, Quota


@dataclasses.dataclass(frozen=True)
class Wish:
    """A project as wanted; None leaves what is there. ``storage_limit`` is in bytes."""

    name: str
    public: t.Optional[bool]
    storage_limit: t.Optional[int]


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    plan.check_name(params["name"], "name")
    limit = None if params["storage_limit"] is None else plan.parse_size(params["storage_limit"])
    harbor = options.connect(call)
    if params["state"] == "absent":
        return _absent(harbor, params["name"], params["force"], call.check_mode)
    return _present(harbor, Wish(params["name"], params["public"], limit), call)


def _absent(harbor: Harbor, name: str, force: bool, check_mode: bool) -> _entry.Result:
    change = plan.no_project(harbor.project(name), force)
    if change.changed and not check_mode:
        for repository in harbor.repositories(name):
            harbor.delete_repository(name, repository)
        harbor.delete_project(name)
    return {"changed": change.changed, "diff": change.diff, "project": {}, "immutability_rules": [], "retention_rules": []}


def _present(harbor: Harbor, wish: Wish, call: _entry.Call) -> _entry.Result:
    found, quota = _read(harbor, wish.name)
    if not call.params["allow_proxy_cache"]:
        plan.check_mirror_target(found)
    change = plan.project(wish.public, wish.storage_limit, found, quota)
    immutability, retention = (harbor.immutability(found), harbor.retention(found)) if found else ([], [])
    for warning in plan.rule_warnings(wish.name, immutability, retention):
        call.warn(warning)
    if change.changed and not call.check_mode:
        found, quota = _apply(harbor, wish, change, found, quota)
    return {
        "changed": change.changed,
        "diff": change.diff,
        "project": {"name": wish.name, **_told(found, quota), **({} if found and not call.check_mode else change.after)},
        "immutability_rules": [dataclasses.asdict(rule) for rule in immutability],
        "retention_rules": [dataclasses.asdict(rule) for rule in retention],
    }


_Read = t.Tuple[t.Optional[Project], t.Optional[Quota]]


def _read(harbor: Harbor, name: str) -> _Read:
    found = harbor.project(name)
    return found, harbor.quota(found) if found else None


def _apply(harbor: Harbor, wish: Wish, change: Change, found: t.Optional[Project], quota: t.Optional[Quota]) -> _Read:
    """Makes the change, and reads what is there then."""
    if plan.CREATE in change.steps and not harbor.create_project(wish.name, bool(wish.public), wish.storage_limit):
        # Somebody else has made it in between, perhaps otherwise than it is wanted here.
        found, quota = _read(harbor, wish.name)
        plan.check_mirror_target(found)
        change = plan.project(wish.public, wish.storage_limit, found, quota)
    if plan.UPDATE in change.steps:
        harbor.set_public(wish.name, bool(wish.public))
    if plan.SET_QUOTA in change.steps:
        _set_quota(harbor, wish, quota)
    return _read(harbor, wish.name)


def _set_quota(harbor: Harbor, wish: Wish, quota: t.Optional[Quota]) -> None:
    if quota is None or wish.storage_limit is None:
        raise _errors.HarborError(
            "the account may not see its quota", f"project {wish.name}", "Use Harbor's administrator, or leave storage_limit out."
        )
    harbor.set_quota(quota, wish.storage_limit)


def _told(found: t.Optional[Project], quota: t.Optional[Quota]) -> t.Dict[str, t.Any]:
    stored = {"storage_limit": quota.hard, "storage_used": quota.used} if quota else {}
    known = {"public": found.public, "proxy_cache": found.proxy_cache, "repositories": found.repositories} if found else {}
    return {**known, **stored}


SPEC = options.spec(
    {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "public": {"type": "bool"},
        "storage_limit": {"type": "str"},
        "force": {"type": "bool", "default": False},
        "allow_proxy_cache": {"type": "bool", "default": False},
    },
    act,
)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
