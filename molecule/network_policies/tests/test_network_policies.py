# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies are applied, measured on real pods, and taken back where they do not hold; a CNI that enforces none is told of.

The pods and the policies are those of docs/guides/examples/network-policies.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import typing as t
import urllib.request
from pathlib import Path

import pytest
import yaml
from kubernetes import client

testinfra_hosts = ["localhost"]
ROOT = Path(__file__).parents[3]
INVENTORY = ROOT / os.environ.get("LAB_INVENTORY", "inventories/lab")
EXAMPLES = ROOT / "docs/guides/examples/network-policies"
RUN_SECONDS = 300
OURS = {"network_policy_probe_namespaces": ["shop", "partner", "lab"], "network_policy_set": "scenario"}
LABEL = "podnet.io/policy-probe"
WEB = {"destination": "shop/web", "port": "TCP/80"}


def command(playbook: str, *arguments: str, **variables: t.Any) -> list[str]:
    told = json.dumps({**OURS, "network_policy_report_dir": str(report()), **variables})
    return ["ansible-playbook", "--inventory", str(INVENTORY), f"playbooks/{playbook}.yml", "--extra-vars", told, *arguments]


def report() -> Path:
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "network-policies"


def environment() -> dict[str, str]:
    return {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}


def play(playbook: str, *arguments: str, **variables: t.Any) -> tuple[int, str]:
    """Runs a playbook as a person would; its exit code and what it said, on one line."""
    argv = command(playbook, *arguments, **variables)
    done = subprocess.run(argv, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    said = " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in said, said[-3000:]
    return done.returncode, said


def succeeds(playbook: str, *arguments: str, **variables: t.Any) -> str:
    code, said = play(playbook, *arguments, **variables)
    assert code == 0, said[-3000:]
    return said


def fails(playbook: str, *words: str, **variables: t.Any) -> str:
    code, said = play(playbook, **variables)
    assert code != 0, said[-3000:]
    assert [word for word in words if word not in said] == [], said[-3000:]
    return said


def started(argv: list[str]) -> subprocess.Popen[bytes]:
    """The command, in the background and in a process group of its own."""
    return subprocess.Popen(argv, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def wait_for(happened: t.Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Until that has happened, which it does while the process runs."""
    end = time.monotonic() + 90
    while not happened():
        assert process.poll() is None, "it ended before that happened"
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)  # between two looks


def running(core: client.CoreV1Api) -> list[client.V1Pod]:
    """The pods of a measurement that run, once all do."""
    pods = core.list_pod_for_all_namespaces(label_selector=LABEL).items
    return pods if pods and all(pod.status.phase == "Running" for pod in pods) else []


def case(name: str) -> dict[str, t.Any]:
    folder = EXAMPLES / name
    return {"network_policy_sources": [f"{folder}/policy.yaml"], "network_policy_expectations": f"{folder}/expectations.yaml"}


def may(source: str, verdict: str) -> dict[str, t.Any]:
    return {"network_policy_measured_expectations": [{"source": source, "verdict": verdict, **WEB}]}


@pytest.fixture(scope="module")
def policies(core: client.CoreV1Api) -> client.NetworkingV1Api:
    return client.NetworkingV1Api(core.api_client)


@pytest.fixture(scope="module")
def enforces(apps: client.AppsV1Api) -> bool:
    names = {item.metadata.name for item in apps.list_namespaced_daemon_set("kube-system").items}
    return "calico-node" in names


@pytest.fixture
def calico(enforces: bool) -> None:
    if not enforces:
        pytest.skip("flannel enforces no policies, so none can be seen at work; the scenario runs again on Calico")


@pytest.fixture(autouse=True)
def nothing_stays(core: client.CoreV1Api, policies: client.NetworkingV1Api) -> t.Iterator[None]:
    """No pod of a measurement is left by any test, and no policy and no report stays for the next one."""
    if report().exists():
        shutil.rmtree(report())
    yield
    left = [pod.metadata.name for pod in core.list_pod_for_all_namespaces(label_selector=LABEL).items]
    for namespace in ("shop", "default"):
        policies.delete_collection_namespaced_network_policy(namespace, label_selector="podnet.io/policy-set=scenario")
    assert left == []
    assert [item.metadata.name for item in core.list_namespace(label_selector=LABEL).items] == []
    assert [
        item.metadata.name for item in core.list_namespaced_config_map("kube-system").items if "podnet-policies" in item.metadata.name
    ] == []


def names(policies: client.NetworkingV1Api, namespace: str = "shop") -> list[str]:
    return [item.metadata.name for item in policies.list_namespaced_network_policy(namespace).items]


# --- Both CNIs ---


def test_what_the_cni_does_is_told(enforces: bool, policies: client.NetworkingV1Api) -> None:
    if enforces:
        said = succeeds("apply_network_policies", **case("from-namespaces-and-pods"))
        assert "policies: enforced" in said
        assert "(CNI: calico)" in said
        said = succeeds("verify_network_policies", **case("from-namespaces-and-pods"))
        assert "0 otherwise" in said
        assert "4 met, 0 missed" in said
        return
    asked = {**case("from-namespaces-and-pods"), "network_policy_expectations": []}
    fails("apply_network_policies", "Not enforced", "flannel enforces no NetworkPolicies", "All changes were taken back", **asked)
    assert names(policies) == []
    said = succeeds("apply_network_policies", **asked, network_policy_allow_unenforced=True)
    assert "policies: not enforced" in said
    assert names(policies) == ["web"]
    fails("verify_network_policies", "Not enforced", "flannel enforces no NetworkPolicies")
    page = (report() / "network-policy-probe.html").read_text()
    assert "Not enforced" in page


def test_a_pod_that_somebody_deletes_is_made_anew(core: client.CoreV1Api, enforces: bool) -> None:
    """What is never as policies say is asked for again and again, so there is time for it; of the web server that is everything."""
    if enforces:
        pytest.skip("here all is at once as policies say; the scenario runs on flannel, too")
    asked = {"network_policy_probe_ports": ["TCP/80"], "network_policy_settle_timeout": 15, "network_policy_cni": "calico"}
    succeeds("apply_network_policies", **{**case("from-pods"), "network_policy_expectations": []}, network_policy_verify=False)
    measuring = started(command("verify_network_policies", **asked))
    wait_for(lambda: running(core) != [], measuring)
    victim = next(pod for pod in running(core) if pod.metadata.labels.get("app") == "web")
    core.delete_namespaced_pod(victim.metadata.name, victim.metadata.namespace, grace_period_seconds=0)
    assert measuring.wait(timeout=RUN_SECONDS) != 0, "nothing is enforced here"
    told = json.loads((report() / "network-policy-probe.json").read_text())
    assert f"{victim.metadata.namespace}/{victim.metadata.name} was deleted by somebody, and made anew" in told["left_out"]
    assert (told["enforcement"], told["unknown"]) == ("not enforced", [])


def test_two_measurements_take_turns(core: client.CoreV1Api) -> None:
    first = started(command("verify_network_policies", network_policy_allow_unenforced=True))
    wait_for(lambda: running(core) != [], first)
    assert "0 otherwise" in succeeds("verify_network_policies", network_policy_allow_unenforced=True)
    told = json.loads((report() / "network-policy-probe.json").read_text())
    assert [line for line in told["left_out"] if "made anew" in line] == []
    assert first.wait(timeout=RUN_SECONDS) == 0


# --- The classic cases ---


@pytest.fixture
def labels(core: client.CoreV1Api) -> t.Iterator[t.Callable[[str, str, str], None]]:
    """Labels a pod (``shop/stranger``) or a namespace (``lab``); what was labelled loses it at the end."""
    done: list[tuple[str, str]] = []

    def _label(target: str, key: str, value: str | None) -> None:
        namespace, _, pod = target.partition("/")
        body = {"metadata": {"labels": {key: value}}}
        if pod:
            core.patch_namespaced_pod(pod, namespace, body)
        else:
            core.patch_namespace(namespace, body)
        done.append((target, key))

    yield _label
    for target, key in tuple(done):
        _label(target, key, None)


@pytest.mark.parametrize(
    ("name", "stranger", "labelled", "label"),
    [
        ("from-pods", "shop/stranger", "shop/stranger", ("role", "client")),
        ("from-namespaces-or-pods", "lab/client", "lab", ("team", "partner")),
        ("from-namespaces-and-pods", "partner/batch", "partner/batch", ("role", "client")),
    ],
)
@pytest.mark.usefixtures("calico")
def test_a_label_opens_what_a_policy_closes(
    name: str, stranger: str, labelled: str, label: tuple[str, str], labels: t.Callable[[str, str, str], None]
) -> None:
    quick = {"network_policy_probe_ports": ["TCP/80", "TCP/9090", "UDP/80"]}
    assert "changed=1" in succeeds("apply_network_policies", **case(name), **quick)
    assert "changed=0" in succeeds("apply_network_policies", **case(name), network_policy_verify=False)
    said = succeeds("verify_network_policies", **quick, **may(stranger, "deny"))
    assert "1 met" in said
    labels(labelled, *label)
    said = succeeds("verify_network_policies", **quick, **may(stranger, "allow"))
    assert "1 met" in said
    fails("verify_network_policies", "must not reach shop/web on TCP/80: missed", **quick, **may(stranger, "deny"))


@pytest.mark.usefixtures("calico")
def test_a_block_with_an_exception_or_pods_of_namespaces(
    core: client.CoreV1Api, labels: t.Callable[[str, str, str], None], tmp_path: Path
) -> None:
    """The fourth case, with the addresses that the pods have: only these very pods have them, so they ask by ephemeral containers."""
    address = {
        name: core.read_namespaced_pod(name.split("/")[1], name.split("/")[0]).status.pod_ip for name in ("shop/client", "shop/stranger")
    }
    others = [core.read_namespaced_pod(name, "partner").status.pod_ip for name in ("client", "batch")]
    policy = yaml.safe_load((EXAMPLES / "from-addresses-or-pods" / "policy.yaml").read_text())
    blocks = [peer["ipBlock"] for peer in policy["spec"]["ingress"][0]["from"] if "ipBlock" in peer]
    blocks[0].update({"cidr": "10.244.0.0/16", "except": [f"{one}/32" for one in (address["shop/client"], *others)]})
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(policy))
    expected = [
        {"name": "In the block", "source": "shop/stranger", "verdict": "allow", **WEB},
        {"name": "In its exception", "source": "shop/client", "verdict": "deny", **WEB},
        {"name": "In the exception, but namespace and pod match", "source": "partner/client", "verdict": "allow", **WEB},
        {"name": "In the exception, and only the namespace matches", "source": "partner/batch", "verdict": "deny", **WEB},
    ]
    asked = {
        "network_policy_sources": [str(path)],
        "network_policy_expectations": expected,
        "network_policy_probe_clients": "ephemeral",
        "network_policy_probe_ports": ["TCP/80"],
    }
    assert "4 met, 0 missed, 0 unknown" in succeeds("apply_network_policies", **asked)
    labels("partner/batch", "role", "client")
    expected[3] = {**expected[3], "verdict": "allow"}
    assert "4 met, 0 missed, 0 unknown" in succeeds("verify_network_policies", **asked)


@pytest.mark.usefixtures("calico")
def test_names_can_be_asked_for_through_a_default_deny(core: client.CoreV1Api) -> None:
    dns = core.list_namespaced_pod("kube-system", label_selector="k8s-app=kube-dns").items[0].metadata.name
    expected = [
        {"source": "shop/client", "destination": f"kube-system/{dns}", "port": ["UDP/53", "TCP/53"], "verdict": "allow"},
        {"source": "shop/client", "destination": ["shop/web", "partner/client"], "port": "TCP/80", "verdict": "deny"},
    ]
    asked = {**case("allow-dns"), "network_policy_expectations": expected, "network_policy_probe_ports": ["TCP/80", "UDP/53"]}
    assert "4 met, 0 missed, 0 unknown" in succeeds("apply_network_policies", **asked)


# --- A change that cuts off ---


@pytest.fixture
def cut(tmp_path: Path) -> dict[str, t.Any]:
    """A policy that cuts the demo application off."""
    spec = {"podSelector": {}, "policyTypes": ["Ingress"]}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "default-deny"}, "spec": spec}
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))
    expected = [{"source": "shop/client", "destination": "default/Service/myapp", "port": "TCP/80", "verdict": "allow"}]
    return {
        "network_policy_sources": [str(tmp_path / "policy.yaml")],
        "network_policy_measured_expectations": expected,
        "network_policy_probe_namespaces": ["shop", "default"],
        "network_policy_probe_ports": ["TCP/80"],
    }


@pytest.mark.usefixtures("calico")
def test_check_mode_shows_what_is_cut_before_it_happens(cut: dict[str, t.Any], policies: client.NetworkingV1Api) -> None:
    said = succeeds("apply_network_policies", "--check", "--diff", **cut)
    assert "- TCP/*: " in said
    assert "to default/myapp-" in said
    assert "The verification would fail: expectations[0]: shop/client may reach default/Service/myapp on TCP/80" in said
    assert names(policies, "default") == []


@pytest.mark.usefixtures("calico")
def test_what_cuts_the_application_off_is_taken_back(
    cut: dict[str, t.Any], core: client.CoreV1Api, policies: client.NetworkingV1Api
) -> None:
    words = ("shop/client may reach default/Service/myapp on TCP/80: missed", "All changes were taken back", "changed=0")
    fails("apply_network_policies", *words, **cut)
    assert names(policies, "default") == []
    port = next(one.node_port for one in core.read_namespaced_service("myapp", "default").spec.ports)
    node = next(one.address for one in core.list_node().items[0].status.addresses if one.type == "InternalIP")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{node}:{port}/", timeout=10) as answer:
        assert answer.status == 200


@pytest.mark.usefixtures("calico")
def test_what_is_computed_to_cut_is_not_even_applied(cut: dict[str, t.Any], policies: client.NetworkingV1Api) -> None:
    expected = cut.pop("network_policy_measured_expectations")
    fails("apply_network_policies", "Nothing was changed", "changed=0", **cut, network_policy_expectations=expected)
    assert names(policies, "default") == []


# --- What goes wrong ---


def killed_when(argv: list[str], happened: t.Callable[[], bool]) -> None:
    """Starts it and kills it with all its workers as soon as that has happened. These are in sessions of their own, and would go on."""
    process = started(argv)
    wait_for(happened, process)
    family = [process.pid]
    for pid in family:
        family += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert process.wait(timeout=30) == -signal.SIGKILL, "it ended before it could be killed"


@pytest.mark.usefixtures("calico")
def test_a_killed_measurement_is_cleared_away_by_the_next(core: client.CoreV1Api) -> None:
    def _there() -> bool:
        return len(core.list_pod_for_all_namespaces(label_selector=LABEL).items) > 0

    killed_when(command("verify_network_policies"), _there)
    assert _there()
    assert "0 otherwise" in succeeds("verify_network_policies")


@pytest.mark.usefixtures("calico")
def test_a_change_that_was_killed_before_its_verdict_gets_one(policies: client.NetworkingV1Api, cut: dict[str, t.Any]) -> None:
    killed_when(command("apply_network_policies", **cut), lambda: "default-deny" in names(policies, "default"))
    said = fails("apply_network_policies", "All changes were taken back", **cut)
    assert "An earlier run ended before its verdict on default/default-deny" in said
    assert names(policies, "default") == []


@pytest.mark.usefixtures("calico")
def test_an_image_that_cannot_be_pulled_is_named() -> None:
    fails("verify_network_policies", "cannot run", "registry.invalid/agnhost:1", network_policy_probe_image="registry.invalid/agnhost:1")


def test_rights_that_are_missing_are_named(core: client.CoreV1Api, tmp_path: Path) -> None:
    rbac = client.RbacAuthorizationV1Api(core.api_client)
    core.create_namespaced_service_account("lab", {"metadata": {"name": "reader"}})
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": "lab"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"}
    rbac.create_cluster_role(
        {"metadata": {"name": "reader"}, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}]}
    )
    rbac.create_cluster_role_binding({"metadata": {"name": "reader"}, "roleRef": role, "subjects": [subject]})
    try:
        token = core.create_namespaced_service_account_token("reader", "lab", {"spec": {"expirationSeconds": 600}}).status.token
        given = yaml.safe_load(Path(os.environ.get("KUBECONFIG", "/var/lib/podnet-lab/kubeconfig")).read_text())
        given["users"][0]["user"] = {"token": token}
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(given))
        said = fails("verify_network_policies", "may not create namespaces", "create pods in", kubeconfig=str(tmp_path / "kubeconfig"))
        assert token not in said
    finally:
        rbac.delete_cluster_role_binding("reader")
        rbac.delete_cluster_role("reader")
        core.delete_namespaced_service_account("reader", "lab")


@pytest.mark.usefixtures("calico")
def test_what_the_api_server_refuses_is_refused_first(tmp_path: Path, policies: client.NetworkingV1Api) -> None:
    policy = yaml.safe_load((EXAMPLES / "from-pods" / "policy.yaml").read_text())
    policy["spec"]["ingress"][0]["ports"] = [{"port": 80, "endPort": 79}]
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))
    fails("apply_network_policies", "policy.yaml, document 1 (line", "endPort", "changed=0", network_policy_sources=[str(tmp_path)])
    assert names(policies) == []
