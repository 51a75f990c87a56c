# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import STATES, Journal
from tests.support.preflight_cases import (
    BARE_NODE,
    BEGUN,
    CALICO,
    CALICO_API_ONLY,
    CALICO_NODE,
    FLANNEL_FILE,
    FLANNEL_NODE,
    NETWORK,
    NOTHING_NOTED,
    OLD_RULES_NODE,
    ON_CALICO,
    ON_FLANNEL,
    ON_NOTHING,
    VXLAN,
    both,
    examine,
    with_changes,
)


@pytest.mark.parametrize(
    ("seen", "nodes", "journal", "state", "network"),
    [
        pytest.param(ON_FLANNEL, FLANNEL_NODE, NOTHING_NOTED, "flannel", NETWORK, id="flannel"),
        pytest.param(ON_FLANNEL, FLANNEL_NODE, BEGUN, "flannel", NETWORK, id="journal written, nothing removed yet"),
        pytest.param(ON_NOTHING, FLANNEL_NODE, NOTHING_NOTED, "migrating", NETWORK, id="flannel deleted, nodes still full of it"),
        pytest.param(ON_NOTHING, BARE_NODE, BEGUN, "migrating", NETWORK, id="flannel and its leftovers gone, journal remembers"),
        pytest.param(
            ON_NOTHING, snapshot.NodeSnapshot("x", links=(VXLAN,)), NOTHING_NOTED, "migrating", "", id="only a device, after a reboot"
        ),
        pytest.param(
            ON_NOTHING, snapshot.NodeSnapshot("x", conflists=(FLANNEL_FILE,)), NOTHING_NOTED, "migrating", "", id="only the conflist"
        ),
        pytest.param(ON_CALICO, FLANNEL_NODE, NOTHING_NOTED, "migrating", NETWORK, id="Calico applied, leftovers on nodes"),
        pytest.param(ON_CALICO, OLD_RULES_NODE, NOTHING_NOTED, "migrating", NETWORK, id="Calico applied, an old flannel's rules left"),
        pytest.param(ON_CALICO, CALICO_NODE, BEGUN, "migrating", NETWORK, id="Calico applied, journal open"),
        pytest.param(with_changes(calico=CALICO), FLANNEL_NODE, BEGUN, "migrating", NETWORK, id="both run, journal open"),
        pytest.param(with_changes(calico=CALICO), FLANNEL_NODE, NOTHING_NOTED, "flannel", NETWORK, id="both run, no journal"),
        pytest.param(ON_CALICO, CALICO_NODE, NOTHING_NOTED, "calico", NETWORK, id="calico"),
        pytest.param(ON_CALICO, CALICO_NODE, Journal("flannel", NETWORK, "done"), "calico", NETWORK, id="migration is over"),
        pytest.param(
            ON_CALICO,
            dataclasses.replace(CALICO_NODE, files=(snapshot.File("/opt/cni/bin/flannel", "binary", owner="flannel"),)),
            NOTHING_NOTED,
            "calico",
            NETWORK,
            id="a package's flannel binary is no leftover",
        ),
        pytest.param(ON_NOTHING, BARE_NODE, NOTHING_NOTED, "none", NETWORK, id="none"),
        pytest.param(
            dataclasses.replace(ON_NOTHING, calico=CALICO_API_ONLY),
            BARE_NODE,
            NOTHING_NOTED,
            "none",
            NETWORK,
            id="only Calico's CRDs",
        ),
        pytest.param(
            dataclasses.replace(ON_NOTHING, other_cnis=("Cilium (kube-system/cilium)",)),
            BARE_NODE,
            NOTHING_NOTED,
            "other",
            "",
            id="other",
        ),
    ],
)
def test_state(seen: cluster.ClusterSnapshot, nodes: snapshot.NodeSnapshot, journal: Journal, state: str, network: str) -> None:
    verdict = examine(seen, both(nodes), journal)
    assert (verdict.state, verdict.network) == (state, network)
    assert verdict.state in STATES


@pytest.mark.parametrize(
    ("nodes", "journal", "wanted", "network"),
    [
        pytest.param(both(FLANNEL_NODE), NOTHING_NOTED, "10.244.0.0/17", "10.244.0.0/17", id="the wanted one wins"),
        pytest.param(both(BARE_NODE), Journal("flannel", "10.9.0.0/16", "x"), "", "10.9.0.0/16", id="the journal's"),
        pytest.param(both(FLANNEL_NODE), Journal("flannel", "10.9.0.0/16", "x"), "", "10.9.0.0/16", id="the journal before the nodes"),
        pytest.param(both(FLANNEL_NODE, BARE_NODE), NOTHING_NOTED, "", NETWORK, id="what one node remembers"),
        pytest.param(
            both(FLANNEL_NODE, dataclasses.replace(FLANNEL_NODE, subnet_env={"FLANNEL_NETWORK": "10.1.0.0/16"})),
            NOTHING_NOTED,
            "",
            "",
            id="nodes that disagree settle nothing",
        ),
    ],
)
def test_network_of_an_interrupted_migration(nodes: dict[str, snapshot.NodeSnapshot], journal: Journal, wanted: str, network: str) -> None:
    assert examine(ON_NOTHING, nodes, journal, network=wanted).network == network
