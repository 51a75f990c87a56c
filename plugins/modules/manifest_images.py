#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: manifest_images
short_description: List the images of manifests, or rewrite them to their copies in a registry
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Finds every image in YAML and JSON manifests by the kind of each object and the path in it, and puts the name of its copy in its place.
    All other bytes stay as they are - comments, anchors, quotes, line ends, indentation.
  - Known are the containers, init containers, ephemeral containers and image volumes of all built-in kinds, lists of them, and the
    C(registry) of a Tigera Installation, which is added where there is none. O(rules) adds places in other objects, O(also) texts.
  - What looks like an image and is left alone is in RV(left_alone), templates included. CustomResourceDefinitions are never looked into.
  - A copy is named C(registry/project/source-host/path), with V(_) for the colon of a port. An image that is there already is left alone,
    so a second run changes nothing.
  - It asks no registry. Runs on the control machine.
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - V(listed) only reads. Copies' names are told where O(registry) and O(project) are given.
      - V(rewritten) writes.
    type: str
    choices: [listed, rewritten]
    default: listed
  sources:
    description:
      - Files, directories and URLs (C(http), C(https)). Of a directory these are all files named C(*.yaml), C(*.yml) and C(*.json), also
        in directories below it.
      - If one cannot be used, no file is written.
    type: list
    elements: str
  checksums:
    description: Checksums by source, V(sha256:) and 64 hexadecimal digits. One for each URL is advisable.
    type: dict
    default: {}
  content:
    description: The text of a manifest, instead of O(sources).
    type: str
  registry:
    description: The registry that holds the copies, such as V(harbor.example) or V(harbor.example:8443).
    type: str
  project:
    description: The project on it, perhaps with a path below it.
    type: str
  overrides:
    description:
      - Other places for some copies. A source's host, or the beginning of its name up to a slash or the end, to the path on O(registry)
        that takes its place. The longest one that fits wins.
    type: dict
    default: {}
  lock_file:
    description:
      - The path of a lock file, by whose digests images are pinned - C(name:tag@sha256:...). An image that it does not have is an error.
      - An image with a digest of its own keeps it.
    type: path
  rules:
    description: Places of images in other objects.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: The object's kind.
        type: str
        required: true
      group:
        description: Its API group, any if not set.
        type: str
      path:
        description: The path to the image, such as V(spec.parts[].image), V(spec.*.image) or V(metadata.annotations["example.com/image"]).
        type: str
        required: true
  also:
    description:
      - Texts that are looked into for images.
      - V(env) is the values of environment variables, V(args) commands and arguments (C(--image=...), C(--some-image=...)).
      - V(config_maps) is the texts of ConfigMaps, V(secrets) C(stringData) of Secrets, V(annotations) those of objects and their pods. YAML
        and JSON in them are read like a manifest.
      - In such a text an image has to have a host and a tag, a digest, or a name that says image.
    type: list
    elements: str
    choices: [env, args, config_maps, secrets, annotations]
    default: []
  operator_host:
    description: The host from which the Tigera operator takes images when an Installation names no registry.
    type: str
    default: quay.io
  dest:
    description:
      - Where rewritten manifests go. A directory gets a file for each manifest, with its path below its source. With one manifest it
        is a file, unless it ends with a slash or is a directory.
      - If not set, files are rewritten in place, and URLs and O(content) only returned.
    type: path
  backup:
    description: Whether a file that is replaced is kept beside the new one, its name ending with V(~).
    type: bool
    default: false
requirements:
  - PyYAML
seealso:
  - plugin: podnet.cni.rewrite_images
    plugin_type: filter
  - module: podnet.cni.cni_manifest
"""

EXAMPLES = r"""
- name: List the images of Calico's manifest, and where their copies are to be
  podnet.cni.manifest_images:
    sources: [files/calico.yaml]
    registry: harbor.example
    project: mirror
  register: listed

- name: Rewrite all manifests of an application, pinned by digest, into another directory
  podnet.cni.manifest_images:
    state: rewritten
    sources: [files/manifests]
    registry: harbor.example
    project: mirror
    overrides:
      quay.io/calico: calico
    lock_file: files/images.lock.yml
    dest: build/manifests/

- name: Rewrite a custom resource, and texts of ConfigMaps
  podnet.cni.manifest_images:
    state: rewritten
    sources: [files/database.yaml]
    registry: harbor.example
    project: mirror
    rules:
      - kind: MariaDB
        group: k8s.mariadb.com
        path: spec.image
    also: [config_maps]
    backup: true
"""

RETURN = r"""
images:
  description:
    - Every image once, in the order of its first place. RV(images[].target) is the copy, or empty where O(registry) is not given. It is the
      same as RV(images[].source) for an image that is a copy already.
    - C(via) of a place tells why it is one - V(pod), V(rule), a value of O(also), V(implied) for an image that the Tigera operator runs
      beside its own, V(alias) for another place of the same anchor.
  returned: success
  type: list
  elements: dict
  contains:
    source:
      description: The image's full name.
      type: str
      returned: always
      sample: quay.io/calico/node:v3.31.7
    target:
      description: The copy's full name.
      type: str
      returned: always
      sample: harbor.example/mirror/quay.io/calico/node:v3.31.7
    places:
      description: Where it is written.
      type: list
      elements: dict
      returned: always
      sample:
        - {file: files/calico.yaml, document: 30, line: 7152, path: "spec.template.spec.containers[0].image", via: pod}
registries:
  description: The registries of Tigera Installations. An empty C(source) is the operator's own.
  returned: success
  type: list
  elements: dict
  sample:
    - source: ""
      target: harbor.example/mirror/quay.io/
      place: {file: files/installation.yaml, document: 1, line: 6, path: spec.registry, via: installation}
left_alone:
  description: What looks like an image and was not rewritten, and why.
  returned: success
  type: list
  elements: dict
  sample:
    - value: quay.io/prometheus/prometheus:v3.0.0
      reason: no place where images are known to be
      file: files/prometheus.yaml
      document: 1
      line: 9
      path: spec.image
files:
  description: The files that were written, or would be.
  returned: success
  type: list
  elements: str
  sample: [build/manifests/calico.yaml]
backups:
  description: Where replaced files are kept.
  returned: success
  type: list
  elements: str
  sample: []
content:
  description: The rewritten text, where there is one manifest alone.
  returned: O(state=rewritten), and one manifest
  type: str
  sample: "apiVersion: v1\nkind: Pod\n..."
"""

import dataclasses
import os
import pathlib
import shutil
import stat
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors, _files
from ansible_collections.podnet.cni.plugins.module_utils._control import sources
from ansible_collections.podnet.cni.plugins.module_utils._control.sources import Manifest
from ansible_collections.podnet.cni.plugins.module_utils._images import documents, finding, lock, naming, places, rewriting
from ansible_collections.podnet.cni.plugins.module_utils._images.finding import Findings

_CONTENT = "content"
#: Of a new file.
_MODE = 0o644


@dataclasses.dataclass(frozen=True)
class Told:
    """What is known of one manifest: ``targets`` and ``registries`` are empty where no registry was given."""

    findings: Findings
    targets: t.Tuple[str, ...]
    registries: t.Tuple[str, ...]
    left_alone: t.Tuple[finding.LeftAlone, ...]


def argument_spec() -> t.Dict[str, t.Any]:
    rule = {"kind": {"type": "str", "required": True}, "group": {"type": "str"}, "path": {"type": "str", "required": True}}
    return {
        "state": {"type": "str", "choices": ["listed", "rewritten"], "default": "listed"},
        "sources": {"type": "list", "elements": "str"},
        "checksums": {"type": "dict", "default": {}},
        "content": {"type": "str"},
        "registry": {"type": "str"},
        "project": {"type": "str"},
        "overrides": {"type": "dict", "default": {}},
        "lock_file": {"type": "path"},
        "rules": {"type": "list", "elements": "dict", "default": [], "options": rule},
        "also": {"type": "list", "elements": "str", "choices": list(places.OPTIONAL), "default": []},
        "operator_host": {"type": "str", "default": "quay.io"},
        "dest": {"type": "path"},
        "backup": {"type": "bool", "default": False},
    }


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    try:
        read = _read_all(params)
        return _rewritten(call, read) if params["state"] == "rewritten" else _listed(call, read)
    except _errors.PodnetError:
        call.no_log_values |= {password for source in params["sources"] or () for password in sources.passwords_in(source)}
        raise


def _listed(call: _entry.Call, read: t.Sequence[Manifest]) -> _entry.Result:
    settings = _settings(call.params)
    if settings:
        found = rewriting.rewrite_all({item.label: item.text for item in read}, settings)
        told = {name: _told(item) for name, item in found.items()}
    else:
        wanted = rewriting.wanted_of(call.params["rules"], call.params["also"])
        findings = {item.label: finding.find(item.text, wanted, item.label) for item in read}
        told = {name: Told(item, (), (), item.left_alone) for name, item in findings.items()}
    return {"changed": False, **_report(call, told), "files": [], "backups": []}


def _rewritten(call: _entry.Call, read: t.Sequence[Manifest]) -> _entry.Result:
    settings = t.cast("rewriting.Settings", _settings(call.params))
    found = rewriting.rewrite_all({item.label: item.text for item in read}, settings)
    wishes = _wishes(read, found, call.params["dest"])
    written = [path for path, (content, _) in wishes.items() if _current(path) != content]
    backups: t.List[str] = []
    if not call.check_mode:
        for path in written:
            _write(path, *wishes[path], backups if call.params["backup"] else None)
    result = {
        "changed": bool(written),
        **_report(call, {name: _told(item) for name, item in found.items()}),
        "files": written,
        "backups": backups,
        "diff": [_diff(name, item) for name, item in found.items() if item.edits],
    }
    return {**result, "content": found[read[0].label].text} if len(read) == 1 else result


# --- What is asked ---


def _settings(params: t.Mapping[str, t.Any]) -> t.Optional[rewriting.Settings]:
    """None where no registry is given."""
    if not params["registry"]:
        return None
    path = params["lock_file"]
    pins = lock.parse(sources.decode(sources.read(path), path), path) if path else None
    named = naming.make(params["registry"], params["project"], params["overrides"])
    return rewriting.Settings(named, pins, rewriting.wanted_of(params["rules"], params["also"]), params["operator_host"])


def _read_all(params: t.Mapping[str, t.Any]) -> t.List[Manifest]:
    if params["content"] is not None:
        return [Manifest(_CONTENT, params["content"], f"{_CONTENT}.yaml")]
    return sources.read_all(params["sources"], params["checksums"])


# --- Files ---


def _wishes(
    read: t.Sequence[Manifest], found: t.Mapping[str, rewriting.Rewritten], dest: t.Optional[str]
) -> t.Dict[str, t.Tuple[bytes, int]]:
    """What each file is to hold, and the mode of a new one."""
    wishes: t.Dict[str, t.Tuple[bytes, int]] = {}
    for item in read:
        path = _destination(item, dest, alone=len(read) == 1)
        if not path:
            continue
        if path in wishes:
            raise _errors.BadInputError("two sources would be written there", path, "Use another dest for one of them.")
        mode = stat.S_IMODE(os.stat(item.path).st_mode) if item.path else _MODE
        wishes[path] = (found[item.label].text.encode("utf-8"), mode)
    return wishes


def _destination(item: Manifest, dest: t.Optional[str], alone: bool) -> str:
    """Where the manifest goes; empty for nowhere. A link stays one: what it leads to is written."""
    if not dest:
        return os.path.realpath(item.path) if item.path else ""
    is_file = alone and item.relative == os.path.basename(item.relative) and not dest.endswith("/") and not os.path.isdir(dest)
    return os.path.realpath(dest if is_file else os.path.join(dest, item.relative))


def _current(path: str) -> t.Optional[bytes]:
    try:
        return pathlib.Path(path).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _errors.BadInputError(f"it cannot be read: {error.strerror}", path, "Name another dest.") from error


def _write(path: str, content: bytes, mode: int, backups: t.Optional[t.List[str]]) -> None:
    try:
        if os.path.exists(path):
            mode = stat.S_IMODE(os.stat(path).st_mode)
            if backups is not None:
                backups.append(f"{path}.{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S')}~")
                shutil.copy2(path, backups[-1])
        _files.replace(pathlib.Path(path), content, mode)
    except OSError as error:
        raise _errors.BadInputError(f"it cannot be written: {error.strerror}", path, "Make room or name another dest.") from error


# --- Report ---


def _told(item: rewriting.Rewritten) -> Told:
    return Told(item.findings, tuple(map(str, item.targets)), item.registries, item.left_alone)


def _report(call: _entry.Call, told: t.Mapping[str, Told]) -> _entry.Result:
    images: t.Dict[str, t.Dict[str, t.Any]] = {}
    for name, item in told.items():
        for image, target in zip(item.findings.images, item.targets or [""] * len(item.findings.images)):
            entry = images.setdefault(str(image.source), {"source": str(image.source), "target": target, "places": []})
            entry["places"] += [_place(name, place) for place in image.places]
            for place in image.places:
                if place.via == finding.ALIAS:
                    call.warn(f"{name}, document {place.document}, line {place.line}: {place.path} is the text of an image by its anchor")
    return {
        "images": list(images.values()),
        "registries": [
            {"source": registry.source, "target": target, "place": _place(name, registry.place)}
            for name, item in told.items()
            for registry, target in zip(item.findings.registries, item.registries or [""] * len(item.findings.registries))
        ],
        "left_alone": [_place(name, left) for name, item in told.items() for left in item.left_alone],
    }


def _place(name: str, place: t.Union[finding.Where, finding.LeftAlone]) -> t.Dict[str, t.Any]:
    return {"file": name, **dataclasses.asdict(place)}


def _diff(name: str, item: rewriting.Rewritten) -> t.Dict[str, str]:
    """Only the images: a line of a Secret or of JSON may hold anything."""
    lines = {side: "".join(f"{edit.line}: {getattr(edit, side).strip()}\n" for edit in item.edits) for side in ("old", "new")}
    return {"before_header": name, "after_header": name, "before": lines["old"], "after": lines["new"]}


SPEC = _entry.Spec(
    argument_spec(),
    act,
    libraries={"PyYAML": lambda: documents.YAML_IMPORT_ERROR},
    mutually_exclusive=[("sources", "content")],
    required_one_of=[("sources", "content")],
    required_together=[("registry", "project")],
    required_if=[("state", "rewritten", ("registry", "project"))],
)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
