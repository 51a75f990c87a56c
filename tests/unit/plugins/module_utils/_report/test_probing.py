# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reports on a measurement: the same facts in every form, what differs marked and explained, and a page that loads nothing."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._netpol import ALLOW, DENY
from ansible_collections.podnet.cni.plugins.module_utils._netpol.expectations import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, trial
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import ACROSS, SAME_NODE, Connection, Stand
from ansible_collections.podnet.cni.plugins.module_utils._report import probing
from tests.support import html_page, trial_cases
from tests.support.netpol_cases import ingress, named, pod, policy, world

#: x/a takes only x/b, on TCP 80; so kinds are x/a, x/b, x/c, y/a and z/a, y/b.
WEB = policy(named("a"), name="web", ingress=[ingress({"podSelector": named("b")}, ports=[{"port": 80}])])
WHY = "ingress: x/web isolates the pod and its rule does not match"
HOSTILE = '<b>|"&*`'
ADDRESS = "203.0.113.9"


def outward(stands: t.Sequence[Stand]) -> list[Connection]:
    return [Connection(stands[0].reference, ADDRESS, Port("TCP", 443), address=ADDRESS)]


def surprise(one: Connection, source: Stand, target: Stand | None) -> agent.Reading | None:
    """x/c gets to x/a across nodes on TCP 80; x/b does not on one node; nobody knows of y/b by UDP; the address is silent."""
    if target is None:
        return trial_cases.SILENCE
    names = source.kind.model.reference, target.kind.model.reference
    if names == ("x/c", "x/a") and one.port.number == 80 and one.place == ACROSS:
        return agent.Reading((agent.ANSWERED,), 9)
    if names == ("x/b", "x/a") and one.port.number == 80 and one.place == SAME_NODE:
        return trial_cases.SILENCE
    if target.kind.model.reference == "y/b" and one.port.protocol == "UDP" and not one.is_control:
        return agent.Reading((agent.UNREAD,), 0, "the pod is gone")
    return None


def tried(*more: dict[str, t.Any], **options: t.Any) -> trial.Trial:
    """With an expectation of each result."""
    found = trial_cases.run([*world(WEB), *more], **{"surprise": surprise, "outward": outward, **options})
    kinds = {stand.reference: stand.kind.model.reference for stand in found.stands}

    def tested(source: str, target: str, port: str, verdict: str, name: str = "") -> trial.Tested:
        evidence = [
            one
            for one in found.measured
            if (kinds[one.connection.source], kinds.get(one.connection.target), str(one.connection.port)) == (source, target, port)
        ]
        return trial.Tested(Expectation(source, target, port, verdict, name, "e.yaml, line 3"), tuple(evidence))

    expected = (
        tested("x/b", "x/c", "TCP/80", "allow", "Fine"),
        tested("x/c", "x/a", "TCP/80", "deny"),
        tested("x/c", "y/b", "UDP/53", "allow"),
        trial.Tested(Expectation("x/gone", "x/a", "TCP/80", "allow"), (), "x/gone has no pod that runs"),
    )
    return dataclasses.replace(found, tested=expected, left_out=("x/host: it is on the network of its node",))


def agreeing() -> trial.Trial:
    return trial_cases.run(world(WEB))


def open_to_all() -> trial.Trial:
    """Nothing is denied."""
    return trial_cases.run(world(WEB), surprise=lambda *_: trial_cases.ANSWER, cni="flannel", enforces=False, settled_after=None)


def cut_off(one: Connection, _source: Stand, _target: Stand | None) -> agent.Reading | None:
    """Nobody reaches anybody."""
    return None if one.is_control else trial_cases.SILENCE


def one_cut_off(one: Connection, source: Stand, target: Stand | None) -> agent.Reading | None:
    """One pod does not reach one other."""
    reached = target is None or (source.name, target.name, one.port) != ("podnet-probe-0", "podnet-probe-1", Port("TCP", 80))
    return None if reached else trial_cases.SILENCE


# --- Facts ------------------------------------------------------------------------------------------------------------


def test_facts_tell_what_differs_and_why() -> None:
    found = probing.facts(tried())
    assert [(one["source_pods"], one["destination_pods"], one["port"], one["place"], one["nodes"]) for one in found["differences"]] == [
        ("x/b", "x/a", "TCP/80", SAME_NODE, "on n2"),
        ("x/c", "x/a", "TCP/80", ACROSS, "from n1 to n2"),
    ]
    assert found["differences"][1] == {
        "source": "x/podnet-probe-4",
        "source_pods": "x/c",
        "destination": "x/podnet-probe-1",
        "destination_pods": "x/a",
        "port": "TCP/80",
        "family": 0,
        "place": ACROSS,
        "nodes": "from n1 to n2",
        "expected": "deny",
        "measured": "allow",
        "seen": "answered",
        "milliseconds": 9,
        "why": [WHY],
    }


def test_the_family_is_told_where_there_are_two() -> None:
    """Both are of one pair and way, and did not do the same."""
    (way,) = [one for one in tried().measured if one.connection.place == ACROSS and one.verdict == ALLOW and one.expected == DENY][:1]
    four, six = (dataclasses.replace(way, connection=dataclasses.replace(way.connection, family=family)) for family in (4, 6))
    six = dataclasses.replace(six, verdict=DENY, seen="silent", why=())
    found = dataclasses.replace(tried(), measured=(four, six), tested=())
    assert [one["family"] for one in probing.facts(found)["differences"]] == [4]
    junit = probing.render(found, "junit")
    assert "TCP/80 over IPv4 from n1 to n2: allow" in junit
    assert "TCP/80 over IPv6 from n1 to n2: deny" in junit


def test_facts_tell_the_rest() -> None:
    found = probing.facts(tried())
    assert (found["enforcement"], found["why"], found["undefined"], found["settled_after"]) == ("partly", "", 0, 1.4)
    assert found["latency_ms"] == {"median": 2, "max": 9}
    assert found["left_out"] == ["x/host: it is on the network of its node"]
    assert {(one["destination_pods"], one["port"], one["seen"]) for one in found["unknown"]} == {
        ("y/b", "UDP/53", "not measured (the pod is gone)"),
        (ADDRESS, "TCP/443", "silent, and no listener is known to answer there"),
    }
    assert [(one["name"], one["source"], one["verdict"], one["result"], one["measured"], one["note"]) for one in found["expectations"]] == [
        ("Fine", "x/b", "allow", "met", "allow", ""),
        ("", "x/c", "deny", "missed", "unknown", ""),
        ("", "x/c", "allow", "unknown", "unknown", ""),
        ("", "x/gone", "allow", "unknown", "unknown", "x/gone has no pod that runs"),
    ]
    assert sorted(found["expectations"][1]["seen"]) == [
        "x/podnet-probe-4 to x/podnet-probe-0 on TCP/80 on n1: silent",
        "x/podnet-probe-4 to x/podnet-probe-1 on TCP/80 from n1 to n2: answered",
    ]


def test_facts_are_plain_data() -> None:
    assert json.loads(json.dumps(probing.facts(tried()))) == probing.facts(tried())


@pytest.mark.parametrize(
    ("found", "enforcement", "why", "latency"),
    [
        (agreeing(), "enforced", "", {"median": 2, "max": 2}),
        (open_to_all(), "not enforced", "flannel enforces no NetworkPolicies", {"median": 2, "max": 2}),
        (trial_cases.run(world(), surprise=cut_off), "nothing to enforce", "", {}),
    ],
)
def test_facts_tell_whether_policies_are_enforced(found: trial.Trial, enforcement: str, why: str, latency: dict[str, int]) -> None:
    told = probing.facts(found)
    assert (told["enforcement"], told["why"], told["latency_ms"]) == (enforcement, why, latency)


# --- Forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", probing.FILES)
def test_the_same_trial_gives_the_same_text(form: str) -> None:
    assert probing.render(tried(), form) == probing.render(tried(), form)


def test_json_has_all() -> None:
    told, found = json.loads(probing.render(tried(), "json")), tried()
    assert len(told["connections"]) == len(found.measured)
    assert [one["name"] for one in told["kinds"]] == ["x/a", "x/b", "x/c", "y/a and 1 more", "y/b"]
    assert told["kinds"][3]["pods"] == ["y/a", "z/a"]
    assert [(one["name"], one["node"], one["pods"]) for one in told["stands"]][:2] == [
        ("x/podnet-probe-0", "n1", "x/a"),
        ("x/podnet-probe-1", "n2", "x/a"),
    ]
    assert {name: told[name] for name in probing.facts(found)} == probing.facts(found)
    assert (told["summary"], told["cni"], told["seconds"]) == (found.summary(), "calico", 7.5)


def test_text() -> None:
    sections = probing.render(tried(), "text").split("\n\n")
    titles = ["Summary", "Expectations", "Differences", "Who reached whom", "Out of the pods", "Nodes", "Left out"]
    assert [section.split("\n")[0] for section in sections] == titles
    assert sections[1].split("\n")[2:4] == [
        "x/c must not reach x/a on TCP/80: missed",
        "x/podnet-probe-4 to x/podnet-probe-1 on TCP/80 from n1 to n2: answered",
    ]
    assert sections[2].split("\n")[2:6] == [
        "x/b to x/a",
        "TCP/80 on n2: deny, silent, where policies say allow (ingress: x/web allows it by spec.ingress[0] (TCP/80))",
        "x/c to x/a",
        f"TCP/80 from n1 to n2: allow, answered, where policies say deny ({WHY})",
    ]
    rows = [line.split() for line in sections[3].split("\n")[2:]]
    assert rows[0] == ["from", "/", "to", *"12345"]
    assert rows[1] == ["1", "x/a", ".", "yes", "yes", "yes", "2/3?"]
    assert rows[2] == ["2", "x/b", "1/3", "!", "yes", "yes", "yes", "2/3?"]
    assert rows[3] == ["3", "x/c", "1/3", "!", "yes", "yes", "yes", "2/3?"]
    assert rows[4][-5:] == [".", "yes", "yes", "yes", "2/3?"]


def test_a_node_that_does_not_enforce_stands_out() -> None:
    found = trial_cases.run(
        world(WEB),
        ("n1", "n2", "n3"),
        surprise=lambda _one, _source, target: trial_cases.ANSWER if target and target.node == "n3" else None,
    )
    rows = probing.render(found, "text").split("Nodes\n=====\n")[1].split("\n")
    assert rows[0].split() == ["node", "connections", "to", "be", "denied", "denied", "differing"]
    counts = {
        name: (int(to_deny), int(denied), int(differing)) for name, _, to_deny, denied, differing in map(str.split, filter(None, rows[1:]))
    }
    to_deny, denied, differing = counts["n3"]
    assert 0 < denied < to_deny
    assert differing == to_deny - denied == len(found.differing)


def test_markdown_is_no_markup_of_others() -> None:
    text = probing.render(tried(pod(f"x/{HOSTILE}", "10.0.0.9")), "markdown")
    assert "# Network policies, measured\n\n## Summary\n\n- " in text
    assert "- x/c and 1 more to x/a\n  ```text\n  TCP/80 from n1 to n2: allow, answered, where policies say deny" in text
    assert "| 3 | x/c and 1 more | 1/3 ! |" in text
    other = probing.render(trial_cases.run([pod(f"x/{HOSTILE}", "10.0.0.9")]), "markdown")
    assert '| 1 | x/\\<b\\>\\|"\\&\\*\\` | yes |' in other
    assert HOSTILE not in other


def suites(found: trial.Trial) -> dict[str, ET.Element]:
    return {suite.get("name", ""): suite for suite in ET.fromstring(probing.render(found, "junit"))}  # noqa: S314 - our own text


def test_junit_counts() -> None:
    counted = {name: [suite.get(key) for key in ("tests", "failures", "skipped")] for name, suite in suites(tried()).items()}
    assert counted == {
        "enforcement": ["1", "1", "0"],
        "expectations": ["4", "1", "2"],
        "pods": ["25", "2", "0"],
        "out-of-the-pods": ["1", "0", "1"],
    }


def test_junit_tells_why() -> None:
    found = suites(tried())
    failed = {case.get("name"): case[0].get("message") for suite in found.values() for case in suite if case.find("failure") is not None}
    assert failed["policies are enforced"] == "partly"
    assert failed["x/c must not reach x/a on TCP/80"] == "allow and deny, expected deny"
    assert failed["x/c to x/a"] == f"TCP/80 from n1 to n2: allow, answered, where policies say deny ({WHY})"
    skipped = [case[0].get("message") for case in found["expectations"] if case.find("skipped") is not None]
    assert skipped[1] == "x/gone has no pod that runs"
    assert str(skipped[0]).endswith("on UDP/53 from n1 to n2: not measured (the pod is gone)")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (agreeing(), None),
        (open_to_all(), ("failure", "not enforced: flannel enforces no NetworkPolicies")),
        (trial_cases.run(world()), ("skipped", "nothing to enforce")),
    ],
)
def test_junit_has_a_test_for_enforcement(found: trial.Trial, expected: tuple[str, str] | None) -> None:
    (case,) = suites(found)["enforcement"]
    told = [(child.tag, child.get("message")) for child in case if child.tag != "system-out"]
    assert told == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("word", "message"), [(agent.UNREAD, "unknown, not measured, where policies say allow"), (agent.WRONG, "unknown, ")]
)
def test_a_pair_without_a_verdict_is_skipped_with_the_reason(word: str, message: str) -> None:
    found = trial_cases.run(world(), surprise=lambda *_: agent.Reading((word,)))
    (case,) = suites(found)["pods"]
    assert [child.tag for child in case] == ["skipped"]
    assert message in str(case[0].get("message"))


def test_a_pair_that_policies_leave_to_the_cni_is_skipped() -> None:
    found = agreeing()
    undefined = tuple(dataclasses.replace(one, expected="undefined") for one in found.measured)
    cases = suites(dataclasses.replace(found, measured=undefined))["pods"]
    assert {case[0].tag for case in cases} == {"skipped"}
    assert "which policies leave to the CNI" in str(cases[0][0].get("message"))


# --- The page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", [tried(), agreeing(), open_to_all(), trial_cases.run(world(), ["n1"])])
def test_the_page_is_whole_loads_nothing_and_has_no_script(found: trial.Trial) -> None:
    page = html_page.Page(probing.render(found, "html"))
    assert (page.open, page.loads) == ([], [])
    assert "script" not in page.tags


def deaf(node: str = "") -> trial.Trial:
    """A cluster of which all that is the users' is forbidden, and the network brings nothing from pod to pod: nowhere, or on one node."""

    def lost(one: Connection, source: Stand, target: Stand | None) -> agent.Reading | None:
        ends = [stand.node for stand in (source, target) if stand is not None]
        return trial_cases.SILENCE if not one.is_control and (not node or node in ends) else None

    forbidding = [policy({}, place=place, policyTypes=["Ingress", "Egress"]) for place in "xyz"]
    return trial_cases.run(world(*forbidding), ["n1", "n2", "n3", "n4"], surprise=lost, own_namespace="podnet-policy-probe")


@pytest.mark.parametrize(("node", "nodes"), [("", {"n1", "n2", "n3", "n4"}), ("n1", {"n1", "n2", "n3", "n4"}), ("n4", {"n1", "n4"})])
def test_a_network_on_which_nothing_comes_through_is_no_enforcement(node: str, nodes: set[str]) -> None:
    found = deaf(node)
    at = {stand.reference: stand for stand in found.stands}
    ends = [at[name] for one in found.differing for name in (one.connection.source, one.connection.target)]
    assert {end.node for end in ends} == nodes
    assert all(end.kind.ours for end in ends)
    assert found.faults(allow_unenforced=False)


def test_the_outsider_is_told_as_a_pod_of_ours_that_stands_for_nobody() -> None:
    found = trial_cases.run(world(WEB), own_namespace="podnet-policy-probe")
    page, text = (probing.render(found, form) for form in ("html", "text"))
    assert "for 5 kinds of pods" in found.summary()[0]
    assert "for 5 kinds of pods on 2 nodes" in page
    assert "podnet-policy-probe/outsider is a pod of ours, which no policy of yours selects" in " ".join(page.split())
    assert "a pod of ours" not in probing.render(trial_cases.run(world(WEB)), "html")
    assert "podnet-policy-probe/outsider" in text
    kinds = json.loads(probing.render(found, "json"))["kinds"]
    assert kinds[-1] == {"name": "podnet-policy-probe/outsider", "pods": []}
    assert all(kind["pods"] for kind in kinds[:-1])


def test_every_field_of_the_map_tells_what_was_measured_and_is_marked_where_it_differs() -> None:
    page = html_page.Page(probing.render(tried(), "html"))
    assert len(page.fields) == 25
    fields = {title.split("\n")[0]: (kind, title) for title, kind in page.fields}
    assert {name: kind for name, (kind, _) in fields.items() if "differs" in kind} == {
        "x/b to x/a": "some differs",
        "x/c to x/a": "some differs",
    }
    assert (fields["x/a to x/a"][0], fields["x/b to x/c"][0], fields["x/c to y/b"][0]) == ("deny", "allow", "some")
    assert fields["x/c to x/a"][1].split("\n")[1] == f"TCP/80 from n1 to n2: allow, answered, where policies say deny ({WHY})"


def test_a_pair_that_was_not_measured_is_empty() -> None:
    found = agreeing()
    page = html_page.Page(probing.render(dataclasses.replace(found, measured=found.measured[:3]), "html"))
    assert len(page.fields) == 1


@pytest.mark.parametrize(
    ("found", "pill"),
    [
        (agreeing(), '<span class="pill passed">Enforced</span>'),
        (tried(), '<span class="pill failed">Partly enforced</span>'),
        (open_to_all(), '<span class="pill failed">Not enforced</span>'),
        (trial_cases.run(world()), '<span class="pill unfinished">Nothing to enforce</span>'),
        (trial_cases.run(world(WEB), surprise=cut_off), '<span class="pill failed">Enforced'),
        (trial_cases.run(world(), surprise=one_cut_off), '<span class="pill failed">Nothing to enforce, 1 difference</span>'),
    ],
)
def test_the_verdict_of_the_page(found: trial.Trial, pill: str) -> None:
    page = probing.render(found, "html")
    assert pill in page
    assert (f'<ul class="reasons"><li>{found.why_not_enforced}</li></ul>' in page) == ("Not enforced" in pill)


def test_a_name_is_text_and_never_html() -> None:
    text = probing.render(trial_cases.run([*world(WEB), pod(f"x/{HOSTILE}", "10.0.0.9", labels={"pod": "b"})]), "html")
    kinds = probing.render(trial_cases.run([pod(f"x/{HOSTILE}", "10.0.0.9")]), "html")
    assert "<b>|" not in text + kinds
    assert "&lt;b&gt;" in kinds


# --- Bounds -----------------------------------------------------------------------------------------------------------


def many(count: int) -> trial.Trial:
    """No two pods alike, and nothing is enforced."""
    pods = [pod(f"w/p{number}", f"10.1.0.{number}", labels={"pod": f"p{number}"}) for number in range(1, count + 1)]
    policies = [policy(named(f"p{number}"), place="w", name=f"p{number}", policyTypes=["Ingress"]) for number in range(1, count + 1)]
    return trial_cases.run([*pods, *policies], ports=[Port("TCP", 80)], surprise=lambda *_: trial_cases.ANSWER)


def test_large_measurements_fold_and_say_so() -> None:
    found = many(36)
    page, text, plain = (probing.render(found, form) for form in ("html", "text", "json"))
    assert "4 more kinds are in network-policy-probe.json" in page
    assert "20 more kinds of pods are in network-policy-probe.json" in text
    assert f"{36 * 36 - 60} more are in network-policy-probe.json" in page
    assert f"{36 * 36 - 60} more are in network-policy-probe.json" in text
    assert "50 further pairs differ" in page
    assert len(json.loads(plain)["differences"]) == len(found.differing)
    assert html_page.Page(page).open == []


def test_many_ways_of_one_thing_are_told_in_few_words() -> None:
    found = trial_cases.run(world(), [f"n{number}" for number in range(1, 21)])
    assert "from n1 to n4 and 32 more ways: allow, answered" in probing.render(found, "junit")
