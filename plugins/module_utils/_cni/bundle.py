# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A support bundle: all that was read of a cluster in one archive without secrets, and the way back to what preflight judges.

The same content makes the same bytes. Reading trusts nothing: it unpacks nothing to disk, and demands every byte to be the one
that the manifest names.

Pure: bytes in, bytes out. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import re
import tarfile
import typing as t
import zlib

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import redaction

FORMAT = "podnet.cni support bundle"
VERSION = 1

_FOLDER = "podnet-cni-bundle"
_MANIFEST = "manifest.json"
_CLUSTER = "cluster.json"
_JOURNAL = "journal.json"
_NODES = "nodes/"

#: A cluster of a thousand nodes has a few hundred MiB; an archive that says more is none of ours.
_LIMIT = 1 << 30
#: Level 6 takes three times as long as level 1 for a fifth less.
_LEVEL = 1

Json = t.Dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Contents:
    """What goes into a bundle. ``hosts`` are the inventory's nodes, ``problems`` what could not be read, ``captured`` the time of it."""

    cluster: Json
    snapshots: t.Mapping[str, Json]
    hosts: t.Tuple[str, ...] = ()
    journal: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    preflight: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    tools: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    problems: t.Tuple[str, ...] = ()
    captured: str = ""

    @property
    def missing(self) -> t.Tuple[str, ...]:
        """The hosts of which there is no snapshot."""
        return tuple(host for host in self.hosts if host not in self.snapshots)


def pack(contents: Contents) -> bytes:
    """The archive."""
    files = dict(_files(contents))
    manifest = _manifest(contents, files)
    return _archive({_MANIFEST: _text(manifest), **files})


def unpack(data: bytes, where: str) -> Contents:
    """What preflight needs of an archive. Raises BadInputError when it is no bundle, a damaged one, or one without a cluster."""
    files = _members(data, where)
    manifest = _parsed(files, _MANIFEST, where)
    if manifest.get("format") != FORMAT or manifest.get("version") != VERSION:
        found = f"{manifest.get('format')!r} of version {manifest.get('version')!r}"
        raise _bad(f"it is {found}, not {FORMAT!r} of version {VERSION}", where)
    for entry in manifest.get("files") or ():
        if hashlib.sha256(files.get(entry["path"], b"")).hexdigest() != entry["sha256"]:
            raise _bad(f"{entry['path']} is not what its manifest says: it was changed or cut", where)
    if _CLUSTER not in files:
        problems = "; ".join(manifest.get("problems") or ()) or "no reason given"
        raise _bad(f"it holds no cluster, as the API server was not read ({problems})", where)
    nodes = [_parsed(files, path, where) for path in sorted(files) if path.startswith(_NODES)]
    return Contents(
        cluster=_parsed(files, _CLUSTER, where),
        snapshots={node["host"]: node["snapshot"] for node in nodes},
        hosts=tuple(manifest.get("hosts") or ()),
        journal=_parsed(files, _JOURNAL, where) if _JOURNAL in files else {},
        captured=str(manifest.get("captured") or ""),
    )


def listing(data: bytes, where: str) -> t.List[str]:
    """The names of the files in an archive, each with the first digits of its digest."""
    return [f"{path} {hashlib.sha256(content).hexdigest()[:12]}" for path, content in sorted(_members(data, where).items())]


def names(contents: Contents) -> t.List[str]:
    """The files of the archive, as a person finds them."""
    return [f"{_FOLDER}/{path}" for path in sorted([_MANIFEST, *(path for path, _ in _files(contents))])]


def _files(contents: Contents) -> t.Iterator[t.Tuple[str, bytes]]:
    if contents.cluster:
        yield _CLUSTER, _text(contents.cluster)
        yield from _net_confs(contents.cluster)
    for number, host in enumerate(sorted(contents.snapshots)):
        # Two hosts may be the same after the letters that no file name should have.
        yield f"{_NODES}{number:04}-{_plain(host)}.json", _text({"host": host, "snapshot": contents.snapshots[host]})
    if contents.journal:
        yield _JOURNAL, _text({key: _journal_value(key, value) for key, value in contents.journal.items()})
    # Without a cluster there was nothing to ask, and Ansible only says that it skipped that.
    if "checks" in contents.preflight:
        yield "preflight.json", _text({key: contents.preflight[key] for key in _VERDICT if key in contents.preflight})
        yield "preflight.txt", _lines(contents.preflight.get("summary") or ())
    yield "versions.json", _text(_versions(contents))


#: What of the answer of cni_preflight is its verdict; the rest is Ansible's.
_VERDICT = ("state", "network", "passed", "checks")


def _net_confs(cluster: Json) -> t.Iterator[t.Tuple[str, bytes]]:
    for number, item in enumerate(cluster.get("flannel") or ()):
        if item.get("net_conf"):
            yield f"net-conf/{number}.json", _lines([item["net_conf"].strip()])


def _journal_value(key: str, value: t.Any) -> t.Any:
    """The journal's manifests are whole objects: their names are in it beside them."""
    return f"(left out: {len(str(value))} letters)" if key.endswith((".yaml", ".yml")) else value


def _versions(contents: Contents) -> Json:
    """All versions in one place; they are what a reader asks for first."""
    nodes = contents.cluster.get("nodes") or ()
    cnis = [*(contents.cluster.get("flannel") or ()), *filter(None, [contents.cluster.get("calico")])]
    return {
        "tools": dict(contents.tools),
        "kubernetes": contents.cluster.get("version", ""),
        "cni images": [item["image"] for item in cnis if item.get("image")],
        "kubelets": {node["name"]: node.get("kubelet_version", "") for node in nodes},
        "runtimes": {node["name"]: node.get("runtime", "") for node in nodes},
        "kernels": {host: item.get("kernel", "") for host, item in sorted(contents.snapshots.items())},
    }


def _manifest(contents: Contents, files: t.Mapping[str, bytes]) -> Json:
    return {
        "format": FORMAT,
        "version": VERSION,
        "captured": contents.captured,
        "hosts": list(contents.hosts),
        "hosts without a snapshot": list(contents.missing),
        "problems": list(contents.problems),
        "files": [{"path": path, "size": len(files[path]), "sha256": hashlib.sha256(files[path]).hexdigest()} for path in sorted(files)],
    }


def _text(data: t.Any) -> bytes:
    return (json.dumps(redaction.clean(data), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _lines(lines: t.Iterable[str]) -> bytes:
    return "".join(f"{redaction.clean_text(line)}\n" for line in lines).encode()


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "_", name)


def _archive(files: t.Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    # No time and no name in the header: the same files make the same bytes.
    packed = gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=_LEVEL, mtime=0)
    with packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(files):
            member = tarfile.TarInfo(f"{_FOLDER}/{path}")
            member.size, member.mode = len(files[path]), 0o600
            tar.addfile(member, io.BytesIO(files[path]))
    return buffer.getvalue()


def _members(data: bytes, where: str) -> t.Dict[str, bytes]:
    """The regular files of the archive below its folder, by the rest of their names."""
    found: t.Dict[str, bytes] = {}
    left = _LIMIT
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            for member in tar:
                left -= member.size
                if left < 0:
                    raise _bad(f"it is larger than {_LIMIT >> 20} MiB when unpacked", where)
                content = tar.extractfile(member) if member.isreg() else None
                if content is not None and member.name.startswith(f"{_FOLDER}/"):
                    found[member.name[len(_FOLDER) + 1 :]] = content.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise _bad(f"it is no whole tar.gz archive: {error}", where) from error
    return found


def _parsed(files: t.Dict[str, bytes], path: str, where: str) -> Json:
    """A file's content, which is taken out: a large cluster would else be held twice."""
    try:
        parsed = json.loads(files.pop(path))
    except (KeyError, ValueError) as error:
        raise _bad(f"{path} is not in it, or is no JSON", where) from error
    if not isinstance(parsed, dict):
        raise _bad(f"{path} holds no object", where)
    return parsed


def _bad(what: str, where: str) -> _errors.BadInputError:
    return _errors.BadInputError(what, f"bundle {where}", "Use an archive that playbooks/capture_bundle.yml wrote, as it is.")
