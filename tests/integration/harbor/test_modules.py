# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules for Harbor against the fake Harbor: check mode predicts, a second run changes nothing, bad input changes nothing."""

from __future__ import annotations

import base64
import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.modules import harbor_info, harbor_project, harbor_robot, image_prune
from tests.support.docker_registry import make_certificate
from tests.support.fake_harbor import ADMIN_PASSWORD, FakeHarbor
from tests.support.harbor_images import Pusher

MODULES = {module.__name__.rpartition(".")[2]: module for module in (harbor_info, harbor_project, harbor_robot, image_prune)}
# Of accounts that live as long as a test.
SECRET = "A-known-secret1"  # noqa: S105 - of a test
OTHER_SECRET = "Another-secret2"  # noqa: S105 - of a test
SOMEONE = {"username": "someone", "password": "Some-password2"}
PUSH = [{"access": ["repository:pull", "repository:push"]}]
ANYTHING = {"kind": "doublestar", "pattern": "**"}
SELECTORS = {
    "tag_selectors": [{**ANYTHING, "decoration": "matches"}],
    "scope_selectors": {"repository": [{**ANYTHING, "decoration": "repoMatches"}]},
}
DAY = 86400.0

Result = dict[str, t.Any]
Run = t.Callable[..., Result]


@pytest.fixture(name="run")
def _run(harbor: FakeHarbor, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a module as the administrator; ``check`` is check mode, ``no_log`` that of the task."""

    def run(module: str, /, *, check: bool = False, no_log: bool = False, **options: t.Any) -> Result:
        account = {"url": harbor.url, "username": "admin", "password": ADMIN_PASSWORD}
        told = {"_ansible_check_mode": check, "_ansible_no_log": no_log, "_ansible_diff": True}
        # Where an earlier test has loaded Ansible's controller, AnsibleModule shows warnings on a terminal and keeps none.
        said: list[str] = []
        monkeypatch.setattr(AnsibleModule, "warn", lambda _module, warning: said.append(warning))
        with patch_module_args({**account, **options, **told}), pytest.raises(SystemExit):
            MODULES[module].main()
        printed = capfd.readouterr().out
        assert ADMIN_PASSWORD not in printed
        result = json.loads(printed)
        result.pop("invocation", None)
        return {**result, "warnings": said}

    return run


def converge(run: Run, harbor: FakeHarbor, module: str, /, **options: t.Any) -> Result:
    """Runs it in check mode, in earnest, and again; the result of the second."""
    before = len(harbor.writes())
    foreseen = run(module, check=True, **options)
    assert len(harbor.writes()) == before, "check mode has written"
    done = run(module, **options)
    assert "failed" not in done, done
    assert (foreseen["changed"], foreseen["diff"]) == (done["changed"], done["diff"])
    wrote = len(harbor.writes())
    assert done["changed"] is (wrote > before)
    again = run(module, **options)
    assert (again["changed"], len(harbor.writes())) == (False, wrote)
    assert again["diff"]["before"] == again["diff"]["after"]
    return done


# --- harbor_project ---


def test_a_project_is_made_changed_and_deleted(harbor: FakeHarbor, run: Run) -> None:
    made = converge(run, harbor, "harbor_project", name="mirror", storage_limit="1GiB")
    assert made["changed"] is True
    assert made["project"] == {
        "name": "mirror",
        "public": False,
        "proxy_cache": False,
        "repositories": 0,
        "storage_limit": 1024**3,
        "storage_used": 0,
    }
    changed = converge(run, harbor, "harbor_project", name="mirror", public=True, storage_limit="unlimited")
    assert changed["diff"] == {
        "before": {"public": False, "storage_limit": 1024**3},
        "after": {"public": True, "storage_limit": -1},
    }
    assert (harbor.state.projects["mirror"].public, harbor.state.projects["mirror"].storage_limit) == (True, -1)
    assert converge(run, harbor, "harbor_project", name="mirror")["changed"] is False
    assert converge(run, harbor, "harbor_project", name="mirror", state="absent")["project"] == {}
    assert harbor.state.projects == {}


def test_check_mode_tells_the_project_as_it_would_be(harbor: FakeHarbor, run: Run) -> None:
    assert run("harbor_project", check=True, name="mirror", public=True)["project"] == {"name": "mirror", "public": True}
    harbor.state.create_project("mirror")
    assert run("harbor_project", check=True, name="mirror", public=True)["project"]["public"] is True


def test_a_project_of_digits(harbor: FakeHarbor, run: Run) -> None:
    converge(run, harbor, "harbor_project", name="2026", public=True)
    converge(run, harbor, "harbor_project", name="2026", public=False)


def test_a_project_with_images_is_deleted_by_force_only(harbor: FakeHarbor, run: Run, pusher: Pusher) -> None:
    harbor.state.create_project("mirror")
    pusher.index("mirror/quay.io/calico/node", "v1", "one", "two")
    refused = run("harbor_project", name="mirror", state="absent")
    assert "project mirror: the project has 1 repositories" in refused["msg"]
    assert harbor.writes()[-1][0] != "DELETE"
    converge(run, harbor, "harbor_project", name="mirror", state="absent", force=True)


def test_a_proxy_cache_project_is_refused(harbor: FakeHarbor, run: Run) -> None:
    harbor.state.registries.append({"id": 5, "name": "hub"})
    harbor.state.create_project("hub", registry_id=5)
    assert "proxy-cache project" in run("harbor_project", name="hub", public=True)["msg"]
    assert harbor.writes() == []
    assert converge(run, harbor, "harbor_project", name="hub", public=True, allow_proxy_cache=True)["project"]["proxy_cache"] is True


def test_rules_are_returned_and_warned_about(harbor: FakeHarbor, run: Run) -> None:
    project = harbor.state.create_project("mirror")
    project.immutable_rules.append({"id": 1, "disabled": False, **SELECTORS})
    project.retention_id = 9
    harbor.state.retentions[9] = {
        "rules": [{"id": 2, "template": "latestPushedK", "params": {"latestPushedK": 3}, **SELECTORS}],
        "trigger": {"settings": {"cron": "0 0 0 * * *"}},
    }
    result = run("harbor_project", name="mirror")
    assert result["immutability_rules"][0]["tags"] == "matching **"
    assert result["retention_rules"][0]["keeps"] == "latestPushedK 3"
    assert ["immutable tags" in result["warnings"][0], "retention policy" in result["warnings"][1]] == [True, True]


def test_a_project_that_appears_in_between(harbor: FakeHarbor, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    create = harbor_project.Harbor.create_project

    def faster(self: t.Any, name: str, public: bool, storage_limit: int | None) -> bool:
        harbor.state.create_project(name)
        return create(self, name, public, storage_limit)

    monkeypatch.setattr(harbor_project.Harbor, "create_project", faster)
    result = run("harbor_project", name="mirror", public=True, storage_limit="5GB")
    assert (result["changed"], result["project"]["public"], result["project"]["storage_limit"]) == (True, True, 5 * 10**9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "Mirror"}, "'Mirror' is no name in Harbor"),
        ({"storage_limit": "much"}, "'much' is no size"),
        ({"password": "A-wrong-password1"}, "Check username and password"),
        ({"url": "http://127.0.0.1:1"}, "does not answer"),
        ({"url": "http://admin:The-password1@127.0.0.1"}, "has a user in it"),
        ({"timeout": 0}, "0 is no time to wait"),
    ],
)
def test_bad_options_for_a_project(harbor: FakeHarbor, run: Run, options: dict[str, t.Any], words: str) -> None:
    result = run("harbor_project", **{"name": "mirror", "public": True, **options})
    assert result["failed"] is True
    assert words in result["msg"]
    assert "-password1" not in json.dumps(result)
    assert harbor.state.projects == {}


def test_a_certificate_that_is_not_verified_is_warned_about(run: Run) -> None:
    assert "is not verified" in run("harbor_project", name="mirror", validate_certs=False)["warnings"][0]


# --- harbor_robot ---


def test_a_robot_with_a_known_secret(harbor: FakeHarbor, run: Run) -> None:
    harbor.state.create_project("mirror")
    options = {"project": "mirror", "name": "pusher", "permissions": PUSH, "secret": SECRET}
    made = converge(run, harbor, "harbor_robot", **options)
    assert made["robot"]["name"] == "robot$mirror+pusher"
    assert "secret" not in made
    assert "dockerconfigjson" not in made
    assert Pusher(harbor.url, "robot$mirror+pusher", SECRET).ask("POST", "/v2/mirror/a/blobs/uploads/").status == 202
    another = converge(run, harbor, "harbor_robot", **{**options, "secret": OTHER_SECRET})
    assert another["diff"]["after"].get("secret") == "the given one"
    assert SECRET not in json.dumps(another)
    assert Pusher(harbor.url, "robot$mirror+pusher", SECRET).ask("GET", "/v2/").status == 401
    changed = converge(run, harbor, "harbor_robot", project="mirror", name="pusher", description="pushes", duration=90, disabled=True)
    assert changed["robot"]["permissions"] == [{"namespace": "mirror", **PUSH[0]}]
    assert converge(run, harbor, "harbor_robot", project="mirror", name="pusher", state="absent")["robot"] == {}
    assert harbor.state.robots == {}


def test_a_robot_of_the_system_behind_another_prefix(harbor: FakeHarbor, run: Run) -> None:
    harbor.state.robot_prefix = "bot-"
    permissions = [{"namespace": "*", "access": ["repository:pull"]}]
    assert converge(run, harbor, "harbor_robot", name="puller", permissions=permissions, secret=SECRET)["robot"]["name"] == "bot-puller"


def test_a_generated_secret_is_revealed_once_and_to_a_silent_task_only(harbor: FakeHarbor, run: Run) -> None:
    harbor.state.create_project("mirror")
    options = {"project": "mirror", "name": "puller", "reveal": True}
    assert "Set no_log: true on the task." in run("harbor_robot", **options)["msg"]
    assert harbor.state.robots == {}
    made = run("harbor_robot", no_log=True, registry="registry.local", **options)
    login = json.loads(base64.b64decode(made["dockerconfigjson"]))["auths"]["registry.local"]
    assert (login["username"], login["password"]) == ("robot$mirror+puller", made["secret"])
    assert Pusher(harbor.url, "robot$mirror+puller", made["secret"]).ask("GET", "/v2/").status == 200
    again = run("harbor_robot", no_log=True, **options)
    assert (again["changed"], "secret" in again, "dockerconfigjson" in again) == (False, False, False)


def test_a_given_secret_makes_the_same_pull_secret_each_time(harbor: FakeHarbor, run: Run) -> None:
    harbor.state.create_project("mirror")
    options = {"project": "mirror", "name": "puller", "secret": SECRET, "reveal": True, "no_log": True}
    foreseen, made, again = run("harbor_robot", check=True, **options), run("harbor_robot", **options), run("harbor_robot", **options)
    assert foreseen["dockerconfigjson"] == made["dockerconfigjson"] == again["dockerconfigjson"]
    assert SECRET in base64.b64decode(made["dockerconfigjson"]).decode()
    assert list(json.loads(base64.b64decode(made["dockerconfigjson"]))["auths"]) == [harbor.host]


def test_a_secret_is_rotated_when_told(harbor: FakeHarbor, run: Run) -> None:
    harbor.state.create_project("mirror")
    options = {"project": "mirror", "name": "puller"}
    lost = run("harbor_robot", **options)
    assert "Nobody knows the secret" in lost["warnings"][0]
    assert run("harbor_robot", **options)["changed"] is False
    known = run("harbor_robot", rotate=True, reveal=True, no_log=True, **options)["secret"]
    assert Pusher(harbor.url, "robot$mirror+puller", known).ask("GET", "/v2/").status == 200
    foreseen = run("harbor_robot", check=True, rotate=True, **options)
    assert (foreseen["changed"], foreseen["diff"]["after"]["secret"]) == (True, "a new one")
    assert Pusher(harbor.url, "robot$mirror+puller", known).ask("GET", "/v2/").status == 200


def test_nobody_can_tell_the_secret_of_an_account_that_has_ended(harbor: FakeHarbor, run: Run) -> None:
    harbor.state.create_project("mirror")
    run("harbor_robot", project="mirror", name="puller", secret=SECRET, duration=1)
    next(iter(harbor.state.robots.values())).created -= 2 * DAY
    result = run("harbor_robot", project="mirror", name="puller", secret=OTHER_SECRET)
    assert result["changed"] is False
    assert "nobody can tell" in result["warnings"][0]
    assert "has ended. Give it a longer duration" in result["warnings"][1]


def test_a_robot_whose_secret_cannot_be_set_is_not_left_behind(harbor: FakeHarbor, run: Run) -> None:
    harbor.state.create_project("mirror")
    harbor.fail(500, "/robots/", method="PATCH")
    result = run("harbor_robot", project="mirror", name="puller", secret=SECRET)
    assert "answers 500" in result["msg"]
    assert harbor.state.robots == {}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"project": "nowhere"}, "project nowhere: there is no such project"),
        ({"name": "a+b"}, "is no name in Harbor"),
        ({"secret": "Tiny-1"}, "the robot's secret has 6 characters"),
        ({"duration": 0}, "0 is no number of days"),
        ({"permissions": []}, "without any permission"),
        ({"secret": SECRET, "rotate": True}, "mutually exclusive"),
    ],
)
def test_bad_options_for_a_robot(harbor: FakeHarbor, run: Run, options: dict[str, t.Any], words: str) -> None:
    harbor.state.create_project("mirror")
    result = run("harbor_robot", **{"project": "mirror", "name": "puller", **options})
    assert words in result["msg"]
    assert SECRET not in json.dumps(result)
    assert "Tiny-1" not in json.dumps(result)
    assert harbor.state.robots == {}


def test_a_project_that_is_not_there_yet(harbor: FakeHarbor, run: Run) -> None:
    foreseen = run("harbor_robot", check=True, project="mirror", name="puller", secret=SECRET)
    assert (foreseen["changed"], foreseen["warnings"]) == (True, ["There is no project mirror yet."])
    assert run("harbor_robot", project="mirror", name="puller", state="absent")["changed"] is False
    assert harbor.writes() == []


# --- harbor_info ---


def test_what_is_read_of_a_harbor(harbor: FakeHarbor, run: Run, pusher: Pusher) -> None:
    harbor.state.create_project("mirror", storage_limit=1000000)
    harbor.state.create_project("other")
    pusher.image("mirror/a", "v1")
    run("harbor_robot", project="mirror", name="puller", secret=SECRET)
    run("harbor_robot", name="all", secret=SECRET, permissions=[{"namespace": "*", "access": ["repository:pull"]}])
    harbor.state.unhealthy["redis"] = "connection refused"
    found = run("harbor_info")
    assert found["changed"] is False
    assert (found["healthy"], found["unhealthy_components"]) == (False, {"redis": "connection refused"})
    assert (found["version"], found["read_only"]) == ("v2.16.0-fake", False)
    assert list(found["projects"]) == ["mirror", "other"]
    mirror = found["projects"]["mirror"]
    assert (mirror["repositories"], mirror["storage_limit"]) == (1, 1000000)
    assert mirror["storage_used"] == harbor.state.projects["mirror"].used > 0
    assert [robot["name"] for robot in mirror["robots"]] == ["robot$mirror+puller"]
    assert [robot["name"] for robot in found["robots"]] == ["robot$all"]
    assert SECRET not in json.dumps(found)
    assert list(run("harbor_info", projects=["other", "nowhere"])["projects"]) == ["other"]


def test_what_an_account_without_rights_sees(harbor: FakeHarbor, run: Run) -> None:
    harbor.state.passwords["someone"] = SOMEONE["password"]
    harbor.state.create_project("open", public=True)
    harbor.state.create_project("closed")
    found = run("harbor_info", **SOMEONE)
    assert (list(found["projects"]), found["robots"]) == (["open"], [])
    assert "storage_limit" not in found["projects"]["open"]


# --- image_prune ---


@pytest.fixture(name="mirror")
def _mirror(harbor: FakeHarbor, pusher: Pusher) -> dict[str, str]:
    """A project with images that were pushed 90 days ago; their digests by name."""
    harbor.state.create_project("mirror")
    now = harbor.state.now
    harbor.state.now = lambda: now() - 90 * DAY
    made = {
        "old": pusher.index("mirror/quay.io/calico/node", "v1", "a", "b")[0],
        "used": pusher.index("mirror/quay.io/calico/node", "v2", "c", "d")[0],
        "kept": pusher.image("mirror/quay.io/calico/cni", "v2"),
        "lone": pusher.image("mirror/docker.io/library/busybox", "latest"),
    }
    harbor.state.now = now
    made["young"] = pusher.image("mirror/docker.io/library/nginx", "1")
    return made


def wanted(harbor: FakeHarbor, mirror: dict[str, str]) -> dict[str, t.Any]:
    in_use = [f"{harbor.host}/mirror/quay.io/calico/node@{mirror['used']}", "quay.io/calico/node:v2"]
    return {"keep": [f"{harbor.host}/mirror/quay.io/calico/cni:v2@{mirror['kept']}"], "in_use": in_use}


def test_a_plan_is_made_and_carried_out(harbor: FakeHarbor, run: Run, mirror: dict[str, str]) -> None:
    needs = wanted(harbor, mirror)
    writes = len(harbor.writes())
    planned = run("image_prune", project="mirror", **needs)
    assert planned["changed"] is False
    assert len(harbor.writes()) == writes
    assert [item["digest"] for item in planned["plan"]["artifacts"]] == [mirror["lone"], mirror["old"]]
    assert planned["summary"][1] == f"quay.io/calico/node@{mirror['old']} (v1)"
    assert {item["digest"]: item["reason"] for item in planned["kept"]} == {
        mirror["used"]: "a pod uses it",
        mirror["kept"]: "it is to be kept",
        mirror["young"]: "it was pushed or pulled less than 30 days ago",
    }
    done = converge(run, harbor, "image_prune", state="absent", plan=planned["plan"], **needs)
    assert done["deleted"] == planned["summary"]
    assert sorted(harbor.state.projects["mirror"].repositories) == ["docker.io/library/nginx", "quay.io/calico/cni", "quay.io/calico/node"]
    left = harbor.state.projects["mirror"].repositories["quay.io/calico/node"]
    assert [item.digest for item in left.values() if item.tags] == [mirror["used"]]
    assert len(left) == 3
    assert run("image_prune", project="mirror", **needs)["plan"]["artifacts"] == []


def test_a_plan_that_was_half_carried_out_is_finished(harbor: FakeHarbor, run: Run, mirror: dict[str, str]) -> None:
    needs = wanted(harbor, mirror)
    plan = run("image_prune", project="mirror", **needs)["plan"]
    harbor.fail(403, f"artifacts/{mirror['old']}", method="DELETE")
    stopped = run("image_prune", state="absent", plan=plan, **needs)
    assert "answers 403" in stopped["msg"]
    assert run("image_prune", state="absent", plan=plan, **needs)["deleted"] == [f"quay.io/calico/node@{mirror['old']} (v1)"]


@pytest.mark.parametrize("change", ["used", "tagged", "pulled", "immutable"])
def test_nothing_is_deleted_when_an_image_of_the_plan_is_needed_by_now(
    harbor: FakeHarbor, run: Run, mirror: dict[str, str], pusher: Pusher, change: str
) -> None:
    needs = wanted(harbor, mirror)
    plan = run("image_prune", project="mirror", **needs)["plan"]
    old = f"/v2/mirror/quay.io/calico/node/manifests/{mirror['old']}"
    if change == "used":
        needs["in_use"].append(mirror["old"])
    if change == "tagged":
        harbor.state.projects["mirror"].repositories["quay.io/calico/node"][mirror["old"]].tags["stable"] = 0.0
    if change == "pulled":
        assert pusher.ask("GET", old).status == 200
    if change == "immutable":
        harbor.state.projects["mirror"].immutable_rules.append({"id": 1, **SELECTORS})
    before = len(harbor.writes())
    result = run("image_prune", state="absent", plan=plan, **needs)
    assert "Nothing was deleted: make a new plan." in result["msg"]
    assert mirror["old"] in result["msg"]
    assert len(harbor.writes()) == before


def test_bad_plans(harbor: FakeHarbor, run: Run, mirror: dict[str, str]) -> None:
    needs = wanted(harbor, mirror)
    plan = run("image_prune", project="mirror", **needs)["plan"]
    before = len(harbor.writes())
    cut = {**plan, "artifacts": plan["artifacts"][:1]}
    assert "its hash is another" in run("image_prune", state="absent", plan=cut, **needs)["msg"]
    assert "is no plan" in run("image_prune", state="absent", plan={"a": 1}, **needs)["msg"]
    other = {"url": harbor.url.replace("127.0.0.1", "localhost")}
    assert f"is one for {harbor.host}" in run("image_prune", state="absent", plan=plan, **needs, **other)["msg"]
    assert "missing: plan" in run("image_prune", state="absent", **needs)["msg"]
    assert "missing: project" in run("image_prune", **needs)["msg"]
    assert "there is no such project" in run("image_prune", project="nowhere", **needs)["msg"]
    assert "-1 is no number of days" in run("image_prune", project="mirror", keep_days=-1, **needs)["msg"]
    assert "is no reference to an image" in run("image_prune", project="mirror", keep=[], in_use=["Not An Image"])["msg"]
    assert len(harbor.writes()) == before


def test_with_tls(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    certificate = make_certificate(tmp_path)
    with FakeHarbor(tmp_path / "storage", certificate=certificate) as harbor:
        options = {"url": harbor.url, "username": "admin", "password": ADMIN_PASSWORD, "ca_path": str(certificate.path)}
        with patch_module_args({**options, "name": "mirror"}), pytest.raises(SystemExit):
            harbor_project.main()
        assert json.loads(capfd.readouterr().out)["changed"] is True
