# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the plan: the steps of a strategy in order, under the names they have in the journal.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import itertools
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import objects, selection
from ansible_collections.podnet.cni.plugins.module_utils._cni.batches import Batch
from ansible_collections.podnet.cni.plugins.module_utils._cni.checks import counted
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._cni.migration_plan import estimate, model

#: Objects of the manifest that come when flannel is gone, see roles/cni_migration/vars.
_LATE = ("Deployment", "PodDisruptionBudget")
#: What a node that has Calico needs of its own among what `calico_adoption` writes.
_PER_NODE = ("BlockAffinity", "IPAMBlock")

_JOURNAL = "podnet-cni-migration"
_RECORDS = ("file /var/lib/podnet.cni/coexistence.json", "file /etc/sysctl.d/99-zz-podnet-cni.conf")
#: A container's identifier: one line for all files of that name will do.
_CONTAINER = re.compile(r"[0-9a-f]{64}")
_ANNOTATIONS = "annotations flannel.alpha.coreos.com/*"
_CALICO_ON_NODE = "by calico-node: Calico's CNI configuration, plugins, devices, routes and chains"


def build(facts: model.Facts) -> model.Plan:
    """The plan of these facts."""
    steps = tuple(_side_by_side(facts) if facts.strategy == model.SIDE_BY_SIDE else _cutover(facts))
    return model.Plan(
        strategy=facts.strategy,
        state=facts.state,
        source=_source(facts),
        network=facts.network,
        nodes=len(facts.nodes),
        seconds=sum(step.seconds for step in steps),
        warnings=(*facts.warnings, *_stops(facts)),
        steps=steps,
        images=tuple(_images(facts)),
        moving=facts.moving,
        staying=facts.staying,
    )


def _source(facts: model.Facts) -> str:
    told = [f"flannel ({item.backend or 'unknown backend'}, {item.image})" for item in facts.cluster.flannel]
    return ", ".join(told) or "flannel, gone already"


def _stops(facts: model.Facts) -> t.Iterator[str]:
    """Where the run will not go through."""
    after, before = (facts.setting(f"pause_{word}") for word in ("after", "before"))
    deadline = facts.setting("deadline")
    if after not in ("", "0"):
        yield f"The run stops after {after} batch(es), as cni_migration_pause_after asks. Run it again to go on."
    if before:
        yield f"The run stops before {before}, as cni_migration_pause_before asks. Run it again, without, to go on."
    if deadline:
        yield f"The run begins nothing that could last longer than until {deadline}. Run it again to go on."


# The strategies


def _side_by_side(facts: model.Facts) -> t.Iterator[model.Step]:
    yield _begin(facts)
    if facts.cluster.flannel:
        yield _stage(facts)
        yield from _batches(facts)
    yield _move(facts)
    yield _remove(facts, with_daemonset=True)
    yield _clean(facts)
    yield _release(facts)
    yield _verify(facts)


def _cutover(facts: model.Facts) -> t.Iterator[model.Step]:
    count = len(facts.nodes)
    yield _begin(facts)
    yield _remove(facts, with_daemonset=False)
    yield model.Step(
        "apply-calico",
        "Apply Calico, and wait for calico-node on every node",
        estimate.step("apply-calico", count),
        written=(_api(_named(facts.manifest.resources)), model.Change((_CALICO_ON_NODE,), facts.nodes)),
    )
    yield model.Step(
        "restart-kubelets", "Restart kubelet on every node", estimate.step("restart-kubelets", count), notes=("Containers keep running.",)
    )
    yield model.Step(
        "recreate-pods",
        "Delete every pod whose address is not Calico's, so that its owner makes it anew",
        estimate.recreation(facts.moving, min(_number(facts, "parallel", 50), count * _number(facts, "parallel_per_node", 2))),
        deleted=_some(_api([f"{counted(item.pods, 'pod')} of {item.title}" for item in facts.moving])),
        notes=("Pods are deleted, not evicted. They have no network until they are back.",),
    )
    yield _clean(facts)
    yield _verify(facts)


# The steps


def _begin(facts: model.Facts) -> model.Step:
    probe = facts.setting("probe").lower() == "true"
    items = [f"Lease kube-system/{_JOURNAL}", f"ConfigMap kube-system/{_JOURNAL} (journal, and a copy of flannel's objects)"]
    items += ["Namespace podnet-connectivity with the probe, until the end"] if probe else []
    return model.Step(
        "begin-journal",
        "Read, check, take the lock, begin the journal",
        estimate.step("begin-journal", len(facts.nodes)),
        written=(_api(items),),
    )


def _stage(facts: model.Facts) -> model.Step:
    staged = [item for item in facts.manifest.resources if item["kind"] not in _LATE]
    return model.Step(
        "stage-calico",
        "Prepare the nodes, and apply Calico without a node to run on",
        estimate.step("stage-calico", len(facts.nodes)),
        written=(*_by_node(_staged_writes(facts)), _api(_named(staged))),
        notes=("The values of kernel settings before are kept on the node, and written back in clean-nodes.",),
    )


def _staged_writes(facts: model.Facts) -> t.Dict[str, t.Tuple[str, ...]]:
    return {node: (*facts.node_writes.get(node, ()), *_RECORDS) for node in facts.nodes}


def _batches(facts: model.Facts) -> t.Iterator[model.Step]:
    shared = [item for item in facts.adoption.written if not _is_per_node(item)]
    gates = facts.settings.get("traffic_gates") or ()
    for batch in facts.batches:
        yield _enable(facts, batch, shared, batch.name in gates)
        shared = []


def _enable(facts: model.Facts, batch: Batch, shared: t.Sequence[str], traffic: bool) -> model.Step:
    labels = [] if batch.enabled else [f"label {selection.LABEL}={selection.VALUE} on Node {node}" for node in batch.nodes]
    written = [*shared, *_own_objects(facts, batch.nodes), *labels]
    gate = "Canary pods prove afterwards that every node reaches every other." if traffic else ""
    again = "They have Calico from an earlier run, and are only looked at again." if batch.enabled else ""
    return model.Step(
        f"enable-{batch.name.replace(' ', '-').lower()}",
        f"Give Calico to {batch.name}",
        estimate.batch(len(facts.nodes), traffic),
        nodes=batch.nodes,
        written=(*_some(_api(written)), *(() if batch.enabled else (model.Change((_CALICO_ON_NODE,), batch.nodes),))),
        notes=tuple(filter(None, [again, gate])),
    )


def _is_per_node(item: str) -> bool:
    return any(f" {kind} " in item for kind in _PER_NODE)


def _own_objects(facts: model.Facts, nodes: t.Sequence[str]) -> t.List[str]:
    """What of the adoption is for these nodes: blocks are named after their range, and affinities after node and range."""
    endings = tuple(cidr.replace(".", "-").replace("/", "-") for node, cidr in facts.adoption.blocks if node in nodes)
    return [item for item in facts.adoption.written if _is_per_node(item) and item.endswith(endings)] if endings else []


def _move(facts: model.Facts) -> model.Step:
    by_tier = itertools.groupby(facts.moving, key=lambda item: item.tier)
    order = [f"Tier {tier}: {counted(len(list(items)), 'workload')}." for tier, items in by_tier]
    return model.Step(
        "move-pods",
        "Move the pods by what their owners do best",
        estimate.moves(facts.moving, _number(facts, "parallel_rollouts", 4)),
        written=_some(_api([f"template of {item.title} (restart)" for item in facts.moving if "rollout" in item.ways])),
        deleted=_some(_api([f"{counted(item.pods, 'pod')} of {item.title} (eviction)" for item in facts.moving if "evict" in item.ways])),
        notes=(*order, *_sandboxes(facts)),
    )


def _sandboxes(facts: model.Facts) -> t.Iterator[str]:
    titles = [item.title for item in facts.moving if "in-place" in item.ways]
    if titles:
        yield f"Restarted in place on their nodes: {', '.join(titles)}"


def _remove(facts: model.Facts, with_daemonset: bool) -> model.Step:
    doomed = [_ref(ref) for item in facts.cluster.flannel for ref in item.objects]
    conflists = {node: tuple(item.title for item in items if item.kind == "conflist") for node, items in facts.removals.items()}
    daemonset = [item for item in facts.manifest.resources if item["kind"] == "DaemonSet"] if with_daemonset else []
    return model.Step(
        "remove-flannel",
        "Let calico-node run on every node, and remove flannel" if with_daemonset else "Remove flannel and its CNI configuration",
        estimate.step("remove-flannel", len(facts.nodes)),
        written=_some(_api([f"{name} (no node selector)" for name in _named(daemonset)])),
        deleted=(*_some(_api(doomed)), *(() if with_daemonset else _by_node(conflists))),
    )


def _clean(facts: model.Facts) -> model.Step:
    beside = facts.strategy == model.SIDE_BY_SIDE
    doomed = {node: _titles(item for item in items if beside or item.kind != "conflist") for node, items in facts.removals.items()}
    annotated = [f"{_ANNOTATIONS} on Node {node.name}" for node in facts.cluster.nodes if _has_annotations(node.annotations)]
    backups = facts.setting("backup_dir")
    return model.Step(
        "clean-nodes",
        "Remove what flannel left",
        estimate.step("clean-nodes", len(facts.nodes)),
        written=(model.Change((f"backup of it in {backups}",), facts.nodes),) if backups and any(doomed.values()) else (),
        deleted=(*_by_node(doomed), *_some(_api(annotated)), *((model.Change(_RECORDS, facts.nodes),) if beside else ())),
        notes=("The kernel's settings get the values back that they had before.",) if beside else (),
    )


def _titles(items: t.Iterable[model.Removal]) -> t.Tuple[str, ...]:
    return tuple(dict.fromkeys(_CONTAINER.sub("*", item.title) for item in items))


def _has_annotations(annotations: t.Mapping[str, str]) -> bool:
    return any(key.startswith(objects.CNI_ANNOTATIONS[0]) for key in annotations)


def _release(facts: model.Facts) -> model.Step:
    late = [item for item in facts.manifest.resources if item["kind"] in ("DaemonSet", *_LATE)]
    return model.Step(
        "release-calico",
        "Lift the limits of Calico's address management, and apply Calico as its manifest has it",
        estimate.step("release-calico", len(facts.nodes)),
        written=(_api(["IPAMConfig default", *_named(late)]),),
        deleted=(_api(["IPReservation of flannel's bridges", *(f"label {selection.LABEL} on Node {node}" for node in facts.nodes)]),),
    )


def _verify(facts: model.Facts) -> model.Step:
    always = facts.setting("kubelet_restart") == "always" and facts.strategy == model.SIDE_BY_SIDE
    return model.Step(
        "verify",
        "Prove by traffic that the pod network works",
        estimate.step("verify", len(facts.nodes)),
        written=(_api(["Namespace podnet-verification with canary pods, until the end"]),),
        notes=("kubelet is restarted on every node.",) if always else (),
    )


# Their parts


def _api(items: t.Iterable[str]) -> model.Change:
    return model.Change(tuple(items))


def _some(change: model.Change) -> t.Tuple[model.Change, ...]:
    return (change,) if change.items else ()


def _by_node(items: t.Mapping[str, t.Tuple[str, ...]]) -> t.Tuple[model.Change, ...]:
    """Nodes with the same items together."""
    groups: t.Dict[t.Tuple[str, ...], t.List[str]] = {}
    for node, own in items.items():
        groups.setdefault(own, []).append(node)
    return tuple(model.Change(own, tuple(nodes)) for own, nodes in groups.items() if own)


def _named(resources: t.Iterable[t.Mapping[str, t.Any]]) -> t.List[str]:
    return [_ref(objects.reference(item)) for item in resources]


def _ref(ref: ObjectRef) -> str:
    return f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"


def _number(facts: model.Facts, name: str, usual: int) -> int:
    """A setting that is a number."""
    text = facts.setting(name)
    return int(text) if text.isdigit() else usual


def _images(facts: model.Facts) -> t.Iterator[model.Image]:
    """Images with the nodes that run them. What a node has already the API server does not tell for sure."""
    everywhere = [facts.setting("agnhost_image")]
    somewhere: t.List[str] = []
    for resource in facts.manifest.resources:
        spec = objects.pod_spec(resource)
        names = [container.get("image", "") for kind in ("initContainers", "containers") for container in spec.get(kind) or ()]
        (everywhere if resource["kind"] == "DaemonSet" else somewhere).extend(names)
    for name in dict.fromkeys(filter(None, [*everywhere, *somewhere])):
        yield model.Image(name, facts.nodes if name in everywhere else ())
