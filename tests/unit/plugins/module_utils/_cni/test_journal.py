# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import journal
from ansible_collections.podnet.cni.plugins.module_utils._cni.journal import Entry, Journal, Step

#: What the cutover of the releases before steps were known wrote.
OLD = {
    "strategy": "cutover",
    "source": "flannel",
    "backend": "vxlan",
    "network": "10.244.0.0/16",
    "objects": "[]",
    "flannel.yaml": "kind: DaemonSet",
    "started": "2026-11-24T12:00:00Z",
    "phase": "calico-applied",
}


def told(*entries: Entry, start: Journal | None = None) -> Journal:
    """The journal after these entries, each of them said twice, as after a lost answer."""
    noted = start or Journal()
    for entry in entries:
        noted = journal.noted(noted, entry)
        assert journal.noted(noted, entry) == noted, f"said twice, {entry.event} changes something"
    return noted


def begin(at: float = 1795521600.0, **data: str) -> Entry:
    return Entry(journal.BEGUN, at, data={"strategy": "side_by_side", "source": "flannel", **data})


def start(step: str, at: float, *nodes: str, detail: str = "") -> Entry:
    return Entry(journal.STEP_STARTED, at, step, nodes, detail)


def finish(step: str, at: float, *nodes: str, detail: str = "") -> Entry:
    return Entry(journal.STEP_FINISHED, at, step, nodes, detail)


def test_a_journal_of_an_older_release_can_be_read() -> None:
    described = journal.describe(journal.from_data(OLD))
    assert described["strategy"] == "cutover"
    assert described["phase"] == "calico-applied"
    assert described["unfinished"] is True
    assert described["started"] == 1795521600.0
    assert described["finished"] is None
    assert (described["steps"], described["current_step"], described["settings"]) == ([], None, {})
    assert journal.to_data(journal.from_data(OLD)) == OLD


@pytest.mark.parametrize(("data", "unfinished"), [({}, False), (OLD, True), ({**OLD, "phase": "done"}, False), ({"strategy": "x"}, True)])
def test_whether_it_is_over(data: dict[str, str], unfinished: bool) -> None:
    assert journal.from_data(data).unfinished is unfinished


def test_what_is_written_can_be_read() -> None:
    noted = told(
        begin(), start("canary", 1.0, "n2"), Entry(journal.NOTED, 2.0, settings={"n2": {"proxy_arp": "0"}}), finish("canary", 3.5, "n2")
    )
    assert journal.from_data(journal.to_data(noted)) == noted


@pytest.mark.parametrize("data", [{"steps": "{"}, {"steps": "5"}, {"steps": '[{"colour": "red"}]'}, {"settings": "[1]"}, {"steps": "[1]"}])
def test_an_edited_journal_is_an_error_that_says_what_to_do(data: dict[str, str]) -> None:
    with pytest.raises(_errors.BadInputError, match="Correct or remove these two keys"):
        journal.from_data(data)


def test_begun_starts_a_new_one_where_none_is_unfinished() -> None:
    old = journal.from_data({**OLD, "phase": "done", "steps": '[{"name": "x", "state": "finished"}]'})
    noted = told(begin(network="10.1.0.0/16"), start=old)
    assert noted.data == {
        "strategy": "side_by_side",
        "source": "flannel",
        "network": "10.1.0.0/16",
        "phase": "prepared",
        "started": "2026-11-24T12:00:00Z",
    }
    assert noted.steps == ()


def test_begun_goes_on_with_an_unfinished_one_whose_word_stands() -> None:
    killed = told(
        begin(1000.0, network="10.244.0.0/16"),
        Entry(journal.NOTED, 1001.0, settings={"n1": {"rp_filter": "1"}}),
        start("batch", 1002.0, "n2", "n3"),
    )
    noted = told(
        Entry(
            journal.BEGUN,
            2000.0,
            data={"network": "10.9.0.0/16", "image": "a"},
            settings={"n1": {"rp_filter": "2"}, "n2": {"rp_filter": "1"}},
        ),
        start=killed,
    )
    assert noted.data == {**killed.data, "image": "a"}
    assert noted.settings == {"n1": {"rp_filter": "1"}, "n2": {"rp_filter": "1"}}
    assert noted.steps == (Step("batch", journal.INTERRUPTED, 1002.0, 2000.0, ("n2", "n3")),)


def test_a_step_from_start_to_end() -> None:
    begun = told(begin(), start("canary", 10.0, "n2", detail="first"))
    assert begun.current == Step("canary", journal.STARTED, 10.0, None, ("n2",), "first")
    over = told(finish("canary", 12.5), start=begun)
    assert over.current is None
    assert over.steps == (Step("canary", journal.FINISHED, 10.0, 12.5, ("n2",), "first"),)


def test_a_failed_step_keeps_why() -> None:
    noted = told(begin(), start("canary", 10.0), Entry(journal.STEP_FAILED, 12.0, "canary", detail="crash loop"))
    assert noted.steps == (Step("canary", journal.FAILED, 10.0, 12.0, (), "crash loop"),)


def test_steps_of_one_name_on_several_nodes_are_told_apart() -> None:
    noted = told(begin(), start("convert", 1.0, "n1"), start("convert", 2.0, "n2"), finish("convert", 3.0, "n1"))
    assert [(step.nodes, step.state) for step in noted.steps] == [(("n1",), "finished"), (("n2",), "started")]
    assert noted.current == noted.steps[1]


def test_a_step_that_is_started_again_was_interrupted() -> None:
    noted = told(begin(), start("canary", 10.0, "n2"), start("canary", 50.0, "n2"), finish("canary", 60.0))
    assert noted.steps == (
        Step("canary", journal.INTERRUPTED, 10.0, 50.0, ("n2",)),
        Step("canary", journal.FINISHED, 50.0, 60.0, ("n2",)),
    )


def test_an_end_without_a_start_is_kept() -> None:
    assert told(begin(), finish("canary", 12.0)).steps == (Step("canary", journal.FINISHED, 12.0, 12.0),)


def test_ended() -> None:
    noted = told(begin(), Entry(journal.ENDED, 1795525200.0, data={"verdict": "good"}))
    assert noted.data["phase"] == "done"
    assert noted.data["finished"] == "2026-11-24T13:00:00Z"
    assert noted.data["verdict"] == "good"
    assert told(Entry(journal.ENDED, 9999999999.0), start=noted) == noted


def test_nothing_ends_what_never_began() -> None:
    assert told(Entry(journal.ENDED, 1.0)) == Journal()


def test_a_long_detail_is_cut() -> None:
    (step,) = told(start("x", 1.0, detail="a" * 5000)).steps
    assert len(step.detail) == journal.LONGEST_DETAIL
    assert step.detail.endswith("a ...")


def many(count: int, nodes: int = 5) -> tuple[Step, ...]:
    names = tuple(f"node-{number:04}" for number in range(nodes))
    return tuple(Step(f"step-{number}", journal.FINISHED, number, number + 1.0, names, "d" * 100) for number in range(count))


def size(steps: t.Sequence[Step]) -> int:
    return len(journal.to_data(Journal({"strategy": "x"}, {}, tuple(steps)))["steps"])


def test_what_fits_is_left_alone() -> None:
    assert journal.compacted(many(100)) == many(100)


@pytest.mark.parametrize(("count", "nodes", "room"), [(100, 5, 20000), (100, 5, 10000), (100, 5, 3000), (60, 1000, 100000)])
def test_steps_are_kept_within_their_room(count: int, nodes: int, room: int) -> None:
    under_way = Step("now", journal.STARTED, 5.0, None, ("n1",), "keep this")
    kept = journal.compacted((*many(count, nodes)[:2], under_way, *many(count, nodes)[2:]), room)
    assert size(kept) <= room
    assert under_way in kept
    assert kept[-1].name == f"step-{count - 1}", "the newest go last"


def test_details_go_first_then_nodes_then_the_oldest_steps() -> None:
    (oldest, *_rest, newest) = journal.compacted(many(100), 20000)
    assert (oldest.detail, len(oldest.nodes)) == ("", 5)
    assert newest.detail
    (oldest, *_rest, newest) = journal.compacted(many(100), 13000)
    assert (oldest.name, oldest.nodes, newest.detail, len(newest.nodes)) == ("step-0", (), "", 5)
    (earlier, *rest) = journal.compacted(many(100), 3000)
    assert earlier == Step("earlier steps", journal.FINISHED, 0, float(100 - len(rest)), (), earlier.detail)
    assert "the file on the control machine has them" in earlier.detail


def test_compacting_again_and_again_keeps_the_bound() -> None:
    steps: tuple[Step, ...] = ()
    for step in many(300):
        steps = journal.compacted((*steps, step), 5000)
        assert size(steps) <= 5000
    assert [step.name for step in steps].count("earlier steps") == 1


def test_what_no_config_map_can_hold_is_refused() -> None:
    with pytest.raises(_errors.BadInputError, match=r"1,048,6\d\d bytes.*the biggest key is flannel.yaml with 1,048,576"):
        journal.to_data(Journal({"flannel.yaml": "x" * journal.MOST_BYTES, "strategy": "side_by_side" * 5}))


def test_backups_are_told_to_nobody_unasked() -> None:
    noted = journal.from_data(OLD)
    assert "kind: DaemonSet" not in json.dumps(journal.describe(noted)) + "".join(journal.summary(noted))
    assert journal.describe(noted, with_backups=True)["data"]["flannel.yaml"] == "kind: DaemonSet"


def test_texts() -> None:
    assert journal.kept({"count": 3, "ok": True, "name": "x"}, {"a.yaml": "y"}) == {"count": "3", "ok": "true", "name": "x", "a.yaml": "y"}


@pytest.mark.parametrize(
    ("data", "backups", "why"),
    [
        ({"objects": [1]}, {}, "cannot be kept: objects"),
        ({"none": None}, {}, "cannot be kept: none"),
        ({"a b": "x"}, {}, "cannot be kept: a b"),
        ({"steps": "[]"}, {}, "not for this option: steps"),
        ({"flannel.yaml": "x"}, {}, "not for this option: flannel.yaml"),
        ({}, {"flannel": "x"}, "do not end in .yaml: flannel"),
    ],
)
def test_what_cannot_be_kept(data: dict[str, t.Any], backups: dict[str, t.Any], why: str) -> None:
    with pytest.raises(_errors.BadInputError, match=why):
        journal.kept(data, backups)


def test_the_line_of_the_file() -> None:
    entry = dataclasses.replace(start("canary", 1795521600.5, "n2"), data={"phase": "canary", "flannel.yaml": "secret"})
    assert json.loads(journal.line(entry, "me")) == {
        "event": "step_started",
        "at": 1795521600.5,
        "time": "2026-11-24T12:00:00Z",
        "run": "me",
        "step": "canary",
        "nodes": ["n2"],
        "data": {"phase": "canary", "flannel.yaml": "6 characters"},
    }
    assert journal.line(entry, "me").count("\n") == 1


def test_the_line_about_a_failure() -> None:
    assert json.loads(journal.failure_line(0.0, "away\nfor long", "me"))["problem"] == "away\nfor long"


def test_the_summary() -> None:
    noted = told(begin(), start("canary", 1795521660.0, "n2"), finish("canary", 1795521701.0, detail="3 pods"), start("rest", 1795521702.0))
    assert journal.summary(noted) == [
        "side_by_side from flannel, phase prepared, begun 2026-11-24T12:00:00Z",
        "finished    12:01:00 canary on n2, 41 s: 3 pods",
        "started     12:01:42 rest",
    ]
    assert journal.summary(Journal()) == ["no journal: no migration was begun"]


def test_a_step_that_starts_alone_finishes_those_before_it_and_can_be_said_twice() -> None:
    begun = journal.noted(Journal({"strategy": "cutover", "phase": "prepared"}), Entry(journal.STEP_STARTED, 10.0, "stage"))
    entry = Entry(journal.STEP_STARTED, 20.0, "move", alone=True)
    once = journal.noted(begun, entry)
    assert [(step.name, step.state, step.finished) for step in once.steps] == [("stage", "finished", 20.0), ("move", "started", None)]
    assert journal.noted(once, entry) == once


def test_the_end_finishes_the_step_under_way() -> None:
    begun = journal.noted(Journal({"strategy": "cutover", "phase": "prepared"}), Entry(journal.STEP_STARTED, 10.0, "stage"))
    assert [step.state for step in journal.noted(begun, Entry(journal.ENDED, 30.0)).steps] == ["finished"]
