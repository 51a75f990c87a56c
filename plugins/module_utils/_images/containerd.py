# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files below containerd's ``config_path`` that have a node take images from a registry of one's own.

They need no restart: containerd reads them at each pull. Source: containerd, ``docs/hosts.md``. Pure: no I/O. Private: may change at any
time.
"""

from __future__ import annotations

import base64
import dataclasses
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._images import naming
from ansible_collections.podnet.cni.plugins.module_utils._images.naming import Naming

HOSTS = "hosts.toml"
AUTHORITY = "podnet-ca.crt"
#: Put behind the name of a file of somebody else's that stood where ours is now.
ASIDE = ".before-podnet.cni"
HEADER = "# Written by podnet.cni: images are taken from a registry of one's own.\n"

_CREDENTIALS = re.compile(r"^(\s*authorization\s*=).*$", re.MULTILINE | re.IGNORECASE)

#: Path -> content.
Files = t.Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Wish:
    """What nodes are to do: take images of the hosts ``sources`` from ``naming``'s registry, and how they speak with that.

    ``authority`` is a certificate in PEM, empty for the system's; of a registry that asks who it is, ``username`` and ``password``.
    """

    naming: Naming
    sources: t.Tuple[str, ...] = ()
    scheme: str = "https"
    authority: str = ""
    username: str = ""
    password: str = dataclasses.field(default="", repr=False)
    keep_upstream: bool = False


@dataclasses.dataclass(frozen=True)
class Change:
    """A file that is written (``after``) or removed.

    Somebody else's is moved to ``moved_to`` before, or comes back from ``restored_from``.
    """

    path: str
    before: t.Optional[str]
    after: t.Optional[str]
    moved_to: str = ""
    restored_from: str = ""


def files(wish: Wish, config_path: str) -> t.Dict[str, str]:
    """All that has to be there: how to speak with the registry itself, and for each source host that the registry answers for it."""
    root = config_path.rstrip("/")
    own = f"{root}/{naming.hosts_directory(wish.naming.registry)}"
    authority = f"{own}/{AUTHORITY}" if wish.authority else ""
    found = {authority: wish.authority} if authority else {}
    found[f"{own}/{HOSTS}"] = HEADER + _own_toml(wish, authority)
    for source in wish.sources:
        text = naming.hosts_toml(source, wish.naming, wish.scheme, authority, wish.keep_upstream)
        found[f"{root}/{naming.hosts_directory(source)}/{HOSTS}"] = HEADER + text + _header(wish, source)
    return found


def is_ours(path: str, content: str) -> bool:
    """Whether a file is one that `files` makes, of whatever version."""
    return path.endswith(f"/{AUTHORITY}") or content.startswith(HEADER.partition(":")[0])


def plan(wanted: Files, present: Files) -> t.Tuple[Change, ...]:
    """What to write so that what is there (all files below config_path) is what is wanted. Others' files at these places are moved aside.

    Ours that are not wanted any more go, and what was moved aside for them comes back.
    """
    changes = [_written(path, content, present) for path, content in wanted.items() if present.get(path) != content]
    gone = [path for path, content in present.items() if path not in wanted and is_ours(path, content)]
    return (*changes, *(_removed(path, present) for path in gone))


def strangers(wanted: Files, present: Files) -> t.Tuple[str, ...]:
    """Files of somebody else's that stand where ours are to be."""
    return tuple(path for path in wanted if path in present and not is_ours(path, present[path]))


def diff(changes: t.Iterable[Change]) -> t.List[t.Dict[str, str]]:
    """The changes as Ansible shows them, without credentials."""
    return [
        {
            "before_header": change.path,
            "after_header": change.path,
            "before": _without_credentials(change.before or ""),
            "after": _without_credentials(change.after or ""),
        }
        for change in changes
    ]


def _without_credentials(text: str) -> str:
    return _CREDENTIALS.sub(r"\1 (hidden)", text)


def _written(path: str, content: str, present: Files) -> Change:
    before = present.get(path)
    aside = f"{path}{ASIDE}" if before is not None and not is_ours(path, before) else ""
    return Change(path, before, content, moved_to=aside)


def _removed(path: str, present: Files) -> Change:
    aside = f"{path}{ASIDE}"
    return Change(path, present[path], present.get(aside), restored_from=aside if aside in present else "")


def _own_toml(wish: Wish, authority: str) -> str:
    """How to speak with the registry where an image names it."""
    lines = [f'server = "{wish.scheme}://{wish.naming.registry}"', *([f'ca = "{authority}"'] if authority else [])]
    return "\n".join(lines) + "\n" + (f"[header]\n  {_authorization(wish)}\n" if wish.username else "")


def _header(wish: Wish, source: str) -> str:
    """Who asks, in the section of the registry."""
    if not wish.username:
        return ""
    section = "header"
    if wish.keep_upstream:
        section = f'host."{naming.mirror_url(source, wish.naming, wish.scheme)}".header'
    return f"[{section}]\n  {_authorization(wish)}\n"


def _authorization(wish: Wish) -> str:
    token = base64.b64encode(f"{wish.username}:{wish.password}".encode()).decode()
    return f'authorization = "Basic {token}"'
