# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module refuses before it asks Harbor anything; the rest is in tests/integration/harbor."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.modules import harbor_project


def run(capfd: pytest.CaptureFixture[str], **options: t.Any) -> dict[str, t.Any]:
    with patch_module_args({"url": "http://127.0.0.1:1", "name": "mirror", **options}), pytest.raises(SystemExit):
        harbor_project.main()
    return json.loads(capfd.readouterr().out)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "mirror/x"}, "option name: 'mirror/x' is no name in Harbor"),
        ({"storage_limit": "50 apples"}, "option storage_limit: '50 apples' is no size. Write it as 50GiB"),
        ({"url": "harbor.local"}, "option url: this is no address of a Harbor. Write it as https://harbor.example.com."),
        ({"ca_path": "/nowhere/ca.crt"}, "ca_path /nowhere/ca.crt: there is no such file"),
        ({}, "http://127.0.0.1:1: does not answer"),
    ],
)
def test_bad_options(capfd: pytest.CaptureFixture[str], options: dict[str, t.Any], words: str) -> None:
    result = run(capfd, **options)
    assert result["failed"] is True
    assert words in result["msg"]
