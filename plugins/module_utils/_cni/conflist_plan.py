# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files of a CNI configuration directory to write and which to take away, to reach the wanted state.

Pure: path to content in, plan out. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import json
import posixpath
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import conflist
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError

#: The files of one directory.
Files = t.Mapping[str, bytes]

_SECRET_KEY = re.compile(r"token|password|secret|private|psk|key$|[_-]data$", re.IGNORECASE)
_HIDDEN = "(not shown)"


@dataclasses.dataclass(frozen=True)
class Selection:
    """The files of ``cni``, which may be empty, and those with one of ``names``."""

    cni: str = ""
    names: t.FrozenSet[str] = frozenset()

    def takes(self, path: str, content: bytes) -> bool:
        """Whether the file is one of the selected."""
        return posixpath.basename(path) in self.names or (bool(self.cni) and owner_of(path, content) == self.cni)


@dataclasses.dataclass(frozen=True)
class ConflistPlan:
    """``write`` is what a file is to contain, ``remove`` are the paths to take away."""

    write: t.Tuple[t.Tuple[str, bytes], ...] = ()
    remove: t.Tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.write or self.remove)

    @property
    def touched(self) -> t.FrozenSet[str]:
        """Every path that the plan writes or removes."""
        return frozenset(self.remove).union(path for path, _ in self.write)

    def result(self, files: Files) -> t.Dict[str, bytes]:
        """The directory once the plan is carried out."""
        return {**{path: content for path, content in files.items() if path not in self.remove}, **dict(self.write)}


def present(files: Files, path: str, content: t.Union[str, t.Mapping[str, t.Any]]) -> ConflistPlan:
    """``path`` holds ``content``; a file that says the same in other spacing is left alone."""
    name = posixpath.basename(path)
    if not conflist.is_read(name):
        raise BadInputError(f"no runtime reads it: a name must end in {', '.join(conflist.EXTENSIONS)}", where=f"name {name}")
    wanted = content.encode("utf-8") if isinstance(content, str) else json.dumps(content, indent=2).encode("utf-8") + b"\n"
    problem = conflist.read({path: wanted})[0].problem
    if problem:
        raise BadInputError(f"the content is no CNI configuration that a runtime can use: {problem}", where=f"name {name}")
    if path in files and _same(files[path], wanted):
        return ConflistPlan()
    return ConflistPlan(write=((path, wanted),))


def absent(files: Files, selection: Selection) -> ConflistPlan:
    """None of the selected files is there."""
    return ConflistPlan(remove=tuple(path for path in sorted(files) if selection.takes(path, files[path])))


def only(files: Files, selection: Selection, runtime: str = "containerd", default_network: str = "") -> ConflistPlan:
    """The selected files are the only CNI configurations; refused when the runtime would have none to load.

    What is no configuration and belongs to no CNI stays. What is none and belongs to the CNI of a selected file, such as
    Calico's kubeconfig, stays too.
    """
    kept = {path: content for path, content in files.items() if selection.takes(path, content)}
    cnis = {owner_of(path, content) for path, content in kept.items()}
    removed = tuple(path for path in sorted(files) if path not in kept and _competes(path, files[path], cnis))
    plan = ConflistPlan(remove=removed)
    left = conflist.read(plan.result(files), runtime, default_network)
    if not any(file.wins for file in left):
        seen = (
            "; ".join(f"{posixpath.basename(file.path)}: {file.problem or file.reason}" for file in left) or "no file of that CNI or name"
        )
        raise BadInputError(
            f"{runtime} would have no CNI configuration left to load ({seen})",
            next_step="Nothing was changed. Install the CNI that is to stay first.",
        )
    return plan


def owner_of(path: str, content: bytes) -> str:
    """The CNI or runtime a file belongs to: a configuration by its plugins, anything else by its name."""
    records = conflist.read({path: content})
    return records[0].owner if records else conflist.owner_of(path)


def show(files: Files) -> str:
    """``files`` for a diff: configurations with their secrets hidden, and of anything else only the size."""
    return "".join(f"# {path}\n{_shown(files[path])}\n" for path in sorted(files))


def _competes(path: str, content: bytes, cnis: t.AbstractSet[str]) -> bool:
    return conflist.is_configuration(path, content) or owner_of(path, content) in {"flannel", "calico"} - cnis


def _same(content: bytes, wanted: bytes) -> bool:
    try:
        return _canonical(content) == _canonical(wanted)
    except ValueError:
        return False


def _canonical(content: bytes) -> str:
    # As text, because to Python 1 and true are equal, but not to a plugin.
    return json.dumps(json.loads(content.decode("utf-8")), sort_keys=True)


def _shown(content: bytes) -> str:
    try:
        document = json.loads(content.decode("utf-8"))
    except ValueError:
        return f"{len(content)} bytes {_HIDDEN}"
    return json.dumps(_without_secrets(document), indent=2)


def _without_secrets(value: t.Any) -> t.Any:
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    if isinstance(value, dict):
        return {key: _HIDDEN if _SECRET_KEY.search(key) else _without_secrets(item) for key, item in value.items()}
    return value
