# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two real registries for all tests here; each test has paths of its own."""

from __future__ import annotations

import dataclasses
import re
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._images import naming, targets
from ansible_collections.podnet.cni.plugins.module_utils._registry import credentials, mirror, remote
from ansible_collections.podnet.cni.plugins.module_utils._registry.limits import Patience
from ansible_collections.podnet.cni.plugins.module_utils._registry.wire import HostSettings
from tests.support import images
from tests.support.docker_registry import DockerRegistry

#: Patient enough for every fault that is to pass, and quick.
QUICK = Patience(attempts=4, first=0.01, longest=0.05, longest_asked=0.3)


@pytest.fixture(name="upstream", scope="session")
def _upstream(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("upstream") / "storage") as registry:
        yield registry


@pytest.fixture(name="harbor", scope="session")
def _harbor(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path_factory.mktemp("harbor") / "storage") as registry:
        yield registry


@dataclasses.dataclass
class Mirrored:
    """What a mirror run returned."""

    outcomes: tuple[mirror.Outcome, ...]

    @property
    def actions(self) -> list[str]:
        return [outcome.action for outcome in self.outcomes]

    @property
    def errors(self) -> str:
        return "\n".join(outcome.error for outcome in self.outcomes if outcome.error)


@dataclasses.dataclass
class Scene:
    """Both registries, and in each a project of one test's own: ``work``."""

    upstream: DockerRegistry
    harbor: DockerRegistry
    work: str

    def publish(self, made: t.Mapping[str, images.Image]) -> None:
        """Puts images into the upstream registry, below the test's own path."""
        for name, image in made.items():
            images.push(self.upstream.name, f"{self.work}/{name}", image)
        self.upstream.asked()
        self.harbor.asked()

    def source(self, name: str, host: str = "") -> str:
        return f"{host or self.upstream.name}/{self.work}/{name}"

    def place(self, name: str, host: str = "") -> str:
        """Where an image of the upstream registry, or what stands before it, is to arrive; without the registry."""
        return f"{self.work}/{(host or self.upstream.name).replace(':', '_')}/{self.work}/{name}"

    def arrived(self, name: str, host: str = "") -> str:
        """The digest that has arrived."""
        return self.harbor.digest(self.place(name, host))

    def mirror(self, *names: str, **more: t.Any) -> Mirrored:
        """Mirrors images of the upstream registry."""
        return self.run([self.source(name) for name in names], **more)

    def run(self, sources: t.Iterable[t.Any], registry: str = "", project: str = "", **more: t.Any) -> Mirrored:
        """Mirrors as the module does; all hosts speak plain HTTP but those of ``settings``."""
        registry = registry or self.harbor.name
        copies = targets.plan(sources, naming.make(registry, project or self.work))
        settings: t.Sequence[HostSettings] = more.get("settings", ())
        others = ({copy.source.host for copy in copies} | {registry}) - {entry.host for entry in settings}
        patience = more.get("patience", QUICK)
        hosts = remote.Registries(
            [*(HostSettings(name, plain_http=True) for name in others), *settings],
            more.get("keyring", credentials.Keyring({}, [])),
            workers=more.get("workers", 8),
            timeout=more.get("timeout", 10.0),
            patience=patience,
        )
        manner = mirror.Manner(mirror.Wishes(**more.get("wishes", {})), more.get("workers", 8), patience, more.get("check_mode", False))
        return Mirrored(mirror.run(copies, hosts, hosts, manner, more.get("tell", lambda _progress: None)))


@pytest.fixture(name="scene")
def _scene(upstream: DockerRegistry, harbor: DockerRegistry, request: pytest.FixtureRequest) -> Scene:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:100].strip("-")
    return Scene(upstream, harbor, name)
