# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of policies with a verdict, as a program that can be killed: ``python tests/support/killed_policies.py URL WANTED good|bad``.

WANTED is a JSON file with the policies of the set.
"""

from __future__ import annotations

import json
import sys
import types
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

from ansible_collections.podnet.cni.plugins.module_utils._kube import client, policy_apply, policy_world  # noqa: E402  # the path comes first
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api  # noqa: E402  # the path comes first
from ansible_collections.podnet.cni.plugins.module_utils._netpol import applying  # noqa: E402  # the path comes first


def change(url: str, wanted: t.Sequence[t.Any], problems: t.Sequence[str]) -> policy_apply.Outcome:
    """Makes the policies those of the set "default", with that verdict."""
    options = {"host": url, "api_key": "secret"}
    api = Api(client.get_client(t.cast("t.Any", types.SimpleNamespace(params=options, no_log_values=set()))))
    wish = applying.Wish("default", applying.sort(wanted, "default")[0])
    return policy_apply.transact(api, applying.plan(policy_world.read(api).objects, wish).steps, False, lambda: problems)


def main(arguments: list[str]) -> int:
    """The run to be killed."""
    url, wanted, verdict = arguments
    change(url, json.loads(Path(wanted).read_text()), () if verdict == "good" else ("x/b cannot reach x/a",))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
