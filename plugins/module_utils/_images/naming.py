# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the copy of an image is: ``quay.io/calico/node:v3`` -> ``harbor.example/mirror/quay.io/calico/node:v3``.

One scheme for manifests that are rewritten and for containerd's hosts.toml, which leaves manifests alone.
Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import reference
from ansible_collections.podnet.cni.plugins.module_utils._images.reference import Reference

#: Whom to ask for images of a host whose name is not that of its registry.
_REGISTRIES = {reference.DOCKER_HUB: "registry-1.docker.io"}


@dataclasses.dataclass(frozen=True)
class Naming:
    """The registry (``harbor.example``, ``harbor.example:8443``) and the project on it, which may have more components.

    ``overrides``: a source host or the beginning of a source's name (``quay.io``, ``quay.io/calico``) -> the path on the registry that
    takes its place. Made by `make`.
    """

    registry: str
    project: str
    overrides: t.Mapping[str, str] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def homes(self) -> t.Tuple[str, ...]:
        """What the names of all copies begin with, each with a slash at its end."""
        return tuple(f"{self.registry}/{path}/" for path in (self.project, *self.overrides.values()))


def make(registry: str, project: str, overrides: t.Optional[t.Mapping[str, str]] = None) -> Naming:
    """A naming of checked parts. Raises BadInputError for a registry, a project or an override that none can be."""
    if "[" in registry:
        # As a plain scalar such a name would be a YAML list.
        raise _errors.BadInputError(f"{registry!r} is an IPv6 address", "registry", "Give the registry a host name.")
    # YAML has numbers for what looks like one.
    wishes = {str(source): str(path) for source, path in (overrides or {}).items()}
    known = {_checked_source(source): _checked_path(path, f"overrides, {source}") for source, path in wishes.items()}
    if len(known) < len(wishes):
        raise _errors.BadInputError("two of them are for the same source", "overrides", "Docker Hub has several names.")
    return Naming(_checked_host(registry, "registry"), _checked_path(project, "project"), known)


def target(source: Reference, naming: Naming, where: str = "") -> Reference:
    """The copy's name, with the source's tag and digest. One that is below the target already stays as it is.

    Raises BadInputError where the copy cannot have that name.
    """
    if is_target(source, naming):
        return source
    path = _path(source.name, naming)
    problem = _path_problem(path, "" if _override(source.name, naming) else below_project(source.host))
    if problem:
        advice = "Set overrides for it, or a shorter project."
        raise _errors.BadInputError(f"the copy of {source} cannot be named {naming.registry}/{path}: {problem}", where, advice)
    return Reference(naming.registry, path, source.tag, source.digest)


def below_project(name: str) -> str:
    """Where the copy of a source's name is in a project, if overrides say nothing of it: its host is a component, which has no colon."""
    host, slash, path = name.partition("/")
    return host.strip("[]").replace("]", "").replace(":", "_").lower() + slash + path


def is_target(source: Reference, naming: Naming) -> bool:
    """Whether the image is where copies are: on exactly that host, and below one of the paths by whole components.

    An override may also be for one image alone, so its path is a copy's as well.
    """
    overridden = source.host == naming.registry and source.path in naming.overrides.values()
    return overridden or source.name.startswith(naming.homes)


def target_of_prefix(prefix: str, naming: Naming, where: str = "") -> str:
    """What to write for ``quay.io/`` or ``quay.io/calico/`` where the rest of a name is put behind it. It ends with a slash.

    Raises BadInputError when overrides send images below the prefix to several places.
    """
    name = _checked_source(prefix.rstrip("/"))
    if f"{name}/".startswith(naming.homes):
        return f"{name}/"
    inner = [source for source in naming.overrides if source != name and _is_below(source, name)]
    if inner:
        raise _errors.BadInputError(
            f"images below {name}/ are sent to several places by overrides: {', '.join(sorted(inner))}",
            where,
            "Remove the overrides, or write the value yourself.",
        )
    return f"{naming.registry}/{_path(name, naming)}/"


def source_host(text: str) -> str:
    """The host as references have it: ``index.docker.io`` is ``docker.io``. Raises BadInputError for what is none."""
    return _checked_host(text, f"source {text}")


def upstream(host: str) -> str:
    """Who answers for images of that host."""
    return _REGISTRIES.get(host, host)


# --- Parts ---


def _path(name: str, naming: Naming) -> str:
    """The path on the registry for a source's name."""
    override = _override(name, naming)
    return naming.overrides[override] + name[len(override) :] if override else f"{naming.project}/{below_project(name)}"


def _override(name: str, naming: Naming) -> str:
    """The longest source in overrides that the name is, or is below of; empty if there is none."""
    return max((source for source in naming.overrides if name == source or _is_below(name, source)), key=len, default="")


def _is_below(name: str, home: str) -> bool:
    return name.startswith(f"{home}/")


def _path_problem(path: str, host_component: str) -> str:
    """Why no copy can have the path, whose parts are a path's already but for the one made of a host."""
    if len(path) > reference.LONGEST_PATH:
        return f"its path has {len(path)} letters, and {reference.LONGEST_PATH} may be"
    if "/" not in path:
        return "Harbor wants a project before the repository"
    return f"{host_component} can be no part of a path" if host_component and not _is_component(host_component) else ""


@functools.lru_cache(maxsize=64)
def _is_component(text: str) -> bool:
    return reference.is_reference(f"x.example/{text}")


def _checked_host(host: str, where: str) -> str:
    try:
        parsed = reference.parse(f"{host}/x/x", where)
    except _errors.BadInputError:
        parsed = None
    if parsed is None or parsed.path != "x/x":
        raise _errors.BadInputError(f"{host!r} is no host of a registry", where, "Write it like harbor.example or harbor.example:8443.")
    return parsed.host


def _checked_path(path: str, where: str) -> str:
    if not reference.is_reference(f"x.example/{path}") or ":" in path or "@" in path:
        raise _errors.BadInputError(f"{path!r} is no path on a registry", where, "Write it like mirror or mirror/upstream, in lower case.")
    return path


def _checked_source(source: str) -> str:
    """A source's host, or the beginning of its name, as `reference.parse` writes them."""
    host, slash, path = source.partition("/")
    checked = _checked_host(host, f"source {source}")
    return f"{checked}/{_checked_path(path, f'source {source}')}" if slash else checked
