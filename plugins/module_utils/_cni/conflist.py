# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the files of a CNI configuration directory as the container runtime does, and says which one it loads and why.

Pure: bytes in, records out. Private: may change at any time.

The runtimes agree on the order (lexical) and differ in what a broken file does: containerd gives up at the first one,
so a valid file behind it is never loaded; CRI-O and cri-dockerd skip it. CRI-O can also be told a network's name.
"""

from __future__ import annotations

import dataclasses
import json
import posixpath
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Conflist

#: The endings every runtime reads; it leaves all other files of the directory alone.
EXTENSIONS = (".conf", ".conflist", ".json")

#: Runtime names as the CRI gives them; of these, a broken file is only skipped. containerd stops at it.
_SKIPS_BROKEN = ("cri-o", "docker")

#: ``flannel-migration-in-progress`` is the placeholder of Calico's own migration controller, under Calico's file name.
_OWNER_OF_PLUGIN = {"flannel": "flannel", "calico": "calico", "flannel-migration-in-progress": "calico"}

_OWNER_OF_NAME = (
    (re.compile(r"flannel"), "flannel"),
    (re.compile(r"calico"), "calico"),
    (re.compile(r"containerd-net|crio|podman|loopback|docker"), "runtime"),
)


def read(files: t.Mapping[str, bytes], runtime: str = "containerd", default_network: str = "") -> t.Tuple[Conflist, ...]:
    """The CNI configurations among ``files`` (path to content, all of one directory) in lexical order, the winner marked.

    ``runtime`` is the name the CRI gives (``""`` is read as containerd), ``default_network`` CRI-O's ``cni_default_network``.
    A file with another ending is listed with that as its problem if it holds a configuration (``10-flannel.conflist.bak``);
    what is no configuration at all (``calico-kubeconfig``) is left out.
    """
    parsed = tuple(_parse(path, files[path]) for path in sorted(files) if is_configuration(path, files[path]))
    rule = _Rule(runtime or "containerd", default_network, tuple(file for file in parsed if is_read(file.path)))
    return tuple(dataclasses.replace(file, wins=file is rule.winner, reason=rule.reason(file)) for file in parsed)


def is_read(path: str) -> bool:
    """Whether runtimes look at a file of this name."""
    return posixpath.splitext(path)[1] in EXTENSIONS or posixpath.basename(path) in EXTENSIONS


def is_configuration(path: str, content: bytes) -> bool:
    """Whether the file is a CNI configuration or stands where runtimes would read it as one."""
    if is_read(path):
        return True
    document = _document(content)
    return isinstance(document, dict) and ("plugins" in document or ("type" in document and "name" in document))


def owner_of(path: str, plugins: t.Iterable[str] = ()) -> str:
    """Who a file of the configuration directory belongs to: by the plugins it calls, else by its name."""
    called = tuple(plugins)
    by_plugin = [_OWNER_OF_PLUGIN[plugin] for plugin in called if plugin in _OWNER_OF_PLUGIN]
    if by_plugin:
        return by_plugin[0]
    by_name = [owner for pattern, owner in _OWNER_OF_NAME if pattern.search(posixpath.basename(path))]
    # A name alone is trusted for the runtimes' own defaults, and for a CNI's file only when nothing in it contradicts.
    return next((owner for owner in by_name if owner == "runtime" or not called), "unknown")


@dataclasses.dataclass(frozen=True)
class _Rule:
    """How one runtime chooses among the files it reads."""

    runtime: str
    default_network: str
    files: t.Tuple[Conflist, ...]

    @property
    def pinned(self) -> bool:
        return self.runtime == "cri-o" and bool(self.default_network)

    @property
    def obstacle(self) -> t.Optional[Conflist]:
        """The broken file behind which nothing is loaded."""
        first = self.files[0] if self.files else None
        return first if first and first.problem and self.runtime not in _SKIPS_BROKEN else None

    @property
    def winner(self) -> t.Optional[Conflist]:
        if self.obstacle:
            return None
        return next((file for file in self.files if not file.problem and (not self.pinned or file.network == self.default_network)), None)

    def reason(self, file: Conflist) -> str:
        """Why ``file`` wins or loses, in words."""
        winner = self.winner
        if file is winner:
            return f"carries {self.runtime}'s cni_default_network {self.default_network}" if self.pinned else "first in lexical order"
        if file is self.obstacle:
            return f"first in lexical order, and {self.runtime} loads nothing at all when its first file is broken"
        if file.problem:
            return f"{self.runtime} cannot use it"
        if self.obstacle:
            return f"{self.runtime} stops at {posixpath.basename(self.obstacle.path)} before it, which is broken"
        if self.pinned and file.network != self.default_network:
            return f"{self.runtime}'s cni_default_network is {self.default_network}, and this one is {file.network}"
        return f"{posixpath.basename(winner.path)} comes before it" if winner else f"{self.runtime} cannot use it"


def _parse(path: str, content: bytes) -> Conflist:
    document = _document(content)
    fields = document if isinstance(document, dict) else {}
    entries = fields["plugins"] if isinstance(fields.get("plugins"), list) else [fields] if "type" in fields else []
    plugins = tuple(_text(entry.get("type")) for entry in entries if isinstance(entry, dict))
    return Conflist(
        path=path,
        network=_text(fields.get("name")),
        cni_version=_text(fields.get("cniVersion")),
        plugins=plugins,
        problem=_problem(path, document),
        owner=owner_of(path, plugins),
    )


def _problem(path: str, document: t.Any) -> str:
    """Why no runtime can use the file, or ``""``."""
    if not is_read(path):
        return f"no runtime reads a file that does not end in {', '.join(EXTENSIONS)}"
    if isinstance(document, ValueError):
        return f"not JSON: {document}"
    if not isinstance(document, dict):
        return "not a JSON object"
    if not isinstance(document.get("name"), str) or not document["name"]:
        return "has no network name"
    if not isinstance(document.get("cniVersion", ""), str):
        return "cniVersion is not a string"
    return _list_problem(document) if path.endswith(".conflist") else _single_problem(document)


def _list_problem(document: t.Dict[str, t.Any]) -> str:
    plugins = document.get("plugins")
    if not isinstance(plugins, list) or not plugins:
        return "has no list of plugins"
    untyped = [number for number, plugin in enumerate(plugins, 1) if not isinstance(plugin, dict) or not _text(plugin.get("type"))]
    return f"plugin {untyped[0]} has no type" if untyped else ""


def _single_problem(document: t.Dict[str, t.Any]) -> str:
    if _text(document.get("type")):
        return ""
    return "is a list of plugins, which only a .conflist may hold" if "plugins" in document else "has no plugin type"


def _document(content: bytes) -> t.Any:
    """The JSON value, or the ValueError that says why there is none."""
    try:
        return json.loads(content.decode("utf-8"))
    except ValueError as error:
        return error


def _text(value: t.Any) -> str:
    return value if isinstance(value, str) else ""
