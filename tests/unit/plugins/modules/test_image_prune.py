# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module refuses before it asks Harbor anything; the rest is in tests/integration/harbor."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.modules import image_prune

PLAN = {"registry": "harbor.local", "project": "mirror", "keep_days": 30, "artifacts": []}


def run(capfd: pytest.CaptureFixture[str], **options: t.Any) -> dict[str, t.Any]:
    with patch_module_args({"url": "http://127.0.0.1:1", "keep": [], "in_use": [], **options}), pytest.raises(SystemExit):
        image_prune.main()
    return json.loads(capfd.readouterr().out)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "state is planned but all of the following are missing: project"),
        ({"state": "absent"}, "state is absent but all of the following are missing: plan"),
        ({"project": "mirror", "keep_days": -1}, "option keep_days: -1 is no number of days"),
        ({"project": "mirror", "keep": ["docker://x"]}, "option keep: 'docker://x' is no reference to an image"),
        ({"project": "mirror", "in_use": ["X"]}, "option in_use: 'X' is no reference to an image"),
        ({"state": "absent", "plan": PLAN}, "option plan: is no plan: KeyError('hash')"),
        ({"state": "absent", "plan": {**PLAN, "hash": "0"}}, "option plan: was changed after it was made"),
        ({"project": "mirror"}, "does not answer"),
    ],
)
def test_bad_options(capfd: pytest.CaptureFixture[str], options: dict[str, t.Any], words: str) -> None:
    result = run(capfd, **options)
    assert result["failed"] is True
    assert words in result["msg"]


@pytest.mark.parametrize("option", ["keep", "in_use"])
def test_what_protects_images_cannot_be_forgotten(capfd: pytest.CaptureFixture[str], option: str) -> None:
    options = {"url": "http://127.0.0.1:1", "project": "mirror", "keep": [], "in_use": []}
    del options[option]
    with patch_module_args(options), pytest.raises(SystemExit):
        image_prune.main()
    assert f"missing required arguments: {option}" in json.loads(capfd.readouterr().out)["msg"]
