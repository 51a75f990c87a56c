# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole measurement: chosen before anything is made, held against what the cluster does, and gone whatever happens."""

from __future__ import annotations

import collections
import contextlib
import itertools
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._kube import policy_trial, policy_world
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._netpol import ALLOW, DENY, load
from ansible_collections.podnet.cni.plugins.module_utils._netpol.expectations import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, objects, trial
from ansible_collections.podnet.cni.plugins.module_utils._probing import kinds as kinds_of_pods
from tests.support.measured_cluster import ANSWERED, HOLDER, SILENT, MeasuredCluster, hasty, node, pod_status, waiting
from tests.support.netpol_cases import policy

USERS = {"x/a", "x/b", "y/c"}
OUTSIDER = "podnet-policy-probe/outsider"
SHADOWS = [
    *(f"x/podnet-probe-{number}" for number in range(4)),
    *(f"y/podnet-probe-{number}" for number in (4, 5)),
    *(f"podnet-policy-probe/podnet-probe-{number}" for number in (6, 7)),
]
CLIENT_REACHES = Expectation("x/b", "x/a", "TCP/80", ALLOW)
OTHERS_DO_NOT = Expectation("y/c", "x/a", "TCP/80", DENY)


class Start(t.Protocol):
    """A session that is prepared, of a request with these fields."""

    def __call__(
        self, *expected: Expectation, cni: str = ..., wanted: kinds_of_pods.Wanted = ..., ports: tuple[str, ...] = ..., settle: float = ...
    ) -> policy_trial.Session: ...


@pytest.fixture(name="cluster")
def _cluster(measured_cluster: MeasuredCluster) -> MeasuredCluster:
    return measured_cluster


@pytest.fixture(name="start")
def _start(cluster: MeasuredCluster, connect: t.Callable[..., t.Any], monkeypatch: pytest.MonkeyPatch) -> Start:
    monkeypatch.setattr(policy_trial, "Clock", hasty)
    client = connect(host=cluster.url, api_key="secret")

    def start(
        *expected: Expectation,
        cni: str = "calico",
        wanted: kinds_of_pods.Wanted = kinds_of_pods.Wanted(),  # noqa: B008  # it is frozen
        ports: tuple[str, ...] = ("80", "81"),
        settle: float = 0,
    ) -> policy_trial.Session:
        settings = objects.Settings("podnet-policy-probe", "agnhost", 60)
        request = policy_trial.Request(wanted, settings, ports, expected, start=5, settle=settle)
        session = policy_trial.Session(client, request, cni, HOLDER)
        raw = policy_world.read(Api(client)).objects
        session.prepare(load(raw, cni=kinds_of_pods.profile(cni)), raw)
        return session

    return start


@contextlib.contextmanager
def opened(session: policy_trial.Session) -> t.Iterator[policy_trial.Session]:
    with session.opened():
        yield session


def measure(session: policy_trial.Session) -> trial.Trial:
    with opened(session):
        return session.measure()


def remove_ahead_of(cluster: MeasuredCluster, request: str, pod: str) -> None:
    """Somebody deletes the pod when pods are listed (GET), or a command is about to run in one (EXEC), for the first time."""
    gone = iter([pod])

    def before(method: str, path: str) -> int:
        if method == request and (method == "EXEC" or path == "/api/v1/pods"):
            for name in gone:
                cluster.remove_pod(name)
        return 0

    cluster.before = before


def is_clean(cluster: MeasuredCluster) -> bool:
    return set(cluster.pods()) == USERS and cluster.namespaces() == {"x", "y"}


def kinds(found: t.Iterable[trial.Measured], done: trial.Trial) -> set[tuple[str, str, str]]:
    """(source, destination, port), as the pods that the stands stand for."""
    names = {stand.reference: stand.kind.name for stand in done.stands}
    return {(names[one.connection.source], names[one.connection.target], str(one.connection.port)) for one in found}


# --- Before anything is made ------------------------------------------------------------------------------------------


def test_preparing_makes_nothing(start: Start, cluster: MeasuredCluster) -> None:
    session = start(CLIENT_REACHES)
    assert cluster.writes == []
    assert [(stand.reference, stand.node, stand.kind.name) for stand in session.stands] == [
        (SHADOWS[0], "n1", "x/a"),
        (SHADOWS[1], "n2", "x/a"),
        (SHADOWS[2], "n1", "x/b"),
        (SHADOWS[3], "n2", "x/b"),
        (SHADOWS[4], "n1", "y/c"),
        (SHADOWS[5], "n2", "y/c"),
        (SHADOWS[6], "n1", OUTSIDER),
        (SHADOWS[7], "n2", OUTSIDER),
    ]


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (Expectation("x/nobody", "x/a", "TCP/80", DENY, where="expectations[0]"), r"expectations\[0\].*x/nobody"),
        (Expectation("x/b", "x/Service/nothing", "TCP/80", ALLOW), "x/Service/nothing"),
    ],
)
def test_an_expectation_about_nobody_is_refused(start: Start, cluster: MeasuredCluster, expected: Expectation, words: str) -> None:
    with pytest.raises(_errors.BadInputError, match=words):
        start(CLIENT_REACHES, expected)
    assert cluster.writes == []


def test_missing_rights_are_told_before_anything_is_made(start: Start, cluster: MeasuredCluster) -> None:
    cluster.may = lambda right: right.endswith(("namespaces", " in x", " in podnet-policy-probe"))
    with pytest.raises(
        _errors.ClusterError, match=r"may not create pods in y, delete pods in y, get pods/exec in y, create pods/exec in y\."
    ):
        start()
    assert cluster.writes == []


def test_who_has_to_send_is_there_whatever_namespaces_are_wanted(start: Start) -> None:
    only = kinds_of_pods.Wanted(("x",))
    assert {stand.kind.name for stand in start(wanted=only).stands} == {"x/a", "x/b", OUTSIDER}
    assert {stand.kind.name for stand in start(OTHERS_DO_NOT, wanted=only).stands} == {*USERS, OUTSIDER}


def test_pods_outlive_the_measurement() -> None:
    params = {name: rules.get("default") for name, rules in policy_trial.OPTIONS.items()}
    given = {"namespaces": ["x"], "ports": ["80"], "start_timeout": 500, "settle_timeout": 40, "image": "mine", "clients": "ephemeral"}
    request = policy_trial.request({**params, **given}, (CLIENT_REACHES,))
    assert request.settings.seconds > 2 * (500 + 40)
    assert (request.settings.image, request.settings.namespace) == ("mine", "podnet-policy-probe")
    assert request.wanted == kinds_of_pods.Wanted(("x",), kinds_of_pods.EPHEMERAL, 40)
    assert (request.ports, request.expected, request.start, request.settle) == (("80",), (CLIENT_REACHES,), 500, 40)


# --- Coming and going -------------------------------------------------------------------------------------------------


def test_the_pods_are_there_meanwhile_and_gone_afterwards(start: Start, cluster: MeasuredCluster) -> None:
    with opened(start()):
        assert set(cluster.pods()) == {*USERS, *SHADOWS}
    assert is_clean(cluster)


@pytest.mark.parametrize("error", [_errors.ClusterError("it broke"), ValueError("it broke"), KeyboardInterrupt("it broke")])
def test_the_pods_are_removed_when_something_fails(start: Start, cluster: MeasuredCluster, error: BaseException) -> None:
    with pytest.raises(type(error), match="it broke"), opened(start()):
        raise error
    assert is_clean(cluster)


def test_pods_that_do_run_are_removed_when_one_cannot(start: Start, cluster: MeasuredCluster) -> None:
    broken = pod_status("Pending", waiting("ErrImagePull"))
    cluster.fate = lambda pod: broken if pod["metadata"]["name"] == "podnet-probe-5" else None
    session = start()
    with pytest.raises(_errors.ClusterError, match=r"pod y/podnet-probe-5 of the probe: cannot run"), opened(session):
        raise AssertionError("it is not open")
    assert is_clean(cluster)


def test_pods_are_removed_when_one_is_refused(start: Start, cluster: MeasuredCluster) -> None:
    cluster.before = lambda method, path: 403 if (method, path) == ("POST", "/api/v1/namespaces/y/pods") else 0
    session = start()
    with pytest.raises(_errors.ClusterError, match=r"pod y/podnet-probe-[45] of the probe: the API server forbids it"), opened(session):
        raise AssertionError("it is not open")
    assert is_clean(cluster)


def test_what_went_wrong_first_is_told(start: Start, cluster: MeasuredCluster) -> None:
    session = start()

    def fail() -> t.NoReturn:
        cluster.before = lambda method, _path: 403 if method == "DELETE" else 0
        raise _errors.ClusterError("it broke")

    with pytest.raises(_errors.ClusterError, match="it broke"), opened(session):
        fail()
    assert set(cluster.pods()) == {*USERS, *SHADOWS}
    cluster.before = lambda _method, _path: 0
    with start().opened() as removed:
        assert sorted(removed) == sorted(SHADOWS)
    assert is_clean(cluster)


def test_pods_that_cannot_be_removed_are_no_success(start: Start, cluster: MeasuredCluster) -> None:
    session = start()
    with pytest.raises(_errors.ClusterError, match="the API server forbids it"), opened(session):
        cluster.before = lambda method, _path: 403 if method == "DELETE" else 0


def test_containers_in_users_pods_end(start: Start, cluster: MeasuredCluster) -> None:
    for _ in range(2):
        with opened(start(wanted=kinds_of_pods.Wanted(clients=kinds_of_pods.EPHEMERAL))):
            assert set(cluster.pods()) == USERS
    for pod in cluster.pods().values():
        told = pod["status"]["ephemeralContainerStatuses"]
        # The name of one that has ended cannot be used again.
        assert len({one["name"] for one in told}) == 2
        assert all(one["name"].startswith(f"{objects.CONTAINER}-") and "terminated" in one["state"] for one in told)


# --- Measuring --------------------------------------------------------------------------------------------------------


def test_a_cluster_that_enforces(start: Start, cluster: MeasuredCluster) -> None:
    done = measure(start(settle=60))
    assert (done.cni, done.enforces, done.enforcement, done.differing, done.left_out) == ("calico", True, trial.ENFORCED, (), ())
    assert done.settled_after is not None
    assert done.faults(allow_unenforced=False) == []
    denied = {
        ("y/c", "x/a", "TCP/80"),
        ("y/c", "x/a", "TCP/81"),
        (OUTSIDER, "x/a", "TCP/80"),
        (OUTSIDER, "x/a", "TCP/81"),
        ("x/b", "x/a", "TCP/81"),
        ("x/a", "x/a", "TCP/80"),
        ("x/a", "x/a", "TCP/81"),
    }
    assert kinds([one for one in done.measured if one.verdict == DENY], done) == denied
    every = {(one, other, port) for one, other in itertools.product(sorted({*USERS, OUTSIDER}), repeat=2) for port in ("TCP/80", "TCP/81")}
    assert kinds(done.measured, done) == every
    # Nothing was asked twice.
    assert len(cluster.executions) == len(SHADOWS)
    assert is_clean(cluster)


@pytest.mark.parametrize(("cni", "why"), [("flannel", "flannel enforces no NetworkPolicies"), ("calico", "calico runs here and should")])
def test_a_cluster_that_enforces_nothing(start: Start, cluster: MeasuredCluster, cni: str, why: str) -> None:
    cluster.enforces = False
    # Where nothing can come to be enforced nobody waits for it.
    done = measure(start(OTHERS_DO_NOT, CLIENT_REACHES, cni=cni, settle=3600 if cni == "flannel" else 0))
    assert (done.cni, done.enforcement, done.settled_after) == (cni, trial.NOT_ENFORCED, None)
    assert {one.expected for one in done.differing} == {DENY}
    assert [one.result for one in done.tested] == ["missed", "met"]
    assert why in done.why_not_enforced
    assert len(cluster.executions) <= 3 * len(SHADOWS)
    assert is_clean(cluster)


def test_a_cni_that_is_not_known_has_no_name(start: Start) -> None:
    done = measure(start(cni="generic"))
    assert (done.cni, done.enforcement) == ("", trial.ENFORCED)


def test_a_node_that_enforces_nothing(start: Start, cluster: MeasuredCluster) -> None:
    on_n2 = {"x/podnet-probe-1"}
    cluster.surprise = lambda _source, target, _port: ANSWERED if target in on_n2 else None
    done = measure(start())
    assert done.enforcement == trial.PARTLY
    assert {one.connection.target for one in done.differing} == on_n2
    assert all("x/web" in " ".join(one.why) for one in done.differing)


def test_a_connection_that_is_denied_and_should_not_be(start: Start, cluster: MeasuredCluster) -> None:
    cluster.surprise = lambda source, target, port: SILENT if (source[0], target, port) == ("y", SHADOWS[2], "TCP/81") else None
    done = measure(start())
    assert done.enforcement == trial.ENFORCED
    assert kinds(done.differing, done) == {("y/c", "x/b", "TCP/81")}
    assert done.settled_after is None


def test_what_is_enforced_late_is_awaited(start: Start, cluster: MeasuredCluster) -> None:
    asked: collections.Counter[tuple[str, ...]] = collections.Counter()

    def surprise(*connection: str) -> agent.Reading | None:
        asked[connection] += 1
        return ANSWERED if asked[connection] == 1 else None

    cluster.surprise = surprise
    done = measure(start(settle=60))
    assert (done.enforcement, done.differing) == (trial.ENFORCED, ())
    # What was too open is asked again; and in the end everything once more, so that all of it was right at once.
    assert set(asked.values()) == {2, 3}


def test_a_pod_that_is_deleted_meanwhile_is_made_anew(start: Start, cluster: MeasuredCluster) -> None:
    remove_ahead_of(cluster, "EXEC", "x/podnet-probe-1")
    done = measure(start(settle=60))
    assert done.left_out == ("x/podnet-probe-1 was deleted by somebody, and made anew",)
    assert (done.enforcement, done.faults(allow_unenforced=False)) == (trial.ENFORCED, [])
    assert is_clean(cluster)


def test_a_pod_that_is_deleted_while_the_cluster_is_read_is_made_anew(start: Start, cluster: MeasuredCluster) -> None:
    session = start()
    with session.opened():
        remove_ahead_of(cluster, "GET", "x/podnet-probe-1")
        done = session.measure()
    assert done.left_out == ("x/podnet-probe-1 was deleted by somebody, and made anew",)
    assert {stand.reference for stand in done.stands} == set(SHADOWS)
    assert is_clean(cluster)


def test_a_node_that_is_not_ready_is_left_out(start: Start, cluster: MeasuredCluster) -> None:
    cluster.add(node("n3", "192.168.0.3", ready=False), node("n4", "192.168.0.4"))
    done = measure(start())
    assert done.left_out == ("node n3 is not ready",)
    assert {stand.node for stand in done.stands} == {"n1", "n2", "n4"}


def test_a_protocol_that_kernels_lack_is_left_out(start: Start, cluster: MeasuredCluster) -> None:
    lacking = agent.Reading((agent.UNSUPPORTED,))
    cluster.surprise = lambda source, _target, port: lacking if (source, port) == (SHADOWS[0], "SCTP/90") else None
    done = measure(start(ports=("80", "SCTP/90")))
    assert done.left_out == ("SCTP: not every node's kernel has it",)
    assert {str(one.connection.port) for one in done.measured} == {"TCP/80"}


def test_expectations_are_measured(start: Start, cluster: MeasuredCluster) -> None:
    to_node = Expectation("y/c", "Node/n2", "TCP/22", ALLOW)
    from_outside = Expectation("8.8.8.8", "x/a", "TCP/80", DENY)
    wrong = Expectation("y/c", "x/b", "TCP/9", DENY)
    done = measure(start(CLIENT_REACHES, OTHERS_DO_NOT, to_node, from_outside, wrong))
    assert [one.result for one in done.tested] == ["met", "met", "met", "unknown", "missed"]
    assert [len(one.measured) for one in done.tested] == [2, 2, 2, 0, 2]
    assert done.tested[3].note == "nothing can be sent from 8.8.8.8"
    # On a port that is tried for its sake something listens, too.
    assert {(one.connection.port.number, one.seen) for one in done.tested[4].measured} == {(9, "answered")}
    assert cluster.pods().keys() == USERS


def test_every_measurement_reads_the_policies_anew(start: Start, cluster: MeasuredCluster) -> None:
    with opened(start(settle=60)) as session:
        before = session.measure()
        cluster.add(policy({}, name="deny", place="y", policyTypes=["Ingress"]))
        after = session.measure()
    assert before.enforcement == after.enforcement == trial.ENFORCED
    denied = [{target for _, target, _ in kinds([one for one in done.measured if one.verdict == DENY], done)} for done in (before, after)]
    assert denied == [{"x/a"}, {"x/a", "y/c"}]
    assert before.stands == after.stands


def test_users_own_pods_measure(start: Start, cluster: MeasuredCluster) -> None:
    done = measure(start(CLIENT_REACHES, OTHERS_DO_NOT, wanted=kinds_of_pods.Wanted(clients=kinds_of_pods.EPHEMERAL)))
    assert (done.enforcement, done.differing) == (trial.ENFORCED, ())
    assert {stand.reference for stand in done.stands} == USERS
    assert [one.result for one in done.tested] == ["met", "met"]
    asked = [target for run in cluster.executions for target in run.targets]
    # Nobody knows what their programs say.
    assert {target.rpartition("/")[2] for target in asked} == {"-"}
    assert cluster.pods().keys() == USERS
