# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Back to flannel from wherever a migration was stopped, and from a finished Calico; killed half way, too. Nothing of Calico is left."""

from __future__ import annotations

import pytest

from tests.support.faults import refused
from tests.support.lab_commands import ROOT, changes, kill_when, lab, migrate, on_nodes, run

pytestmark = pytest.mark.long

UNMEASURED = ("-e", "cni_migration_probe=false")


def playbook(name: str, *arguments: str) -> list[str]:
    return ["ansible-playbook", "--inventory", "inventories/lab", str(ROOT / "playbooks" / f"{name}.yml"), *arguments]


@pytest.fixture(scope="module", autouse=True)
def fresh() -> None:
    """The lab on flannel. Each test goes back to it."""
    run(lab("reset"))


@pytest.mark.parametrize(
    ("task", "after"),
    [
        ("Begin the journal", 0.5),
        ("Apply Calico without a node to run on", 1.0),
        ("Run calico-node on canary", 3.0),
        ("Move the pods by their owners' rollouts", 4.0),
        ("Begin step remove-flannel", 0.0),
    ],
)
def test_rollback_of_a_migration_that_was_killed(task: str, after: float) -> None:
    kill_when(migrate(*UNMEASURED), task, after)
    assert "pod-to-pod" in run(playbook("rollback-migration", *UNMEASURED))
    again = run(playbook("rollback-migration", *UNMEASURED))
    assert changes(again) == {0}
    assert "There is nothing to roll back" in again
    assert leftovers_of_calico() == []


def test_rollback_of_a_canary_that_does_not_get_well() -> None:
    """calico-node cannot start there, and goes all the same."""
    on_nodes("mkdir -p /opt/cni/bin/calico/in-the-way", hosts="n2")
    assert "install-cni" in refused(*UNMEASURED, "-e", "cni_migration_timeout=40")
    assert "pod-to-pod" in run(playbook("rollback-migration", *UNMEASURED))
    on_nodes("rm -r /opt/cni/bin/calico", hosts="n2")
    assert changes(run(playbook("rollback-migration", *UNMEASURED))) == {0}
    assert leftovers_of_calico() == []


def test_a_rollback_that_is_killed_again_and_again() -> None:
    """In one task after the other; the same command goes on each time from what it finds."""
    run(migrate(*UNMEASURED, "--extra-vars", "cni_migration_pause_before=remove-flannel"))
    back = playbook("rollback-migration", *UNMEASURED)
    for task, after in (
        ("Let both CNIs have pods here, and keep flannel from giving addresses of Calico's blocks", 0.7),
        ("Remove Calico's CNI configuration from every node", 0.7),
        ("Move the pods to flannel by their owners' rollouts", 3.0),
        ("Remove what of Calico runs", 1.5),
        ("Remove Calico's objects", 2.0),
        ("Remove what the CNI left on this node", 0.7),
        ("Put the kernel's settings back", 0.3),
    ):
        kill_when(back, task, after)
    assert "pod-to-pod" in run(back)
    assert changes(run(back)) == {0}
    assert leftovers_of_calico() == []


def test_a_way_from_calico_to_flannel_that_is_killed_again_and_again() -> None:
    run(migrate(*UNMEASURED))
    back = playbook("migrate-to-flannel", *UNMEASURED)
    for task, after in (
        ("Apply flannel's objects", 1.0),
        ("Move the pods to flannel by their owners' rollouts", 3.0),
        ("Remove Calico's objects", 2.0),
    ):
        kill_when(back, task, after)
    assert "pod-to-pod" in run(back)
    assert changes(run(back)) == {0}
    assert leftovers_of_calico() == []


def leftovers_of_calico() -> list[str]:
    """Lines about Calico on the nodes, by the kernel's own words."""
    look = (
        "ip -o link; ip route show table all; iptables-legacy-save; iptables-nft-save; ipset list -n; "
        "ls /etc/cni/net.d /run /opt/cni/bin /var/lib /var/lib/cni /etc/sysctl.d; "
        "find /var/lib/cni/networks -type f -exec grep -l podnet.cni {} +; true"
    )
    said = run(["ansible", "k8s_cluster", "--inventory", "inventories/lab", "--module-name", "ansible.builtin.shell", "--args", look])
    return [line for line in said.splitlines() if "cali" in line.lower() or "podnet-cni" in line or "/networks/" in line]
