# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who one is, and to whom one says so: TLS, Basic, tokens that end, redirects, credential files."""

from __future__ import annotations

import base64
import json
import ssl
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._registry.credentials import Credential, Keyring
from ansible_collections.podnet.cni.plugins.module_utils._registry.limits import Patience
from ansible_collections.podnet.cni.plugins.module_utils._registry.wire import HostSettings
from tests.support import fault_proxy, images, token_service
from tests.support.docker_registry import Certificate, DockerRegistry, make_certificate
from tests.support.fault_proxy import Fault, FaultProxy, Request
from tests.support.token_service import PASSWORD, USER, TokenService

if t.TYPE_CHECKING:
    from tests.integration.registry.conftest import Mirrored, Scene

HTPASSWD_USER, HTPASSWD_PASSWORD = "mirror", "correct horse"


@pytest.fixture(name="certificate", scope="session")
def _certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(name="server_tls")
def _server_tls(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.path, certificate.key)
    return context


@pytest.fixture(name="guarded", scope="session")
def _guarded(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> t.Iterator[DockerRegistry]:
    """A registry with TLS and htpasswd."""
    storage = tmp_path_factory.mktemp("guarded") / "storage"
    with DockerRegistry(storage, users={HTPASSWD_USER: HTPASSWD_PASSWORD}, certificate=certificate) as registry:
        yield registry


def given(host: str, user: str = USER, password: str = PASSWORD) -> Keyring:
    return Keyring({host: Credential(user, password)}, [])


def publish(scene: Scene, name: str = "app:v1") -> images.Image:
    image = images.multi(scene.work, [b"a layer" * 1000])
    scene.publish({name: image})
    return image


# --- TLS and Basic ---


def to_guarded(scene: Scene, guarded: DockerRegistry, ca: str, password: str = HTPASSWD_PASSWORD, **more: t.Any) -> Mirrored:
    settings = [HostSettings(guarded.name, ca_file=ca, **more)]
    keyring = given(guarded.name, HTPASSWD_USER, password)
    return scene.run([scene.source("app:v1")], registry=guarded.name, settings=settings, keyring=keyring)


def test_tls_and_htpasswd(scene: Scene, guarded: DockerRegistry, certificate: Certificate) -> None:
    image = publish(scene)
    assert to_guarded(scene, guarded, str(certificate.path)).errors == ""
    assert guarded.digest(scene.place("app:v1")) == image.digest
    guarded.asked()
    assert to_guarded(scene, guarded, str(certificate.path)).actions == ["unchanged"]
    # The first is how the client learns what the registry wants.
    assert [entry.status for entry in guarded.asked()] == [401, 200]
    assert to_guarded(scene, guarded, "", insecure=True).actions == ["unchanged"]


def test_an_unknown_certificate(scene: Scene, guarded: DockerRegistry) -> None:
    publish(scene)
    errors = to_guarded(scene, guarded, "").errors
    assert "its certificate is not accepted" in errors
    assert "ca_file" in errors


def test_a_wrong_password(scene: Scene, guarded: DockerRegistry, certificate: Certificate) -> None:
    publish(scene)
    errors = to_guarded(scene, guarded, str(certificate.path), "wrong-secret").errors
    assert "it wants credentials that it did not get" in errors
    assert "wrong-secret" not in errors


def test_tls_towards_plain_http_and_back(scene: Scene, guarded: DockerRegistry) -> None:
    publish(scene)
    tls = scene.run([scene.source("app:v1")], settings=[HostSettings(scene.harbor.name)])
    assert "does not speak TLS" in tls.errors
    plain = scene.run([scene.source("app:v1")], registry=guarded.name)
    assert plain.actions == ["failed"]


# --- Tokens ---


def test_tokens_are_asked_for_each_repository(scene: Scene) -> None:
    made = images.small_set(2)
    scene.publish(made)
    tokens = TokenService(60)
    with fault_proxy.before(scene.harbor.name, tokens) as proxy:
        done = scene.run([scene.source(name) for name in made], registry=proxy.name, keyring=given(proxy.name))
        assert done.errors == ""
        assert sum(outcome.bytes_mounted for outcome in done.outcomes) == 8000
    assert len(tokens.issued) == len({tuple(scopes) for scopes in tokens.issued}), "none twice"
    assert any(len(scopes) == 2 for scopes in tokens.issued), "one for a mount, of both repositories"


@pytest.mark.parametrize(
    # The first leaves a busy machine time between a look at the token and its use.
    ("life", "says"),
    [pytest.param(1.0, 0.5, id="renewed in time"), pytest.param(0.2, 60.0, id="ends earlier than it says")],
)
def test_a_copy_that_outlives_its_tokens(scene: Scene, life: float, says: float) -> None:
    made = images.small_set(4)
    scene.publish(made)
    tokens = TokenService(life, says)

    def slow(request: Request) -> Fault | None:
        return tokens(request) or Fault(delay=0.02)

    with fault_proxy.before(scene.harbor.name, slow) as proxy:
        done = scene.run([scene.source(name) for name in made], registry=proxy.name, keyring=given(proxy.name), workers=2)
    assert done.errors == ""
    assert len(tokens.issued) > len({tuple(scopes) for scopes in tokens.issued}), "some were renewed"
    assert (tokens.basic_challenges > 0) == (says > life)


def test_anonymous_tokens(scene: Scene) -> None:
    publish(scene)
    with fault_proxy.before(scene.upstream.name, TokenService(60, is_anonymous=True)) as proxy:
        assert scene.run([scene.source("app:v1", proxy.name)]).errors == ""


@pytest.mark.parametrize(
    ("keyring", "told"),
    [
        pytest.param(lambda host: given(host, USER, "Wrong-secret1"), "does not accept the credentials of robot$", id="wrong"),
        pytest.param(lambda _host: Keyring({}, []), "gives nothing to who has no credentials", id="none"),
    ],
)
def test_credentials_that_the_token_service_refuses(scene: Scene, keyring: t.Callable[[str], Keyring], told: str) -> None:
    publish(scene)
    with fault_proxy.before(scene.harbor.name, TokenService(60)) as proxy:
        errors = scene.run([scene.source("app:v1")], registry=proxy.name, keyring=keyring(proxy.name)).errors
    assert told in errors
    assert "Wrong-secret1" not in errors


def test_a_token_service_elsewhere_without_tls_gets_no_password(scene: Scene, server_tls: ssl.SSLContext, certificate: Certificate) -> None:
    publish(scene)
    tokens = TokenService(60)
    with fault_proxy.before(scene.harbor.name) as thief, fault_proxy.before(scene.harbor.name, tokens, server_tls) as proxy:
        tokens.realm = f"http://localhost:{thief.name.partition(':')[2]}/token"
        settings = [HostSettings(proxy.name, ca_file=str(certificate.path))]
        done = scene.run([scene.source("app:v1")], registry=proxy.name, settings=settings, keyring=given(proxy.name))
    assert "which is without TLS" in done.errors
    assert thief.log == []


# --- Redirects and Locations ---


def test_a_redirect_to_another_host_loses_the_credentials(scene: Scene) -> None:
    image = publish(scene)
    with fault_proxy.before(scene.upstream.name) as storage:

        def decide(request: Request) -> Fault | None:
            challenge = TokenService.__call__(tokens, request)
            if challenge or "/blobs/" not in request.path:
                return challenge
            return Fault(307, {"Location": f"http://{storage.name}{request.path}?signature=abc"})

        tokens = TokenService(60)
        with fault_proxy.before(scene.upstream.name, decide) as proxy:
            done = scene.run([scene.source("app:v1", proxy.name)], keyring=given(proxy.name))
            assert done.errors == ""
            assert scene.arrived("app:v1", proxy.name) == image.digest
    assert storage.asked("GET", "/blobs/") == len(image.blobs)
    assert [request for request in storage.log if "authorization" in request.headers] == []
    assert any("authorization" in request.headers for request in proxy.log)


def test_redirects_that_never_end(scene: Scene) -> None:
    publish(scene)
    endless = Fault(307, {"Location": "/v2/again?signature=top-secret"})
    with fault_proxy.before(scene.upstream.name, lambda _request: endless) as proxy:
        errors = scene.run([scene.source("app:v1", proxy.name)]).errors
    assert "more than 5 redirects" in errors
    assert "top-secret" not in errors


def _without_host(location: str) -> str:
    return "/" + location.split("/", 3)[3]


LOCATIONS: dict[str, t.Callable[[str, FaultProxy], str]] = {
    "without TLS behind a proxy that has it": lambda location, proxy: f"http://{proxy.name}{_without_host(location)}",
    "without TLS and without the port": lambda location, _proxy: f"http://127.0.0.1{_without_host(location)}",
    "relative": lambda location, _proxy: _without_host(location),
}


@pytest.mark.parametrize("form", list(LOCATIONS))
def test_locations_of_uploads(scene: Scene, server_tls: ssl.SSLContext, certificate: Certificate, form: str) -> None:
    image = publish(scene)

    def rewritten(location: str) -> str:
        return LOCATIONS[form](location, proxy)

    with fault_proxy.before(scene.harbor.name, tls=server_tls) as proxy:
        proxy.rewrite_location = rewritten
        settings = [HostSettings(proxy.name, ca_file=str(certificate.path))]
        done = scene.run([scene.source("app:v1")], registry=proxy.name, settings=settings)
        assert done.errors == ""
    assert scene.arrived("app:v1") == image.digest


def test_no_cookie_comes_back(scene: Scene) -> None:
    publish(scene)
    with fault_proxy.before(scene.harbor.name, lambda _request: Fault(instead={"Set-Cookie": "sid=1; Path=/"})) as proxy:
        assert scene.run([scene.source("app:v1")], registry=proxy.name).errors == ""
    assert [request for request in proxy.log if "cookie" in request.headers] == []


# --- Files ---


def test_a_credential_file(scene: Scene, tmp_path: Path) -> None:
    publish(scene)
    file = tmp_path / "auth.json"
    with fault_proxy.before(scene.harbor.name, TokenService(60)) as proxy:
        entry = {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
        wrong = {"auth": base64.b64encode(b"somebody:else").decode()}
        file.write_text(json.dumps({"auths": {proxy.name: wrong, f"{proxy.name}/{scene.work}": entry}}))
        done = scene.run([scene.source("app:v1")], registry=proxy.name, keyring=Keyring({}, [str(file)]))
    assert done.errors == ""


def test_a_realm_that_is_down_is_told(scene: Scene) -> None:
    publish(scene)
    tokens = TokenService(60)
    tokens.realm = "http://127.0.0.1:1/token"
    with fault_proxy.before(scene.harbor.name, tokens) as proxy:
        patience = Patience(attempts=2, first=0.01)
        done = scene.run([scene.source("app:v1")], registry=proxy.name, keyring=given(proxy.name), patience=patience)
    assert "nothing listens there" in done.errors
    assert token_service.PASSWORD not in done.errors


def test_a_cache_in_the_place_of_a_registry(scene: Scene) -> None:
    """It is asked for the other's images, by its own credentials alone."""
    image = publish(scene)
    seen: list[Request] = []

    def refuse(request: Request) -> Fault | None:
        seen.append(request)
        return None if request.headers.get("authorization") else Fault(401, {"WWW-Authenticate": 'Basic realm="cache"'})

    with fault_proxy.before(scene.upstream.name, refuse) as cache:
        keyring = given("quay.io", "theirs", "for-quay-alone")
        settings = [HostSettings("quay.io", plain_http=True, endpoint=cache.name)]
        refused = scene.run([scene.source("app:v1", "quay.io")], settings=settings, keyring=keyring)
        assert "it wants credentials that it did not get" in refused.errors
        assert not any(request.headers.get("authorization") for request in seen)
        keyring = given(cache.name, "ours", "for-the-cache")
        assert scene.run([scene.source("app:v1", "quay.io")], settings=settings, keyring=keyring).errors == ""
    assert scene.arrived("app:v1", "quay.io") == image.digest
