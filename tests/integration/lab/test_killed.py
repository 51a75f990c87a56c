# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""SIGKILL in the middle, then the same command again: builds, the start of nodes, and the cutover all end in the same good state."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.lab_commands import changes, kill_when, lab, leftovers_of_flannel, migrate, run

pytestmark = pytest.mark.long


def test_killed_build(tmp_path: Path) -> None:
    """The second call builds what the first did not finish, and no unfinished file stays where a finished one is looked for."""
    kill_when(lab("build"), "building agnhost", after=0.3, LAB_CACHE=str(tmp_path))
    finished = {path.name for path in (tmp_path / "bin").iterdir() if not path.name.startswith(".")}
    assert [name for name in finished if name.startswith("kube-")] != []
    assert [name for name in finished if name.startswith("myapp-")] == []
    assert "building kube from" not in run(lab("build"), LAB_CACHE=str(tmp_path))
    assert "all 14 are built already" in run(lab("build"), LAB_CACHE=str(tmp_path))


@pytest.mark.parametrize(
    ("words", "after"),
    [
        ("registries and manifests on the host ...", 0.1),
        ("booting", 0.5),
        ("kubeadm init and join ...", 5.0),
        ("by the collection's own roles ...", 6.0),
    ],
)
def test_killed_start(words: str, after: float) -> None:
    """Nodes that a killed start left running do not disturb the next one."""
    kill_when(lab("reset"), words, after)
    run(lab("up"))
    assert "run already and are what is wanted" in run(lab("up"))


def test_a_cutover_that_is_killed_again_and_again() -> None:
    """In one task after the other. The same command goes on from what it finds, ends verified, and has then nothing to do."""
    cutover = migrate("-e", "cni_migration_strategy=cutover", "-e", "cni_migration_probe=false")
    run(lab("reset"))
    for task, after in (
        ("Begin the journal", 0.2),
        ("Remove flannel's objects", 0.5),
        ("Remove flannel's CNI configuration from every node", 0.3),
        ("Apply Calico's objects", 2.0),
        ("Wait until calico-node runs on every node", 5.0),
        ("Restart the kubelet service", 0.5),
        ("Recreate every pod whose address is not Calico's", 3.0),
        ("Remove what the CNI left on this node", 0.7),
        ("Put the pod network to the test", 6.0),
    ):
        kill_when(cutover, task, after)
    assert "policy-enforced" in run(cutover)
    assert changes(run(migrate())) == {0}
    assert leftovers_of_flannel() == []
