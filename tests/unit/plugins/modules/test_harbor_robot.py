# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module refuses before it asks Harbor anything; the rest is in tests/integration/harbor."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.modules import harbor_robot

# Nobody listens there: a message about anything else was written before Harbor was asked.
NOWHERE = "http://127.0.0.1:1"
SECRET = "Good-enough1"  # noqa: S105 - of nobody


def run(capfd: pytest.CaptureFixture[str], **options: t.Any) -> dict[str, t.Any]:
    with patch_module_args({"url": NOWHERE, "name": "puller", **options}), pytest.raises(SystemExit):
        harbor_robot.main()
    return json.loads(capfd.readouterr().out)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"reveal": True}, "option reveal: the result would show the secret. Set no_log: true on the task."),
        ({"name": "Puller"}, "option name: 'Puller' is no name in Harbor"),
        ({"project": "a/b"}, "option project: 'a/b' is no name in Harbor"),
        ({"secret": "short1A"}, "option secret: the robot's secret has 7 characters"),
        ({"duration": 0}, "option duration: 0 is no number of days"),
        ({"duration": -2}, "option duration: -2 is no number of days"),
        ({"permissions": [{"access": ["repository:pull"]}]}, "option permissions: a permission of a system robot needs a namespace"),
        ({"secret": SECRET, "rotate": True}, "mutually exclusive"),
        ({"state": "gone"}, "value of state must be one of: present, absent"),
    ],
)
def test_bad_options(capfd: pytest.CaptureFixture[str], options: dict[str, t.Any], words: str) -> None:
    result = run(capfd, **options)
    assert result["failed"] is True
    assert words in result["msg"]
    assert SECRET not in json.dumps(result)


def test_a_silent_task_may_reveal(capfd: pytest.CaptureFixture[str]) -> None:
    assert "does not answer" in run(capfd, reveal=True, _ansible_no_log=True)["msg"]


@pytest.mark.parametrize("name", ["password", "secret"])
def test_secrets_are_never_logged(name: str) -> None:
    assert harbor_robot.SPEC.argument_spec[name]["no_log"] is True
