# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clean-up on a real kernel: what flannel and Calico leave goes, and everything else is byte for byte as it was.

Each test has its own network, process and mount namespaces, with overlays on the directories that CNIs write to. They end with
the one process that holds them, so the machine is untouched, and a flanneld that runs on it is not seen.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import typing as t

import pytest

HERE = pathlib.Path(__file__).parent
REPOSITORY = HERE.parents[2]

_TOOLS = ("unshare", "nsenter", "ip", "bridge", "iptables-legacy", "iptables-nft", "ip6tables-legacy", "ip6tables-nft")
_ABSENT = [tool for tool in _TOOLS if not shutil.which(tool)]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces"),
    pytest.mark.skipif(bool(_ABSENT), reason=f"not installed: {', '.join(_ABSENT)}"),
]

_FOLDERS = "/etc/cni /opt/cni /run /var/lib/cni /var/lib/calico /var/log"
_LINK = ("ifindex", "ifname", "mtu", "address", "master")

#: Runs inside: one clean-up through the module's own function, killed before its STEP-th action when that is not negative.
DRIVER = """
import json, os, signal, sys
from ansible_collections.podnet.cni.plugins.module_utils._errors import PodnetError
from ansible_collections.podnet.cni.plugins.module_utils._node import remove
from ansible_collections.podnet.cni.plugins.modules import cni_cleanup

cni, mode, step = sys.argv[1], sys.argv[2], int(sys.argv[3])
done = 0

def killed_at_step(function):
    def wrapped(*args):
        global done
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1
        return function(*args)
    return wrapped

remove._run = killed_at_step(remove._run)
remove.files.delete = killed_at_step(remove.files.delete)
try:
    print(json.dumps(cni_cleanup.clean_up(cni, "", "/var/backups/podnet.cni", mode != "apply", assume_dead=mode == "predict")))
except PodnetError as error:
    print(json.dumps({"failed": str(error)}))
"""


class Node:
    """A node's worth of namespaces."""

    def __init__(self, scratch: pathlib.Path) -> None:
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", HERE / "node.sh", scratch],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            pytest.skip(f"no namespaces with overlays here: {self._holder.communicate()[1].strip()}")
        children = pathlib.Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text()
        self._enter = ["nsenter", "--target", children.split()[0], "--net", "--mount", "--pid", "--"]

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()

    def run(self, *argv: str | pathlib.Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "collections")}
        return subprocess.run([*self._enter, *argv], input=stdin, capture_output=True, text=True, check=False, env=environment)

    def shell(self, script: str) -> str:
        result = self.run("sh", "-eu", stdin=script)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def can(self, script: str) -> bool:
        return self.run("sh", "-eu", stdin=script).returncode == 0

    def leave(self, *names: str) -> None:
        """Runs functions of leftovers.sh."""
        self.shell(f". {HERE / 'leftovers.sh'}\n" + "".join(f"{name}\n" for name in names))

    def clean(self, cni: str, mode: str = "apply", step: int = -1) -> dict[str, t.Any]:
        """``mode`` is apply, check, or predict: check mode that assumes the CNI dead."""
        result = self.run(sys.executable, "-c", DRIVER, cni, mode, str(step))
        if result.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL):
            return {"killed": True}
        assert result.returncode == 0, result.stderr
        return t.cast("dict[str, t.Any]", json.loads(result.stdout))

    def everything(self) -> dict[str, t.Any]:
        """All that a CNI could touch, as the tools print it; left out is what changes by itself: counters, timers, carrier."""
        links, addresses = (json.loads(self.shell(command)) for command in ("ip -j link", "ip -j addr"))
        neighbours, fdb = (json.loads(self.shell(command) or "[]") for command in ("ip -j neigh", "bridge -j fdb"))
        saves = {
            f"{tool}-{backend}": re.sub(r"^#.*\n|\[\d+:\d+\]", "", self.shell(f"{tool}-{backend}-save 2>/dev/null"), flags=re.MULTILINE)
            for tool in ("iptables", "ip6tables")
            for backend in ("legacy", "nft")
        }
        return {
            "links": [{**{key: link.get(key) for key in _LINK}, "up": "UP" in link["flags"]} for link in links],
            "addresses": [link["addr_info"] for link in addresses],
            "routes": sorted(self.shell("ip -4 route show table all; ip -6 route show table all").splitlines()),
            "neighbours": neighbours,
            "fdb": fdb,
            "ipsets": self.shell("if command -v ipset >/dev/null; then ipset save; fi"),
            "nft": self.shell("if command -v nft >/dev/null; then nft list tables; fi"),
            "files": self.shell(f"find {_FOLDERS} -type f -exec sha256sum {{}} + 2>/dev/null || true"),
            **saves,
        }


@pytest.fixture
def node(tmp_path: pathlib.Path) -> t.Iterator[Node]:
    made = Node(tmp_path)
    made.leave("foreign")
    yield made
    made.close()


#: The functions of leftovers.sh that make what each CNI leaves, and what the kernel must be able to do for it.
LEFTOVERS = {
    "flannel vxlan": (("flannel_common", "flannel_chains", "flannel_vxlan"), "vxlan id 1 dstport 1"),
    "flannel vxlan with DirectRouting": (("flannel_common", "flannel_chains", "flannel_vxlan", "flannel_host_gw"), "vxlan id 1 dstport 1"),
    "flannel host-gw": (("flannel_common", "flannel_chains", "flannel_host_gw"), ""),
    "flannel udp": (("flannel_common", "flannel_chains", "flannel_udp"), ""),
    "flannel ipip": (("flannel_common", "flannel_chains", "flannel_ipip"), "ipip local 192.0.2.11 remote 192.0.2.12"),
    "flannel wireguard": (("flannel_common", "flannel_chains", "flannel_wireguard"), "wireguard"),
    "flannel with rules of before 0.20": (("flannel_common", "flannel_old_rules", "flannel_vxlan"), "vxlan id 1 dstport 1"),
    "flannel after a reboot": (("flannel_common", "flannel_chains", "flannel_rebooted"), ""),
    "calico vxlan": (("calico_common", "calico_chains", "calico_vxlan"), "vxlan id 1 dstport 1"),
    "calico ipip": (("calico_common", "calico_chains", "calico_ipip"), "ipip local 192.0.2.11 remote 192.0.2.12"),
    "calico unencapsulated": (("calico_common", "calico_chains", "calico_bgp"), ""),
}


def make(node: Node, case: str) -> str:
    """Leaves the case's things on the node; the CNI's name."""
    functions, kind = LEFTOVERS[case]
    if kind and not node.can(f"ip link add name probe0 type {kind} && ip link del dev probe0"):
        pytest.skip(f"this kernel cannot make a link of kind {kind.split()[0]}")
    node.leave(*functions)
    return case.split(maxsplit=1)[0]


@pytest.mark.parametrize("case", LEFTOVERS)
def test_exactly_the_cnis_things_go(node: Node, case: str) -> None:
    before = node.everything()
    cni = make(node, case)
    left = node.everything()
    assert left != before

    predicted = node.clean(cni, "check")
    assert predicted["changed"], predicted
    assert node.everything() == left

    done = node.clean(cni)
    assert (done["changed"], done["removed"]) == (True, predicted["removed"])
    assert node.everything() == before
    again = node.clean(cni)
    assert (again["changed"], again["removed"], again["backup"]) == (False, [], "")


@pytest.mark.parametrize(
    "case",
    [
        "flannel vxlan with DirectRouting",
        pytest.param("flannel with rules of before 0.20", marks=pytest.mark.long),
        "calico vxlan",
    ],
)
def test_a_run_killed_before_any_step_is_finished_by_the_next(node: Node, case: str) -> None:
    before = node.everything()
    step = 0
    while True:
        cni = make(node, case)
        if not node.clean(cni, step=step).get("killed"):
            break
        assert node.clean(cni)["changed"]
        assert node.everything() == before, f"killed before step {step}"
        step += 1
    assert step > 8
    assert node.everything() == before


@pytest.mark.parametrize(
    ("case", "sign", "reason"),
    [
        ("flannel vxlan", "pod_on_cni0", "1 pod link(s) still hang on it: vethpod"),
        ("calico vxlan", "pod_of_calico", "1 pod link(s) still hang on it: califedcba98765"),
        ("flannel vxlan", "daemon flanneld", "process flanneld runs"),
        ("calico vxlan", "daemon calico-node", "process calico-node runs"),
    ],
)
def test_a_living_cni_is_left_alone(node: Node, case: str, sign: str, reason: str) -> None:
    cni = make(node, case)
    node.leave(sign)
    before = node.everything()
    assert reason in node.clean(cni)["failed"]
    assert node.everything() == before


@pytest.mark.parametrize(
    ("case", "living", "death"),
    [
        ("flannel vxlan", ("pod_on_cni0", "daemon flanneld"), "kill $(pidof flanneld); ip link del dev pod0"),
        ("flannel udp", ("daemon flanneld",), "kill $(pidof flanneld); ip link del dev flannel0"),
        ("calico vxlan", ("pod_of_calico", "daemon calico-node"), "kill $(pidof calico-node); ip link del dev pod0"),
    ],
)
def test_what_goes_is_predicted_while_the_cni_lives(node: Node, case: str, living: tuple[str, ...], death: str) -> None:
    cni = make(node, case)
    node.leave(*living)
    before = node.everything()
    predicted = node.clean(cni, "predict")
    assert (node.everything(), "failed" in node.clean(cni, "check")) == (before, True)
    node.shell(death)
    assert node.clean(cni)["removed"] == predicted["removed"]


def test_a_card_of_the_host_on_the_bridge_is_kept_with_it(node: Node) -> None:
    make(node, "flannel host-gw")
    node.shell("ip tuntap add dev card0 mode tap; ip link set dev card0 master cni0")
    assert "card0 is a port of cni0, but not flannel's" in node.clean("flannel")["failed"]
    assert node.can("ip link show dev cni0 && ip route show table main | grep 10.244.4.0/24")


def test_the_backup_has_every_file_and_is_for_root_only(node: Node) -> None:
    cni = make(node, "calico unencapsulated")
    done = node.clean(cni)
    archive = "files.tar.gz"
    listing = node.shell(
        f"cd {done['backup']}; stat -c '%a %n' . *; tar -tzf {archive}; tar -xzOf {archive} etc/cni/net.d/calico-kubeconfig"
    )
    private = ("700 .", "600 files.tar.gz", "600 iptables-nft-save", "600 ip6tables-legacy-save")
    for line in (*private, "etc/cni/net.d/10-calico.conflist", "opt/cni/bin/calico", "token: s3cr3t"):
        assert line in listing.splitlines()
    assert "s3cr3t" not in json.dumps(done)
    assert "cali-FORWARD" in node.shell(f"cat {done['backup']}/iptables-nft-save")
