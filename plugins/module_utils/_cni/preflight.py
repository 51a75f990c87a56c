# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides, before anything is changed, where a cluster stands and whether the wanted change can be made.

`examine` names the state, resolves the pod network, and asks the questions of the tables `_ALWAYS`, `_OF_INSPECTED_NODES`
and, where there is a change to make, `_BEFORE_A_CHANGE`.
Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster, flannel, network, snapshot

FLANNEL = "flannel"
CALICO = "calico"
#: Flannel is gone or going and Calico not yet all there: a migration that was interrupted.
MIGRATING = "migrating"
NONE = "none"
OTHER = "other"
STATES = (FLANNEL, MIGRATING, CALICO, NONE, OTHER)

TARGETS = (CALICO, FLANNEL)

#: strategy -> target -> the states it may start from. ``install`` puts a CNI where none is.
STRATEGIES: t.Mapping[str, t.Mapping[str, t.FrozenSet[str]]] = {
    "cutover": {CALICO: frozenset({FLANNEL, MIGRATING, CALICO})},
    "install": {CALICO: frozenset({NONE, CALICO}), FLANNEL: frozenset({NONE, FLANNEL})},
}

#: The journal's phase once a migration is over.
DONE = "done"

ARCHITECTURES = ("amd64", "arm64", "ppc64le", "s390x")
RUNTIMES = ("containerd", "cri-o")

#: Calico gives addresses to nodes in blocks of this prefix length unless a pool says otherwise.
_BLOCK_PREFIX = 26
_BRINGS_BACK = ("Argo CD", "Flux", "addon manager", "Rancher deploy controller")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The change to prepare. An empty ``network`` keeps flannel's; ``hosts`` are the play's inventory names, empty when not told."""

    target: str = CALICO
    network: str = ""
    encapsulation: str = "vxlan"
    strategy: str = "cutover"
    hosts: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Journal:
    """What an earlier run wrote down before it changed anything; empty when there was none."""

    source: str = ""
    network: str = ""
    phase: str = ""

    @property
    def unfinished(self) -> bool:
        """Whether a migration was begun and not ended."""
        return bool(self.source) and self.phase != DONE


@dataclasses.dataclass(frozen=True)
class Situation:
    """All a question may look at.

    ``snapshots`` are those of the cluster's nodes, ``all_snapshots`` those of any host; ``network`` is the pod network as far
    as it is known.
    """

    cluster: cluster.ClusterSnapshot
    snapshots: t.Mapping[str, snapshot.NodeSnapshot]
    all_snapshots: t.Mapping[str, snapshot.NodeSnapshot]
    wanted: Wanted
    journal: Journal
    state: str
    network: str

    @property
    def changes(self) -> bool:
        """Whether there is anything to do: a cluster that is on its target already only gets looked at."""
        return self.state != self.wanted.target

    @property
    def pool(self) -> str:
        """The network when it can be reasoned about, else an empty string: `_network_known` reports why."""
        return self.network if not _cidr_problem(self.network) else ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The outcome: where the cluster stands, the pod network, and each question's answer."""

    state: str
    network: str
    checks: t.Tuple[checks.Check, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the change."""
        return not checks.failures(self.checks)


_Answer = t.Iterable[checks.Check]


def examine(
    seen: cluster.ClusterSnapshot,
    snapshots: t.Mapping[str, snapshot.NodeSnapshot],
    wanted: Wanted,
    journal: Journal = Journal(),
) -> Verdict:
    """Where the cluster stands and whether the wanted change can be made."""
    names = {node.name for node in seen.nodes}
    inspected = {name: node for name, node in snapshots.items() if name in names}
    state = state_of(seen, inspected, journal)
    pods_network = resolve_network(seen, inspected, wanted, journal, state)
    situation = Situation(seen, inspected, snapshots, wanted, journal, state, pods_network)
    questions = _ALWAYS + (_OF_INSPECTED_NODES if inspected else ()) + (_BEFORE_A_CHANGE if situation.changes else ())
    answers = tuple(check for question in questions for check in question(situation))
    return Verdict(state, situation.network, answers)


def state_of(seen: cluster.ClusterSnapshot, snapshots: t.Mapping[str, snapshot.NodeSnapshot], journal: Journal) -> str:
    """One of `STATES`. Flannel beside Calico is an interrupted migration only when a journal says so."""
    calico_runs = _calico_runs(seen)
    if seen.flannel:
        return MIGRATING if calico_runs and journal.unfinished else FLANNEL
    if journal.unfinished or any(map(flannel_leftovers, snapshots.values())):
        return MIGRATING
    if calico_runs:
        return CALICO
    return OTHER if seen.other_cnis else NONE


def flannel_leftovers(node: snapshot.NodeSnapshot) -> t.Tuple[str, ...]:
    """What of flannel is on the node's kernel and configuration. Its binary alone tells nothing: packages of plugins bring one."""
    found = [link.name for link in node.links if _of_flannel(link.owner) or link.name.startswith("flannel")]
    found += [conflist.path for conflist in node.conflists if _of_flannel(conflist.owner)]
    found += [f"{chain.table} chain {chain.name}" for chain in node.chains if any(map(_of_flannel, _owners(chain)))]
    if node.subnet_env:
        found.append("subnet.env")
    return tuple(dict.fromkeys(found))


def resolve_network(
    seen: cluster.ClusterSnapshot, snapshots: t.Mapping[str, snapshot.NodeSnapshot], wanted: Wanted, journal: Journal, state: str
) -> str:
    """The pod network: the wanted one, else the journal's, flannel's, what flannel left on the nodes, Calico's pool, the cluster's."""
    noted = journal.network if state == MIGRATING else ""
    runs = seen.flannel[0].network if seen.flannel else ""
    left = sorted({node.subnet_env["FLANNEL_NETWORK"] for node in snapshots.values() if node.subnet_env.get("FLANNEL_NETWORK")})
    # Two nodes that disagree settle nothing, and a wrong pool is worse than a question.
    settled = left[0] if len(left) == 1 else ""
    pools = [pool.cidr for pool in (seen.calico.pools if seen.calico else ()) if not pool.disabled and network.is_ipv4(pool.cidr)]
    ranges = [cidr for cidr in seen.cluster_cidrs if network.is_ipv4(cidr)] if state == NONE else []
    return next(filter(None, [wanted.network, noted, runs, settled, *pools, *ranges]), "")


def failure_message(verdict: Verdict) -> str:
    """All failed checks in one text: what was found, where, and what to do next."""
    lines = checks.failure_lines(verdict.checks)
    count = f"{len(lines)} of {len(verdict.checks)} answers speak against it"
    return "\n".join([f"Preflight failed, nothing was changed (state: {verdict.state}). {count}:", *lines])


def _strategy_known(at: Situation) -> _Answer:
    targets = STRATEGIES.get(at.wanted.strategy)
    if targets is None:
        yield _failed("strategy-known", f"unknown strategy {at.wanted.strategy!r}", "strategy", f"Choose one of {', '.join(STRATEGIES)}.")
    elif at.wanted.target not in targets:
        yield _failed(
            "strategy-known",
            f"strategy {at.wanted.strategy} does not lead to {at.wanted.target}",
            "strategy",
            f"It leads to {', '.join(targets)}.",
        )
    else:
        yield _passed("strategy-known", f"{at.wanted.strategy} to {at.wanted.target}")


def _nodes_found(at: Situation) -> _Answer:
    if at.cluster.nodes:
        yield _passed("nodes-found", f"{len(at.cluster.nodes)} nodes")
    else:
        yield _failed("nodes-found", "the cluster has no node", "Node objects", "Use the kubeconfig of the cluster to change.")


def _inventory_matches(at: Situation) -> _Answer:
    hosts, names = _hosts(at), _node_names(at)
    strangers = sorted(set(hosts) - set(names))
    absent = sorted(set(names) - set(hosts)) if at.wanted.hosts else []
    for host in strangers:
        seen = at.all_snapshots.get(host)
        alias = f"; its own name {seen.hostname} is one" if seen and seen.hostname in names else ""
        yield _failed(
            "inventory-matches-nodes",
            f"host {host} of the inventory is no node of the cluster{alias}",
            host,
            f"Name hosts as the nodes are named ({checks.shortened(names)}); the address goes into ansible_host.",
        )
    for name in absent:
        yield _failed(
            "inventory-matches-nodes",
            f"node {name} is not in the inventory",
            name,
            "Add it to group k8s_cluster and run without --limit: every node changes or none.",
        )
    if not strangers and not absent:
        yield _passed("inventory-matches-nodes", f"{len(hosts)} hosts, all of them nodes")


def _nodes_reachable(at: Situation) -> _Answer:
    # A node that the inventory does not know was never tried: the question before this one reports it.
    tried = set(at.wanted.hosts or _node_names(at)) & set(_node_names(at))
    silent = sorted(tried - set(at.snapshots))
    for name in silent:
        yield _failed(
            "nodes-reachable",
            f"node {name} could not be inspected",
            name,
            "It is unreachable or not in the inventory: make `ansible -m ping` succeed on it.",
        )
    if not silent:
        yield _passed("nodes-reachable", f"{len(tried)} nodes inspected")


def _nodes_ready(at: Situation) -> _Answer:
    lazy = [node.name for node in at.cluster.nodes if not node.ready]
    if lazy and at.state == MIGRATING:
        yield _skipped("nodes-ready", f"not Ready: {checks.shortened(lazy)}; the interrupted migration took their network")
        return
    # Where no CNI is yet, no node can be Ready: the network is what they wait for.
    if lazy and at.state == NONE:
        yield _skipped("nodes-ready", f"not Ready: {checks.shortened(lazy)}; they wait for a CNI")
        return
    for name in lazy:
        yield _failed("nodes-ready", f"node {name} is not Ready", name, f"See `kubectl describe node {name}`; mend it or remove it first.")
    if not lazy:
        yield _passed("nodes-ready", f"{len(at.cluster.nodes)} of {len(at.cluster.nodes)} Ready")


def _already_there(at: Situation) -> _Answer:
    if at.state == at.wanted.target:
        yield _passed(f"already-{at.wanted.target}", f"the cluster runs {at.wanted.target}: nothing to change")


def _flannel_found(at: Situation) -> _Answer:
    if at.wanted.strategy == "install" or at.wanted.target != CALICO:
        return
    if at.cluster.flannel:
        yield _passed("flannel-found", "; ".join(map(_describe, at.cluster.flannel)))
    elif at.state in (MIGRATING, CALICO):
        yield _skipped("flannel-found", f"flannel is gone, state is {at.state}")
    else:
        others = f"; other CNIs: {', '.join(at.cluster.other_cnis)}" if at.cluster.other_cnis else ""
        searched = "; ".join(at.cluster.searched) or "nothing"
        yield _failed(
            "flannel-found",
            f"no flannel found, looked at: {searched}{others}",
            "DaemonSets of all namespaces",
            "Use the kubeconfig of the cluster to migrate; where no CNI is installed, run install_calico.yml instead.",
        )


def _one_flannel(at: Situation) -> _Answer:
    found = [f"{item.daemonset.namespace}/{item.daemonset.name}" for item in at.cluster.flannel]
    if len(found) > 1:
        yield _failed(
            "one-flannel",
            f"{len(found)} flannel DaemonSets: {', '.join(found)}",
            ", ".join(found),
            "They fight over the same devices: delete the one that is left over, check the nodes, then start again.",
        )
    elif found:
        yield _passed("one-flannel", found[0])


def _calico_absent(at: Situation) -> _Answer:
    if at.state != FLANNEL:
        return
    if at.cluster.calico is not None and at.cluster.calico.daemonset is not None:
        place = f"{at.cluster.calico.daemonset.namespace}/{at.cluster.calico.daemonset.name}"
        yield _failed(
            "calico-absent",
            f"Calico runs beside flannel ({place}) and no migration of ours began it",
            place,
            "Remove one of the two first (Canal, which is both, is not supported).",
        )
    elif at.cluster.calico is not None and at.cluster.calico.operator:
        yield _failed(
            "calico-absent", "Calico's operator has an Installation", "Installation", "Delete it: the operator would fight the manifest."
        )
    else:
        yield _passed("calico-absent", "no Calico runs")


def _no_other_cni(at: Situation) -> _Answer:
    if at.cluster.other_cnis:
        yield _failed(
            "no-other-cni",
            f"other CNIs run: {', '.join(at.cluster.other_cnis)}",
            ", ".join(at.cluster.other_cnis),
            "Only flannel and Calico are known here: remove the other one or leave this cluster as it is.",
        )
    else:
        yield _passed("no-other-cni", "none")


def _cni_absent(at: Situation) -> _Answer:
    """Asked of an installation alone: a migration meets no state that no other question speaks about."""
    if at.wanted.strategy != "install" or at.state in STRATEGIES["install"].get(at.wanted.target, frozenset()) or at.state == OTHER:
        return
    advice = "Run migrate_to_calico.yml." if at.wanted.target == CALICO else "Remove Calico with clean_cni.yml first."
    yield _failed("cni-absent", f"the cluster is not without a CNI, its state is {at.state}", "cluster", advice)


def _no_opposite_migration(at: Situation) -> _Answer:
    if at.journal.unfinished and at.journal.source == at.wanted.target:
        yield _failed(
            "no-opposite-migration",
            f"a migration away from {at.wanted.target} is under way (phase {at.journal.phase or 'unknown'})",
            "ConfigMap kube-system/podnet-cni-migration",
            "Finish that one first.",
        )


def _not_managed(at: Situation) -> _Answer:
    for item in at.cluster.flannel:
        place = f"{item.daemonset.namespace}/{item.daemonset.name}"
        if item.managed_by in _BRINGS_BACK:
            yield _failed(
                "not-managed-by-gitops",
                f"{item.managed_by} manages flannel and would bring it back",
                place,
                "Take flannel out of what it applies (without deleting the objects), then start again.",
            )
        elif item.managed_by:
            note = f"{item.managed_by} installed it: it does nothing by itself, but forget the release before the next upgrade"
            yield _passed("not-managed-by-gitops", note, place)
        else:
            yield _passed("not-managed-by-gitops", "no tool claims flannel", place)


def _network_known(at: Situation) -> _Answer:
    problem = _cidr_problem(at.network)
    if not problem:
        yield _passed("network-known", at.network)
        return
    where = ", ".join(f"ConfigMap {item.config_map.namespace}/{item.config_map.name}" for item in at.cluster.flannel if item.config_map)
    yield _failed("network-known", problem, where or "network", "Set the network to the cluster's pod network, for example 10.244.0.0/16.")


def _pool_unchanged(at: Situation) -> _Answer:
    pools = [pool.cidr for pool in (at.cluster.calico.pools if at.cluster.calico else ()) if not pool.disabled]
    if not at.pool or not pools or at.wanted.target != CALICO:
        return
    if at.pool in pools:
        yield _passed("pool-unchanged", at.pool)
    else:
        yield _failed(
            "pool-unchanged",
            f"Calico already has pool {', '.join(pools)}, not {at.pool}",
            "IPPool",
            f"Go on with network {pools[0]}, or delete the IPPool if no pod has an address of it.",
        )


def _pool_inside(at: Situation) -> _Answer:
    # Without the cluster's own word, what flannel has is what kube-proxy and the nodes were set up for.
    ranges = at.cluster.cluster_cidrs or tuple(item.network for item in at.cluster.flannel if not _cidr_problem(item.network))
    ranges = tuple(cidr for cidr in ranges if network.is_ipv4(cidr))
    if not at.pool or not ranges:
        yield _skipped("pool-inside-cluster-cidr", "the cluster does not tell its pod range")
    elif any(network.inside(at.pool, cidr) for cidr in ranges):
        yield _passed("pool-inside-cluster-cidr", f"{at.pool} in {', '.join(ranges)}")
    else:
        yield _failed(
            "pool-inside-cluster-cidr",
            f"network {at.pool} is outside the cluster's pod range {', '.join(ranges)}",
            "network",
            "kube-proxy would masquerade pod traffic: choose a network inside that range, or leave it empty to keep flannel's.",
        )


def _pool_apart_from_services(at: Situation) -> _Answer:
    clashes = [cidr for cidr in at.cluster.service_cidrs if at.pool and network.overlap(at.pool, cidr)]
    if clashes:
        yield _failed(
            "pool-overlaps-services",
            f"network {at.pool} overlaps the Service range {', '.join(clashes)}",
            "network",
            "Choose a network that shares no address with it.",
        )
    elif at.pool and at.cluster.service_cidrs:
        yield _passed("pool-overlaps-services", f"{at.pool} and {', '.join(at.cluster.service_cidrs)} share nothing")
    else:
        yield _skipped("pool-overlaps-services", "the cluster does not tell its Service range")


def _pool_apart_from_nodes(at: Situation) -> _Answer:
    clashes = [f"{node.name} ({ip})" for node in at.cluster.nodes for ip in node.internal_ips if at.pool and network.contains(at.pool, ip)]
    if clashes:
        yield _failed(
            "pool-overlaps-nodes", f"network {at.pool} holds addresses of nodes: {', '.join(clashes)}", "network", "Choose another network."
        )
    elif at.pool:
        yield _passed("pool-overlaps-nodes", "no node has an address in it")


def _pool_big_enough(at: Situation) -> _Answer:
    if not at.pool or at.wanted.target != CALICO:
        return
    prefix = network.parse_cidr(at.pool).prefixlen
    blocks = 2 ** (_BLOCK_PREFIX - prefix) if prefix <= _BLOCK_PREFIX else 0
    if blocks < len(at.cluster.nodes):
        yield _failed(
            "pool-big-enough",
            f"network {at.pool} has {blocks} blocks of /{_BLOCK_PREFIX} for {len(at.cluster.nodes)} nodes",
            "network",
            "Choose a larger network: each node needs a block.",
        )
    else:
        yield _passed("pool-big-enough", f"{blocks} blocks of /{_BLOCK_PREFIX} for {len(at.cluster.nodes)} nodes")


def _podcidr_inside(at: Situation) -> _Answer:
    """Flanneld exits where its node's podCIDR is not inside its Network: the one it has, or the one it is to get."""
    outer = at.cluster.flannel[0].network if at.cluster.flannel else at.pool if at.wanted.target == FLANNEL else ""
    if _cidr_problem(outer):
        return
    strays = {node.name: node.pod_cidrs for node in at.cluster.nodes if not _has_pod_cidr_in(node, outer)}
    for name, cidrs in strays.items():
        yield _failed(
            "podcidr-inside-network",
            f"podCIDR {', '.join(cidrs) or '(none)'} is not inside flannel's Network {outer}",
            name,
            "Flannel cannot work on this node: correct net-conf.json or the node's podCIDR first.",
        )
    if not strays:
        yield _passed("podcidr-inside-network", f"all podCIDRs in {outer}")


def _cluster_cidr_matches(at: Situation) -> _Answer:
    ranges = [cidr for cidr in at.cluster.cluster_cidrs if network.is_ipv4(cidr)]
    networks = [item.network for item in at.cluster.flannel if not _cidr_problem(item.network)]
    if not ranges or not networks:
        return
    if any(network.overlap(networks[0], cidr) for cidr in ranges):
        note = "" if networks[0] in ranges else " (not equal, but they overlap)"
        yield _passed("cluster-cidr-matches", f"flannel's Network {networks[0]}, cluster CIDR {', '.join(ranges)}{note}")
    else:
        yield _failed(
            "cluster-cidr-matches",
            f"flannel's Network {networks[0]} has nothing in common with the cluster CIDR {', '.join(ranges)}",
            "net-conf.json and --cluster-cidr",
            "Bring the two together first: kube-proxy and the controller manager use the cluster CIDR.",
        )


def _ipv4_only(at: Situation) -> _Answer:
    dual = [node.name for node in at.cluster.nodes if any(not network.is_ipv4(cidr) for cidr in node.pod_cidrs)]
    if dual:
        yield _failed(
            "ipv4-only",
            f"nodes with an IPv6 podCIDR: {', '.join(dual)}",
            ", ".join(dual),
            "IPv6 pods would lose their network: not supported yet.",
        )
    else:
        yield _passed("ipv4-only", "no node has an IPv6 podCIDR")


def _architecture_supported(at: Situation) -> _Answer:
    yield from _each_node(
        at,
        "architecture-supported",
        lambda node: node.architecture in ARCHITECTURES,
        lambda node: f"architecture {node.architecture or 'unknown'}",
        f"Calico and flannel both have images for {', '.join(ARCHITECTURES)} only: remove the node first.",
    )


def _system_supported(at: Situation) -> _Answer:
    yield from _each_node(
        at,
        "os-supported",
        lambda node: node.operating_system == "linux",
        lambda node: f"operating system {node.operating_system or 'unknown'}",
        "Only Linux nodes can be changed: remove the node first.",
    )


def _runtime_supported(at: Situation) -> _Answer:
    yield from _each_node(
        at,
        "runtime-supported",
        lambda node: node.runtime.split(":", 1)[0] in RUNTIMES,
        lambda node: f"runtime {node.runtime or 'unknown'}",
        f"Its CNI state can only be read from {' and '.join(RUNTIMES)}: move the node to one of them first.",
    )


def _kernel_carries(at: Situation) -> _Answer:
    """A device of the kind proves that the kernel can; its absence proves nothing, so it never fails here."""
    kind = {"vxlan": "vxlan", "vxlan_cross_subnet": "vxlan", "ipip": "ipip"}.get(at.wanted.encapsulation)
    if kind is None or at.wanted.target != CALICO or not at.snapshots:
        return
    unproved = sorted(name for name, node in at.snapshots.items() if all(link.kind != kind for link in node.links))
    if unproved:
        yield _skipped(f"kernel-{kind}", f"no {kind} device yet to prove it on {checks.shortened(unproved)}")
    else:
        yield _passed(f"kernel-{kind}", f"a {kind} device works on {len(at.snapshots)} nodes")


def _conflist_winner(at: Situation) -> _Answer:
    if at.state not in (FLANNEL, CALICO):
        yield _skipped("conflist-winner", f"state is {at.state}")
        return
    wrong = False
    for name, node in sorted(at.snapshots.items()):
        winner = next((conflist for conflist in node.conflists if conflist.wins), None)
        if winner is not None and snapshot.cni_of(winner.owner) == at.state:
            continue
        wrong = True
        seen = f"{winner.path} of {winner.owner} wins ({winner.reason})" if winner else f"no valid file in {node.runtime.conf_dir}"
        yield _failed(
            "conflist-winner",
            f"{seen}, not {at.state}'s",
            name,
            f"New pods on this node do not get {at.state}'s network: move the other files out of {node.runtime.conf_dir}.",
        )
    if not wrong:
        yield _passed("conflist-winner", f"{at.state}'s file wins on {len(at.snapshots)} nodes")


def _one_iptables_backend(at: Situation) -> _Answer:
    """A note, never a failure: it is the user's to sort out, and both rule sets work as long as they agree."""
    mixed = sorted(name for name, node in at.snapshots.items() if len(_iptables_backends(node)) > 1)
    if mixed:
        note = f"warning: rules in both legacy and nft iptables on {checks.shortened(mixed)}"
        yield _passed("one-iptables-backend", note, ", ".join(mixed))
    else:
        yield _passed("one-iptables-backend", "no node has rules in both")


_ALWAYS: t.Tuple[t.Callable[[Situation], _Answer], ...] = (
    _strategy_known,
    _nodes_found,
    _inventory_matches,
    _nodes_reachable,
    _nodes_ready,
    _already_there,
    _flannel_found,
    _one_flannel,
    _calico_absent,
    _no_other_cni,
    _cni_absent,
    _no_opposite_migration,
)
# Of no node at all, anything is true.
_OF_INSPECTED_NODES: t.Tuple[t.Callable[[Situation], _Answer], ...] = (
    _conflist_winner,
    _one_iptables_backend,
)
_BEFORE_A_CHANGE: t.Tuple[t.Callable[[Situation], _Answer], ...] = (
    _not_managed,
    _network_known,
    _pool_unchanged,
    _pool_inside,
    _pool_apart_from_services,
    _pool_apart_from_nodes,
    _pool_big_enough,
    _podcidr_inside,
    _cluster_cidr_matches,
    _ipv4_only,
    _architecture_supported,
    _system_supported,
    _runtime_supported,
    _kernel_carries,
)


def _passed(name: str, seen: str, where: str = "") -> checks.Check:
    return checks.Check(name, checks.PASSED, seen, where)


def _skipped(name: str, seen: str) -> checks.Check:
    return checks.Check(name, checks.SKIPPED, seen)


def _failed(name: str, seen: str, where: str, next_step: str) -> checks.Check:
    return checks.Check(name, checks.FAILED, seen, where, next_step)


def _each_node(
    at: Situation, name: str, suits: t.Callable[[cluster.Node], bool], seen: t.Callable[[cluster.Node], str], next_step: str
) -> _Answer:
    wrong = [node for node in at.cluster.nodes if not suits(node)]
    for node in wrong:
        yield _failed(name, f"{seen(node)} is not supported", node.name, next_step)
    if not wrong:
        yield _passed(name, ", ".join(dict.fromkeys(map(seen, at.cluster.nodes))) or "no node")


def _hosts(at: Situation) -> t.Tuple[str, ...]:
    return at.wanted.hosts or tuple(at.all_snapshots)


def _node_names(at: Situation) -> t.List[str]:
    return [node.name for node in at.cluster.nodes]


def _calico_runs(seen: cluster.ClusterSnapshot) -> bool:
    return seen.calico is not None and seen.calico.daemonset is not None


def _of_flannel(owner: str) -> bool:
    return snapshot.cni_of(owner) == FLANNEL


def _owners(chain: snapshot.Chain) -> t.Tuple[str, ...]:
    """Whose the chain is, and whose its rules are: old flannels wrote theirs into built-in chains."""
    return (chain.owner, *(rule.owner for rule in chain.rules))


def _has_pod_cidr_in(node: cluster.Node, outer: str) -> bool:
    return any(network.inside(cidr, outer) for cidr in node.pod_cidrs)


def _iptables_backends(node: snapshot.NodeSnapshot) -> t.Set[str]:
    """Backends that hold rules; chains without any are what a program leaves after it looked."""
    return {chain.backend for chain in node.chains if chain.rules}


def _describe(item: cluster.Flannel) -> str:
    """A flannel installation in a few words."""
    names = ", ".join(f"{reference.namespace}/{reference.name}" for reference in item.daemonsets or (item.daemonset,))
    return f"{names}, {item.ready} of {item.desired} ready, backend {item.backend or 'unknown'}, Network {item.network or 'unknown'}"


def _cidr_problem(text: str) -> str:
    """Why the text is no IPv4 network to give to pods; empty when it is one."""
    if not text:
        return f"the pod network is not known: neither the network option nor flannel's {flannel.NET_CONF} nor the nodes tell it"
    try:
        parsed = network.parse_cidr(text)
    except _errors.BadInputError as error:
        return error.what
    return "" if parsed.version == 4 else f"{text} is not an IPv4 network"
