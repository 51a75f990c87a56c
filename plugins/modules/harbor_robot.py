#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: harbor_robot
short_description: Keep a robot account of Harbor as wanted
version_added: 0.1.0
description:
  - Makes, changes or deletes a robot account of a project or of the whole Harbor, and sets its secret.
  - Harbor tells the secret of an account once, when it makes it. Whether a given secret is the account's is found out by logging in with
    it, so nothing is changed when it is.
  - Runs on the control machine.
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - podnet.cni.harbor
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: A project that is not there is warned about, because the task before it may be the one that makes it.
  diff_mode:
    support: full
    details: Of a secret the diff tells that it is another one, and no more.
  idempotent:
    support: partial
    details: Everything but O(rotate=true), which makes a new secret each time.
options:
  name:
    description: The account's short name. Harbor puts a prefix before it, and the project's name.
    type: str
    required: true
  project:
    description: The project whose account it is. Without one it is an account of the whole Harbor, which only its administrator may make.
    type: str
    default: ""
  state:
    description: Whether the account is to be there.
    type: str
    choices: [present, absent]
    default: present
  description:
    description: What the account is for. When not given, it stays as it is.
    type: str
  duration:
    description:
      - Days from when the account was made until it ends; V(-1) is for ever.
      - When not given, it stays as it is, and a new account has no end.
    type: int
  disabled:
    description: Whether the account is switched off. When not given, it stays as it is.
    type: bool
  permissions:
    description:
      - All that the account may do; what is not named it may not.
      - When not given, it stays as it is, and a new account of a project may pull there.
    type: list
    elements: dict
    suboptions:
      namespace:
        description: A project, V(*) for all projects, or V(/) for the system. The account's own project when not given.
        type: str
        default: ""
      access:
        description: What it may do, each as V(RESOURCE:ACTION) like V(repository:pull).
        type: list
        elements: str
        required: true
  secret:
    description:
      - The account's secret, 8 to 128 characters with upper and lower case and a digit among them.
      - When not given, Harbor makes the one of a new account.
    type: str
  rotate:
    description:
      - Whether Harbor makes a new secret for an account that is there. Whoever uses the one before is locked out.
      - Mutually exclusive with O(secret).
    type: bool
  reveal:
    description:
      - Whether the secret is returned, where it is known. It is when it was given, made with the account, or rotated.
      - Refused unless the task has C(no_log=true).
    type: bool
    default: false
  registry:
    description: Host, with port if any, by which the cluster's nodes pull, for RV(dockerconfigjson). That of O(url) when empty.
    type: str
    default: ""
seealso:
  - module: podnet.cni.harbor_project
  - module: kubernetes.core.k8s
"""

EXAMPLES = r"""
- name: Let the mirror push into its project
  podnet.cni.harbor_robot:
    url: https://harbor.example.com
    username: admin
    password: "{{ harbor_password }}"
    project: mirror
    name: pusher
    duration: 90
    permissions:
      - access: ["repository:pull", "repository:push"]
    secret: "{{ pusher_secret }}"

- name: Make an account that pulls, and learn its secret
  podnet.cni.harbor_robot:
    url: https://harbor.example.com
    username: admin
    password: "{{ harbor_password }}"
    project: mirror
    name: puller
    reveal: true
  no_log: true
  register: puller

- name: Give it to the cluster
  kubernetes.core.k8s:
    definition:
      apiVersion: v1
      kind: Secret
      type: kubernetes.io/dockerconfigjson
      metadata: {name: harbor, namespace: default}
      data: {.dockerconfigjson: "{{ puller.dockerconfigjson }}"}
  no_log: true
"""

RETURN = r"""
robot:
  description:
    - The account, in check mode as it would be. Empty when it is absent.
    - RV(ignore:name) is the full one, to log in with. RV(ignore:expires_at) is in seconds since the epoch, C(-1) for never.
  returned: success
  type: dict
  sample:
    name: robot$mirror+puller
    level: project
    description: ""
    duration: -1
    expires_at: -1
    disabled: false
    permissions: [{namespace: mirror, access: ["repository:pull"]}]
secret:
  description: The secret that Harbor made in this call.
  returned: with O(reveal=true), when Harbor made one
  type: str
  sample: gT7pLw3nX1aQz8RkVb5mJd2sYh6cEu9f
dockerconfigjson:
  description: The value of C(.dockerconfigjson) in the C(data) of a Secret for pulling images, in base64.
  returned: with O(reveal=true), when the secret is known
  type: str
  sample: eyJhdXRocyI6IHsiaGFyYm9yLmV4YW1wbGUuY29tIjogey4uLn19fQ==
"""

import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._harbor import options, plan
from ansible_collections.podnet.cni.plugins.module_utils._harbor.api import Harbor
from ansible_collections.podnet.cni.plugins.module_utils._harbor.plan import Change, RobotWish
from ansible_collections.podnet.cni.plugins.module_utils._harbor.records import Robot


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    wish = _wish(params)
    if params["reveal"] and not call.no_log:
        raise _errors.BadInputError("the result would show the secret", "option reveal", "Set no_log: true on the task.")
    harbor = options.connect(call)
    prefix = harbor.robot_prefix()
    project = harbor.project(wish.project) if wish.project else None
    is_missing = bool(wish.project) and project is None
    found = None if is_missing else plan.find_robot(wish, harbor.robots(project), prefix)
    if params["state"] == "absent":
        return _absent(harbor, found, call.check_mode)
    if is_missing:
        _tell_missing(wish.project, call)
    change = _planned(harbor, wish, found, call)
    known = params["secret"] or ""
    if change.changed and not call.check_mode:
        known = _apply(harbor, wish, change, found, known)
        found = plan.find_robot(wish, harbor.robots(project), prefix)
    _warn(change, found, call)
    name = found.name if found else wish.full_name(prefix)
    return {
        "changed": change.changed,
        "diff": change.diff,
        "robot": _told(name, wish, change, found),
        **(_revealed(name, known, harbor.host, params) if params["reveal"] else {}),
    }


def _wish(params: t.Mapping[str, t.Any]) -> RobotWish:
    plan.check_name(params["name"], "name")
    if params["project"]:
        plan.check_name(params["project"], "project")
    if params["secret"]:
        plan.check_secret(params["secret"])
    if params["duration"] is not None and params["duration"] != -1 and params["duration"] < 1:
        raise _errors.BadInputError(f"{params['duration']} is no number of days", "option duration", "It is 1 or more, or -1 for ever.")
    given = {name: params[name] for name in ("name", "project", "description", "duration", "disabled")}
    return RobotWish(**given, permissions=plan.permissions(params["permissions"], params["project"]))


def _tell_missing(project: str, call: _entry.Call) -> None:
    """Raises HarborError, but in check mode: there the task before may be the one that would make the project."""
    if not call.check_mode:
        raise _errors.HarborError("there is no such project", f"project {project}", "Make it first, with podnet.cni.harbor_project.")
    call.warn(f"There is no project {project} yet.")


def _absent(harbor: Harbor, found: t.Optional[Robot], check_mode: bool) -> _entry.Result:
    change = plan.no_robot(found)
    if found and not check_mode:
        harbor.delete_robot(found.id)
    return {"changed": change.changed, "diff": change.diff, "robot": {}}


def _planned(harbor: Harbor, wish: RobotWish, found: t.Optional[Robot], call: _entry.Call) -> Change:
    secret = call.params["secret"]
    fits = None
    if secret and found:
        if found.disabled or plan.is_expired(found, time.time()):
            call.warn(
                f"{found.name} is switched off or has ended, so nobody can tell whether it has the given secret; it is left as it is."
            )
        else:
            fits = harbor.login_works(found.name, secret)
    return plan.with_secret(plan.robot(wish, found), bool(secret), bool(call.params["rotate"]), fits)


def _apply(harbor: Harbor, wish: RobotWish, change: Change, found: t.Optional[Robot], secret: str) -> str:
    """Makes the change; the secret as far as it is known then."""
    if found is None:
        return _create(harbor, wish, change, secret)
    if plan.UPDATE in change.steps:
        harbor.update_robot(found.id, plan.robot_data(wish, change.after, found.name))
    if plan.SET_SECRET in change.steps or plan.GENERATE_SECRET in change.steps:
        return harbor.set_robot_secret(found.id, secret)
    return secret


def _create(harbor: Harbor, wish: RobotWish, change: Change, secret: str) -> str:
    made = harbor.create_robot(plan.robot_data(wish, change.after, wish.name))
    if not secret:
        return made.secret
    try:
        return harbor.set_robot_secret(made.id, secret)
    except _errors.HarborError:
        # One whose secret nobody knows would be in the way of the next try.
        harbor.delete_robot(made.id)
        raise


def _warn(change: Change, found: t.Optional[Robot], call: _entry.Call) -> None:
    params = call.params
    made = plan.GENERATE_SECRET in change.steps or (plan.CREATE in change.steps and not params["secret"])
    if made and not params["reveal"]:
        call.warn(f"Nobody knows the secret that Harbor makes for {params['name']}: give secret, or set reveal.")
    if found and plan.is_expired(found, time.time()):
        call.warn(f"{found.name} has ended. Give it a longer duration, which counts from when it was made.")


def _told(name: str, wish: RobotWish, change: Change, found: t.Optional[Robot]) -> t.Dict[str, t.Any]:
    values = {key: value for key, value in change.after.items() if key != "secret"}
    return {"name": name, "level": wish.level, **values, **({"expires_at": found.expires_at} if found else {})}


def _revealed(name: str, known: str, host: str, params: t.Mapping[str, t.Any]) -> t.Dict[str, str]:
    if not known:
        return {}
    generated = {} if params["secret"] else {"secret": known}
    return {**generated, "dockerconfigjson": plan.dockerconfigjson(params["registry"] or host, name, known)}


SPEC = options.spec(
    {
        "name": {"type": "str", "required": True},
        "project": {"type": "str", "default": ""},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "description": {"type": "str"},
        "duration": {"type": "int"},
        "disabled": {"type": "bool"},
        "permissions": {
            "type": "list",
            "elements": "dict",
            "options": {
                "namespace": {"type": "str", "default": ""},
                "access": {"type": "list", "elements": "str", "required": True},
            },
        },
        "secret": {"type": "str", "no_log": True},
        "rotate": {"type": "bool"},
        "reveal": {"type": "bool", "default": False},
        "registry": {"type": "str", "default": ""},
    },
    act,
    mutually_exclusive=[("secret", "rotate")],
)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
