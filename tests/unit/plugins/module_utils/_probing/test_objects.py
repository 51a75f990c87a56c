# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A shadow is to policies what it imitates, to Services and controllers nothing, and to pod security restricted."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._netpol import load, model
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, kinds, objects, plan
from ansible_collections.podnet.cni.plugins.module_utils._probing.kinds import Kind, Wanted
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import Stand
from tests.support.netpol_cases import named, namespace, pod, policy

SETTINGS = objects.Settings("podnet-probe", "registry.example/agnhost:2.53", 120)
HTTP, DNS, METRICS = (
    model.NamedPort("http", "TCP", 8080),
    model.NamedPort("dns", "UDP", 53),
    model.NamedPort("metrics", "TCP", 9090),
)


def shadow(*ports: model.NamedPort, probed: t.Sequence[Port] = (Port("TCP", 80),), labels: t.Mapping[str, str] | None = None) -> t.Any:
    imitated = model.Pod("shop", "web-1", labels=labels or {"app": "web"}, ports=ports)
    return objects.shadow(Stand("shop", "podnet-probe-0", "n1", Kind(0, (imitated,))), probed, SETTINGS, "uid-1")


def container(made: t.Any) -> t.Any:
    (one,) = made["spec"]["containers"]
    return one


def test_it_has_the_labels_and_stands_where_it_should() -> None:
    made = shadow()
    meta = made["metadata"]
    assert meta["labels"] == {"app": "web", objects.LABEL: "shadow"}
    assert (meta["namespace"], meta["name"], made["spec"]["nodeName"]) == ("shop", "podnet-probe-0", "n1")
    assert made["spec"]["tolerations"] == [{"operator": "Exists"}]


def test_its_owner_is_a_controller_so_nobody_adopts_it() -> None:
    (owner,) = shadow()["metadata"]["ownerReferences"]
    assert owner == {"apiVersion": "v1", "kind": "Namespace", "name": "podnet-probe", "uid": "uid-1", "controller": True}


def test_it_is_never_ready_and_ends_by_itself() -> None:
    """Nobody sets the condition of its gate, which Kubernetes sets for none of its own."""
    spec = shadow()["spec"]
    (gate,) = spec["readinessGates"]
    assert gate["conditionType"].startswith("podnet.io/")
    assert (spec["activeDeadlineSeconds"], spec["restartPolicy"], spec["terminationGracePeriodSeconds"]) == (120, "Never", 1)
    assert container(shadow())["command"][3:5] == ["listen", "120"]


@pytest.mark.parametrize(
    ("own", "probed", "expected", "listened"),
    [
        ((), ["TCP/80"], [("", "TCP", 80)], ["80"]),
        ((), ["TCP/80", "UDP/80", "SCTP/81"], [("", "TCP", 80), ("", "UDP", 80), ("", "SCTP", 81)], ["80", "sctp-81"]),
        ((HTTP,), ["TCP/80"], [("http", "TCP", 8080), ("", "TCP", 80)], ["80", "8080"]),
        ((HTTP,), ["TCP/8080", "UDP/8080"], [("http", "TCP", 8080), ("", "UDP", 8080)], ["8080"]),
        ((HTTP, DNS), ["UDP/53"], [("dns", "UDP", 53), ("http", "TCP", 8080)], ["53", "8080"]),
        # Two containers may have a port of the same name each, one may not.
        (
            (HTTP, METRICS, model.NamedPort("metrics", "TCP", 9091)),
            [],
            [("http", "TCP", 8080), ("metrics", "TCP", 9090)],
            ["8080", "9090", "9091"],
        ),
    ],
)
def test_its_ports(own: tuple[model.NamedPort, ...], probed: list[str], expected: list[t.Any], listened: list[str]) -> None:
    ports = [Port(text.split("/")[0], int(text.split("/")[1])) for text in probed]
    one = container(shadow(*own, probed=ports))
    found = [(port.get("name", ""), port["protocol"], port["containerPort"]) for port in one["ports"]]
    assert sorted(found) == sorted(expected)
    assert one["command"][5:] == listened


def test_policies_do_not_tell_it_from_what_it_imitates() -> None:
    world = [
        namespace("x"),
        pod("x/a", "10.0.0.1", ports=[("http", "TCP", 8080)]),
        pod("x/b", "10.0.0.2"),
        policy(named("a"), ingress=[{"from": [{"podSelector": named("b")}], "ports": [{"port": "http"}]}]),
    ]
    stands = plan.shadows(kinds.of(load(world), Wanted()), ["n1", "n2"])
    made = [objects.shadow(stand, [Port("TCP", 80)], SETTINGS, "uid") for stand in stands]
    for number, one in enumerate(made, start=1):
        one["status"] = {"phase": "Running", "podIPs": [{"ip": f"10.0.1.{number}"}]}
    both = kinds.of(load([*world, *made]), Wanted())
    assert [{pod.labels["pod"] for pod in kind.pods} for kind in both] == [{"a"}, {"b"}]
    assert [len(kind.pods) for kind in both] == [3, 3]


def test_the_outsider_is_to_policies_a_pod_without_labels_in_our_namespace() -> None:
    kind = kinds.outsider(SETTINGS.namespace, [Kind(0, (model.Pod("x", "a"),))])
    (stand, *_) = plan.shadows([Kind(0, (model.Pod("x", "a"),)), kind], ["n1"])[2:]
    made = objects.shadow(stand, [Port("TCP", 80)], SETTINGS, "uid")
    assert (made["metadata"]["namespace"], made["metadata"]["labels"]) == (SETTINGS.namespace, {objects.LABEL: "shadow"})
    made["status"] = {"phase": "Running", "podIPs": [{"ip": "10.0.1.1"}]}
    forbidding = policy({}, policyTypes=["Ingress", "Egress"])
    cluster = [namespace("x"), pod("x/a", "10.0.0.1"), forbidding, objects.namespace(SETTINGS), made]
    matrix = load(cluster).matrix(["TCP/80"])
    seen = {matrix.verdict(*ends, "TCP/80") for ends in (("x/a", stand.reference), (stand.reference, "x/a"))}
    assert (seen, matrix.verdict(stand.reference, "192.0.2.1", "TCP/80")) == ({"deny"}, "allow")


# --- Pod security -----------------------------------------------------------------------------------------------------


def test_it_may_run_where_pod_security_is_restricted() -> None:
    """The rules of the Pod Security Standards' level "restricted", which has those of "baseline"."""
    spec = shadow(HTTP)["spec"]
    assert not {"hostNetwork", "hostPID", "hostIPC", "volumes"} & set(spec)
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    # The one that is safe and set here.
    assert [one["name"] for one in spec["securityContext"]["sysctls"]] == ["net.ipv4.ip_unprivileged_port_start"]
    assert not any("hostPort" in port for port in container({"spec": spec})["ports"])
    _restricted(container({"spec": spec}))


def test_so_may_what_asks_in_a_pod_of_a_user_s() -> None:
    """It listens to nothing, and has none of what an ephemeral container may not have."""
    made = objects.ephemeral("podnet-probe-x1", SETTINGS)
    assert made["name"] == "podnet-probe-x1"
    assert made["command"][3:] == ["listen", "120"]
    assert not {"ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"} & set(made)
    _restricted(made)


def _restricted(one: t.Any) -> None:
    context = one["securityContext"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert not {"privileged", "procMount", "seLinuxOptions"} & set(context)


def test_it_has_no_token_and_no_writable_disk() -> None:
    spec = shadow()["spec"]
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    assert container({"spec": spec})["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_program_is_in_the_container() -> None:
    assert container(shadow())["env"] == [{"name": agent.VARIABLE, "value": agent.CONNECT}]


def test_the_kubelet_leaves_the_programs_as_they_are() -> None:
    """In commands and in values of variables it makes one dollar of two, and a value of a name in parentheses."""
    one = container(shadow(HTTP))
    texts = [*one["command"], one["env"][0]["value"]]
    assert [found for text in texts for found in re.findall(r"\$\$|\$\([A-Za-z_][A-Za-z0-9_.-]*\)", text)] == []


def test_the_namespace_is_known_as_ours() -> None:
    made = objects.namespace(SETTINGS)
    assert made["metadata"] == {
        "name": "podnet-probe",
        "labels": {"app.kubernetes.io/managed-by": "podnet.cni", objects.LABEL: "owner"},
    }
