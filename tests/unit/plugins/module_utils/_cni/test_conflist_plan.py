# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for a CNI configuration directory: files and wanted state in, writes and removals out."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import conflist_plan
from ansible_collections.podnet.cni.plugins.module_utils._cni.conflist_plan import ConflistPlan, Selection
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError

DIR = "/etc/cni/net.d/"


def config(name: str, *plugins: str, **more: t.Any) -> bytes:
    return json.dumps({"name": name, "cniVersion": "0.3.1", "plugins": [{"type": plugin, **more} for plugin in plugins]}).encode()


FLANNEL = config("cbr0", "flannel", "portmap")
CALICO = config("k8s-pod-network", "calico", "portmap")
BRIDGE = config("mine", "bridge")
KUBECONFIG = b"apiVersion: v1\nkind: Config\nusers: [{name: calico, user: {token: s3cr3t}}]\n"

BOTH = {
    f"{DIR}10-calico.conflist": CALICO,
    f"{DIR}10-flannel.conflist": FLANNEL,
    f"{DIR}10-flannel.conflist.bak": FLANNEL,
    f"{DIR}README": b"read me",
    f"{DIR}calico-kubeconfig": KUBECONFIG,
}


@pytest.mark.parametrize(
    ("selection", "removed"),
    [
        pytest.param(Selection("flannel"), ("10-flannel.conflist", "10-flannel.conflist.bak"), id="a CNI, copies included"),
        pytest.param(Selection("calico"), ("10-calico.conflist", "calico-kubeconfig"), id="a CNI and its kubeconfig"),
        pytest.param(Selection(names=frozenset({"README", "absent.conf"})), ("README",), id="names"),
        pytest.param(
            Selection("calico", frozenset({"10-flannel.conflist"})),
            ("10-calico.conflist", "10-flannel.conflist", "calico-kubeconfig"),
            id="both",
        ),
    ],
)
def test_absent(selection: Selection, removed: tuple[str, ...]) -> None:
    assert conflist_plan.absent(BOTH, selection) == ConflistPlan(remove=tuple(DIR + name for name in removed))


@pytest.mark.parametrize(
    ("selection", "removed"),
    [
        pytest.param(Selection("calico"), ("10-flannel.conflist", "10-flannel.conflist.bak"), id="calico stays, with its kubeconfig"),
        pytest.param(
            Selection(names=frozenset({"10-calico.conflist"})),
            ("10-flannel.conflist", "10-flannel.conflist.bak"),
            id="by name, and the kubeconfig of that file's CNI stays",
        ),
        pytest.param(Selection("flannel"), ("10-calico.conflist", "calico-kubeconfig"), id="flannel stays"),
    ],
)
def test_only(selection: Selection, removed: tuple[str, ...]) -> None:
    plan = conflist_plan.only(BOTH, selection)
    assert plan == ConflistPlan(remove=tuple(DIR + name for name in removed))
    assert not conflist_plan.only(plan.result(BOTH), selection).changed


def test_only_takes_foreign_configurations_too() -> None:
    files = {f"{DIR}00-mine.conflist": BRIDGE, f"{DIR}10-calico.conflist": CALICO, f"{DIR}99-broken.conf": b"{"}
    assert conflist_plan.only(files, Selection("calico")).remove == (f"{DIR}00-mine.conflist", f"{DIR}99-broken.conf")


@pytest.mark.parametrize(
    ("files", "selection", "runtime", "message"),
    [
        pytest.param({f"{DIR}10-flannel.conflist": FLANNEL}, Selection("calico"), "containerd", "no file of that CNI or name", id="none"),
        pytest.param({}, Selection("calico"), "cri-o", "cri-o would have no CNI configuration", id="empty directory"),
        pytest.param({f"{DIR}10-calico.conflist": b'{"name": "x"'}, Selection("calico"), "containerd", "not JSON", id="broken"),
        pytest.param(
            {f"{DIR}calico-kubeconfig": KUBECONFIG, f"{DIR}10-flannel.conflist": FLANNEL},
            Selection("calico"),
            "containerd",
            "no file",
            id="kubeconfig only",
        ),
        pytest.param({f"{DIR}10-calico.conflist.bak": CALICO}, Selection("calico"), "containerd", "no runtime reads", id="copy only"),
        pytest.param(
            {f"{DIR}00-calico.conflist": b"", f"{DIR}10-calico.conflist": CALICO},
            Selection("calico"),
            "containerd",
            "stops at",
            id="broken one first",
        ),
    ],
)
def test_only_refuses_to_leave_none(files: dict[str, bytes], selection: Selection, runtime: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        conflist_plan.only(files, selection, runtime)


def test_only_skips_what_cri_o_skips() -> None:
    files = {f"{DIR}00-calico.conflist": b"", f"{DIR}10-calico.conflist": CALICO}
    assert not conflist_plan.only(files, Selection("calico"), "cri-o").changed


@pytest.mark.parametrize(
    ("current", "content", "changed"),
    [
        pytest.param(None, FLANNEL.decode(), True, id="new"),
        pytest.param(FLANNEL, FLANNEL.decode(), False, id="same text"),
        pytest.param(FLANNEL, json.loads(FLANNEL), False, id="same as data"),
        pytest.param(FLANNEL, json.dumps(json.loads(FLANNEL), indent=7), False, id="other spacing"),
        pytest.param(CALICO, FLANNEL.decode(), True, id="another"),
        pytest.param(b"{", FLANNEL.decode(), True, id="broken before"),
        pytest.param(b"\xff\xfe", FLANNEL.decode(), True, id="not even text before"),
    ],
)
def test_present(current: bytes | None, content: t.Any, changed: bool) -> None:
    path = f"{DIR}10-flannel.conflist"
    files = {} if current is None else {path: current}
    plan = conflist_plan.present(files, path, content)
    assert plan.changed is changed
    assert json.loads(plan.result(files)[path]) == json.loads(FLANNEL)
    assert not conflist_plan.present(plan.result(files), path, content).changed


def test_true_is_not_one() -> None:
    path = f"{DIR}10-x.conflist"
    assert conflist_plan.present({path: config("x", "bridge", isGateway=1)}, path, config("x", "bridge", isGateway=True).decode()).changed


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("10-flannel.conflist.bak", FLANNEL.decode(), "must end in"),
        ("10-flannel.conflist", "{", "not JSON"),
        ("10-flannel.conflist", "[]", "not a JSON object"),
        ("10-flannel.conflist", [], "not a JSON object"),
        ("10-flannel.conflist", {"name": "x", "plugins": []}, "no list of plugins"),
        ("10-flannel.conf", FLANNEL.decode(), "only a .conflist may hold"),
    ],
)
def test_present_refuses(name: str, content: t.Any, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        conflist_plan.present({}, DIR + name, content)


def test_no_secret_is_shown() -> None:
    secrets = {"type": "k8s", **dict.fromkeys(["k8s_auth_token", "etcd_key", "apiKey", "client-key-data", "PSK", "password"], "s3cr3t")}
    old = config("k8s-pod-network", "calico", policy=secrets, kubernetes={"kubeconfig": "/etc/x"})
    shown = conflist_plan.show({f"{DIR}10-calico.conflist": old, f"{DIR}calico-kubeconfig": KUBECONFIG})
    assert "s3cr3t" not in shown
    assert '"kubeconfig": "/etc/x"' in shown
    assert f"# {DIR}calico-kubeconfig\n{len(KUBECONFIG)} bytes (not shown)\n" in shown
