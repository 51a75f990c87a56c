# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that computes what policies allow: what goes in, what comes out, what is refused, and the examples of the guide."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.modules import network_policy_matrix
from tests.support.netpol_cases import ingress, named, policy, workload, world

EXAMPLES = Path(__file__).parents[4] / "docs" / "guides" / "examples" / "network-policies"
CASES = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())
FROM_B = policy(named("a"), name="web", ingress=[ingress({"podSelector": named("b")}, ports=[{"port": 80}])])
OPEN = {"source": "x/b", "destination": "x/a", "port": 80, "verdict": "allow"}
BAD = """\
kind: ConfigMap
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {}
  ingress:
    - from:
        - ipBlock:
            cidr: 10.0.0.0/8
            except:
              - 11.0.0.0/8
      ports:
        - port: 80
          endPort: 70
"""

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def call(check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        with patch_module_args({**options, "_ansible_check_mode": check}), pytest.raises(SystemExit):
            network_policy_matrix.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return call


def write(path: Path, *objects: t.Any) -> str:
    path.write_text(yaml.safe_dump_all(objects))
    return str(path)


def test_what_policies_allow(run: Run) -> None:
    result = run(objects=world(FROM_B), ports=["80", "UDP/53"])
    assert (result["changed"], result["passed"], result["files"], result["difference"]) == (False, True, [], {})
    assert result["verdicts"] == [{"port": "TCP/80", "allow": 26, "deny": 4}, {"port": "UDP/53", "allow": 25, "deny": 5}]
    assert result["summary"][1] == "TCP/80: 26 of 30 pairs of pods allowed"


def test_objects_and_sources_together(run: Run, tmp_path: Path) -> None:
    result = run(objects=world(), sources=[write(tmp_path / "policy.yaml", FROM_B)], ports=["80"])
    assert result["verdicts"] == [{"port": "TCP/80", "allow": 26, "deny": 4}]


def test_an_object_without_a_namespace_is_in_the_one_of_the_option(run: Run) -> None:
    lost = {**FROM_B, "metadata": {"name": "web"}}
    assert run(objects=world(lost), namespace="x", ports=["80"])["verdicts"] == [{"port": "TCP/80", "allow": 26, "deny": 4}]


def test_a_verdict_is_explained(run: Run) -> None:
    result = run(objects=world(FROM_B), explain=[{"source": "x/c", "destination": "x/a", "port": "80"}])
    (told,) = result["explanations"]
    assert (told["verdict"], told["port"]) == ("deny", "TCP/80")
    assert told["text"].endswith("ingress: x/web isolates the pod and its rule does not match")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"source": "x/cc", "destination": "x/a", "port": "80"},
            "explain[1]: x/cc: no such pod, workload, Service or node is in the input.",
        ),
        ({"source": "x/c", "destination": "x/a", "port": "80/TCP"}, "explain[1]: ports: '80/TCP' is no port."),
    ],
)
def test_what_cannot_be_explained(run: Run, asked: dict[str, str], message: str) -> None:
    result = run(objects=world(FROM_B), explain=[{"source": "x/c", "destination": "x/a", "port": "80"}, asked])
    assert result["failed"]
    assert result["msg"].startswith(message)


def test_nobody_enforces_with_flannel(run: Run) -> None:
    result = run(objects=world(FROM_B), cni="flannel", ports=["80"])
    assert result["verdicts"] == [{"port": "TCP/80", "allow": 30, "deny": 0}]
    assert [one["id"] for one in result["findings"]] == ["not-enforced"]


def test_a_workload_gets_its_addresses_from_the_pods_ranges(run: Run) -> None:
    block = policy({}, place="y", ingress=[ingress({"ipBlock": {"cidr": "10.244.0.0/16"}})])
    asked = {"objects": [*world(block), workload("x/Deployment/web", {"app": "web"})]}
    expectation = [{"source": "x/Deployment/web", "destination": "y/a", "port": 80, "verdict": "allow"}]
    assert run(expectations=expectation, **asked)["expectations"][0]["result"] == "undefined"
    assert run(expectations=expectation, pod_cidrs=["10.244.0.0/16"], **asked)["expectations"][0]["result"] == "met"


# --- Differences ---


def test_what_opens_and_what_closes(run: Run) -> None:
    from_c = policy(named("a"), name="web", ingress=[ingress({"podSelector": named("c")}, ports=[{"port": 80}])])
    result = run(objects=world(from_c), compare_objects=world(FROM_B))
    told = {kind: [str(change["sources"][0]["name"]) for change in result["difference"][kind]] for kind in ("opens", "closes")}
    assert told == {"opens": ["x/c"], "closes": ["x/b"]}
    assert result["diff"] == [{"prepared": "+ TCP/80: x/c to x/a\n- TCP/80: x/b to x/a\n"}]
    assert result["changed"] is False
    assert "difference: 1 open, 1 close" in result["summary"]


def test_a_range_of_ports_is_told_as_one(run: Run) -> None:
    ranged = policy(named("a"), ingress=[ingress(ports=[{"port": 80, "endPort": 90}])])
    deny = policy(named("a"), policyTypes=["Ingress"])
    (change,) = run(objects=world(ranged), compare_objects=world(deny))["difference"]["opens"]
    assert change["port"] == "TCP/80-90"


def test_pods_that_only_one_has_are_not_compared(run: Run, tmp_path: Path) -> None:
    before = write(tmp_path / "before.yaml", *world())
    result = run(objects=[one for one in world(FROM_B) if one["metadata"]["name"] != "b"], compare_sources=[before])
    assert result["difference"]["removed"] == ["x/b", "y/b"]


# --- Expectations ---


def test_a_missed_expectation_fails_and_the_reports_are_written(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "expectations.yaml"
    path.write_text(
        "expectations:\n  - {source: x/b, destination: x/a, port: 80, verdict: allow}\n  - source: x/c\n    destination: x/a\n"
        "    port: 80\n    verdict: allow\n    name: C may\n"
    )
    result = run(objects=world(FROM_B), expectations=str(path), dest=str(tmp_path / "out"))
    assert result["failed"]
    assert result["msg"] == (
        f"{path}, line 3: C may: x/c may reach x/a on TCP/80, but the verdict is deny "
        "(ingress: x/web isolates the pod and its rule does not match)"
    )
    assert (result["changed"], result["passed"], [one["result"] for one in result["expectations"]]) == (True, False, ["met", "missed"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"network-policies.{ending}" for ending in ("html", "json", "md", "txt", "xml")
    ]


def test_undefined_never_fails(run: Run) -> None:
    result = run(objects=world(FROM_B), expectations=[{**OPEN, "source": "x/c", "port": "ICMP"}])
    assert (result["passed"], result["expectations"][0]["result"]) == (True, "undefined")


@pytest.mark.parametrize(
    ("expectations", "message"),
    [
        ([{**OPEN, "source": "x/bb"}], "expectations[0]: x/bb: no such pod, workload, Service or node is in the input."),
        ([OPEN, {**OPEN, "to": "x/b"}], "expectations[1]: has the unknown field to."),
        ({"expectation": [OPEN]}, "expectations: holds no list of expectations."),
        ("nowhere.yaml", "nowhere.yaml: the manifest cannot be read: No such file or directory."),
    ],
)
def test_expectations_that_cannot_be_checked(run: Run, tmp_path: Path, expectations: t.Any, message: str) -> None:
    result = run(objects=world(FROM_B), expectations=expectations, dest=str(tmp_path / "out"))
    assert result["failed"]
    assert result["msg"].startswith(message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "a: 1\n---\nb: 2\n"])
def test_a_file_of_expectations_is_one_document(run: Run, tmp_path: Path, text: str) -> None:
    path = tmp_path / "expectations.yaml"
    path.write_text(text)
    assert "A file of expectations is one." in run(objects=world(FROM_B), expectations=str(path))["msg"]


# --- Reports ---


def test_reports_are_written_once(run: Run, tmp_path: Path) -> None:
    options = {"objects": world(FROM_B), "dest": str(tmp_path / "out"), "formats": ["json", "html"]}
    foreseen = run(check=True, **options)
    assert foreseen["changed"]
    assert not (tmp_path / "out").exists()
    result = run(**options)
    assert {**result, "invocation": None} == {**foreseen, "invocation": None}
    assert result["files"] == [str(tmp_path / "out" / f"network-policies.{ending}") for ending in ("json", "html")]
    assert result["diff"][0]["after"] == "network-policies.json is new or differs\nnetwork-policies.html is new or differs\n"
    again = run(**options)
    assert (again["changed"], again["diff"]) == (False, [])


def test_nothing_is_written_where_a_file_is_in_the_way(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    assert run(objects=world(FROM_B), dest=str(tmp_path / "out"))["failed"]
    assert (tmp_path / "out").read_text() == "a file"


# --- Bad input ---


def test_what_the_api_server_refuses(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    result = run(sources=[str(tmp_path / "bad.yaml")], dest=str(tmp_path / "out"))
    assert result["msg"] == (
        f"{tmp_path}/bad.yaml, document 2 (line 13), NetworkPolicy shop/web: spec.ingress[0].from[0].ipBlock.except[0] is 11.0.0.0/8, "
        "which is not a smaller part of the cidr 10.0.0.0/8 (and 1 more). The API server refuses this object."
    )
    assert [(one["severity"], one["document"], one["line"], one["field"]) for one in result["findings"]] == [
        ("error", 2, 13, "spec.ingress[0].from[0].ipBlock.except[0]"),
        ("error", 2, 16, "spec.ingress[0].ports[0].endPort"),
    ]
    assert not (tmp_path / "out").exists()


def test_the_other_set_is_examined_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    assert "bad.yaml, document 2 (line 13), " in run(objects=world(), compare_sources=[str(tmp_path / "bad.yaml")])["msg"]


def test_a_policy_that_is_there_twice(run: Run, tmp_path: Path) -> None:
    paths = [write(tmp_path / name, FROM_B) for name in ("a.yaml", "b.yaml")]
    result = run(objects=world(), sources=paths)
    assert result["msg"].startswith(f"{paths[1]}, document 1 (line 4), NetworkPolicy x/web: metadata.name was read before at {paths[0]}")


def test_an_unknown_field_is_told_and_fails_where_that_is_wished(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(BAD.partition("---\n")[2].partition("  ingress")[0].replace("shop", "x") + "  ingres: []\n")
    result = run(objects=world(), sources=[str(path)])
    (unknown,) = [one for one in result["findings"] if one["id"] == "unknown-field"]
    assert (unknown["severity"], unknown["line"], unknown["field"]) == ("warning", 6, "spec.ingres")
    assert result["passed"]
    strict = run(objects=world(), sources=[str(path)], strict=True)
    assert strict["failed"]
    assert unknown["text"] in strict["msg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c\n", "document 1, line 1: this is no YAML"),
        ("- a\n", "document 1: is a list, not an object of the API."),
        ("kind: NetworkPolicy\nkind: Pod\n", "document 1, line 2: the key 'kind' is there twice in one mapping."),
    ],
)
def test_what_is_no_manifest(run: Run, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    result = run(sources=[str(tmp_path)])
    assert result["failed"]
    assert message in result["msg"]


def test_nothing_to_read(run: Run) -> None:
    assert "one of the following is required: sources, objects" in run()["msg"]
    assert run(sources=[])["msg"] == "sources: there is no source. Name files, directories or URLs."


def test_a_password_in_a_url_is_not_told(run: Run) -> None:
    result = run(sources=["http://me:hunter2@127.0.0.1:9/x.yaml"])
    assert result["failed"]
    assert "hunter2" not in json.dumps(result)


def test_nor_where_all_is_well(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        network_policy_matrix.sources, "read", lambda _source: json.dumps({"kind": "List", "items": world(FROM_B)}).encode()
    )
    result = run(sources=["https://me:hunter2@example.com/x.json"], expectations="https://me:hunter3@example.com/x.json")
    assert "holds no list of expectations" in result["msg"]
    assert "hunter" not in json.dumps(result)
    result = run(sources=["https://me:hunter2@example.com/x.json"])
    assert result["passed"]
    assert "hunter" not in json.dumps(result)


# --- The examples of the guide ---


@pytest.mark.parametrize("case", CASES)
def test_examples_do_what_they_are_for(run: Run, case: str) -> None:
    # The directory holds the expectations too, which are no object of the API.
    sources = [str(EXAMPLES / "world.yaml"), str(EXAMPLES / case)]
    result = run(sources=sources, expectations=str(EXAMPLES / case / "expectations.yaml"))
    assert result["passed"]
    assert {one["result"] for one in result["expectations"]} == {"met"}
    assert {one["verdict"] for one in result["expectations"]} == {"allow", "deny"}


@pytest.mark.parametrize("case", CASES)
def test_examples_would_be_seen_to_be_missing(run: Run, case: str) -> None:
    """Without its policy, each example misses an expectation."""
    result = run(sources=[str(EXAMPLES / "world.yaml")], expectations=str(EXAMPLES / case / "expectations.yaml"))
    assert result["failed"]


def test_one_dash_is_the_difference_between_or_and_and(run: Run) -> None:
    either, both = (str(EXAMPLES / f"from-namespaces-{word}-pods" / "policy.yaml") for word in ("or", "and"))
    known = str(EXAMPLES / "world.yaml")
    result = run(sources=[known, both], compare_sources=[known, either])
    assert result["diff"] == [{"prepared": "- TCP/80: shop/client, partner/batch to shop/web\n"}]
    warned = run(sources=[known, either])["findings"]
    assert [(one["id"], one["line"], len(one["readings"])) for one in warned] == [("or-versus-and", 16, 2)]


@pytest.mark.parametrize(
    ("case", "labelled", "labels", "opens"),
    [
        pytest.param("from-pods", ("Pod", "shop", "stranger"), {"role": "client"}, "shop/stranger", id="a pod"),
        pytest.param("from-namespaces-or-pods", ("Namespace", None, "lab"), {"team": "partner"}, "lab/client", id="a namespace"),
        pytest.param("from-namespaces-and-pods", ("Pod", "partner", "batch"), {"role": "client"}, "partner/batch", id="both: a pod"),
        pytest.param("from-namespaces-and-pods", ("Namespace", None, "lab"), {"team": "partner"}, "lab/client", id="both: a namespace"),
        pytest.param("from-namespaces-and-pods", ("Pod", "shop", "stranger"), {"role": "client"}, "", id="both: one is not enough"),
        pytest.param("from-addresses-or-pods", ("Namespace", None, "lab"), {"team": "partner"}, "lab/client", id="addresses, or both"),
    ],
)
def test_a_label_opens_the_web_server(
    run: Run, case: str, labelled: tuple[str, str | None, str], labels: dict[str, str], opens: str
) -> None:
    known = list(yaml.safe_load_all((EXAMPLES / "world.yaml").read_text()))
    changed = [_with_labels(one, labels) if _key(one) == labelled else one for one in known]
    assert changed != known
    rule = [str(EXAMPLES / case / "policy.yaml")]
    result = run(objects=changed, sources=rule, compare_objects=known, compare_sources=rule)
    assert result["diff"] == [{"prepared": f"+ TCP/80: {opens} to shop/web\n" if opens else ""}]


def _key(one: dict[str, t.Any]) -> tuple[str, str | None, str]:
    return one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]


def _with_labels(one: dict[str, t.Any], labels: dict[str, str]) -> dict[str, t.Any]:
    return {**one, "metadata": {**one["metadata"], "labels": labels}}
