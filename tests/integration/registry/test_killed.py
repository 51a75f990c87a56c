# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed anywhere is finished by the next one, which sends nothing again that had arrived. The benchmark tries it often."""

from __future__ import annotations

import random
import typing as t

import pytest

from tests.support import images, killed

if t.TYPE_CHECKING:
    from tests.integration.registry.conftest import Scene


@pytest.mark.parametrize("seed", range(3))
def test_killed_anywhere(scene: Scene, seed: int) -> None:
    made = {f"{scene.work}/{name}": image for name, image in images.small_set(12, 20_000).items()}
    for name, image in made.items():
        images.push(scene.upstream.name, name, image)
    result = killed.killed(scene.upstream, scene.harbor, scene.work, made, most=1.0, dice=random.Random(seed))  # noqa: S311  # no secret
    assert result.sent_again == set()
    assert result.missing == []
