# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""For all tests. It is read before any other of these files, which import what is rewritten here."""

from __future__ import annotations

import pytest

# So that an assert of theirs tells what it compared, like one in a test.
pytest.register_assert_rewrite("tests.support")
