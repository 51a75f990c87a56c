# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the modules that copy images, and their results. ``plugins/doc_fragments/registries.py`` describes the options.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import pathlib
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors, _files
from ansible_collections.podnet.cni.plugins.module_utils._images import lock, reference
from ansible_collections.podnet.cni.plugins.module_utils._registry import mirror
from ansible_collections.podnet.cni.plugins.module_utils._registry.credentials import Credential, Keyring
from ansible_collections.podnet.cni.plugins.module_utils._registry.limits import Patience
from ansible_collections.podnet.cni.plugins.module_utils._registry.mirror import Manner, Outcome, Progress, Wishes
from ansible_collections.podnet.cni.plugins.module_utils._registry.remote import Registries
from ansible_collections.podnet.cni.plugins.module_utils._registry.wire import URLLIB3_IMPORT_ERROR, HostSettings

OPTIONS: t.Mapping[str, t.Any] = {
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "auth_file": {"type": "path"},
    "hosts": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "host": {"type": "str", "required": True},
            "endpoint": {"type": "str"},
            "ca_file": {"type": "path"},
            "plain_http": {"type": "bool", "default": False},
            "validate_certs": {"type": "bool", "default": True},
            "username": {"type": "str"},
            "password": {"type": "str", "no_log": True},
        },
        "required_together": [("username", "password")],
    },
    "platforms": {"type": "list", "elements": "str", "default": []},
    "referrers": {"type": "bool", "default": False},
    "signatures": {"type": "bool", "default": False},
    "foreign_layers": {"type": "str", "choices": list(mirror.FOREIGN), "default": mirror.FOREIGN[0]},
    "workers": {"type": "int", "default": 8},
    "timeout": {"type": "int", "default": 60},
}

#: Seconds between two lines about how far a copy is; a short one says nothing.
_EVERY = 5.0
#: Failures that a message tells in full.
_TOLD = 5


def spec(options: t.Mapping[str, t.Any], act: t.Callable[[t.Any], _entry.Result], **rules: t.Any) -> _entry.Spec:
    """A module that talks to registries: its own options, what it does, and how its options go together."""
    libraries = {"urllib3": lambda: URLLIB3_IMPORT_ERROR}
    return _entry.Spec({**OPTIONS, **options}, act, libraries=libraries, required_together=[("username", "password")], **rules)


def registries(params: t.Mapping[str, t.Any]) -> Registries:
    """The way to all registries. ``username`` and ``password`` are for the one in ``registry``. Raises BadInputError."""
    given = {_host(entry["host"]): entry for entry in params["hosts"]}
    credentials = {host: Credential(entry["username"], entry["password"]) for host, entry in given.items() if entry["username"]}
    if params.get("registry") and params["username"]:
        credentials[_host(params["registry"])] = Credential(params["username"], params["password"])
    settings = [
        HostSettings(
            host,
            entry["ca_file"] or "",
            plain_http=entry["plain_http"],
            insecure=not entry["validate_certs"],
            endpoint=_host(entry["endpoint"]) if entry["endpoint"] else "",
        )
        for host, entry in given.items()
    ]
    keyring = Keyring(credentials, [params["auth_file"]] if params["auth_file"] else None)
    workers = _workers(params)
    return Registries(settings, keyring, workers=workers, timeout=float(params["timeout"]), patience=Patience())


def manner(params: t.Mapping[str, t.Any], check_mode: bool) -> Manner:
    """How to copy. Raises BadInputError."""
    wishes = Wishes(tuple(params["platforms"]), params["referrers"], params["signatures"], params["foreign_layers"])
    return Manner(wishes, _workers(params), Patience(), check_mode)


def _workers(params: t.Mapping[str, t.Any]) -> int:
    workers: int = params["workers"]
    if workers < 1:
        raise _errors.BadInputError(f"{workers} workers copy nothing", "option workers", "Have at least 1.")
    return workers


def _host(name: str) -> str:
    found = reference.parse(f"{name}/x/y", "option hosts")
    if found.path != "x/y":
        raise _errors.BadInputError(f"{name!r} is no host of a registry", "option hosts", "Write its name in full, or with its port.")
    return found.host


# --- How far it is ---


class Teller:
    """Says every few seconds how far a copy is."""

    def __init__(self, say: t.Callable[[str], None], clock: t.Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._last = self._begun = clock()

    def __call__(self, progress: Progress) -> None:
        now = self._clock()
        if now - self._last < _EVERY:
            return
        self._last = now
        self._say(line(progress, now - self._begun))


def line(progress: Progress, seconds: float) -> str:
    """How far a copy is after so many seconds."""
    rate = human(progress.bytes_sent / seconds) if seconds else "0 B"
    sent = f"{human(progress.bytes_sent)} of {human(progress.bytes_to_send)}"
    return f"images: {progress.images_done} of {progress.images}, {sent}, {rate}/s"


def human(count: float) -> str:
    """Bytes in words."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


# --- Results ---


def result(outcomes: t.Sequence[Outcome]) -> _entry.Result:
    """What a module returns. Raises FoundFailingError with the same if an image failed."""
    changed = [outcome for outcome in outcomes if outcome.action in (mirror.COPIED, mirror.WOULD_COPY)]
    failed = [outcome for outcome in outcomes if outcome.error]
    found: _entry.Result = {
        "changed": bool(changed),
        "images": [{**dataclasses.asdict(outcome), "companions": list(outcome.companions)} for outcome in outcomes],
        "lock": [{"source": each.source, "digest": each.digest, "target": each.target} for each in outcomes if not each.error],
        "summary": summary(outcomes),
        "diff": {"before": _listed(changed, "digest_before"), "after": _listed(changed, "digest")},
    }
    if failed:
        raise _errors.FoundFailingError(_message(failed, len(outcomes)), found)
    return found


def with_lock_file(result: _entry.Result, path: t.Optional[str], check_mode: bool) -> _entry.Result:
    """A module's result, and its lock in that file. `result` has raised where an image failed: a lock of some of them would mislead."""
    if not path:
        return result
    text = lock.dump(lock.make(lock.Entry(**entry) for entry in result["lock"])).encode()
    place = pathlib.Path(path).expanduser()
    try:
        same = place.exists() and place.read_bytes() == text
        if not same and not check_mode:
            _files.replace(place, text, 0o644)
    except OSError as error:
        raise _errors.BadInputError(f"cannot be written: {error.strerror}", f"lock_file {path}") from error
    return {**result, "changed": result["changed"] or not same}


def summary(outcomes: t.Sequence[Outcome]) -> str:
    """What became of all images, in one line."""
    actions = (mirror.COPIED, mirror.WOULD_COPY, mirror.UNCHANGED, mirror.FAILED)
    counts = [(sum(outcome.action == action for outcome in outcomes), action) for action in actions]
    sent, mounted = sum(outcome.bytes_copied for outcome in outcomes), sum(outcome.bytes_mounted for outcome in outcomes)
    told = ", ".join(f"{count} {action}" for count, action in counts if count) or "no images"
    return f"{told}; {human(sent)} sent, {human(mounted)} mounted" if sent or mounted else told


def _message(failed: t.Sequence[Outcome], count: int) -> str:
    told = [outcome.error for outcome in failed[:_TOLD]]
    more = [f"and {len(failed) - _TOLD} more"] if len(failed) > _TOLD else []
    return f"{len(failed)} of {count} images failed. " + " ".join([*told, *more])


def _listed(outcomes: t.Sequence[Outcome], digest: str) -> str:
    return "".join(f"{outcome.target} {getattr(outcome, digest)}\n" for outcome in outcomes if getattr(outcome, digest))
