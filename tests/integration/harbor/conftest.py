# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fake Harbor over a real docker-registry: one for a file's tests, each of which makes its own projects."""

from __future__ import annotations

import typing as t

import pytest

from tests.support.fake_harbor import FakeHarbor
from tests.support.harbor_images import Pusher


@pytest.fixture(scope="module", name="running")
def _running(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[FakeHarbor]:
    with FakeHarbor(tmp_path_factory.mktemp("harbor")) as running:
        yield running


@pytest.fixture
def harbor(running: FakeHarbor) -> FakeHarbor:
    """The Harbor without any project, robot or fault of an earlier test."""
    running.forget()
    return running


@pytest.fixture
def pusher(harbor: FakeHarbor) -> Pusher:
    """The administrator."""
    return Pusher(harbor.url)
