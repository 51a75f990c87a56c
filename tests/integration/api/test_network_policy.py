# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a real API server makes of policies: defaults, owners of fields, dry runs.

It runs by itself on 127.0.0.1, from programs of the lab; the lab is not touched.
"""

from __future__ import annotations

import json
import types
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._kube import client, policy_apply, policy_world
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._netpol import applying
from ansible_collections.podnet.cni.plugins.modules import network_policy
from tests.support import api_server
from tests.support.netpol_cases import ANY, block, egress, ingress, named, namespace, pod, policy

pytestmark = pytest.mark.long

FROM_B = ingress({"podSelector": named("b")}, ports=[{"port": 80}])
WEB = policy(named("a"), name="web", ingress=[FROM_B])
OLD = policy(named("c"), name="old", ingress=[FROM_B])
BEFORE, AFTER = [WEB, OLD], [policy(named("a"), name="web", ingress=[{}]), policy({}, name="new")]
RECORD = "/api/v1/namespaces/kube-system/configmaps/podnet-policies.default"

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture(scope="module", name="options")
def _options(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[dict[str, t.Any]]:
    found = api_server.programs()
    if found is None:
        pytest.skip("the lab's programs have not been built")
    with api_server.running(tmp_path_factory.mktemp("api"), *found) as options:
        api = _connect(options)
        api.create(namespace("x"))
        for name in "abc":
            # No scheduler and no account of the namespace: a pod is what the API server has of it.
            item = pod(f"x/{name}", on="", automountServiceAccountToken=False)
            item["spec"]["containers"][0]["image"] = "registry.example/app:1"
            api.create({key: value for key, value in item.items() if key != "status"})
        yield options


@pytest.fixture(name="api")
def _api(options: dict[str, t.Any]) -> Api:
    """With no policies."""
    api = _connect(options)
    for item in api.items("/apis/networking.k8s.io/v1/networkpolicies") or ():
        api.delete(ObjectRef("networking.k8s.io/v1", "NetworkPolicy", item["metadata"]["name"], item["metadata"]["namespace"]))
    return api


def _connect(options: dict[str, t.Any]) -> Api:
    return Api(client.get_client(t.cast("t.Any", types.SimpleNamespace(params=options, no_log_values=set()))))


@pytest.fixture(name="run")
def _run(options: dict[str, t.Any], capfd: pytest.CaptureFixture[str]) -> Run:
    def call(check: bool = False, **more: t.Any) -> dict[str, t.Any]:
        with patch_module_args({**options, **more, "_ansible_check_mode": check}), pytest.raises(SystemExit):
            network_policy.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return call


def contents(api: Api) -> dict[str, t.Any]:
    """The policies without what changes by itself; owners of fields included."""
    kept = {"uid", "resourceVersion", "generation", "creationTimestamp"}
    return {
        item["metadata"]["name"]: (item["spec"], {key: value for key, value in item["metadata"].items() if key not in kept})
        for item in api.items("/apis/networking.k8s.io/v1/networkpolicies") or ()
    }


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"policyTypes": [], "ingress": None, "egress": []},
        {"egress": [{}]},
        {"ingress": [None, {}, {"from": [], "ports": None}]},
        {"ingress": [FROM_B], "policyTypes": ["Egress"]},
        {"ingress": [{"ports": [{}, {"port": "http", "endPort": None}, {"protocol": "UDP", "port": 53, "endPort": 54}]}]},
        {"ingress": [ingress({"podSelector": {}, "namespaceSelector": None}, {"namespaceSelector": {"matchLabels": {}}})]},
        {"egress": [egress({"ipBlock": {"cidr": "10.0.0.0/8", "except": []}}, block("11.0.0.0/8", "11.1.0.0/16"))]},
        {"podSelector": {"matchLabels": {}, "matchExpressions": [{"key": "a", "operator": "Exists", "values": []}]}},
    ],
)
def test_defaults_are_those_of_the_server(api: Api, run: Run, spec: dict[str, t.Any]) -> None:
    wanted = policy(name="p", **spec)
    assert api.create(wanted)["spec"] == applying.normalised(spec)
    run(state="absent")
    assert run(objects=[wanted])["changed"]
    assert contents(api)["p"][0] == applying.normalised(spec)
    assert not run(objects=[wanted])["changed"]


def test_check_mode_changes_nothing_and_foretells_all(api: Api, run: Run) -> None:
    run(objects=BEFORE)
    before = contents(api)
    foretold = run(check=True, objects=AFTER)
    assert contents(api) == before
    assert foretold["changes"] == ["update NetworkPolicy x/web", "create NetworkPolicy x/new", "delete NetworkPolicy x/old"]
    done = run(objects=AFTER)
    assert {**done, "invocation": {}} == {**foretold, "invocation": {}}
    assert not run(objects=AFTER)["changed"]
    assert sorted(contents(api)) == ["new", "web"]


def test_a_rule_of_egress_isolates_although_an_earlier_default_said_otherwise(api: Api, run: Run) -> None:
    run(objects=[WEB])
    run(objects=[policy(named("a"), name="web", ingress=[FROM_B], egress=[egress(ANY)])])
    assert contents(api)["web"][0]["policyTypes"] == ["Ingress", "Egress"]
    run(objects=[WEB])
    assert contents(api)["web"][0] == applying.normalised(WEB["spec"])


def test_fields_and_labels_of_others(api: Api, run: Run) -> None:
    theirs = policy(named("b"), name="web", ingress=[{}])
    api.create({**theirs, "metadata": {**theirs["metadata"], "labels": {"team": "a"}}}, manager="helm")
    refused = run(objects=[policy(named("b"), name="web")])
    assert refused["msg"].startswith("NetworkPolicy x/web: others set these fields to another value: helm owns spec.ingress. Set force")
    assert run(objects=[policy(named("b"), name="web")], force_conflicts=True)["changed"]
    spec, metadata = contents(api)["web"]
    assert spec == {"podSelector": named("b"), "policyTypes": ["Ingress"]}
    assert metadata["labels"]["team"] == "a"
    assert not run(objects=[policy(named("b"), name="web")])["changed"]


@pytest.mark.parametrize("problems", [("x/b cannot reach x/a",), ()])
def test_a_verdict(api: Api, run: Run, problems: tuple[str, ...]) -> None:
    run(objects=BEFORE)
    before = contents(api)
    steps = applying.plan(policy_world.read(api).objects, applying.Wish("default", applying.sort(AFTER, "x")[0])).steps
    records = []

    def verify() -> t.Sequence[str]:
        records.append(api.item(RECORD))
        return problems

    outcome = policy_apply.transact(api, steps, False, verify)
    assert (outcome.rolled_back, outcome.problems, len(records)) == (bool(problems), problems, 1)
    assert records[0] is not None
    assert api.item(RECORD) is None
    assert (contents(api) == before) is bool(problems)
    assert run(objects=AFTER)["changed"] is bool(problems)


def test_what_the_server_refuses_comes_before_the_first_change(api: Api, run: Run) -> None:
    """Our own examination has no opinion about annotations."""
    bad = policy({}, name="bad")
    bad["metadata"]["annotations"] = {"not a key": "x"}
    result = run(objects=[WEB, bad])
    assert result["failed"]
    assert "NetworkPolicy x/bad" in result["msg"]
    assert contents(api) == {}


def test_what_a_run_of_ours_left_half_way_back_is_no_conflict(api: Api, run: Run) -> None:
    run(objects=[WEB])
    kept = api.item("/apis/networking.k8s.io/v1/namespaces/x/networkpolicies/web")
    assert kept is not None
    api.replace({**kept, "spec": {**kept["spec"], "ingress": [{}]}}, manager=applying.MANAGER)
    assert run(objects=[WEB])["changes"] == ["update NetworkPolicy x/web"]
    assert not run(objects=[WEB])["changed"]
