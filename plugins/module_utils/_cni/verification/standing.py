# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks that rest on what the API server and the nodes say, without a probe.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster as clusters
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import questions
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.scene import Cni


def standing_checks(
    cluster: clusters.ClusterSnapshot, nodes: t.Mapping[str, snapshot.NodeSnapshot], cni: Cni
) -> t.Tuple[checks.Check, ...]:
    """The checks that put nothing into the cluster."""
    return (_nodes_ready(cluster), _cni_ready(cluster, cni), _one_conflist(cluster, nodes, cni))


def _nodes_ready(cluster: clusters.ClusterSnapshot) -> checks.Check:
    unready = [node.name for node in cluster.nodes if not node.ready]
    if unready:
        return questions.fault(questions.NODES_READY, f"not Ready: {', '.join(unready)}")
    return checks.passed(questions.NODES_READY, f"{len(cluster.nodes)} of {len(cluster.nodes)} Ready")


def _cni_ready(cluster: clusters.ClusterSnapshot, cni: Cni) -> checks.Check:
    agents = _agents(cluster, cni)
    if not agents:
        return checks.failed(questions.CNI_READY, f"no DaemonSet of {cni.name} in the cluster", "", f"Install {cni.name} first.")
    seen = ", ".join(f"{ref.namespace}/{ref.name} {ready} of {desired} ready" for ref, ready, desired in agents)
    if not all(ready == desired > 0 for _ref, ready, desired in agents):
        return questions.fault(questions.CNI_READY, seen)
    return checks.passed(questions.CNI_READY, seen)


def _agents(cluster: clusters.ClusterSnapshot, cni: Cni) -> t.List[t.Tuple[clusters.ObjectRef, int, int]]:
    seen = cluster.calico
    found = {
        "flannel": [(flannel.daemonset, flannel.ready, flannel.desired) for flannel in cluster.flannel],
        "calico": [(seen.daemonset, seen.ready, seen.desired)] if seen and seen.daemonset else [],
    }
    return [agent for part in cni.parts for agent in found[part]]


def _one_conflist(cluster: clusters.ClusterSnapshot, nodes: t.Mapping[str, snapshot.NodeSnapshot], cni: Cni) -> checks.Check:
    if not nodes:
        return checks.skipped(questions.ONE_CONFLIST, "no snapshots of the nodes were given")
    unknown = [f"{node.name}: no snapshot" for node in cluster.nodes if node.name not in nodes]
    problems = [*unknown, *(f"{name}: {problem}" for name, node in sorted(nodes.items()) for problem in _conflist_problems(node, cni))]
    whose = " or ".join(f"{part}'s" for part in cni.parts)
    if problems:
        return questions.fault(questions.ONE_CONFLIST, f"{whose} is not the only one, and loaded, on every node", problems)
    return checks.passed(questions.ONE_CONFLIST, f"{whose} alone, and loaded, on {questions.all_of(sorted(nodes))}")


def _conflist_problems(node: snapshot.NodeSnapshot, cni: Cni) -> t.Iterator[str]:
    for conflist in node.conflists:
        if _matters(conflist) and snapshot.cni_of(conflist.owner) not in cni.parts:
            yield f"{conflist.path} is not {' or '.join(cni.parts)}'s"
    winner = next((conflist for conflist in node.conflists if conflist.wins), None)
    if winner is None:
        yield f"no usable file in {node.runtime.conf_dir}"
    elif node.runtime.loaded and not _is_loaded(winner, node.runtime):
        yield f"{winner.path} should be loaded, the runtime holds {', '.join(node.runtime.loaded)}"
    elif not node.runtime.loaded and not node.runtime.network_ready:
        yield f"the runtime says its network is not ready: {node.runtime.network_message or node.runtime.problem or 'no reason given'}"


def _matters(conflist: snapshot.Conflist) -> bool:
    """Unusable files are not loaded, and the runtimes' own loopback file is no pod network."""
    return not conflist.problem and set(conflist.plugins) != {"loopback"}


def _is_loaded(conflist: snapshot.Conflist, runtime: snapshot.Runtime) -> bool:
    names = {conflist.path, conflist.path.rpartition("/")[2], conflist.network}
    return any(loaded in names for loaded in runtime.loaded)
