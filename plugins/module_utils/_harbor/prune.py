# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which images of a project nobody needs, as a plan that is reviewed and then carried out. Pure: no I/O, no clock.

When in doubt an image stays: a digest that is used anywhere protects what has it, and a name protects both its tag and its digest.
Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._harbor.records import Artifact
from ansible_collections.podnet.cni.plugins.module_utils._images import naming, reference

_DAY = 86400.0
#: How kubelet tells an image that came by Docker.
_DOCKER = "docker-pullable://"
_IMAGE_ID = re.compile(r"(?:docker://)?(sha256:[0-9a-f]{64})")
#: Tags of what belongs to another image, as cosign makes them: its signature, its attestations.
_BELONGING = re.compile(r"sha256-([0-9a-f]{64})(?:\.[a-z]+)?")
_KEYS = {"registry", "project", "keep_days", "artifacts", "hash"}


@dataclasses.dataclass(frozen=True)
class Names:
    """Images by name and by digest, as a lock file or pods name them."""

    references: t.Tuple[reference.Reference, ...] = ()
    digests: t.FrozenSet[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Needs:
    """What must stay: images to be kept, those that pods use, and whatever was pushed or pulled in the last ``keep_days``."""

    keep: Names
    in_use: Names
    keep_days: int


@dataclasses.dataclass(frozen=True)
class Place:
    """A project of the Harbor whose host, with its port, is ``registry``."""

    registry: str
    project: str

    def has(self, name: reference.Reference, repository: str) -> bool:
        """Whether the name may mean that repository: by its address, or by the upstream one that containerd's mirror turns into it."""
        if name.host == self.registry.lower():
            return name.path == f"{self.project}/{repository}"
        return f"/{repository}".endswith(f"/{naming.below_project(name.name)}")


@dataclasses.dataclass(frozen=True)
class Doomed:
    """An artifact that nobody needs."""

    repository: str
    digest: str
    tags: t.Tuple[str, ...]
    size: int

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}" + (f" ({', '.join(self.tags)})" if self.tags else "")


@dataclasses.dataclass(frozen=True)
class Kept:
    """An artifact that stays, and why."""

    repository: str
    digest: str
    tags: t.Tuple[str, ...]
    reason: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be deleted in a project of a Harbor (``registry`` is its host). ``keep_days`` is what it was made with."""

    registry: str
    project: str
    keep_days: int
    artifacts: t.Tuple[Doomed, ...]

    @property
    def hash(self) -> str:
        """A SHA-256 of all of it."""
        return hashlib.sha256(json.dumps(dataclasses.asdict(self), sort_keys=True).encode()).hexdigest()


def names(texts: t.Iterable[str], option: str) -> Names:
    """The images of the option's texts: references, and what pods call an image's ID. Raises BadInputError for another text."""
    references, digests = [], set()
    for text in filter(None, map(str.strip, texts)):
        bare = _IMAGE_ID.fullmatch(text)
        if bare:
            digests.add(bare[1])
            continue
        found = reference.parse(text[len(_DOCKER) :] if text.startswith(_DOCKER) else text, f"option {option}")
        references.append(found)
        digests.update({found.digest} - {""})
    return Names(tuple(references), frozenset(digests))


def make(place: Place, artifacts: t.Sequence[Artifact], needs: Needs, now: float) -> t.Tuple[Plan, t.Tuple[Kept, ...]]:
    """The plan, and what stays. ``now`` is in seconds since the epoch."""
    reasons = _reasons(place, artifacts, needs, now)
    stays = [item for item in sorted(artifacts, key=_key) if reasons[_key(item)]]
    # An index before its parts: Harbor refuses to delete what something else is made of.
    goes = sorted(
        (item for item in artifacts if not reasons[_key(item)]), key=lambda item: (item.repository, not item.children, item.digest)
    )
    doomed = tuple(Doomed(item.repository, item.digest, item.tags, item.size) for item in goes)
    kept = tuple(Kept(item.repository, item.digest, item.tags, reasons[_key(item)]) for item in stays)
    return Plan(place.registry, place.project, needs.keep_days, doomed), kept


def to_dict(plan: Plan) -> t.Dict[str, t.Any]:
    """The plan as it travels, with its hash."""
    data = dataclasses.asdict(plan)
    return {**data, "artifacts": [{**item, "tags": list(item["tags"])} for item in data["artifacts"]], "hash": plan.hash}


def from_dict(data: t.Mapping[str, t.Any]) -> Plan:
    """The inverse of `to_dict`. Raises BadInputError for what is no plan, or was changed since."""
    where, advice = "option plan", "Pass what podnet.cni.image_prune returned as plan with state=planned."
    try:
        artifacts = tuple(Doomed(**{**item, "tags": tuple(item["tags"])}) for item in data["artifacts"])
        plan = Plan(data["registry"], data["project"], int(data["keep_days"]), artifacts)
        told = str(data["hash"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _errors.BadInputError(f"is no plan: {error!r}", where, advice) from error
    if set(data) != _KEYS or plan.hash != told:
        raise _errors.BadInputError("was changed after it was made: its hash is another", where, advice)
    return plan


def differences(plan: Plan, artifacts: t.Sequence[Artifact], kept: t.Iterable[Kept]) -> t.List[str]:
    """What speaks against carrying out the plan: artifacts that have other tags or are needed by now. Those that are gone are fine."""
    tags = {_key(item): item.tags for item in artifacts}
    reasons = {_key(item): item.reason for item in kept}
    there = [item for item in plan.artifacts if _key(item) in tags]
    needed = [f"{item} stays: {reasons[_key(item)]}" for item in there if _key(item) in reasons]
    moved = [f"{item} has the tags {', '.join(tags[_key(item)]) or 'none'} now" for item in there if tags[_key(item)] != item.tags]
    return needed + moved


_Key = t.Tuple[str, str]


def _key(item: t.Union[Artifact, Doomed, Kept]) -> _Key:
    return item.repository, item.digest


def _reasons(place: Place, artifacts: t.Sequence[Artifact], needs: Needs, now: float) -> t.Dict[_Key, str]:
    """Why each artifact stays; empty where nothing speaks for it."""
    unclear = _unclear_repositories(place, artifacts, needs.in_use)
    reasons = {_key(item): _own_reason(item, place, needs, unclear, now) for item in artifacts}
    while _spread(artifacts, reasons):
        pass
    return reasons


def _own_reason(item: Artifact, place: Place, needs: Needs, unclear: t.Container[str], now: float) -> str:
    """Why the artifact stays, as far as it tells by itself."""
    last = max(item.pushed, item.pulled)
    arguments = {
        "a pod uses it": _is_named(item, place, needs.in_use),
        "a pod uses a digest of this repository that Harbor does not list": item.repository in unclear,
        "it is to be kept": _is_named(item, place, needs.keep),
        "a tag of it is immutable": item.immutable,
        f"it was pushed or pulled less than {needs.keep_days} days ago": now - last < needs.keep_days * _DAY,
    }
    return next((reason for reason, holds in arguments.items() if holds), "")


def _is_named(item: Artifact, place: Place, wanted: Names) -> bool:
    if wanted.digests & {item.digest, *item.children}:
        return True
    return any(name.tag in item.tags and place.has(name, item.repository) for name in wanted.references)


def _unclear_repositories(place: Place, artifacts: t.Sequence[Artifact], in_use: Names) -> t.Set[str]:
    """Those of which a pod uses what is neither an artifact nor a part of one: it may be a part of a part."""
    known: t.Dict[str, t.Set[str]] = {}
    for item in artifacts:
        known.setdefault(item.repository, set()).update((item.digest, *item.children))
    used = [name for name in in_use.references if name.digest]
    return {
        repository
        for repository, digests in known.items()
        if any(name.digest not in digests and place.has(name, repository) for name in used)
    }


def _spread(artifacts: t.Sequence[Artifact], reasons: t.Dict[_Key, str]) -> bool:
    """Gives a reason to parts of an index that stays, and to signatures of an image that stays. Whether there were any without one."""
    found = {}
    for item in artifacts:
        if reasons[_key(item)]:
            found.update({(item.repository, child): "an index that stays is made of it" for child in item.children})
            continue
        subjects = [(item.repository, f"sha256:{tag[1]}") for tag in map(_BELONGING.fullmatch, item.tags) if tag]
        if any(reasons.get(subject) for subject in subjects):
            found[_key(item)] = "it belongs to an image that stays"
    news = {key: reason for key, reason in found.items() if reasons.get(key) == ""}
    reasons.update(news)
    return bool(news)
