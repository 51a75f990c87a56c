# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fake Harbor refuses and grants as the real one does: each row of the table of failures, tokens, and what it serves."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import urllib3

from tests.support.docker_registry import free_port, make_certificate
from tests.support.fake_harbor import ADMIN_PASSWORD, FakeHarbor
from tests.support.harbor_images import INDEX, Pusher, digest_of

ROOT = Path(__file__).parents[3]
ANYTHING = {"kind": "doublestar", "pattern": "**"}
IMMUTABLE = {
    "action": "immutable",
    "template": "immutable_template",
    "tag_selectors": [{**ANYTHING, "decoration": "matches"}],
    "scope_selectors": {"repository": [{**ANYTHING, "decoration": "repoMatches"}]},
}
ROBOT = {
    "name": "mirror",
    "level": "project",
    "duration": -1,
    "permissions": [
        {"kind": "project", "namespace": "p", "access": [{"resource": "repository", "action": action} for action in ("pull", "push")]}
    ],
}


def refused(answer: urllib3.BaseHTTPResponse) -> tuple[int, str]:
    return answer.status, answer.json()["errors"][0]["code"]


def bearer(harbor: FakeHarbor, scope: str, user: str = "admin", password: str = ADMIN_PASSWORD) -> Pusher:
    """A client with a token for the scope."""
    answer = Pusher(harbor.url, user, password).ask("GET", f"/service/token?service=harbor-registry&scope={scope}")
    client = Pusher(harbor.url, "")
    client.headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    return client


def api(pusher: Pusher, method: str, path: str, body: t.Any = None, **headers: str) -> urllib3.BaseHTTPResponse:
    return pusher.ask(
        method, f"/api/v2.0{path}", json.dumps(body) if body is not None else None, Content_Type="application/json", **headers
    )


# --- What works ---


def test_an_index_keeps_its_bytes_and_tags_are_harbors_own(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    digest, children = pusher.index("p/docker.io/library/busybox", "v1", "one", "two")
    got = pusher.ask("GET", "/v2/p/docker.io/library/busybox/manifests/v1", Accept=INDEX)
    assert (digest_of(got.data), got.headers["Docker-Content-Digest"], got.headers["Content-Type"]) == (digest, digest, INDEX)
    assert pusher.ask("GET", "/v2/p/docker.io/library/busybox/tags/list").json()["tags"] == ["v1"]
    direct = urllib3.request("GET", f"{harbor.backend.url}/v2/p/docker.io/library/busybox/manifests/v1", retries=False)
    assert direct.status == 404
    listed = api(pusher, "GET", "/projects/p/repositories/docker.io%252Flibrary%252Fbusybox/artifacts").json()
    assert [item["digest"] for item in listed] == [digest]
    assert [item["child_digest"] for item in listed[0]["references"]] == children


def test_a_name_that_is_encoded_once_only_is_not_found(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    pusher.image("p/a/b", "v1")
    assert refused(api(pusher, "GET", "/projects/p/repositories/a%2Fb/artifacts")) == (404, "NOT_FOUND")


def test_a_body_in_chunks(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    place = pusher.ask("POST", "/v2/p/a/blobs/uploads/").headers["Location"]
    pieces = [b"x" * 70000, b"y" * 3]
    first = pusher.ask("PATCH", place, iter(pieces), Content_Type="application/octet-stream")
    assert first.status == 202
    digest = digest_of(b"".join(pieces))
    place = first.headers["Location"]
    assert pusher.ask("PUT", f"{place}&digest={digest}").status == 201
    assert harbor.state.projects["p"].blobs == {digest: 70003}
    assert pusher.ask("GET", f"/v2/p/a/blobs/{digest}").data == b"".join(pieces)


def test_a_blob_is_mounted_from_another_project_that_one_may_read(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    harbor.state.create_project("q")
    digest = pusher.blob("p/a", b"content")
    assert pusher.ask("POST", f"/v2/q/b/blobs/uploads/?mount={digest}&from=p/a").status == 201
    assert harbor.state.projects["q"].blobs == {digest: 7}


def test_referrers_and_accessories(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    image = pusher.image("p/a", "v1")
    signature = pusher.image("p/a", content="signature", subject=image)
    assert [item["digest"] for item in pusher.ask("GET", f"/v2/p/a/referrers/{image}").json()["manifests"]] == [signature]
    assert [item["digest"] for item in api(pusher, "GET", "/projects/p/repositories/a/artifacts").json()] == [image]


def test_a_token_of_the_challenge_serves_the_request(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    pusher.image("p/a", "v1")
    challenge = Pusher(harbor.url, "").ask("HEAD", "/v2/p/a/manifests/v1").headers["Www-Authenticate"]
    found = re.fullmatch(r'Bearer realm="(.+)",service="harbor-registry",scope="(.+)"', challenge)
    assert found
    assert found.groups() == (f"{harbor.url}/service/token", "repository:p/a:pull")
    assert bearer(harbor, found[2]).ask("HEAD", "/v2/p/a/manifests/v1").status == 200


def test_tokens_are_not_given_to_post(pusher: Pusher) -> None:
    assert pusher.ask("POST", "/service/token", "grant_type=password").status == 405


def test_one_token_for_two_repositories(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    digest = pusher.blob("p/a", b"content")
    client = bearer(harbor, "repository:p/b:pull,push&scope=repository:p/a:pull")
    assert client.ask("POST", f"/v2/p/b/blobs/uploads/?mount={digest}&from=p/a").status == 201
    assert client.ask("POST", "/v2/p/c/blobs/uploads/").status == 401


def test_anybody_may_read_a_public_project_with_a_token(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p", public=True)
    harbor.state.create_project("q")
    pusher.image("p/a", "v1")
    client = Pusher(harbor.url, "")
    answer = client.ask("GET", "/service/token?service=harbor-registry&scope=repository:p/a:pull,push&scope=repository:q/a:pull")
    client.headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert client.ask("GET", "/v2/p/a/manifests/v1").status == 200
    assert client.ask("POST", "/v2/p/a/blobs/uploads/").status == 401
    assert client.ask("HEAD", "/v2/q/a/manifests/v1").status == 401


# --- The table of failures ---


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/nowhere/a/blobs/uploads/"),
        ("GET", "/v2/nowhere/a/manifests/v1"),
        ("POST", f"/v2/p/a/blobs/uploads/?mount={digest_of(b'')}&from=nowhere/a"),
    ],
)
def test_a_missing_project_has_an_empty_challenge(harbor: FakeHarbor, pusher: Pusher, method: str, path: str) -> None:
    harbor.state.create_project("p")
    answer = pusher.ask(method, path)
    assert refused(answer) == (401, "UNAUTHORIZED")
    assert "project nowhere not found" in answer.json()["errors"][0]["message"]
    assert answer.headers["Www-Authenticate"] == ""


def test_an_expired_token_is_answered_with_a_basic_challenge(harbor: FakeHarbor) -> None:
    harbor.state.create_project("p")
    harbor.state.token_life = 0.0
    answer = bearer(harbor, "repository:p/a:pull,push").ask("POST", "/v2/p/a/blobs/uploads/")
    assert refused(answer) == (401, "UNAUTHORIZED")
    assert answer.headers["Www-Authenticate"] == 'Basic realm="harbor"'


def test_a_robot_without_the_right_is_answered_likewise(harbor: FakeHarbor) -> None:
    harbor.state.create_project("p")
    harbor.state.create_project("other")
    robot = harbor.state.create_robot(ROBOT)
    client = Pusher(harbor.url, robot.name, robot.secret)
    assert client.ask("POST", "/v2/p/a/blobs/uploads/").status == 202
    for answer in (client.ask("POST", "/v2/other/a/blobs/uploads/"), client.ask("DELETE", f"/v2/p/a/manifests/{digest_of(b'')}")):
        assert (answer.status, answer.headers["Www-Authenticate"]) == (401, 'Basic realm="harbor"')


def test_a_token_older_than_the_project_is_refused(harbor: FakeHarbor) -> None:
    harbor.state.create_project("p")
    client = bearer(harbor, "repository:p/a:pull,push")
    assert client.ask("POST", "/v2/p/a/blobs/uploads/").status == 202
    harbor.state.delete_project(harbor.state.projects["p"])
    harbor.state.create_project("p")
    assert client.ask("POST", "/v2/p/a/blobs/uploads/").status == 401


def test_the_quota(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p", storage_limit=1000)
    pusher.blob("p/a", b"x" * 900)
    place = pusher.ask("POST", "/v2/p/a/blobs/uploads/").headers["Location"]
    more = b"y" * 200
    assert refused(pusher.ask("PUT", f"{place}&digest={digest_of(more)}", more)) == (403, "DENIED")
    assert refused(pusher.manifest("p/a", b"{" + b" " * 200 + b"}", "v1")) == (403, "DENIED")
    # What is there already costs nothing.
    assert pusher.blob("p/a", b"x" * 900)


def test_read_only(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    pusher.image("p/a", "v1")
    assert api(pusher, "PUT", "/configurations", {"read_only": True}).status == 200
    assert refused(pusher.ask("POST", "/v2/p/a/blobs/uploads/")) == (403, "DENIED")
    assert pusher.ask("HEAD", "/v2/p/a/manifests/v1").status == 200


def test_a_proxy_cache_project_cannot_be_pushed_to(pusher: Pusher) -> None:
    place = api(pusher, "POST", "/registries", {"name": "hub", "type": "docker-hub", "url": "https://hub.docker.com"}).headers["Location"]
    made = api(pusher, "POST", "/projects", {"project_name": "hub", "registry_id": int(place.rpartition("/")[2])})
    assert made.status == 201
    answer = pusher.ask("POST", "/v2/hub/library/a/blobs/uploads/")
    assert refused(answer) == (403, "DENIED")
    assert "proxy" in answer.json()["errors"][0]["message"]


def test_a_blob_in_collection_is_not_found_until_it_is_pushed_again(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    digest = pusher.blob("p/a", b"content")
    harbor.in_collection.add(digest)
    assert pusher.ask("HEAD", f"/v2/p/a/blobs/{digest}").status == 404
    pusher.blob("p/a", b"content")
    assert pusher.ask("HEAD", f"/v2/p/a/blobs/{digest}").status == 200
    assert pusher.ask("HEAD", f"/v2/p/a/blobs/{digest_of(b'other')}").status == 404


def test_what_exists_is_a_conflict(pusher: Pusher) -> None:
    assert api(pusher, "POST", "/projects", {"project_name": "p"}).status == 201
    assert refused(api(pusher, "POST", "/projects", {"project_name": "p"})) == (409, "CONFLICT")
    assert api(pusher, "POST", "/robots", ROBOT).status == 201
    assert refused(api(pusher, "POST", "/robots", ROBOT)) == (409, "CONFLICT")


def test_an_immutable_tag_refuses_the_very_same_manifest(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    data = pusher.make_image("p/a", "content")
    assert pusher.manifest("p/a", data, "v1").status == 201
    assert api(pusher, "POST", "/projects/p/immutabletagrules", IMMUTABLE).status == 201
    assert refused(pusher.manifest("p/a", data, "v1")) == (412, "PRECONDITION")
    assert pusher.manifest("p/a", data, "v2").status == 201
    assert refused(api(pusher, "DELETE", f"/projects/p/repositories/a/artifacts/{digest_of(data)}")) == (412, "PRECONDITION")


def test_a_repository_of_one_component(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    assert refused(pusher.ask("POST", "/v2/p/blobs/uploads/")) == (400, "BAD_REQUEST")


def test_a_manifest_whose_blob_is_missing(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    part = {"mediaType": "application/octet-stream", "digest": digest_of(b"nowhere"), "size": 7}
    data = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": part, "layers": [part]})
    assert refused(pusher.manifest("p/a", data.encode(), "v1")) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert harbor.state.projects["p"].repositories == {}


def test_bodies_that_are_too_large(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    assert refused(pusher.manifest("p/a", b" " * (4 * 1024 * 1024 + 1), "v1")) == (413, "REQUEST_ENTITY_TOO_LARGE")
    harbor.body_limit = 1000
    answer = pusher.ask("PUT", "/v2/p/a/blobs/uploads/x?digest=y", b"z" * 500_000)
    assert (answer.status, answer.headers["Content-Type"]) == (413, "text/html")
    # The connection is still good for the next one.
    assert pusher.ask("GET", "/v2/").status == 200


def test_load(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.fail(429, "/v2/$", times=2, headers={"Retry-After": "1"})
    harbor.fail(503, "/v2/$", method="GET")
    answers = [pusher.ask("GET", "/v2/") for _ in range(4)]
    assert [answer.status for answer in answers] == [429, 429, 503, 200]
    assert answers[0].headers["Retry-After"] == "1"
    assert refused(answers[0]) == (429, "TOO_MANY_REQUEST")


def test_a_tag_cannot_be_deleted_by_the_registry_api(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    digest = pusher.image("p/a", "v1")
    assert pusher.ask("DELETE", "/v2/p/a/manifests/v1").status == 405
    assert pusher.ask("DELETE", f"/v2/p/a/manifests/{digest}").status == 202
    assert pusher.ask("HEAD", "/v2/p/a/manifests/v1").status == 404


def test_a_part_of_an_index_stays_with_it(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    digest, children = pusher.index("p/a", "v1", "one", "two")
    assert refused(pusher.ask("DELETE", f"/v2/p/a/manifests/{children[0]}")) == (412, "PRECONDITION")
    assert pusher.ask("DELETE", f"/v2/p/a/manifests/{digest}").status == 202
    assert [pusher.ask("HEAD", f"/v2/p/a/manifests/{child}").status for child in children] == [404, 404]


def test_a_session_needs_a_csrf_token_to_write(pusher: Pusher) -> None:
    cookie = api(pusher, "GET", "/projects").headers["Set-Cookie"].partition(";")[0]
    assert refused(api(pusher, "POST", "/projects", {"project_name": "p"}, Cookie=cookie)) == (403, "FORBIDDEN")
    assert api(pusher, "GET", "/projects", Cookie=cookie).status == 200
    assert api(pusher, "POST", "/projects", {"project_name": "p"}).status == 201


# --- API ---


def test_a_robot_s_secret_is_shown_once_and_can_be_set(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    made = api(pusher, "POST", "/robots", {**ROBOT, "secret": "Ignored-1234"}).json()
    assert made["name"] == "robot$p+mirror"
    path = f"/robots/{made['id']}"
    assert "secret" not in api(pusher, "GET", path).json()
    login = Pusher(harbor.url, made["name"], made["secret"])
    assert login.ask("GET", "/service/token?service=harbor-registry").status == 200
    assert Pusher(harbor.url, made["name"], "Ignored-1234").ask("GET", "/service/token?service=harbor-registry").status == 401
    for bad in ("Short1", "nouppercase1", "NOLOWERCASE1", "NoDigitsAtAll", "aA1" * 50):
        assert refused(api(pusher, "PATCH", path, {"secret": bad})) == (400, "BAD_REQUEST")
    assert api(pusher, "PATCH", path, {"secret": "Another-1234"}).json() == {"secret": ""}
    assert login.ask("GET", "/service/token?service=harbor-registry").status == 401
    generated = api(pusher, "PATCH", path, {}).json()["secret"]
    assert Pusher(harbor.url, made["name"], generated).ask("GET", "/v2/").status == 200


def test_robots_are_listed_by_level(harbor: FakeHarbor, pusher: Pusher) -> None:
    project = harbor.state.create_project("p")
    harbor.state.create_robot(ROBOT)
    everywhere = [{**ROBOT["permissions"][0], "namespace": "*"}]
    harbor.state.create_robot({**ROBOT, "name": "all", "level": "system", "permissions": everywhere})
    assert [robot["name"] for robot in api(pusher, "GET", "/robots").json()] == ["robot$all"]
    listed = api(pusher, "GET", f"/robots?q=Level=project,ProjectID={project.id}").json()
    assert [robot["name"] for robot in listed] == ["robot$p+mirror"]


def test_pages(harbor: FakeHarbor, pusher: Pusher) -> None:
    for number in range(12):
        harbor.state.create_project(f"p{number}")
    first = api(pusher, "GET", "/projects")
    assert (len(first.json()), first.headers["X-Total-Count"]) == (10, "12")
    assert [item["name"] for item in api(pusher, "GET", "/projects?page=2").json()] == ["p10", "p11"]
    assert api(pusher, "GET", "/projects?page_size=101").status == 422


def test_a_project_of_digits_needs_a_header(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("2026")
    assert api(pusher, "GET", "/projects/2026").status == 404
    assert api(pusher, "GET", "/projects/2026", X_Is_Resource_Name="true").json()["name"] == "2026"


def test_a_project_with_repositories_stays(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    pusher.image("p/a", "v1")
    assert refused(api(pusher, "DELETE", "/projects/p")) == (412, "PRECONDITION")
    assert api(pusher, "DELETE", "/projects/p/repositories/a").status == 200
    assert api(pusher, "DELETE", "/projects/p").status == 200
    assert api(pusher, "HEAD", "/projects?project_name=p").status == 404


def test_others_than_the_administrator(harbor: FakeHarbor) -> None:
    harbor.state.passwords["someone"] = "Some-password1"
    harbor.state.create_project("private")
    harbor.state.create_project("public", public=True)
    someone = Pusher(harbor.url, "someone", "Some-password1")
    assert [item["name"] for item in api(someone, "GET", "/projects").json()] == ["public"]
    assert refused(api(someone, "GET", "/projects/private")) == (403, "FORBIDDEN")
    assert refused(api(someone, "GET", "/quotas")) == (403, "FORBIDDEN")
    assert refused(api(Pusher(harbor.url, "someone", "wrong"), "GET", "/quotas")) == (401, "UNAUTHORIZED")
    assert Pusher(harbor.url, "").ask("GET", "/api/v2.0/health").json()["status"] == "healthy"


# --- The program ---


def test_as_a_program_with_tls(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    (tmp_path / "password").write_text("Of-the-program1\n")
    port = free_port()
    options = {"port": port, "storage": tmp_path / "s", "admin-password-file": tmp_path / "password"}
    options |= {"tls-cert": certificate.path, "tls-key": certificate.key}
    argv = [sys.executable, "-m", "tests.support.fake_harbor", *(f"--{name}={value}" for name, value in options.items())]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        assert program.stdout.readline() == f"fake Harbor at https://127.0.0.1:{port}\n"
        client = Pusher(f"https://127.0.0.1:{port}", "admin", "Of-the-program1", str(certificate.path))
        assert client.ask("GET", "/api/v2.0/systeminfo").json()["harbor_version"].startswith("v2.16")
        challenge = Pusher(client.url, "", ca=str(certificate.path)).ask("GET", "/v2/").headers["Www-Authenticate"]
        assert challenge.startswith(f'Bearer realm="https://127.0.0.1:{port}/service/token"')
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == 0
