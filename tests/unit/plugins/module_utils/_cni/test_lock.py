# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import lock

RUN = lock.Run("ops", "control1", 4711, 883214, "0f3a9c1d22be")
OTHER = RUN.identity
LEASE = lock.Lease(OTHER, since=1000.0, renewed=1500.0, duration=900)


@pytest.mark.parametrize("run", [RUN, lock.Run("o@ps", "host-a.example", 1, 0, "nowhere")])
def test_an_identity_tells_the_run(run: lock.Run) -> None:
    assert lock.parse(run.identity) == run


@pytest.mark.parametrize("identity", ["", "pipeline 17", "ops@control1", "ops@control1 pid x started 1 in a"])
def test_a_holder_named_by_hand_is_no_process(identity: str) -> None:
    assert lock.parse(identity) is None
    assert lock.who(identity) == identity


@pytest.mark.parametrize(
    ("lease", "me", "at", "alive", "state"),
    [
        (None, "me", 1600, None, lock.FREE),
        (lock.Lease("", 0, 0, 0), "me", 1600, None, lock.FREE),
        (LEASE, OTHER, 9999, False, lock.OURS),
        (LEASE, "me", 1600, None, lock.HELD),
        (LEASE, "me", 2400, None, lock.HELD),
        (LEASE, "me", 2401, None, lock.EXPIRED),
        (LEASE, "me", 1600, False, lock.DEAD),
        # Seen alive: that it was silent for long means a long step.
        (LEASE, "me", 9999, True, lock.HELD),
        # The other machine's clock is ahead of this one's.
        (LEASE, "me", 1400, None, lock.HELD),
    ],
)
def test_whose_it_is(lease: lock.Lease | None, me: str, at: float, alive: bool | None, state: str) -> None:
    assert lock.judge(lease, me, at, alive) == state


def test_the_refusal_says_who_since_when_doing_what_and_what_now() -> None:
    assert str(lock.refusal(LEASE, 1512.0, "move-pods")) == (
        "lock: another run changes this cluster's CNI: ops@control1 (process 4711) since 1970-01-01T00:16:40Z, and is at step move-pods; "
        "its last sign of life was 12 s ago. Nothing was changed. Wait until that run ends. If it is dead, its lock is taken over at once "
        "on its own machine, elsewhere after 1970-01-01T00:40:00Z, or now with break_lock: true."
    )
    assert "at step" not in str(lock.refusal(LEASE, 1512.0, ""))


@pytest.mark.parametrize(
    ("state", "why"),
    [(lock.DEAD, "its process is gone"), (lock.EXPIRED, "no sign of life"), (lock.HELD, "break_lock was set")],
)
def test_why_it_was_taken(state: str, why: str) -> None:
    told = lock.taken_over(LEASE, state)
    assert told.startswith("ops@control1 (process 4711): ")
    assert why in told


@pytest.mark.parametrize(("lease", "state"), [(None, lock.FREE), (LEASE, lock.OURS)])
def test_what_was_nobodys_or_ours_was_taken_from_nobody(lease: lock.Lease | None, state: str) -> None:
    assert lock.taken_over(lease, state) == ""


def test_as_a_dictionary() -> None:
    assert lock.describe(None, lock.FREE) == {"state": "free", "holder": "", "since": None, "renewed": None, "duration": None}
    assert lock.describe(LEASE, lock.HELD) == {"state": "held", "holder": OTHER, "since": 1000.0, "renewed": 1500.0, "duration": 900}
