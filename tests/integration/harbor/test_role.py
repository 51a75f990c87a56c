# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real runs of Ansible against the fake Harbor: the role is idempotent, and no secret is in anything that -vvvv shows."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.support.fake_harbor import ADMIN_PASSWORD, FakeHarbor
from tests.support.harbor_images import Pusher
from tests.support.object_cluster import ObjectCluster

ROOT = Path(__file__).parents[3]
# Of accounts that live as long as a test.
PUSHER_SECRET = "Pusher-secret1"  # noqa: S105 - of a test
ROBOT_SECRET = "Robot-secret2"  # noqa: S105 - of a test
WRONG_PASSWORD = "Wrong-password3"  # noqa: S105 - of a test
# By variables, as from a vault: Ansible quotes the lines of a playbook.
SECRETS = {"robot_secret": ROBOT_SECRET, "wrong_password": WRONG_PASSWORD, "third_secret": "Third-secret3", "tiny_secret": "tiny"}
PULL_SECRET = "/api/v1/namespaces/kube-flannel/secrets/harbor"  # noqa: S105 - a path
ROLE: dict[str, t.Any] = {
    "harbor_storage_limit": "1GiB",
    "harbor_push_robot": "pusher",
    "harbor_push_robot_secret": PUSHER_SECRET,
    "harbor_pull_secret_namespaces": ["kube-flannel"],
    "harbor_registry": "registry.local:8443",
}
DAY = 86400.0


class Played(t.NamedTuple):
    code: int
    output: str

    @property
    def changed(self) -> int:
        return int(re.findall(r"changed=(\d+)", self.output)[-1])


@pytest.fixture(name="cluster")
def _cluster() -> t.Iterator[ObjectCluster]:
    """A cluster with the namespace kube-system."""
    cluster = ObjectCluster()
    cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})
    yield cluster
    cluster.close()


Play = t.Callable[..., Played]


@pytest.fixture(name="play")
def _play(harbor: FakeHarbor, cluster: ObjectCluster, tmp_path: Path) -> Play:
    """Runs tasks with -vvvv and diff as the administrator of Harbor and of the cluster."""
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": cluster.url}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    (tmp_path / "vault.yml").write_text(json.dumps({"harbor_url": harbor.url, "harbor_password": ADMIN_PASSWORD, **SECRETS, **ROLE}))

    def play(tasks: list[dict[str, t.Any]], *arguments: str) -> Played:
        defaults = {"group/podnet.cni.k8s": {"kubeconfig": str(tmp_path / "kubeconfig")}}
        text = yaml.safe_dump(
            [{"hosts": "localhost", "connection": "local", "gather_facts": False, "module_defaults": defaults, "tasks": tasks}]
        )
        (tmp_path / "play.yml").write_text(text)
        command = [sys.executable, "-m", "ansible", "playbook", "-vvvv", "--diff", "-e", f"@{tmp_path / 'vault.yml'}", *arguments]
        finished = subprocess.run(
            [*command, str(tmp_path / "play.yml")],
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
                "TMPDIR": str(tmp_path),
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_PIPELINING": "1",
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Played(finished.returncode, finished.stdout + finished.stderr)

    return play


def role(entry_point: str = "main") -> list[dict[str, t.Any]]:
    return [{"name": "The role", "ansible.builtin.include_role": {"name": "podnet.cni.harbor", "tasks_from": entry_point}}]


def secrets_of(harbor: FakeHarbor) -> set[str]:
    """Everything that nobody may see, also as it goes over the wire."""
    accounts = {("admin", ADMIN_PASSWORD), ("admin", WRONG_PASSWORD)}
    accounts |= {(robot.name, robot.secret) for robot in harbor.state.robots.values()}
    accounts |= {("robot$mirror+pusher", PUSHER_SECRET), ("robot$mirror+other", ROBOT_SECRET)}
    encoded = {base64.b64encode(f"{name}:{secret}".encode()).decode() for name, secret in accounts}
    return encoded | {secret for _name, secret in accounts} | set(harbor.state.tokens)


def pull_secret(cluster: ObjectCluster) -> dict[str, str]:
    """The account in the pull secret."""
    document = json.loads(base64.b64decode(cluster.objects[PULL_SECRET]["data"][".dockerconfigjson"]))
    return document["auths"]["registry.local:8443"]


def test_the_role(harbor: FakeHarbor, cluster: ObjectCluster, play: Play) -> None:
    foreseen = play(role(), "--check")
    assert foreseen.code == 0, foreseen.output
    assert "Would write Secret kube-flannel/harbor" in foreseen.output
    assert (harbor.writes(), harbor.state.projects, list(cluster.objects)) == ([], {}, ["/api/v1/namespaces/kube-system"])

    made = play(role())
    assert made.code == 0, made.output
    kept = pull_secret(cluster)
    assert kept["username"] == "robot$mirror+puller"
    assert Pusher(harbor.url, **_account(kept)).ask("GET", "/v2/").status == 200
    assert Pusher(harbor.url, "robot$mirror+pusher", PUSHER_SECRET).ask("POST", "/v2/mirror/a/blobs/uploads/").status == 202

    again = play(role())
    assert (again.code, again.changed) == (0, 0), again.output
    assert pull_secret(cluster) == kept

    del cluster.objects[PULL_SECRET]
    refused = play(role())
    assert refused.code != 0
    assert "Set harbor_pull_robot_secret, or harbor_rotate_secret=true" in re.sub(r"\s+", " ", refused.output)
    assert Pusher(harbor.url, **_account(kept)).ask("GET", "/v2/").status == 200

    rotated = play(role(), "-e", "harbor_rotate_secret=true")
    assert (rotated.code, pull_secret(cluster) == kept) == (0, False)
    assert Pusher(harbor.url, **_account(kept)).ask("GET", "/v2/").status == 401
    for run in (foreseen, made, again, refused, rotated):
        assert [secret for secret in (*secrets_of(harbor), kept["password"]) if secret in run.output] == []

    assert play(role("uninstall")).code == 0
    assert (harbor.state.robots, list(harbor.state.projects), PULL_SECRET in cluster.objects) == ({}, ["mirror"], False)


def test_images_are_pruned_by_a_reviewed_plan(harbor: FakeHarbor, cluster: ObjectCluster, play: Play, tmp_path: Path) -> None:
    harbor.state.create_project("mirror")
    pusher, now = Pusher(harbor.url), harbor.state.now
    harbor.state.now = lambda: now() - 90 * DAY
    names = ("old", "pod", "init", "status", "scaled", "cron", "volume", "kept")
    digests = {name: pusher.image(f"mirror/quay.io/{name}", "v1") for name in names}
    harbor.state.now = now
    images = {name: f"{harbor.host}/mirror/quay.io/{name}:v1" for name in names}
    pod = {
        "containers": [{"image": images["pod"]}],
        "initContainers": [{"image": images["init"]}],
        "volumes": [{"image": {"reference": images["volume"]}}, {"emptyDir": {}}],
    }
    status = {"containerStatuses": [{"image": "sha256:1", "imageID": f"{harbor.host}/x@{digests['status']}"}]}
    status["containerStatuses"][0]["image"] = "quay.io/other:v1"
    for kind, version, rest in (
        ("Pod", "v1", {"spec": pod, "status": status}),
        ("Deployment", "apps/v1", {"spec": {"replicas": 0, "template": {"spec": {"containers": [{"image": images["scaled"]}]}}}}),
        ("CronJob", "batch/v1", {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"image": images["cron"]}]}}}}}}),
    ):
        cluster.add({"apiVersion": version, "kind": kind, "metadata": {"name": kind.lower(), "namespace": "kube-system"}, **rest})
    options = ["-e", json.dumps({"harbor_prune_keep": [images["kept"]], "harbor_prune_dest": str(tmp_path / "plan.json")})]
    planned = play(role("prune"), *options)
    assert planned.code == 0, planned.output
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert [item["digest"] for item in plan["artifacts"]] == [digests["old"]]
    # Half of the time goes into reading each kind of object, which has been tried.
    reviewed = {"harbor_prune_plan": str(tmp_path / "plan.json"), "_harbor_pod_owners": [{"kind": "Pod", "api_version": "v1"}]}
    carried_out = play(role("prune"), *options, "-e", json.dumps(reviewed))
    assert (carried_out.code, carried_out.changed) == (0, 1), carried_out.output
    assert sorted(harbor.state.projects["mirror"].repositories) == sorted(f"quay.io/{name}" for name in names if name != "old")


@pytest.mark.parametrize("environment", [{}, {"A_VARIABLE": "that asks for a process"}], ids=["worker", "process"])
def test_no_secret_is_shown(harbor: FakeHarbor, play: Play, environment: dict[str, str]) -> None:
    robot = {"project": "mirror", "name": "other", "secret": "{{ robot_secret }}"}
    tasks: list[dict[str, t.Any]] = [
        {"podnet.cni.harbor_project": {"name": "mirror"}},
        {"podnet.cni.harbor_robot": robot},
        {"podnet.cni.harbor_robot": {**robot, "secret": "{{ third_secret }}"}},
        {"podnet.cni.harbor_robot": {"project": "mirror", "name": "generated"}},
        {"podnet.cni.harbor_robot": {"project": "mirror", "name": "revealed", "reveal": True}, "no_log": True, "register": "revealed"},
        {"podnet.cni.harbor_robot": {"project": "mirror", "name": "x", "reveal": True}, "ignore_errors": True},
        {"podnet.cni.harbor_robot": {**robot, "secret": "{{ tiny_secret }}"}, "ignore_errors": True},
        {"podnet.cni.harbor_project": {"name": "mirror", "password": "{{ wrong_password }}"}, "ignore_errors": True},
        {"podnet.cni.harbor_project": {"name": "mirror", "url": "http://admin:{{ wrong_password }}@127.0.0.1"}, "ignore_errors": True},
        {"podnet.cni.harbor_project": {"name": "mirror", "url": "http://127.0.0.1:1"}, "ignore_errors": True},
        {"podnet.cni.harbor_info": {}},
        {"ansible.builtin.assert": {"that": "revealed.secret is defined and revealed.dockerconfigjson is defined", "quiet": True}},
    ]
    account = {"url": "{{ harbor_url }}", "username": "admin", "password": "{{ harbor_password }}"}
    more = {"environment": environment, "module_defaults": {"group/podnet.cni.harbor": account}}
    played = play([{"name": f"Task {number}", **task, **more} for number, task in enumerate(tasks)])
    assert played.code == 0, played.output
    assert ("gets a process of its own" in played.output) is bool(environment)
    assert "Set no_log: true on the task." in played.output
    assert "Check username and password." in played.output
    assert len(harbor.state.robots) == 3
    assert [secret for secret in (*secrets_of(harbor), SECRETS["third_secret"]) if secret in played.output] == []


def _account(kept: dict[str, str]) -> dict[str, str]:
    return {"user": kept["username"], "password": kept["password"]}
