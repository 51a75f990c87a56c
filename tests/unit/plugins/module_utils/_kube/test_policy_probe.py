# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pods that measure: made and awaited, asked, made anew, and gone at the end, in a cluster where each of that can go wrong."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._kube import lease, policy_probe
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Clock, Deadline
from ansible_collections.podnet.cni.plugins.module_utils._netpol import load
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, kinds, objects, plan
from tests.support.exec_stream import SUCCESS
from tests.support.measured_cluster import ANSWERED, HOLDER, RUNNING, SILENT, MeasuredCluster, hasty, pod_status, waiting, world
from tests.support.netpol_cases import namespace

SETTINGS = objects.Settings("podnet-policy-probe", "agnhost", 60)
OWNER = "/api/v1/namespaces/podnet-policy-probe"
PORTS = (Port("TCP", 80), Port("TCP", 81))
KINDS = kinds.of(load(world()), kinds.Wanted())
STANDS = plan.shadows(KINDS, ("n1", "n2"))
OWN_PODS = plan.own_pods(KINDS, ("n1", "n2"))
NAMES = [stand.reference for stand in STANDS]
USERS = {"x/a", "x/b", "y/c"}


@pytest.fixture(name="cluster")
def _cluster(measured_cluster: MeasuredCluster) -> MeasuredCluster:
    return measured_cluster


@pytest.fixture(name="field")
def _field(cluster: MeasuredCluster, connect: t.Callable[..., t.Any]) -> policy_probe.Field:
    return policy_probe.Field(connect(host=cluster.url, api_key="secret"), SETTINGS, HOLDER)


@pytest.fixture(name="claimed")
def _claimed(field: policy_probe.Field) -> t.Iterator[policy_probe.Field]:
    field.claim(Deadline(10))
    yield field
    field.release()


@pytest.fixture(name="placed")
def _placed(claimed: policy_probe.Field) -> policy_probe.Field:
    claimed.place(STANDS, PORTS, Deadline(10))
    return claimed


@pytest.fixture(name="measured")
def _measured(placed: policy_probe.Field, cluster: MeasuredCluster) -> tuple[policy_probe.Field, MeasuredCluster]:
    return placed, cluster


def quick(seconds: float) -> Deadline:
    """A deadline that passes at once where somebody waits."""
    return Deadline(seconds, hasty())


def at_once() -> Deadline:
    """A deadline for what must be seen at the first look."""

    def sleep(_pause: float) -> None:
        raise AssertionError("it is waited for")

    return Deadline(60, Clock(sleep=sleep))


def on_look(cluster: MeasuredCluster, path: str, number: int, change: t.Callable[[], object]) -> None:
    """Changes the cluster ahead of the request of that number, from 1, which reads ``path``."""
    looks = itertools.count(1)

    def before(method: str, asked: str) -> int:
        if (method, asked) == ("GET", path) and next(looks) == number:
            change()
        return 0

    cluster.before = before


# --- Shadows ----------------------------------------------------------------------------------------------------------


def test_shadows_are_made_and_have_addresses_once_they_run(placed: policy_probe.Field, cluster: MeasuredCluster) -> None:
    owner = cluster.objects[OWNER]["metadata"]
    assert owner["labels"] == {"app.kubernetes.io/managed-by": "podnet.cni", "podnet.io/policy-probe": "owner"}
    pods = cluster.pods()
    assert set(pods) == {*NAMES, *USERS}
    made = {name: pods[name] for name in NAMES}
    assert set(placed.stands) == set(NAMES)
    assert {pod["metadata"]["ownerReferences"][0]["uid"] for pod in made.values()} == {owner["uid"]}
    assert [pod["spec"]["nodeName"] for pod in made.values()] == ["n1", "n2"] * 3
    assert [placed.stands[name].address for name in NAMES] == [made[name]["status"]["podIPs"][0]["ip"] for name in NAMES]
    assert [pod["spec"]["containers"][0]["command"][5:] for pod in made.values()] == [["80", "81"]] * 6


def test_pods_are_awaited_until_all_of_them_run(claimed: policy_probe.Field, cluster: MeasuredCluster) -> None:
    cluster.fate = lambda _pod: pod_status("Pending", waiting("ContainerCreating"))

    def start() -> None:
        for name in NAMES:
            cluster.pods()[name]["status"] = cluster.running()

    on_look(cluster, "/api/v1/pods", 3, start)
    claimed.place(STANDS, PORTS, quick(60))
    assert all(stand.address.startswith("10.9.0.") for stand in claimed.stands.values())


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (
            pod_status("Pending", waiting("ImagePullBackOff", "Back-off pulling")),
            "container main waiting, ImagePullBackOff: Back-off pulling",
        ),
        (pod_status("Pending", waiting("CreateContainerConfigError")), "container main waiting, CreateContainerConfigError"),
        (pod_status("Failed"), "phase Failed (OutOfcpu: no cpu left)"),
    ],
)
def test_a_pod_that_cannot_run_is_not_waited_for(claimed: policy_probe.Field, cluster: MeasuredCluster, status: t.Any, why: str) -> None:
    creating = pod_status("Pending", waiting("ContainerCreating"))
    cluster.fate = lambda pod: status if pod["metadata"]["name"] == "podnet-probe-3" else creating
    if status["phase"] == "Failed":
        told = {"type": "Warning", "reason": "OutOfcpu", "message": "no cpu left", "involvedObject": {"name": "podnet-probe-3"}}
        cluster.put("/api/v1/namespaces/x/events/one", {"kind": "Event", "metadata": {"namespace": "x", "name": "one"}, **told})
    with pytest.raises(_errors.ClusterError) as raised:
        claimed.place(STANDS, PORTS, at_once())
    assert str(raised.value).startswith(f"pod x/podnet-probe-3 (and 5 more) of the probe: cannot run: {why}. The option image names")


def test_pods_that_do_not_run_in_time(claimed: policy_probe.Field, cluster: MeasuredCluster) -> None:
    creating = pod_status("Pending", waiting("ContainerCreating"))
    cluster.fate = lambda pod: creating if pod["metadata"]["name"] == "podnet-probe-4" else None
    with pytest.raises(_errors.ClusterError, match=r"pod y/podnet-probe-4 of the probe: does not run after 7 s: container main waiting"):
        claimed.place(STANDS, PORTS, quick(7))


def test_a_shadow_that_is_deleted_before_all_run(claimed: policy_probe.Field, cluster: MeasuredCluster) -> None:
    on_look(cluster, "/api/v1/pods", 1, lambda: cluster.remove_pod("x/podnet-probe-1"))
    claimed.place(STANDS, PORTS, quick(7))
    assert set(cluster.pods()) == {*NAMES, *USERS}
    assert claimed.stands["x/podnet-probe-1"].address == cluster.pods()["x/podnet-probe-1"]["status"]["podIPs"][0]["ip"]
    assert claimed.restore() == ("x/podnet-probe-1",)
    assert claimed.restore() == ()


def test_a_shadow_that_is_about_to_end_is_made_anew(placed: policy_probe.Field, cluster: MeasuredCluster) -> None:
    cluster.pods()["x/podnet-probe-1"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert placed.restore() == ("x/podnet-probe-1",)
    assert "deletionTimestamp" not in cluster.pods()["x/podnet-probe-1"]["metadata"]


def test_a_shadow_that_is_deleted_again_and_again(claimed: policy_probe.Field, cluster: MeasuredCluster) -> None:
    def before(method: str, path: str) -> int:
        if (method, path) == ("GET", "/api/v1/pods") and "x/podnet-probe-1" in cluster.pods():
            cluster.remove_pod("x/podnet-probe-1")
        return 0

    cluster.before = before
    with pytest.raises(_errors.ClusterError, match=r"pod x/podnet-probe-1 of the probe: does not run after 7 s: it is gone"):
        claimed.place(STANDS, PORTS, quick(7))


def test_a_shadow_that_ends_before_all_run(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    def end() -> None:
        cluster.pods()["x/podnet-probe-1"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    on_look(cluster, "/api/v1/pods", 1, end)
    with pytest.raises(_errors.ClusterError, match=r"pod x/podnet-probe-1 of the probe: does not run after 7 s: still going since 2026"):
        field.place(STANDS, PORTS, quick(7))


def test_what_the_server_refuses_to_make_is_told(claimed: policy_probe.Field, cluster: MeasuredCluster) -> None:
    cluster.before = lambda method, path: 403 if (method, path) == ("POST", "/api/v1/namespaces/y/pods") else 0
    with pytest.raises(_errors.ClusterError, match=r"pod y/podnet-probe-[45] of the probe: the API server forbids it"):
        claimed.place(STANDS, PORTS, at_once())


def test_a_shadow_that_somebody_deleted_is_made_anew(placed: policy_probe.Field, cluster: MeasuredCluster) -> None:
    before = dict(placed.stands)
    cluster.remove_pod("x/podnet-probe-1")
    cluster.changes.clear()
    assert placed.restore() == ("x/podnet-probe-1",)
    assert cluster.changes.count(("POST", "pods")) == 1
    assert placed.stands["x/podnet-probe-1"].address == cluster.pods()["x/podnet-probe-1"]["status"]["podIPs"][0]["ip"]
    assert {name for name in NAMES if placed.stands[name] != before[name]} == {"x/podnet-probe-1"}
    assert placed.restore() == ()
    assert cluster.changes.count(("POST", "pods")) == 1


# --- Containers in users' pods ----------------------------------------------------------------------------------------


def test_users_pods_get_one_container_each(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    field.attach(OWN_PODS, "probe-1", at_once())
    assert cluster.changes.count(("PATCH", "ephemeralcontainers")) == 3
    assert set(cluster.pods()) == USERS
    added = {name: pod["spec"]["ephemeralContainers"] for name, pod in cluster.pods().items()}
    assert {name: [one["name"] for one in containers] for name, containers in added.items()} == {name: ["probe-1"] for name in USERS}
    assert added["x/a"][0]["image"] == "agnhost"
    assert {name: stand.address for name, stand in field.stands.items()} == {"x/a": "10.0.0.1", "x/b": "10.0.0.2", "y/c": "10.0.0.3"}


def test_a_container_is_awaited_in_every_pod(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    cluster.fate_inside = lambda pod: waiting("ContainerCreating") if pod == "x/b" else RUNNING

    def start() -> None:
        cluster.pods()["x/b"]["status"]["ephemeralContainerStatuses"][0]["state"] = RUNNING

    on_look(cluster, "/api/v1/namespaces/x/pods/b", 3, start)
    field.attach(OWN_PODS, "probe-1", quick(60))
    assert set(field.stands) == USERS


def test_a_container_that_cannot_run_is_not_waited_for(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    states = {"x/a": waiting("ContainerCreating"), "x/b": waiting("ErrImagePull"), "y/c": RUNNING}
    cluster.fate_inside = lambda pod: states[pod]
    with pytest.raises(_errors.ClusterError, match=r"pod x/b: its container probe-1 cannot run: .*ErrImagePull"):
        field.attach(OWN_PODS, "probe-1", at_once())


def test_a_container_that_does_not_run_in_time(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    cluster.fate_inside = lambda pod: waiting("ContainerCreating") if pod == "y/c" else RUNNING
    with pytest.raises(_errors.ClusterError, match=r"pod y/c: its container probe-1 does not run after 7 s.*ContainerCreating"):
        field.attach(OWN_PODS, "probe-1", quick(7))


def test_a_users_pod_that_is_gone_before_is_left_out(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    cluster.remove_pod("x/b")
    field.attach(OWN_PODS, "probe-1", at_once())
    assert set(field.stands) == {"x/a", "y/c"}


@pytest.mark.parametrize("end", ["gone", "going", "Failed", "Succeeded"])
def test_a_users_pod_that_ends_while_it_is_awaited_is_left_out(field: policy_probe.Field, cluster: MeasuredCluster, end: str) -> None:
    cluster.fate_inside = lambda pod: waiting("ContainerCreating") if pod == "x/b" else RUNNING

    def finish() -> None:
        pod = cluster.pods()["x/b"]
        if end == "gone":
            cluster.remove_pod("x/b")
        elif end == "going":
            pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        else:
            pod["status"]["phase"] = end

    on_look(cluster, "/api/v1/namespaces/x/pods/b", 3, finish)
    field.attach(OWN_PODS, "probe-1", quick(60))
    assert set(field.stands) == {"x/a", "y/c"}


def test_all_containers_are_ended_where_one_was_refused(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    cluster.before = lambda method, path: 403 if (method, path) == ("PATCH", "/api/v1/namespaces/x/pods/b/ephemeralcontainers") else 0
    with pytest.raises(_errors.ClusterError, match="forbids it"):
        field.attach(OWN_PODS, "probe-1", at_once())
    field.detach()
    told = [one for pod in cluster.pods().values() for one in pod["status"].get("ephemeralContainerStatuses", [])]
    assert {"terminated" in one["state"] for one in told} == {True}


def test_no_pod_of_users_is_ever_made(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    field.attach(OWN_PODS, "probe-1", at_once())
    cluster.remove_pod("x/b")
    assert field.restore() == ()
    assert set(cluster.pods()) == {"x/a", "y/c"}


def test_containers_are_ended_and_pods_stay(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    field.attach(OWN_PODS, "probe-1", at_once())
    cluster.remove_pod("x/b")
    field.detach()
    states = {name: pod["status"]["ephemeralContainerStatuses"][0]["state"] for name, pod in cluster.pods().items()}
    assert states == {name: {"terminated": {"exitCode": 0}} for name in ("x/a", "y/c")}
    assert {(run.pod, run.container) for run in cluster.executions} == {("x/a", "probe-1"), ("y/c", "probe-1")}


# --- Asking -----------------------------------------------------------------------------------------------------------


def asked(field: policy_probe.Field) -> tuple[plan.Connection, ...]:
    """All that the stands ask each other, the sources mixed."""
    return tuple(sorted(plan.connections(tuple(field.stands.values()), PORTS, says=True), key=lambda one: (one.target, one.source)))


def test_every_source_runs_one_command(placed: policy_probe.Field, cluster: MeasuredCluster) -> None:
    connections = asked(placed)
    readings = placed.ask(connections)
    assert list(readings) == list(connections)
    assert sorted(run.pod for run in cluster.executions) == NAMES
    assert {run.container for run in cluster.executions} == {objects.CONTAINER}
    for run in cluster.executions:
        own = [one for one in connections if one.source == run.pod]
        assert run.targets == tuple(f"{one.port}/{placed.stands[one.target].address}/{one.says}" for one in own)
    web = {name for name in NAMES if placed.stands[name].kind.name == "x/a"}
    client = {name for name in NAMES if placed.stands[name].kind.name == "x/b"}
    for one, reading in readings.items():
        allowed = one.is_control or one.target not in web or (one.source in client and one.port.number == 80)
        assert reading.word == (agent.ANSWERED if allowed else agent.SILENT), one


def test_many_targets_are_several_commands(placed: policy_probe.Field, cluster: MeasuredCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    connections = [one for one in asked(placed) if one.source == NAMES[0]]
    whole = placed.ask(connections)
    cluster.executions.clear()
    monkeypatch.setattr(agent, "MOST_TARGETS", 3)
    assert placed.ask(connections) == whole
    sizes = sorted(len(run.targets) for run in cluster.executions)
    assert sizes[1:] == [3] * (len(connections) // 3)
    assert sum(sizes) == len(connections)


def test_an_end_with_an_address_is_called_there(placed: policy_probe.Field, cluster: MeasuredCluster) -> None:
    outward = plan.Connection(NAMES[0], "Node/n2", Port("TCP", 22), address="192.168.0.2")
    assert placed.ask([outward]) == {outward: ANSWERED}
    assert cluster.executions[0].targets == ("TCP/22/192.168.0.2/-",)


def test_somebody_else_who_answers_is_told(placed: policy_probe.Field, cluster: MeasuredCluster) -> None:
    cluster.pods()["x/podnet-probe-2"]["status"], cluster.pods()["x/podnet-probe-3"]["status"] = (
        cluster.pods()["x/podnet-probe-3"]["status"],
        cluster.pods()["x/podnet-probe-2"]["status"],
    )
    one = plan.ask(STANDS[4], STANDS[2], PORTS[0], says=True)
    assert placed.ask([one])[one] == agent.Reading((agent.WRONG,), 2, "podnet-probe-3")


@pytest.mark.parametrize(
    ("ending", "kept", "read", "why"),
    [
        ('{"status": "Failure", "message": "container not found"}', 0, 0, "container not found"),
        ("", 0, 0, "the command did not end in time"),
        (SUCCESS, 0, 0, "the pod did not report it"),
        # Within the second line.
        ('{"status": "Failure", "message": "the node went away"}', 30, 1, "the node went away"),
    ],
)
def test_a_stream_that_fails_leaves_the_rest_unread(
    measured: tuple[policy_probe.Field, MeasuredCluster], ending: str, kept: int, read: int, why: str
) -> None:
    field, cluster = measured
    broken = "y/podnet-probe-4"
    cluster.spoil = lambda run, text: (text[:kept], ending) if run.pod == broken else (text, SUCCESS)
    readings = field.ask(asked(field))
    own = [reading for one, reading in readings.items() if one.source == broken]
    assert agent.UNREAD not in [reading.word for reading in own[:read]]
    assert own[read:] == [agent.Reading((agent.UNREAD,), 0, why)] * (len(own) - read)
    assert {reading.word for one, reading in readings.items() if one.source != broken} == {agent.ANSWERED, agent.SILENT}


def test_a_pod_in_which_nothing_can_be_run(placed: policy_probe.Field, cluster: MeasuredCluster) -> None:
    cluster.remove_pod("x/podnet-probe-0")
    one, other = (plan.ask(stand, STANDS[4], PORTS[0], says=True) for stand in STANDS[:2])
    readings = placed.ask([one, other])
    assert readings[one].words == (agent.UNREAD,)
    assert readings[one].text.startswith("no command could be run in the pod: ")
    assert readings[other] == ANSWERED


def test_two_attempts_are_one_reading(placed: policy_probe.Field) -> None:
    one = plan.ask(STANDS[4], STANDS[0], PORTS[0], says=True)
    assert placed.ask([one]) == {one: SILENT}


# --- Going ------------------------------------------------------------------------------------------------------------


def leave(cluster: MeasuredCluster) -> list[str]:
    """What a run that was killed has left."""
    owner = objects.namespace(SETTINGS)
    cluster.add(owner)
    uid = cluster.objects[OWNER]["metadata"]["uid"]
    left = [objects.shadow(stand, PORTS, SETTINGS, uid) for stand in STANDS[:2]]
    cluster.add(*({**pod, "status": cluster.running()} for pod in left))
    return NAMES[:2]


def test_all_that_was_made_is_removed_and_nothing_else(placed: policy_probe.Field, cluster: MeasuredCluster) -> None:
    placed.release()
    assert set(cluster.pods()) == USERS
    assert cluster.namespaces() == {"x", "y"}
    assert placed.clear(at_once()) == ()


def test_who_has_made_nothing_removes_nothing(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    leave(cluster)
    field.release()
    assert set(cluster.pods()) == {*USERS, *NAMES[:2]}


def test_one_that_measures_is_waited_for(
    field: policy_probe.Field, cluster: MeasuredCluster, connect: t.Callable[..., t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its pods are left alone, also by one with a namespace of another name."""
    field.claim(at_once())
    field.place(STANDS, PORTS, at_once())
    living = lease.Holder("another", lambda name: name == HOLDER.me)
    other = policy_probe.Field(
        connect(host=cluster.url, api_key="secret"), dataclasses.replace(SETTINGS, namespace="podnet-policy-probe-2"), living
    )
    monkeypatch.setattr(lease, "LASTS", 3600)
    with pytest.raises(_errors.ClusterError, match=r"namespace podnet-policy-probe: another measurement has gone on for 0 s: tests"):
        other.claim(Deadline(0))
    assert set(cluster.pods()) == {*USERS, *NAMES}
    field.release()
    assert other.claim(at_once()) == ()
    other.release()


def test_who_was_quicker_is_waited_for(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    """Two have waited for the same moment."""
    quicker = iter([1])

    def before(method: str, path: str) -> int:
        if (method, path) == ("POST", "/api/v1/namespaces"):
            for _ in quicker:
                cluster.add(objects.namespace(SETTINGS))
        return 0

    cluster.before = before
    field.claim(Deadline(10))
    assert "podnet-policy-probe" in cluster.namespaces()
    field.release()
    assert cluster.namespaces() == {"x", "y"}


def test_pods_that_their_node_does_not_end_are_deleted_without_it(
    placed: policy_probe.Field, cluster: MeasuredCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_probe, "_GRACE", 0.2)
    cluster.deaf = {"n2"}
    placed.release()
    assert set(cluster.pods()) == USERS


def test_what_a_killed_run_left_is_removed(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    left = leave(cluster)
    cluster.grace = 0.3
    assert sorted(field.clear(Deadline(10))) == left
    assert set(cluster.pods()) == USERS
    assert cluster.namespaces() == {"x", "y"}


def test_the_namespace_is_awaited_where_no_pod_is_left(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    cluster.add(objects.namespace(SETTINGS))
    cluster.grace = 0.3
    assert field.clear(Deadline(10)) == ()
    assert cluster.namespaces() == {"x", "y"}


def test_pods_that_lost_their_namespace_are_removed(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    left = leave(cluster)
    del cluster.objects[OWNER]
    assert sorted(field.clear(Deadline(10))) == left
    assert set(cluster.pods()) == USERS


def test_pods_that_do_not_go(field: policy_probe.Field, cluster: MeasuredCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in leave(cluster):
        cluster.pods()[name]["metadata"]["finalizers"] = ["somebody/is-not-done"]
    monkeypatch.setattr(policy_probe, "_GRACE", 0.1)
    monkeypatch.setattr(policy_probe, "_MOMENT", 0.3)
    with pytest.raises(_errors.ClusterError, match=r"x/podnet-probe-0, x/podnet-probe-1: still there after 0.3 s"):
        field.clear(Deadline(10))


def test_a_namespace_of_somebody_else_is_left_alone(field: policy_probe.Field, cluster: MeasuredCluster) -> None:
    cluster.add(namespace(SETTINGS.namespace, owner="somebody"))
    with pytest.raises(_errors.BadInputError, match=r"namespace podnet-policy-probe: .* Choose another name"):
        field.clear(Deadline(10))
    assert cluster.changes == []
