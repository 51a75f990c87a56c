#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: harbor_info
short_description: Read how a Harbor is, and its projects
version_added: 0.1.0
description:
  - Reads Harbor's health and version, and of its projects quotas, rules and robot accounts.
  - What the account may not see is empty.
  - Runs on the control machine.
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - podnet.cni.harbor
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  projects:
    description: Names of projects to read; one that is not there is left out. All that the account may see when empty.
    type: list
    elements: str
    default: []
seealso:
  - module: podnet.cni.harbor_project
  - module: podnet.cni.harbor_robot
"""

EXAMPLES = r"""
- name: Look at Harbor before mirroring
  podnet.cni.harbor_info:
    url: https://harbor.example.com
    username: admin
    password: "{{ harbor_password }}"
    projects: [mirror]
  register: harbor

- name: Refuse a Harbor that is ill
  ansible.builtin.assert:
    that: harbor.healthy and not harbor.read_only
"""

RETURN = r"""
healthy:
  description: Whether Harbor calls itself healthy.
  returned: success
  type: bool
  sample: true
unhealthy_components:
  description: Parts of Harbor that are not, and why.
  returned: success
  type: dict
  sample: {jobservice: "dial tcp: connection refused"}
version:
  description: Harbor's version.
  returned: success
  type: str
  sample: v2.16.0-2026a1b2
read_only:
  description: Whether Harbor takes no writes.
  returned: success
  type: bool
  sample: false
projects:
  description: The projects by name. Sizes are in bytes, C(-1) is no limit.
  returned: success
  type: dict
  sample:
    mirror:
      public: false
      proxy_cache: false
      repositories: 12
      storage_limit: 53687091200
      storage_used: 1280000000
      immutability_rules: []
      retention_rules: []
      robots: [{name: robot$mirror+puller, level: project, description: "", duration: -1, expires_at: -1, disabled: false,
                permissions: [{namespace: mirror, access: ["repository:pull"]}]}]
robots:
  description: Robot accounts of the whole Harbor, never with a secret.
  returned: success
  type: list
  elements: dict
  sample: []
"""

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._harbor import options, plan
from ansible_collections.podnet.cni.plugins.module_utils._harbor.api import Harbor
from ansible_collections.podnet.cni.plugins.module_utils._harbor.records import Project, Quota, Robot


def act(call: _entry.Call) -> _entry.Result:
    harbor = options.connect(call)
    health, system = harbor.health(), harbor.system()
    wanted = call.params["projects"]
    found = list(filter(None, map(harbor.project, wanted))) if wanted else harbor.projects()
    quotas = harbor.quotas() if found else {}
    return {
        "changed": False,
        "healthy": health.get("status") == "healthy",
        "unhealthy_components": {
            part["name"]: part.get("error", "") for part in health.get("components", ()) if part.get("status") != "healthy"
        },
        "version": system.get("harbor_version", ""),
        "read_only": bool(system.get("read_only")),
        "projects": {project.name: _project(harbor, project, quotas.get(project.id)) for project in found},
        "robots": _robots(harbor, None),
    }


def _project(harbor: Harbor, project: Project, quota: t.Optional[Quota]) -> t.Dict[str, t.Any]:
    return {
        "public": project.public,
        "proxy_cache": project.proxy_cache,
        "repositories": project.repositories,
        **({"storage_limit": quota.hard, "storage_used": quota.used} if quota else {}),
        "immutability_rules": [dataclasses.asdict(rule) for rule in harbor.immutability(project)],
        "retention_rules": [dataclasses.asdict(rule) for rule in harbor.retention(project)],
        "robots": _robots(harbor, project),
    }


def _robots(harbor: Harbor, project: t.Optional[Project]) -> t.List[t.Dict[str, t.Any]]:
    return [_robot(robot) for robot in sorted(harbor.visible_robots(project), key=lambda robot: robot.name)]


def _robot(robot: Robot) -> t.Dict[str, t.Any]:
    values = {name: value for name, value in vars(robot).items() if name != "id"}
    return {**values, "permissions": plan.permission_values(robot.permissions)}


SPEC = options.spec({"projects": {"type": "list", "elements": "str", "default": []}}, act)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
