# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files below containerd's ``config_path`` that have a node take images from a registry of one's own.

They need no restart: containerd reads them at each pull. Source: containerd, ``docs/hosts.md``.
Pure: no I/O. Private: may change at any time.
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
    authority = f"{root}/{directory(wish.naming.registry)}/{AUTHORITY}" if wish.authority else ""
    found = {authority: wish.authority} if authority else {}
    for host in (wish.naming.registry, *wish.sources):
        found[f"{root}/{directory(host)}/{HOSTS}"] = HEADER + hosts_toml(host, wish, authority)
    return found


def directory(host: str) -> str:
    """The folder of config_path for images of that host: ``quay.io``, ``registry.example_5000_``."""
    name, colon, port = host.partition(":")
    return f"{name}_{port}_" if colon else name


def hosts_toml(host: str, wish: Wish, authority: str) -> str:
    """The text of hosts.toml for images of ``host``: the registry's own, or such as are taken from the registry.

    ``authority`` is the path on the node of the registry's certificate authority, empty for none.
    """
    is_own = host == wish.naming.registry
    there = f"{wish.scheme}://{host}" if is_own else mirror_url(host, wish)
    upstream = f"https://{naming.upstream(host)}" if wish.keep_upstream and not is_own else ""
    settings = [
        'capabilities = ["pull", "resolve"]',
        *([] if is_own else ["override_path = true"]),
        *([f"ca = {_toml(authority)}"] if authority else []),
    ]
    header = [f"authorization = {_toml(_authorization(wish))}"] if wish.username else []
    table = f"host.{_toml(there)}"
    # What is at the top is for the server, which is asked last. It is the registry again, or containerd would ask upstream then.
    lines = [f"server = {_toml(upstream or there)}", *([] if upstream else settings), ""]
    # containerd before 1.7 takes no file without such a table.
    lines += [f"[{table}]", *_indented(settings)]
    lines += [f"  [{table}.header]", *_indented(_indented(header))] if header else []
    lines += ["", "[header]", *_indented(header)] if header and not upstream else []
    return "\n".join(lines) + "\n"


def mirror_url(source_host: str, wish: Wish) -> str:
    """The address below which that host's images are on the registry."""
    place = naming.target_of_prefix(source_host, wish.naming, "overrides")
    return f"{wish.scheme}://{wish.naming.registry}/v2/{place.partition('/')[2]}".rstrip("/")


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


def _authorization(wish: Wish) -> str:
    """The header that tells who asks; empty for nobody."""
    return "Basic " + base64.b64encode(f"{wish.username}:{wish.password}".encode()).decode() if wish.username else ""


def _indented(lines: t.Iterable[str]) -> t.List[str]:
    return [f"  {line}" for line in lines]


def _toml(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
