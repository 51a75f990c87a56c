# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verification: which probes prove a pod network, and what their readings say, as checks.

Pure: no I/O. ``_kube.evidence`` sets the scene and runs the probes.
Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import calico, probes, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster as clusters
from ansible_collections.podnet.cni.plugins.module_utils._cni.checks import FAILED, PASSED, SKIPPED, Check, shortened

NODES_READY = "nodes-ready"
CNI_READY = "cni-ready"
ONE_CONFLIST = "one-conflist"
CANARY_READY = "canary-ready"
CANARY_ADDRESS = "canary-address"
CANARY_VETH = "canary-veth"
POD_TO_POD = "pod-to-pod"
SOURCE_ADDRESS = "source-address"
POD_TO_SERVICE = "pod-to-service"
POD_TO_DNS_NAME = "pod-to-dns-name"
HOST_TO_NODEPORT = "host-to-nodeport"
HOST_TO_EXTERNALIP = "host-to-externalip"
POLICY_ENFORCED = "policy-enforced"
USER_CLUSTERIP = "service-clusterip"
USER_NODEPORT = "service-nodeport"
USER_EXTERNALIP = "service-externalip"
USER_LOADBALANCER = "service-loadbalancer"

#: Checks that need canaries, with the question each one asks. `USER_CHECKS` are asked when the user names a Service.
QUESTIONS = {
    CANARY_READY: "does a canary pod start on every node",
    CANARY_ADDRESS: "does each canary have an address the CNI gave it",
    CANARY_VETH: "does each node route its canary to a device of the CNI",
    POD_TO_POD: "does a canary reach the canary of every other node",
    SOURCE_ADDRESS: "does a canary on another node see the client's own address",
    POD_TO_SERVICE: "does every canary reach a Service by its ClusterIP",
    POD_TO_DNS_NAME: "does every canary reach a Service by its name",
    HOST_TO_NODEPORT: "does every node reach a NodePort on every node",
    HOST_TO_EXTERNALIP: "does every node reach a Service's external address",
    POLICY_ENFORCED: "does a NetworkPolicy drop what it denies, and only then",
}
USER_CHECKS = {
    USER_CLUSTERIP: "does every canary reach the Service by its ClusterIP",
    USER_NODEPORT: "does every node reach the Service's NodePort on every node",
    USER_EXTERNALIP: "does every node reach the Service's external addresses",
    USER_LOADBALANCER: "does every node reach the Service's load balancer addresses",
}

_SERVICE_STEP = "See whether the Service has ready endpoints, and kube-proxy on the node of the client."
_NEXT_STEPS = {
    NODES_READY: "See kubelet and the CNI's pod on these nodes.",
    CNI_READY: "See the events of the pods that are not ready.",
    ONE_CONFLIST: "podnet.cni.cni_conflist removes files of other CNIs; podnet.cni.kubelet makes the runtime load the right one.",
    CANARY_READY: "See the pods' events; the image must be pullable on every node.",
    CANARY_ADDRESS: "See which CNI configuration the node's runtime has loaded: podnet.cni.cni_info tells.",
    CANARY_VETH: "Look for routes of the old CNI on that node: podnet.cni.cni_info tells them.",
    POD_TO_POD: "Look at routes, firewall and MTU between the two nodes; VXLAN needs its UDP port open.",
    SOURCE_ADDRESS: "A leftover masquerade rule rewrites the source: run podnet.cni.cni_cleanup for the old CNI.",
    POD_TO_SERVICE: "See kube-proxy on the node of the client.",
    POD_TO_DNS_NAME: "See the CoreDNS pods: they must run with an address of the new network.",
    HOST_TO_NODEPORT: "See kube-proxy on the node that was asked, and the path from it to the pods.",
    HOST_TO_EXTERNALIP: "See kube-proxy on the node of the client.",
    POLICY_ENFORCED: "See the CNI's agent on the sentinel's node; until this passes no NetworkPolicy protects anything.",
    **dict.fromkeys(USER_CHECKS, _SERVICE_STEP),
}

#: Characters of examples behind the number of ways that work: with it they fit on a line of a terminal.
_ROOM_FOR_WAYS = 24

_NUMBER = re.compile(r"\d+")


@dataclasses.dataclass(frozen=True)
class Cni:
    """What verification must know of a CNI. ``device_prefix`` names its pods' devices on the host, or is empty where no pod has a route."""

    name: str
    device_prefix: str
    enforces_policies: bool


CNIS = {cni.name: cni for cni in (Cni("calico", "cali", True), Cni("flannel", "", False))}


@dataclasses.dataclass(frozen=True)
class Place:
    """A running pod of ours: a canary with an address of the pod network, or a host pod with its node's."""

    node: str
    pod: str
    address: str


@dataclasses.dataclass(frozen=True)
class Port:
    """A TCP port of a Service; ``node_port`` is 0 when it has none."""

    port: int
    node_port: int = 0


@dataclasses.dataclass(frozen=True)
class Service:
    """The ways into a Service. ``cluster_ip`` is empty for a headless one."""

    namespace: str
    name: str
    cluster_ip: str = ""
    ports: t.Tuple[Port, ...] = ()
    external_ips: t.Tuple[str, ...] = ()
    load_balancer: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Scene:
    """The canaries and Services as they stand, ready to be probed. ``absent`` says of each node without a pod of ours why."""

    canaries: t.Tuple[Place, ...] = ()
    hosts: t.Tuple[Place, ...] = ()
    sentinel: t.Optional[Place] = None
    service: t.Optional[Service] = None
    external: t.Optional[Service] = None
    external_refused: str = ""
    user_service: t.Optional[Service] = None
    node_addresses: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    absent: t.Tuple[str, ...] = ()

    @property
    def canary_pods(self) -> t.FrozenSet[str]:
        """The canaries' names, which are also what they answer."""
        return frozenset(canary.pod for canary in self.canaries)


@dataclasses.dataclass(frozen=True)
class PolicyReadings:
    """What reached the sentinel before, while and after it was denied; a phase that was not run is empty."""

    before: t.Tuple[probes.Reading, ...] = ()
    denied: t.Tuple[probes.Reading, ...] = ()
    after: t.Tuple[probes.Reading, ...] = ()


# --- What to probe ---------------------------------------------------------------------------------------------------


def plan(scene: Scene, cni: Cni) -> t.Tuple[probes.Probe, ...]:
    """Every probe but those of the policy, which come in phases."""
    return (*_pod_probes(scene), *_host_probes(scene, cni), *_user_probes(scene))


def policy_probes(scene: Scene) -> t.Tuple[probes.Probe, ...]:
    """From the sentinel's neighbour on its own node and from one canary of another node: two different ways into the sentinel."""
    sentinel = scene.sentinel
    if sentinel is None:
        return ()
    near = [canary for canary in scene.canaries if canary.node == sentinel.node]
    far = [canary for canary in scene.canaries if canary.node != sentinel.node]
    target = probes.host_port(sentinel.address, _canary_port(scene))
    return tuple(
        probes.Probe(POLICY_ENFORCED, canary.pod, probes.CONNECT, target, f"{canary.node} ({way}) -> {sentinel.node}")
        for canary, way in [*((canary, "same node") for canary in near), *((canary, "another node") for canary in far[:1])]
    )


def is_good(reading: probes.Reading, canary_pods: t.AbstractSet[str]) -> bool:
    """Whether the reading already shows what it should; anything else may still settle and is asked again."""
    return not _problem(reading, canary_pods) and (reading.probe.check != POD_TO_POD or _keeps_source(reading))


def _pod_probes(scene: Scene) -> t.Iterator[probes.Probe]:
    port = _canary_port(scene)
    for source in scene.canaries:
        for target in scene.canaries:
            if source.node != target.node:
                address = f"{probes.host_port(target.address, port)}/clientip"
                yield probes.Probe(POD_TO_POD, source.pod, probes.HTTP, address, f"{source.node} -> {target.node}", source.address)
        if scene.service is None:
            continue
        by_address = probes.host_port(scene.service.cluster_ip, port)
        by_name = f"{scene.service.name}.{scene.service.namespace}.svc:{port}"
        for check, address in ((POD_TO_SERVICE, by_address), (POD_TO_DNS_NAME, by_name)):
            yield probes.Probe(check, source.pod, probes.HTTP, f"{address}/hostname", f"{source.node} -> {address}")


def _host_probes(scene: Scene, cni: Cni) -> t.Iterator[probes.Probe]:
    canary_of = {canary.node: canary for canary in scene.canaries}
    for source in scene.hosts:
        canary = canary_of.get(source.node)
        if canary is not None and cni.device_prefix:
            label = f"{source.node} -> {canary.address}"
            yield probes.Probe(CANARY_VETH, source.pod, probes.ROUTE, canary.address, label, cni.device_prefix)
        for check, address in [*_node_port_targets(scene, scene.service), *_external_targets(scene.external)]:
            yield probes.Probe(check, source.pod, probes.HTTP, f"{address}/hostname", f"{source.node} -> {address}")


def _node_port_targets(scene: Scene, service: t.Optional[Service]) -> t.Iterator[t.Tuple[str, str]]:
    for port in service.ports if service else ():
        if port.node_port:
            yield from ((HOST_TO_NODEPORT, probes.host_port(address, port.node_port)) for address in scene.node_addresses.values())


def _external_targets(service: t.Optional[Service]) -> t.Iterator[t.Tuple[str, str]]:
    if service is None:
        return
    for port in service.ports:
        yield from ((HOST_TO_EXTERNALIP, probes.host_port(address, port.port)) for address in service.external_ips)


def _user_probes(scene: Scene) -> t.Iterator[probes.Probe]:
    service = scene.user_service or Service("", "")
    for port in service.ports:
        for source in scene.canaries:
            yield from (_connection(USER_CLUSTERIP, source, address, port.port) for address in _filled(service.cluster_ip))
        for source in scene.hosts:
            node_addresses = scene.node_addresses.values() if port.node_port else ()
            yield from (_connection(USER_NODEPORT, source, address, port.node_port) for address in node_addresses)
            yield from (_connection(USER_EXTERNALIP, source, address, port.port) for address in service.external_ips)
            yield from (_connection(USER_LOADBALANCER, source, address, port.port) for address in service.load_balancer)


def _filled(text: str) -> t.Tuple[str, ...]:
    return (text,) if text else ()


def _connection(check: str, source: Place, address: str, port: int) -> probes.Probe:
    target = probes.host_port(address, port)
    return probes.Probe(check, source.pod, probes.CONNECT, target, f"{source.node} -> {target}")


def _canary_port(scene: Scene) -> int:
    return scene.service.ports[0].port if scene.service and scene.service.ports else 8080


# --- What the API server and the nodes say without a probe -----------------------------------------------------------


def standing_checks(cluster: clusters.ClusterSnapshot, nodes: t.Mapping[str, snapshot.NodeSnapshot], cni: Cni) -> t.Tuple[Check, ...]:
    """The checks that put nothing into the cluster."""
    return (_nodes_ready(cluster), _cni_ready(cluster, cni), _one_conflist(cluster, nodes, cni))


def _nodes_ready(cluster: clusters.ClusterSnapshot) -> Check:
    unready = [node.name for node in cluster.nodes if not node.ready]
    if unready:
        return _fault(NODES_READY, f"not Ready: {', '.join(unready)}")
    return Check(NODES_READY, PASSED, f"{len(cluster.nodes)} of {len(cluster.nodes)} Ready")


def _cni_ready(cluster: clusters.ClusterSnapshot, cni: Cni) -> Check:
    agents = _agents(cluster, cni)
    if not agents:
        return Check(CNI_READY, FAILED, f"no DaemonSet of {cni.name} in the cluster", next_step=f"Install {cni.name} first.")
    seen = ", ".join(f"{ref.namespace}/{ref.name} {ready} of {desired} ready" for ref, ready, desired in agents)
    if not all(ready == desired > 0 for _ref, ready, desired in agents):
        return _fault(CNI_READY, seen)
    return Check(CNI_READY, PASSED, seen)


def _agents(cluster: clusters.ClusterSnapshot, cni: Cni) -> t.List[t.Tuple[clusters.ObjectRef, int, int]]:
    if cni.name == "flannel":
        return [(flannel.daemonset, flannel.ready, flannel.desired) for flannel in cluster.flannel]
    seen = cluster.calico
    return [(seen.daemonset, seen.ready, seen.desired)] if seen and seen.daemonset else []


def _one_conflist(cluster: clusters.ClusterSnapshot, nodes: t.Mapping[str, snapshot.NodeSnapshot], cni: Cni) -> Check:
    if not nodes:
        return Check(ONE_CONFLIST, SKIPPED, "no snapshots of the nodes were given")
    unknown = [f"{node.name}: no snapshot" for node in cluster.nodes if node.name not in nodes]
    problems = [*unknown, *(f"{name}: {problem}" for name, node in sorted(nodes.items()) for problem in _conflist_problems(node, cni))]
    if problems:
        return _fault(ONE_CONFLIST, f"{cni.name}'s is not the only one, and loaded, on every node", problems)
    return Check(ONE_CONFLIST, PASSED, f"{cni.name}'s alone, and loaded, on {_all_of(sorted(nodes))}")


def _conflist_problems(node: snapshot.NodeSnapshot, cni: Cni) -> t.Iterator[str]:
    for conflist in node.conflists:
        if _matters(conflist) and snapshot.cni_of(conflist.owner) != cni.name:
            yield f"{conflist.path} is not {cni.name}'s"
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


# --- What the probes say ---------------------------------------------------------------------------------------------


def canary_checks(
    scene: Scene, cluster: clusters.ClusterSnapshot, cni: Cni, readings: t.Sequence[probes.Reading], policy: PolicyReadings
) -> t.Tuple[Check, ...]:
    """The checks that rest on canaries, in the order of `QUESTIONS`, then those of the user's Service."""
    measured = [
        CANARY_VETH,
        POD_TO_POD,
        POD_TO_SERVICE,
        POD_TO_DNS_NAME,
        HOST_TO_NODEPORT,
        HOST_TO_EXTERNALIP,
    ]
    checks = {check: _measured(check, readings, scene, cni) for check in measured}
    checks[CANARY_READY] = _canary_ready(scene)
    checks[CANARY_ADDRESS] = _canary_address(scene, cluster, cni)
    checks[SOURCE_ADDRESS] = _source_address(readings, scene, cni)
    checks[POLICY_ENFORCED] = _policy_enforced(policy, scene, cni)
    asked = tuple(checks[check] for check in QUESTIONS)
    return asked + tuple(_measured(check, readings, scene, cni) for check in USER_CHECKS if scene.user_service)


def unasked(user_service: bool) -> t.Tuple[Check, ...]:
    """The same checks in check mode: nothing is created, so nothing is known."""
    questions = {**QUESTIONS, **(USER_CHECKS if user_service else {})}
    return tuple(Check(check, SKIPPED, f"check mode; would ask: {question}?") for check, question in questions.items())


def _canary_ready(scene: Scene) -> Check:
    if scene.absent:
        return _fault(CANARY_READY, f"{len(scene.absent)} pods are not ready", scene.absent)
    return Check(CANARY_READY, PASSED, f"on {_all_of([canary.node for canary in scene.canaries])}")


def _canary_address(scene: Scene, cluster: clusters.ClusterSnapshot, cni: Cni) -> Check:
    if not scene.canaries:
        return Check(CANARY_ADDRESS, SKIPPED, "no canary runs")
    given = _given_by_flannel(scene, cluster) if cni.name == "flannel" else _given_by_calico(scene, cluster)
    foreign = [f"{canary.node} {canary.address}" for canary in scene.canaries if canary not in given]
    if foreign:
        return _fault(CANARY_ADDRESS, f"{len(foreign)} of {len(scene.canaries)} addresses are not given by {cni.name}", foreign)
    return Check(CANARY_ADDRESS, PASSED, _all_of([f"{canary.node} {canary.address}" for canary in scene.canaries]))


def _given_by_flannel(scene: Scene, cluster: clusters.ClusterSnapshot) -> t.Set[Place]:
    """Flannel keeps no list of addresses: those of a node come out of its podCIDR."""
    ranges = {node.name: [ipaddress.ip_network(cidr, strict=False) for cidr in node.pod_cidrs] for node in cluster.nodes}
    return {
        canary for canary in scene.canaries if any(ipaddress.ip_address(canary.address) in cidr for cidr in ranges.get(canary.node, ()))
    }


def _given_by_calico(scene: Scene, cluster: clusters.ClusterSnapshot) -> t.Set[Place]:
    given = calico.given_addresses(cluster.calico)
    return {canary for canary in scene.canaries if given.get(canary.address, "").rpartition("/")[2] == canary.pod}


def _measured(check: str, readings: t.Sequence[probes.Reading], scene: Scene, cni: Cni) -> Check:
    own = [reading for reading in readings if reading.probe.check == check]
    if not own:
        return Check(check, SKIPPED, _why_not_asked(check, scene, cni))
    names = scene.canary_pods
    problems = [(reading, _problem(reading, names)) for reading in own]
    return _judged(check, own, [(reading, problem) for reading, problem in problems if problem])


def _judged(check: str, asked: t.Sequence[probes.Reading], bad: t.Sequence[t.Tuple[probes.Reading, str]]) -> Check:
    """A check out of all its readings and of the ``bad`` ones, each with its problem."""
    if bad:
        return _fault(check, f"{len(bad)} of {len(asked)} ways fail", _by_source(bad))
    return Check(
        check, PASSED, f"{len(asked)} of {len(asked)} ways ({shortened([_evidence(reading) for reading in asked], _ROOM_FOR_WAYS)})"
    )


def _problem(reading: probes.Reading, canary_pods: t.AbstractSet[str]) -> str:
    """What is wrong with a reading, in words, or ``""``."""
    probe = reading.probe
    if not reading.reached:
        return reading.word
    if probe.kind == probes.ROUTE and not reading.text.startswith(probe.wanted):
        return f"routed to {reading.text}"
    if probe.target.endswith("/hostname") and reading.text not in canary_pods:
        return f"answered by {reading.text!r}, which is no canary"
    return ""


def _by_source(bad: t.Iterable[t.Tuple[probes.Reading, str]]) -> t.List[str]:
    """All the bad ways, those of one source with the same problem in one line, with what the tool said the first time."""
    goals: t.Dict[t.Tuple[str, str, str], t.List[str]] = {}
    said: t.Dict[t.Tuple[str, str, str], str] = {}
    for reading, problem in bad:
        source, _arrow, goal = reading.probe.label.partition(" -> ")
        message = "" if reading.reached else reading.text
        # Milliseconds and addresses make each message another one.
        key = (source, problem, _NUMBER.sub("", message))
        goals.setdefault(key, []).append(goal)
        said.setdefault(key, f" ({message})" if message else "")
    return [f"{key[0]} -> {', '.join(names)}: {key[1]}{said[key]}" for key, names in goals.items()]


def _evidence(reading: probes.Reading) -> str:
    return f"{reading.probe.label} dev {reading.text}" if reading.probe.kind == probes.ROUTE else reading.probe.label


def _source_address(readings: t.Sequence[probes.Reading], scene: Scene, cni: Cni) -> Check:
    own = [reading for reading in readings if reading.probe.check == POD_TO_POD and reading.reached]
    if not own:
        return Check(SOURCE_ADDRESS, SKIPPED, _why_not_asked(POD_TO_POD, scene, cni))
    rewritten = [(reading, f"{reading.probe.wanted} arrived as {_source(reading)}") for reading in own if not _keeps_source(reading)]
    return _judged(SOURCE_ADDRESS, own, rewritten)


def _source(reading: probes.Reading) -> str:
    return probes.host_of(reading.text) or repr(reading.text)


def _keeps_source(reading: probes.Reading) -> bool:
    return _same_address(probes.host_of(reading.text), reading.probe.wanted)


def _same_address(seen: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(seen) == ipaddress.ip_address(wanted)
    except ValueError:
        return False


def _why_not_asked(check: str, scene: Scene, cni: Cni) -> str:
    if not scene.canaries:
        return "no canary runs"
    if check == CANARY_VETH and not cni.device_prefix:
        return f"{cni.name} has no route per pod"
    if check == POD_TO_POD:
        return "only one node has a canary that answers: no pair across nodes" if len(scene.canaries) == 1 else "no canary answered another"
    if check == HOST_TO_EXTERNALIP and scene.external_refused:
        return f"no Service with an external address could be made: {scene.external_refused}"
    if check in USER_CHECKS:
        return "the Service has none"
    return "no pod to ask from, or nothing to ask for"


def _policy_enforced(policy: PolicyReadings, scene: Scene, cni: Cni) -> Check:
    if not cni.enforces_policies:
        return Check(POLICY_ENFORCED, SKIPPED, f"{cni.name} does not enforce NetworkPolicies")
    if not policy.before:
        return Check(POLICY_ENFORCED, SKIPPED, "no sentinel, or no canary beside it")
    problem = _policy_problem(policy)
    if problem:
        return _fault(POLICY_ENFORCED, problem)
    ways = ", ".join(reading.probe.label for reading in policy.denied)
    one_node = len({canary.node for canary in scene.canaries}) == 1
    note = "; one node, so no way from another one" if one_node else ""
    return Check(POLICY_ENFORCED, PASSED, f"reached before, timeout while denied, reached after ({ways}{note})")


def _policy_problem(policy: PolicyReadings) -> str:
    """Only a timeout proves a drop: a refusal means that nobody listened, and then the test proves nothing."""
    before = [reading for reading in policy.before if not reading.reached]
    if before:
        return f"before the policy the sentinel did not answer, so a denial would prove nothing: {_words(before)}"
    refused = [reading for reading in policy.denied if reading.word == probes.REFUSED]
    if refused:
        return f"refused and not dropped, so the sentinel had no listener and the test proves nothing: {_words(refused)}"
    passed = [reading for reading in policy.denied if reading.word != probes.SILENT]
    if passed:
        return f"the policy did not make these time out: {_words(passed)}"
    after = [reading for reading in policy.after if not reading.reached]
    return f"after the policy was removed the sentinel did not answer: {_words(after)}" if after else ""


def _words(readings: t.Iterable[probes.Reading]) -> str:
    return ", ".join(f"{reading.probe.label}: {reading.word}" for reading in readings)


def _fault(check: str, seen: str, details: t.Iterable[str] = ()) -> Check:
    return Check(check, FAILED, seen, next_step=_NEXT_STEPS[check], details=tuple(details))


def _all_of(names: t.Sequence[str]) -> str:
    """The names, and how many where they are too many to name."""
    return f"{len(names)} nodes ({shortened(names)})"
