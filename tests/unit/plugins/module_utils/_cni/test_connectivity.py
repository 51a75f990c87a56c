# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import connectivity, prober

APP = connectivity.App("demo", "myapp", "10.96.0.9", 80, connectivity.HTTP, "/health")
SETTINGS = connectivity.Settings("podnet-connectivity", "registry.example/agnhost:1", 100, 16, 1_700_000_000)
FOUNDATION = connectivity.foundation(SETTINGS)
PROBE, HOST = connectivity.workloads(SETTINGS, "10.96.0.7", 30007)
ALL = connectivity.listing(SETTINGS)


def name_of(item: dict[str, t.Any]) -> str:
    return f"{item['kind']}-{item['metadata']['name']}"


def pod_spec(item: dict[str, t.Any]) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", item["spec"]["template"]["spec"])


def container(item: dict[str, t.Any], name: str) -> dict[str, t.Any]:
    return next(one for one in pod_spec(item)["containers"] if one["name"] == name)


def environment(item: dict[str, t.Any], name: str = connectivity.PROBER) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "from the pod") for entry in container(item, name)["env"]}


@pytest.mark.parametrize("item", ALL, ids=name_of)
def test_everything_is_labelled_marked_and_in_the_namespace(item: dict[str, t.Any]) -> None:
    metadata = item["metadata"]
    assert metadata["labels"]["app.kubernetes.io/managed-by"] == "podnet.cni"
    assert metadata.get("namespace", metadata["name"]) == "podnet-connectivity"
    assert len(metadata["annotations"][connectivity.DEFINITION]) == 16


def test_names_are_told_apart() -> None:
    assert len({name_of(item) for item in ALL}) == len(ALL)


def test_the_namespace_lets_host_pods_in_and_says_when_it_ends() -> None:
    metadata = connectivity.namespace(SETTINGS)["metadata"]
    assert metadata["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert metadata["annotations"][connectivity.UNTIL] == "1700000000"


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(SETTINGS, image="registry.example/agnhost:2"),
        dataclasses.replace(SETTINGS, interval_ms=200),
        dataclasses.replace(SETTINGS, peers=2),
        dataclasses.replace(SETTINGS, until=SETTINGS.until + 1),
        dataclasses.replace(SETTINGS, app=APP),
    ],
)
def test_a_setting_that_pods_read_marks_the_workloads(other: connectivity.Settings) -> None:
    marks = [item["metadata"]["annotations"][connectivity.DEFINITION] for item in (PROBE, HOST)]
    changed = connectivity.workloads(other, "10.96.0.7", 30007)
    assert all(mark not in marks for mark in (item["metadata"]["annotations"][connectivity.DEFINITION] for item in changed))


def test_the_same_settings_make_the_same_marks() -> None:
    assert connectivity.workloads(SETTINGS, "10.96.0.7", 30007) == (PROBE, HOST)


@pytest.mark.parametrize("item", [PROBE, HOST], ids=name_of)
def test_pods_run_on_every_linux_node_and_go_quickly(item: dict[str, t.Any]) -> None:
    spec = pod_spec(item)
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert spec["terminationGracePeriodSeconds"] == 1
    assert {one["image"] for one in spec["containers"]} == {"registry.example/agnhost:1"}


@pytest.mark.parametrize("item", [PROBE, HOST], ids=name_of)
def test_every_container_has_few_rights_and_bounded_memory(item: dict[str, t.Any]) -> None:
    for one in pod_spec(item)["containers"]:
        assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert one["securityContext"]["allowPrivilegeEscalation"] is False
        assert one["securityContext"]["readOnlyRootFilesystem"] is True
        assert one["resources"]["limits"]["memory"]
        assert one["resources"]["requests"]["cpu"]


def test_what_listens_is_nobody_and_holds_nothing() -> None:
    listener = container(PROBE, "listener")
    assert listener["securityContext"]["runAsNonRoot"] is True
    assert listener["volumeMounts"] == []
    assert "serve-hostname" in listener["command"][-1]
    assert pod_spec(PROBE)["automountServiceAccountToken"] is False


def test_the_token_is_in_the_watcher_alone() -> None:
    holders = [
        (name_of(item), one["name"])
        for item in (PROBE, HOST)
        for one in pod_spec(item)["containers"]
        if "access" in [mount["name"] for mount in one["volumeMounts"]]
    ]
    assert holders == [("DaemonSet-host", "watcher")]


def test_the_role_reads_endpoint_slices_and_nothing_else() -> None:
    role = next(item for item in FOUNDATION if item["kind"] == "Role")
    assert role["rules"] == [{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}]


def test_a_host_pod_listens_nowhere() -> None:
    assert pod_spec(HOST)["hostNetwork"] is True
    assert "listener" not in [one["name"] for one in pod_spec(HOST)["containers"]]
    assert [one.get("ports") for one in pod_spec(HOST)["containers"]] == [None, None]


def test_both_probers_write_to_the_same_directory_of_the_node() -> None:
    places = {environment(item)["DATA"] for item in (PROBE, HOST)}
    assert places == {"/var/cache/podnet-connectivity"} == {SETTINGS.directory}
    own = next(mount for mount in container(PROBE, "prober")["volumeMounts"] if mount["name"] == "readings")
    # The pod that anybody may reach sees its own directory only.
    assert own == {"name": "readings", "mountPath": SETTINGS.directory, "subPath": "podnet-connectivity"}
    whole = next(mount for mount in container(HOST, "prober")["volumeMounts"] if mount["name"] == "readings")
    assert whole["mountPath"] == connectivity.PARENT


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (SETTINGS, {"APP": "", "APP_NAME": "", "APP_REQUEST": "", "APP_PORT": ""}),
        (
            dataclasses.replace(SETTINGS, app=APP),
            {"APP": "10.96.0.9", "APP_NAME": "demo/myapp", "APP_REQUEST": "/health", "APP_PORT": "80"},
        ),
        (dataclasses.replace(SETTINGS, app=dataclasses.replace(APP, protocol=connectivity.TCP)), {"APP_REQUEST": "open"}),
    ],
)
def test_what_the_probers_are_told(settings: connectivity.Settings, wanted: dict[str, str]) -> None:
    for item, role in zip(connectivity.workloads(settings, "10.96.0.7", 30007), ("pod", "host"), strict=True):
        told = environment(item)
        assert told.items() >= {**wanted, "ROLE": role, "SERVICE": "10.96.0.7", "NODE_PORT": "30007", "UNTIL": "1700000000"}.items()
        assert told["NODE"] == told["POD"] == "from the pod"


def test_all_that_the_programs_read_is_told_to_them() -> None:
    """A variable in capitals that the program does not set itself comes from the environment."""
    for item, name, text in ((PROBE, "prober", prober.PROBER), (HOST, "prober", prober.PROBER), (HOST, "watcher", prober.WATCHER)):
        own = {"LC_ALL", "IFS", "EPOCHREALTIME", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}
        assert variables(text) - own <= environment(item, name).keys()


def variables(text: str) -> set[str]:
    return set(re.findall(r"\$\{?([A-Z][A-Z_]+)", text))


def test_selectors_find_their_own_pods() -> None:
    labels = {item["metadata"]["name"]: item["spec"]["template"]["metadata"]["labels"] for item in (PROBE, HOST)}
    found = {
        item["metadata"]["name"]: [name for name, own in labels.items() if item["spec"]["selector"].items() <= own.items()]
        for item in FOUNDATION
        if item["kind"] == "Service"
    }
    assert found == {"peers": ["probe", "host"], "probe": ["probe"]}
    assert PROBE["spec"]["selector"]["matchLabels"].items() <= labels["probe"].items()
    assert not PROBE["spec"]["selector"]["matchLabels"].items() <= labels["host"].items()


def test_peers_are_named_before_they_are_ready() -> None:
    peers = next(item for item in FOUNDATION if item["metadata"]["name"] == "peers")
    assert peers["spec"]["clusterIP"] == "None"
    assert peers["spec"]["publishNotReadyAddresses"] is True


@pytest.mark.parametrize(
    ("now", "running", "until"),
    [
        (1000, 0, 1100),
        (1000, 1100, 1100),
        (1000, 1051, 1051),
        (1000, 1050, 1100),
        (1000, 900, 1100),
    ],
)
def test_a_probe_with_more_than_half_of_its_time_left_keeps_it(now: float, running: int, until: int) -> None:
    assert connectivity.until(now, 100, running) == until


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"interval_ms": 10}, "option interval_ms: 10 is too small. It must be 50 or more."),
        ({"peers": 0}, "option peers: 0 is too small. It must be 1 or more."),
        ({"duration": 0}, "option duration: 0 is too small. It must be 1 or more."),
        ({"namespace": "../etc"}, "option namespace: '../etc' is no name of a namespace."),
        ({"service": {"path": "health"}}, "option service.path: 'health' is no path."),
        ({"service": {"path": "/a b"}}, "option service.path: '/a b' is no path."),
    ],
)
def test_a_bad_option(changed: dict[str, t.Any], words: str) -> None:
    good: dict[str, t.Any] = {"namespace": "ns", "interval_ms": 100, "peers": 16, "duration": 60, "service": {}}
    connectivity.check(**good)
    with pytest.raises(_errors.BadInputError) as caught:
        connectivity.check(**{**good, **changed})
    assert str(caught.value).startswith(words)


def run(command: list[str]) -> str:
    program = shutil.which(command[0])
    assert program is not None
    return subprocess.run([program, *command[1:]], capture_output=True, text=True, check=True).stdout


def test_readings_are_printed_and_removed(tmp_path: Path) -> None:
    place = tmp_path / "it's here"
    place.mkdir()
    (place / "host-1.log").write_text("run 1\nsec 2")
    (place / "pod-1.log").write_text("run 3\n")
    (place / "peers").write_text("pod n1 10.0.0.1 probe-x\n")
    clock, _line, rest = run(connectivity.read_command(str(place))).partition("\n")
    assert int(clock.removeprefix("now ")) > 1_700_000_000_000_000
    # A last line that is not whole does not run into the next file.
    *lines, again, end = rest.split("\n")
    assert (lines, end) == (["run 1", "sec 2", "run 3", ""], "")
    assert int(again.removeprefix("now ")) >= int(clock.removeprefix("now "))
    command = connectivity.clear_command(SETTINGS)
    assert command[-1] == SETTINGS.directory
    assert run([*command[:-1], str(place)]) == "removed\n"
    assert not place.exists()
    # What is gone already is gone.
    assert run([*command[:-1], str(place)]) == "removed\n"
    assert run(connectivity.read_command(str(place))).count("\n") == 2
