# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""These tests use the machine's one lab, and take it down at the end: ``make test-long``."""

from __future__ import annotations

import os
import typing as t

import pytest

from tests.support.lab_commands import lab, run


@pytest.fixture(scope="package", autouse=True)
def no_lab_afterwards() -> t.Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("the lab needs root")
    yield
    assert "nothing is left behind" in run(lab("down"))
