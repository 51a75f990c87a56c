# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import continuity, continuity_report, probe_records
from ansible_collections.podnet.cni.plugins.module_utils._cni.continuity import (
    OWN_RESTART,
    TARGET_RESTART,
    UNMEASURED,
    Continuity,
    Path,
    Reading,
)

START = 1_700_000_000.0
N1, N2 = "pod-to-pod:n1", "pod-to-pod:n2"


def micro(seconds: float) -> int:
    return round((START + seconds) * 1e6)


def life(
    node: str,
    begin: float,
    end: float,
    *,
    key: str = N2,
    gaps: t.Sequence[tuple[float, float]] = (),
    first: float | None = 0.0,
    last: float | None = None,
    role: str = "pod",
    ended: str = "",
    bad: t.Sequence[tuple[float, str]] = (),
    more: str = "",
) -> str:
    """The records of a prober that asked one path from ``begin`` to ``end``, with gaps; times from START, ``first`` from ``begin``."""
    lines = [f"run {micro(begin)} {role} {node} {role}-{node}-{begin:.0f} 100000", f"path 0 {key}", f"at {micro(begin)} 0 10.0.0.1 name"]
    if first is not None:
        lines.append(f"up {micro(begin + first)} 0")
    lines += [f"bad {micro(when)} 0 {why}" for when, why in bad]
    lines += [f"gap {micro(stop)} 0 {micro(start)}" for start, stop in gaps]
    reached = last if last is not None else end
    for number in range(1, int(end - begin) + 1):
        now = begin + number
        dark = next((gap for gap in gaps if gap[0] <= now < gap[1]), None)
        good = min(reached, dark[0] if dark else now)
        age = "-" if first is None or begin + first > now else max(0, round((now - good) * 1000))
        answered = 0 if dark or now > reached or first is None or begin + first > now else 10
        lines.append(f"sec {micro(now)} 0={answered}/{10 - answered}/{100 if answered else 0}/{age}")
    lines += [f"end {micro(end)} {ended}"] if ended else []
    return "\n".join([*lines, more, ""])


def reading(node: str, now: float, *texts: str, ahead: float = 0.0, problem: str = "") -> Reading:
    """Asked two seconds before ``now``, and printed for 1.8 s."""
    text = "\n".join([f"now {micro(now + ahead - 1.9)}", *texts, f"now {micro(now + ahead - 0.1)}"])
    return Reading(node, text, START + now - 2, START + now, problem)


def only(seen: Continuity) -> Path:
    assert len(seen.paths) == 1
    return seen.paths[0]


def relative(path: Path) -> list[tuple[float, float, str, bool]]:
    return [(round(gap.started - START, 2), round(gap.finished - START, 2), gap.cause, gap.ongoing) for gap in path.gaps]


def test_a_path_without_a_loss() -> None:
    path = only(continuity.analyse([reading("n1", 60, life("n1", 0, 60))]))
    assert (path.kind, path.source, path.target) == ("pod-to-pod", "n1", "n2")
    assert (path.sent, path.failed, path.failed_explained, path.gaps) == (600, 0, 0, ())
    assert path.longest is not None
    assert path.longest.seconds == pytest.approx(0.1)
    assert path.longest == path.outage


def test_a_gap_has_its_times_its_reason_and_its_step() -> None:
    text = life("n1", 0, 60, gaps=[(20.1, 25.3)], bad=[(3.0, "refused"), (20.2, "timeout"), (40.0, "wrong")])
    steps = continuity.steps_from_option(
        [
            {"name": "early", "started": START, "finished": START + 19},
            {"name": "move", "started": START + 22, "finished": START + 30, "state": "finished"},
            {"name": "still", "started": START + 25, "finished": None},
            {"name": "late", "started": START + 26, "finished": START + 27},
        ]
    )
    path = only(continuity.analyse([reading("n1", 60, text)], steps=steps))
    assert relative(path) == [(20.1, 25.3, "", False)]
    assert path.longest == path.outage == path.gaps[0]
    assert path.longest is not None
    assert path.longest.reason == "timeout"
    assert path.longest.steps == ("move", "still")
    assert (path.sent, path.failed, path.failed_explained) == (600, 50, 0)


def test_its_own_restart_is_a_gap_between_two_lives_and_known_as_such() -> None:
    texts = (life("n1", 0, 20), life("n1", 22, 40, first=0.2))
    path = only(continuity.analyse([reading("n1", 40, *texts)]))
    assert relative(path) == [(20.0, 22.2, OWN_RESTART, False)]
    assert path.longest is not None
    assert path.outage is not None
    assert path.longest.cause == OWN_RESTART
    assert path.outage.seconds == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("late", "cause"),
    [
        ("late {14.05} {12.05}", UNMEASURED),
        ("late {13.0} {12.05}\nlate {14.1} {13.1}", UNMEASURED),
        ("late {13.0} {12.05}", ""),
        ("late {18.0} {16.0}", ""),
    ],
)
def test_a_time_in_which_the_probe_was_not_run_is_not_the_networks(late: str, cause: str) -> None:
    records = re.sub(r"\{([\d.]+)\}", lambda found: str(micro(float(found[1]))), late)
    path = only(continuity.analyse([reading("n1", 40, life("n1", 0, 40, gaps=[(12.0, 14.1)]), records)]))
    assert relative(path) == [(12.0, 14.1, cause, False)]
    assert (path.outage == path.longest) == (not cause)


def test_what_does_not_come_back_with_the_pod_is_not_its_restart() -> None:
    texts = (life("n1", 0, 20), life("n1", 22, 40, first=8.0, bad=[(22.5, "unreachable"), (29.0, "timeout")]))
    path = only(continuity.analyse([reading("n1", 40, *texts)]))
    assert relative(path) == [(20.0, 23.0, OWN_RESTART, False), (23.0, 30.0, "", False)]
    assert path.outage == path.gaps[1]
    assert path.gaps[1].reason == "timeout"
    assert path.failed > 50


def test_a_killed_prober_was_last_answered_when_it_last_said_so() -> None:
    killed = life("n1", 0, 20, last=19.3)
    path = only(continuity.analyse([reading("n1", 40, killed, life("n1", 22, 40))]))
    assert relative(path) == [(19.3, 22.0, OWN_RESTART, False)]


def test_a_killed_prober_that_had_nothing_to_tell_was_answered_until_then() -> None:
    quiet = "\n".join(f"ok {micro(when)}" for when in range(21, 28))
    path = only(continuity.analyse([reading("n1", 40, life("n1", 0, 20, more=quiet), life("n1", 30, 40))]))
    assert relative(path) == [(26.9, 30.0, OWN_RESTART, False)]
    assert (path.sent, path.failed) == (300, 0)


def test_two_lives_at_the_same_time_have_no_gap() -> None:
    path = only(continuity.analyse([reading("n1", 40, life("n1", 0, 22), life("n1", 20, 40))]))
    assert path.gaps == ()


@pytest.mark.parametrize(
    ("kind", "role", "cause"),
    [
        (N2, "pod", TARGET_RESTART),
        ("pod-to-service", "pod", TARGET_RESTART),
        ("host-to-nodeport:n3", "host", TARGET_RESTART),
        ("pod-to-dns", "pod", ""),
        ("pod-to-app:demo/app", "pod", ""),
        ("pod-to-pod:n3", "pod", ""),
    ],
)
def test_a_gap_while_a_pod_that_answers_is_made_anew(kind: str, role: str, cause: str) -> None:
    asking = reading("n1", 60, life("n1", 0, 60, key=kind, gaps=[(19.5, 22.5)], role=role))
    answering = reading("n2", 60, life("n2", 0, 20, key=N1), life("n2", 21, 60, key=N1))
    path = next(path for path in continuity.analyse([asking, answering]).paths if path.source == "n1")
    assert relative(path) == [(19.5, 22.5, cause, False)]
    assert path.failed == path.failed_explained + (0 if cause else 30)


def test_a_target_that_stays_away_after_its_restart_is_an_outage() -> None:
    asking = reading("n1", 60, life("n1", 0, 60, gaps=[(19.5, 45.0)]))
    answering = reading("n2", 60, life("n2", 0, 20, key=N1), life("n2", 21, 60, key=N1))
    path = next(path for path in continuity.analyse([asking, answering]).paths if path.source == "n1")
    assert relative(path) == [(19.5, 24.0, TARGET_RESTART, False), (24.0, 45.0, "", False)]


@pytest.mark.parametrize(
    ("text", "gaps"),
    [
        (life("n1", 0, 60, last=50.0), [(50.0, 60.0, "", True)]),
        (life("n1", 0, 60, last=59.8), []),
        (life("n1", 0, 40), [(40.0, 59.9, OWN_RESTART, True)]),
        (life("n1", 0, 40, ended="time"), []),
        (life("n1", 0, 40, ended="time", last=30.0), [(30.0, 40.0, "", True)]),
        (life("n1", 0, 60, first=None), []),
    ],
)
def test_the_end_of_the_readings(text: str, gaps: list[t.Any]) -> None:
    assert relative(only(continuity.analyse([reading("n1", 60, text)]))) == gaps


def test_a_path_whose_node_has_left_is_not_broken() -> None:
    text = life("n1", 0, 20, more="\n".join(f"sec {micro(when)}" for when in range(21, 61)))
    path = only(continuity.analyse([reading("n1", 60, text)]))
    assert path.gaps == ()


def test_nor_is_one_that_a_later_life_no_longer_asks() -> None:
    readings = reading("n1", 60, life("n1", 0, 20), life("n1", 22, 60, key="pod-to-pod:n3"))
    assert [relative(path) for path in continuity.analyse([readings]).paths] == [[], []]


def test_a_path_that_never_worked_has_failed_and_no_gap() -> None:
    path = only(continuity.analyse([reading("n1", 60, life("n1", 0, 60, first=None))]))
    assert (path.sent, path.failed, path.longest, path.outage) == (600, 600, None, None)
    assert continuity_report.line(path) == "pod n1 -> pod n2: 600 sent, 600 failed, never answered twice"


def test_a_new_probe_that_is_still_meeting_its_peers_has_not_lost_anything() -> None:
    path = only(continuity.analyse([reading("n1", 60, life("n1", 0, 60, first=3.5))]))
    assert (path.sent, path.failed, path.gaps) == (570, 0, ())


@pytest.mark.parametrize(
    ("since", "until", "sent", "gaps"),
    [
        (None, None, 600, [(20.1, 25.3, "", False), (40.0, 41.0, "", False)]),
        (30.0, None, 310, [(40.0, 41.0, "", False)]),
        (None, 30.0, 300, [(20.1, 25.3, "", False)]),
        (22.0, 24.0, 30, [(20.1, 25.3, "", False)]),
        (26.0, 39.0, 140, []),
    ],
)
def test_a_part_of_the_time(since: float | None, until: float | None, sent: int, gaps: list[t.Any]) -> None:
    text = life("n1", 0, 60, gaps=[(20.1, 25.3), (40.0, 41.0)])
    seen = continuity.analyse([reading("n1", 60, text)], since and START + since, until and START + until)
    assert only(seen).sent == sent
    assert relative(only(seen)) == gaps
    assert seen.started == START + (since or 0)
    assert seen.finished == START + (until or 60)


@pytest.mark.parametrize(("ahead", "shift"), [(0.05, 0.0), (5.0, 5.0), (-3.0, -3.0)])
def test_a_clock_that_is_wrong_is_told_and_corrected(ahead: float, shift: float) -> None:
    text = life("n1", 0 + ahead, 60 + ahead, gaps=[(20 + ahead, 25 + ahead)])
    seen = continuity.analyse([reading("n1", 60, text, ahead=ahead)])
    assert seen.clocks[0].ahead == pytest.approx(ahead, abs=0.001)
    assert seen.clocks[0].uncertainty == pytest.approx(0.1, abs=0.001)
    assert only(seen).gaps[0].started == pytest.approx(START + 20 + ahead - shift, abs=0.001)
    assert seen.started == pytest.approx(START + ahead - shift, abs=0.001)


def test_what_could_not_be_read_is_told_and_the_rest_still_analysed() -> None:
    host = life("n1", 0, 60, key="host-to-nodeport:n1", role="host")
    seen = continuity.analyse(
        [
            reading("n1", 60, life("n1", 0, 60), host),
            Reading("n2", "", START, START + 1, "no command could be run in the pod"),
            Reading("n3", "", START, START + 1),
            reading("n4", 60, life("n4", 0, 40), life("n4", 0, 60, role="host", ended="full"), problem="the connection broke"),
            reading("n5", 60, life("n5", 0, 60)),
        ]
    )
    assert {path.source for path in seen.paths} == {"n1", "n4", "n5"}
    assert seen.problems == (
        ("n2", "no command could be run in the pod"),
        ("n3", "the pod printed no readings"),
        ("n4", "the connection broke"),
        ("n4", "the pod prober has written nothing for 20 s"),
        ("n4", "the host prober stopped: its readings have reached the size they may have"),
        ("n5", "the host prober has written nothing"),
    )


@pytest.mark.parametrize(
    "line", ["sec 17000", "gap x y z", "up 1700000000000000 9", "\0\0\0\0 \0", "sec 1700000000000000 0=1/2", "nonsense"]
)
def test_a_line_that_is_not_whole_is_passed_over(line: str) -> None:
    whole = life("n1", 0, 10)
    assert probe_records.parse(f"{whole}\n{line}\n")[1][0].tracks.keys() == probe_records.parse(whole)[1][0].tracks.keys()
    assert only(continuity.analyse([reading("n1", 10, f"{line}\n{whole}\n{line}")])).sent == 100


def test_no_readings_at_all() -> None:
    report = continuity_report.report(continuity.analyse([]), 0.5)
    assert report["paths"] == report["gaps"] == report["summary"] == report["problems"] == []
    assert report["worst"] == {}
    assert report["total"] == {"paths": 0, "sent": 0, "failed": 0, "failed_explained": 0, "longest_outage": None}


@pytest.mark.parametrize("step", [{"name": "x"}, {"name": "x", "started": "soon"}, "x", {"name": "x", "started": 1, "finished": "later"}])
def test_a_step_that_is_none(step: t.Any) -> None:
    with pytest.raises(_errors.BadInputError, match="option steps: an entry is no step"):
        continuity.steps_from_option([step])


def test_the_report() -> None:
    steps = continuity.steps_from_option([{"name": "move-pods", "started": START + 18, "finished": START + 30}])
    seen = continuity.analyse(
        [
            reading("n1", 60, life("n1", 0, 60, gaps=[(20.0, 20.3)]), life("n1", 0, 60, key="pod-to-dns")),
            reading("n2", 60, life("n2", 0, 25, key=N1), life("n2", 27, 60, key=N1, bad=[(27.0, "refused")])),
        ],
        steps=steps,
    )
    report = continuity_report.report(seen, 0.5)
    assert [(path["kind"], path["source"], path["target"]) for path in report["paths"]] == [
        ("pod-to-pod", "n1", "n2"),
        ("pod-to-pod", "n2", "n1"),
        ("pod-to-dns", "n1", ""),
    ]
    assert report["paths"][0] == {
        "kind": "pod-to-pod",
        "source": "n1",
        "target": "n2",
        "sent": 600,
        "failed": 0 + 10,
        "failed_explained": 0,
        "longest_gap": 0.3,
        "gap_started": START + 20.0,
        "gap_finished": START + 20.3,
        "cause": "",
        "reason": "",
        "step": "move-pods",
        "ongoing": False,
        "longest_outage": 0.3,
    }
    assert report["worst"] == report["paths"][0]
    (gap,) = report["gaps"]
    assert (gap["source"], gap["seconds"], gap["cause"], gap["reason"], gap["step"]) == ("n2", 2.0, OWN_RESTART, "refused", "move-pods")
    assert report["total"] == {"paths": 3, "sent": 1780, "failed": 10, "failed_explained": 0, "longest_outage": 0.3}
    assert report["summary"] == [
        "pod-to-pod: 2 paths, 1,180 sent, 10 failed, longest gap 0.3 s during move-pods (pod n1 -> pod n2)",
        "pod-to-dns: 1 paths, 600 sent, 0 failed, longest gap 0.1 s (pod n1 -> DNS)",
        "pod n2 -> pod n1: 580 sent, 0 failed, longest gap 2.0 s during move-pods [own restart, refused]",
        "pod n1 -> pod n2: 600 sent, 10 failed, longest gap 0.3 s during move-pods",
        "n1: the host prober has written nothing",
        "n2: the host prober has written nothing",
    ]
