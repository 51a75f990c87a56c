# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what the other modules returned in check mode into the facts of a plan.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import json
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors, _records
from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster
from ansible_collections.podnet.cni.plugins.module_utils._cni.batches import Batch
from ansible_collections.podnet.cni.plugins.module_utils._cni.migration_plan import model

Raw = t.Mapping[str, t.Any]

#: (kind, namespace, name) of a controller, or of a bare pod.
_Key = t.Tuple[str, str, str]

#: Our own pods: they come for the time of a run and are nobody's workload.
_OWN_NAMESPACES = ("podnet-connectivity", "podnet-verification")

#: Deployments write this label on their ReplicaSets' pods; the ReplicaSet's name ends with its value.
_TEMPLATE_HASH = "pod-template-hash"


def facts(options: Raw) -> model.Facts:
    """The facts that a module's options hold."""
    seen = cluster.from_option(options["cluster"])
    verdict, settings = options["verdict"], options["settings"]
    with _in_option("verdict", "cni_preflight"):
        state, network, warnings = verdict["state"], verdict["network"], tuple(_warnings(verdict["checks"]))
    with _in_option("batches", "node_batches"):
        batches = tuple(_records.build(Batch, item, {}) for item in options["batches"])
    return model.Facts(
        cluster=seen,
        state=state,
        network=network,
        strategy=options["strategy"],
        settings=settings,
        warnings=warnings,
        batches=batches,
        adoption=_adoption(options["adoption"]),
        manifest=_manifest(options["manifest"]),
        moving=tuple(_moving(options, seen)),
        staying=tuple(_staying(options, seen)),
        removals=_removals(options["cleanup"], seen),
        node_writes=_node_writes(options["coexistence"], options["link_policy"]),
    )


def canonical(value: t.Any) -> str:
    """One text for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(value: t.Any) -> str:
    """The SHA-256 of a value's canonical text."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


@contextlib.contextmanager
def _in_option(name: str, source: str) -> t.Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, AttributeError) as error:
        advice = f"Pass what podnet.cni.{source} of this version returns."
        raise _errors.BadInputError(f"does not hold what was expected: {error!r}", f"option {name}", advice) from error


def _warnings(answers: t.Iterable[Raw]) -> t.Iterator[str]:
    for answer in answers:
        if answer["result"] == checks.WARNING:
            yield f"{answer['id']}: " + " ".join(filter(None, [_sentence(answer["seen"]), _sentence(answer["next_step"])]))


def _sentence(text: str) -> str:
    return text if not text or text.endswith(".") else f"{text}."


def _adoption(returned: Raw) -> model.Adoption:
    if not returned:
        return model.Adoption()
    with _in_option("adoption", "calico_adoption"):
        blocks = tuple((block["node"], block["cidr"]) for block in returned["blocks"] if block["state"] != "returned")
        return model.Adoption(blocks, returned["block_size"], returned["mtu"], tuple(returned["written"]))


def _manifest(returned: Raw) -> model.Manifest:
    with _in_option("manifest", "cni_manifest"):
        resources = tuple(returned["resources"])
        named = [(resource["kind"], resource["metadata"]["name"]) for resource in resources]
        if not named:
            raise KeyError("resources")
        return model.Manifest(resources, tuple(returned["images"]), returned["sha256"], digest(resources))


def _moving(options: Raw, seen: cluster.ClusterSnapshot) -> t.Iterator[model.Workload]:
    if options["recreation"]:
        with _in_option("recreation", "pod_recreation"):
            yield from _recreated(options["recreation"]["recreated"], seen)
    if options["rollout"]:
        with _in_option("rollout", "workload_rollout"):
            yield from _rolled(options["rollout"]["plan"])


def _rolled(tiers: t.Iterable[Raw]) -> t.Iterator[model.Workload]:
    """One for each controller, though the pods of one may go several ways."""
    found: t.Dict[_Key, t.List[t.Tuple[str, Raw]]] = collections.defaultdict(list)
    for tier in tiers:
        for move in tier["moves"]:
            found[(move["kind"], move["namespace"], move["name"])].append((tier["tier"], move))
    for (kind, namespace, name), moves in found.items():
        if namespace not in _OWN_NAMESPACES:
            yield model.Workload(
                kind,
                namespace,
                name,
                ways=tuple(sorted({move["way"] for _tier, move in moves})),
                pods=sum(move["pods"] for _tier, move in moves),
                nodes=tuple(sorted({node for _tier, move in moves for node in move["nodes"]})),
                tier=moves[0][0],
                notes=tuple(dict.fromkeys(note for _tier, move in moves for note in move["notes"])),
            )


def _recreated(pods: t.Iterable[Raw], seen: cluster.ClusterSnapshot) -> t.Iterator[model.Workload]:
    found: t.Dict[_Key, t.List[str]] = collections.defaultdict(list)
    owners = _owners(seen)
    for pod in pods:
        found[owners.get((pod["namespace"], pod["name"])) or ("Pod", pod["namespace"], pod["name"])].append(pod["node"])
    for (kind, namespace, name), nodes in found.items():
        if namespace not in _OWN_NAMESPACES:
            yield model.Workload(kind, namespace, name, (model.RECREATE,), len(nodes), tuple(sorted(set(nodes))))


def _staying(options: Raw, seen: cluster.ClusterSnapshot) -> t.Iterator[model.Staying]:
    owners = _owners(seen)
    for option, source in (("rollout", "workload_rollout"), ("recreation", "pod_recreation")):
        with _in_option(option, source):
            for pod in options[option].get("left", ()):
                kind, namespace, name = owners.get((pod["namespace"], pod["name"])) or ("Pod", pod["namespace"], pod["name"])
                yield model.Staying(kind, namespace, name, pod["name"], pod["node"], pod["reason"])


def _owners(seen: cluster.ClusterSnapshot) -> t.Dict[t.Tuple[str, str], _Key]:
    """Pod -> who replaces it: the Deployment behind a ReplicaSet, else its controller, else the pod."""
    return {(pod.namespace, pod.name): _owner(pod) for pod in seen.pods}


def _owner(pod: cluster.Pod) -> _Key:
    ending = f"-{pod.labels.get(_TEMPLATE_HASH, '')}"
    if pod.owner_kind == "ReplicaSet" and len(ending) > 1 and pod.owner_name.endswith(ending):
        return "Deployment", pod.namespace, pod.owner_name[: -len(ending)]
    # A static pod is named after its node, which is its owner.
    bare = pod.owner_kind in ("", "Node")
    return ("Pod", pod.namespace, pod.name) if bare else (pod.owner_kind, pod.namespace, pod.owner_name)


def _removals(returned: Raw, seen: cluster.ClusterSnapshot) -> t.Dict[str, t.Tuple[model.Removal, ...]]:
    ranges = frozenset(cidr for node in seen.nodes for cidr in node.pod_cidrs)
    with _in_option("cleanup", "cni_cleanup"):
        return {node: _shortened(answer["removed"], ranges) for node, answer in sorted(returned.items())}


def _shortened(removed: t.Iterable[Raw], ranges: t.Container[str]) -> t.Tuple[model.Removal, ...]:
    """The routes to the other nodes as one item: with some backends every node has one for each."""
    items = [model.Removal(item["kind"], item["name"]) for item in removed]
    usual = [item for item in items if item.kind == "route" and item.name.partition(" ")[0] in ranges]
    if not usual:
        return tuple(items)
    known = frozenset(usual)
    kept = [item for item in items if item not in known]
    return (model.Removal(model.ROUTES, f"to the pod ranges of {checks.counted(len(usual), 'node')}"), *kept)


def _node_writes(coexistence: Raw, link_policy: Raw) -> t.Dict[str, t.Tuple[str, ...]]:
    writes: t.Dict[str, t.List[str]] = collections.defaultdict(list)
    with _in_option("link_policy", "cni_link_policy"):
        for node, answer in link_policy.items():
            writes[node] += [f"file {path}" for path in answer["files"]]
    with _in_option("coexistence", "cni_coexistence"):
        for node, answer in coexistence.items():
            writes[node] += [f"sysctl {name} = {value}" for name, value in sorted(answer["settings"].items())]
    return {node: tuple(items) for node, items in sorted(writes.items())}
