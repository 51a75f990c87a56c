# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

testinfra_hosts = ["local://"]


def test_flannel_has_the_backend_it_had_before(core: t.Any) -> None:
    net_conf = json.loads(core.read_namespaced_config_map("kube-flannel-cfg", "kube-flannel").data["net-conf.json"])
    assert (net_conf["Network"], net_conf["Backend"]["Type"]) == ("10.244.0.0/16", "vxlan")


def test_the_journal_says_how_it_ended(core: t.Any) -> None:
    journal = core.read_namespaced_config_map("podnet-cni-migration", "kube-system").data
    assert (journal["source"], journal["phase"]) == ("calico", "done")
