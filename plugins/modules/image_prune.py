#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: image_prune
short_description: Delete mirrored images that nobody needs from a project of Harbor
version_added: 0.1.0
description:
  - In two steps. O(state=planned) returns a plan, which a person may read and keep. O(state=absent) takes the plan and carries it out.
  - An image stays that a pod uses, that is to be kept, that has an immutable tag, that was pushed or pulled in the last O(keep_days), that
    an image which stays is made of, or that belongs to one, as a signature does.
  - A pod's image is known by its digest whatever its name is, by its address in Harbor, and by the upstream address that a mirror of
    containerd turns into that. Where it cannot be told which image of a repository a pod uses, all of them stay.
  - Before anything is deleted all of this is asked again. If an image of the plan is needed by now, or has other tags, nothing is deleted.
    Images that are gone already are no difference, so a run that was stopped is started again.
  - Harbor frees the space when it collects garbage.
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
  state:
    description: V(planned) makes a plan, V(absent) carries it out.
    type: str
    choices: [planned, absent]
    default: planned
  project:
    description: The project. Required with O(state=planned), and else that of the plan.
    type: str
  keep:
    description: References of images that stay in any case, such as the targets in the lock file of a mirror.
    type: list
    elements: str
    required: true
  in_use:
    description:
      - All images of the cluster's pods, and of each other cluster that pulls from this Harbor.
      - These are C(image) of all containers in their specs, init containers and ephemeral ones too, and C(image) and C(imageID) in their
        statuses.
    type: list
    elements: str
    required: true
  keep_days:
    description: Days that an image stays after it was last pushed or pulled. O(state=absent) takes that of the plan.
    type: int
    default: 30
  plan:
    description: The plan to carry out, RV(plan). Required with O(state=absent).
    type: dict
seealso:
  - module: podnet.cni.harbor_info
"""

EXAMPLES = r"""
- name: See what nobody needs
  podnet.cni.image_prune:
    url: https://harbor.example.com
    username: admin
    password: "{{ harbor_password }}"
    project: mirror
    keep: "{{ lock.images | map(attribute='target') }}"
    in_use: "{{ images_of_pods }}"
    keep_days: 14
  register: prune

- name: Show it
  ansible.builtin.debug:
    var: prune.summary

- name: Delete it
  podnet.cni.image_prune:
    url: https://harbor.example.com
    username: admin
    password: "{{ harbor_password }}"
    state: absent
    plan: "{{ prune.plan }}"
    keep: "{{ lock.images | map(attribute='target') }}"
    in_use: "{{ images_of_pods }}"
"""

RETURN = r"""
plan:
  description: What is to be deleted, an index before its parts, and a hash of that. With O(state=absent) the plan that was given.
  returned: success
  type: dict
  sample:
    registry: harbor.example.com
    project: mirror
    keep_days: 14
    artifacts:
      - {repository: quay.io/calico/node, digest: "sha256:0f5c0b5d6c3b", tags: [v3.25.0], size: 88123456}
    hash: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
kept:
  description: What stays, and why.
  returned: success
  type: list
  elements: dict
  sample:
    - {repository: quay.io/calico/node, digest: "sha256:5a1d9a3f4c11", tags: [v3.31.7], reason: a pod uses it}
deleted:
  description: What was deleted, in check mode what would be.
  returned: O(state=absent)
  type: list
  elements: str
  sample: ["quay.io/calico/node@sha256:0f5c0b5d6c3b (v3.25.0)"]
size:
  description: Bytes of the images that are to be deleted. What they share with others is not freed.
  returned: success
  type: int
  sample: 88123456
summary:
  description: A line for each image that is to be deleted.
  returned: success
  type: list
  elements: str
  sample: ["quay.io/calico/node@sha256:0f5c0b5d6c3b (v3.25.0)"]
"""

import dataclasses
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._harbor import options, prune
from ansible_collections.podnet.cni.plugins.module_utils._harbor.api import Harbor
from ansible_collections.podnet.cni.plugins.module_utils._harbor.prune import Doomed, Needs, Place, Plan
from ansible_collections.podnet.cni.plugins.module_utils._harbor.records import Artifact


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    harbor = options.connect(call)
    if params["keep_days"] < 0:
        raise _errors.BadInputError(f"{params['keep_days']} is no number of days", "option keep_days", "It is 0 or more.")
    keep, in_use = (prune.names(params[option], option) for option in ("keep", "in_use"))
    if params["state"] == "planned":
        return _planned(harbor, params["project"], Needs(keep, in_use, params["keep_days"]))
    plan = prune.from_dict(params["plan"])
    return _absent(harbor, plan, Needs(keep, in_use, plan.keep_days), call.check_mode)


def _planned(harbor: Harbor, project: str, needs: Needs) -> _entry.Result:
    plan, kept = prune.make(Place(harbor.host, project), _artifacts(harbor, project), needs, time.time())
    return {"changed": False, **_told(plan, plan.artifacts, kept)}


def _absent(harbor: Harbor, plan: Plan, needs: Needs, check_mode: bool) -> _entry.Result:
    if plan.registry != harbor.host:
        raise _errors.BadInputError(f"is one for {plan.registry}", "option plan", f"url names {harbor.host}.")
    artifacts = _artifacts(harbor, plan.project)
    _now, kept = prune.make(Place(plan.registry, plan.project), artifacts, needs, time.time())
    problems = prune.differences(plan, artifacts, kept)
    if problems:
        raise _errors.HarborError(
            f"the plan does not fit any more: {'; '.join(problems)}", f"project {plan.project}", "Nothing was deleted: make a new plan."
        )
    there = {(item.repository, item.digest) for item in artifacts}
    goes = [item for item in plan.artifacts if (item.repository, item.digest) in there]
    if not check_mode:
        _delete(harbor, plan.project, goes)
    lines = [f"{item}\n" for item in goes]
    return {
        "changed": bool(goes),
        "deleted": [str(item) for item in goes],
        "diff": {"before": "".join(lines), "after": ""},
        **_told(plan, goes, kept),
    }


def _artifacts(harbor: Harbor, project: str) -> t.List[Artifact]:
    if harbor.project(project) is None:
        raise _errors.HarborError("there is no such project", f"project {project}", "Check the name.")
    return [item for repository in harbor.repositories(project) for item in harbor.artifacts(project, repository)]


def _delete(harbor: Harbor, project: str, goes: t.Sequence[Doomed]) -> None:
    for item in goes:
        harbor.delete_artifact(project, item.repository, item.digest)
    for repository in sorted({item.repository for item in goes}):
        if not harbor.artifacts(project, repository):
            harbor.delete_repository(project, repository)


def _told(plan: Plan, goes: t.Sequence[Doomed], kept: t.Sequence[prune.Kept]) -> t.Dict[str, t.Any]:
    return {
        "plan": prune.to_dict(plan),
        "kept": [{**dataclasses.asdict(item), "tags": list(item.tags)} for item in kept],
        "size": sum(item.size for item in goes),
        "summary": [str(item) for item in goes],
    }


SPEC = options.spec(
    {
        "state": {"type": "str", "choices": ["planned", "absent"], "default": "planned"},
        "project": {"type": "str"},
        "keep": {"type": "list", "elements": "str", "required": True},
        "in_use": {"type": "list", "elements": "str", "required": True},
        "keep_days": {"type": "int", "default": 30},
        "plan": {"type": "dict"},
    },
    act,
    required_if=[("state", "planned", ["project"]), ("state", "absent", ["plan"])],
)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
