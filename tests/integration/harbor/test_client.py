# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of Harbor's API against the fake Harbor: errors, patience, certificates, pages."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._harbor import client as client_module
from ansible_collections.podnet.cni.plugins.module_utils._harbor.api import Harbor
from ansible_collections.podnet.cni.plugins.module_utils._harbor.client import Client, RefusedError
from tests.support.docker_registry import make_certificate
from tests.support.fake_harbor import ADMIN_PASSWORD, FakeHarbor
from tests.support.harbor_images import Pusher


def connect(harbor: FakeHarbor, username: str = "admin", password: str = ADMIN_PASSWORD, **options: t.Any) -> Client:
    return Client(harbor.url, username, password, **options)


@pytest.mark.parametrize("retry_after", ["0", "nonsense", "Mon, 30 Nov 2020 00:00:00 GMT", "-1"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_harbor_is_asked_again(harbor: FakeHarbor, status: int, retry_after: str) -> None:
    harbor.fail(status, "/projects/p", headers={"Retry-After": retry_after})
    assert Harbor(connect(harbor)).project("p") is None
    assert [path for _method, path in harbor.log] == ["/api/v2.0/projects/p"] * 2


def test_a_retry_after_that_is_an_epoch_number_is_not_obeyed(harbor: FakeHarbor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_LONGEST_PAUSE", 0.05)
    harbor.fail(429, "/projects/p", headers={"Retry-After": "1796000000"})
    assert Harbor(connect(harbor)).project("p") is None


def test_what_is_not_repeatable_is_not_repeated(harbor: FakeHarbor) -> None:
    harbor.fail(503, method="POST")
    with pytest.raises(RefusedError, match="answers 503"):
        Harbor(connect(harbor)).create_project("p", public=False, storage_limit=None)
    assert len(harbor.log) == 1


WRONG = "A-wrong-password1"


def test_harbor_s_words_reach_the_user(harbor: FakeHarbor) -> None:
    with pytest.raises(RefusedError) as caught:
        connect(harbor).ask("GET", "/retentions/99")
    words = (
        f"GET {harbor.url}/api/v2.0/retentions/99: answers 404: retention policy 99 not found. Check the name, and that url is Harbor's."
    )
    assert str(caught.value) == words


def test_a_wrong_password_is_not_repeated(harbor: FakeHarbor) -> None:
    with pytest.raises(RefusedError, match=r"answers 401: .* Check username and password\.") as caught:
        connect(harbor, password=WRONG).ask("GET", "/quotas")
    assert WRONG not in str(caught.value)


def test_an_answer_that_repeats_the_password_is_blotted_out(harbor: FakeHarbor) -> None:
    harbor.state.passwords["someone"] = "retentions"
    with pytest.raises(RefusedError) as caught:
        connect(harbor, "someone", "retentions").ask("GET", "/no-retentions")
    assert "answers 404: path /no-******** was not found" in str(caught.value)


def test_something_that_is_no_harbor(harbor: FakeHarbor) -> None:
    with pytest.raises(_errors.HarborError, match="something that is no JSON"):
        connect(harbor).ask("GET", "/ping")


def test_a_redirect_is_told_and_not_followed(harbor: FakeHarbor) -> None:
    harbor.fail(308, headers={"Location": "https://elsewhere.example/api?secret=x"})
    with pytest.raises(_errors.HarborError, match=r"leads to https://elsewhere\.example/api\. Set url"):
        connect(harbor).ask("GET", "/projects")
    assert len(harbor.log) == 1


def test_nobody_answers(harbor: FakeHarbor) -> None:
    closed = Client("http://127.0.0.1:1", "admin", "Some-password1")
    with pytest.raises(_errors.HarborError, match=r"http://127\.0\.0\.1:1: does not answer: .*refused"):
        closed.ask("GET", "/health")
    assert harbor.log == []


def test_a_certificate_is_verified(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with FakeHarbor(tmp_path / "storage", certificate=certificate) as harbor:
        with pytest.raises(_errors.HarborError, match=r"does not answer: .*certificate verify failed.* set ca_path"):
            connect(harbor).ask("GET", "/health")
        other = make_certificate(tmp_path, "other")
        with pytest.raises(_errors.HarborError, match="certificate verify failed"):
            connect(harbor, ca_path=str(other.path)).ask("GET", "/health")
        with pytest.raises(_errors.HarborError, match="does not answer"):
            connect(harbor, ca_path=str(certificate.key)).ask("GET", "/health")
        for options in ({"ca_path": str(certificate.path)}, {"validate_certs": False}):
            assert connect(harbor, **options).ask("GET", "/health")["status"] == "healthy"


def test_no_cookie_comes_back(harbor: FakeHarbor) -> None:
    verbs = Harbor(connect(harbor))
    assert verbs.projects() == []
    # With the cookie of the first answer this would be refused.
    assert verbs.create_project("p", public=True, storage_limit=None)


def test_all_pages_are_read(harbor: FakeHarbor) -> None:
    for number in range(201):
        harbor.state.create_project(f"p{number}")
    assert len(Harbor(connect(harbor)).projects()) == 201
    assert len(harbor.log) == 3


def test_a_project_that_somebody_else_made_first(harbor: FakeHarbor) -> None:
    harbor.state.create_project("p")
    assert Harbor(connect(harbor)).create_project("p", public=False, storage_limit=None) is False


def test_what_is_gone_is_deleted(harbor: FakeHarbor, pusher: Pusher) -> None:
    harbor.state.create_project("p")
    digest = pusher.image("p/a/b", "v1")
    verbs = Harbor(connect(harbor))
    for _ in range(2):
        verbs.delete_artifact("p", "a/b", digest)
    for _ in range(2):
        verbs.delete_repository("p", "a/b")
    assert verbs.artifacts("p", "a/b") == []
    assert verbs.repositories("p") == []


def test_an_account_is_open_to_its_secret_only(harbor: FakeHarbor) -> None:
    verbs = Harbor(connect(harbor))
    assert verbs.login_works("admin", ADMIN_PASSWORD)
    assert not verbs.login_works("admin", "another")
    harbor.fail(403, "/service/token")
    with pytest.raises(RefusedError, match="answers 403"):
        verbs.login_works("admin", ADMIN_PASSWORD)
