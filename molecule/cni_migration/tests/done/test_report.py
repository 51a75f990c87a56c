# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

testinfra_hosts = ["local://"]


def test_the_report_says_that_all_is_well() -> None:
    report = json.loads(Path("~/.local/state/podnet.cni/report/report.json").expanduser().read_text())
    assert (report["verdict"], report["leftovers"], report["strategy"]) == ("passed", [], "side_by_side")
    assert report["connectivity"]["paths"], "nothing was measured"
