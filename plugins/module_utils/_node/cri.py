# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the container runtime itself, over its CRI socket, which CNI configuration it holds.

What lies in the directory is not what is loaded: containerd may have missed a change. Only its own answer counts.
`describe` and `fields` are pure. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Runtime
from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import grpc

SOCKETS = ("/run/containerd/containerd.sock", "/run/crio/crio.sock", "/var/run/cri-dockerd.sock")

#: Seconds for both questions to one runtime.
TIMEOUT = 3.0

#: The service's names, newest first: containerd 1.5 and CRI-O 1.22 know only the old one.
_SERVICES = ("/runtime.v1.RuntimeService/", "/runtime.v1alpha2.RuntimeService/")

#: StatusRequest with ``verbose`` (field 1) set.
_VERBOSE = b"\x08\x01"


def find(endpoints: t.Sequence[str] = (), timeout: float = TIMEOUT) -> Runtime:
    """The first runtime that answers: kubelet's own ``endpoints`` first, then the usual sockets.

    When none does, the record's ``problem`` says what was tried.
    """
    problems: t.List[str] = []
    for path in dict.fromkeys([*endpoints, *SOCKETS]):
        if not _is_socket(path):
            continue
        try:
            return ask(path, timeout)
        except NodeError as error:
            problems.append(str(error))
    return Runtime(problem=" ".join(problems) or f"no container runtime's socket among {', '.join(dict.fromkeys([*endpoints, *SOCKETS]))}")


def ask(path: str, timeout: float = TIMEOUT) -> Runtime:
    """The runtime behind one socket; raises NodeError when it cannot be asked."""
    with grpc.connect(path, timeout) as channel:
        service, version = _version(channel)
        return describe(path, version, channel.call(service + "Status", _VERBOSE))


def _version(channel: grpc.Channel) -> t.Tuple[str, bytes]:
    """The newest service the runtime knows, and its answer to Version."""
    newest, oldest = _SERVICES
    try:
        return newest, channel.call(newest + "Version", b"")
    except grpc.CallError as error:
        if error.status != grpc.UNIMPLEMENTED:
            raise
    return oldest, channel.call(oldest + "Version", b"")


def _is_socket(path: str) -> bool:
    try:
        return pathlib.Path(path).is_socket()
    except OSError:  # no right to look into the directory
        return False


def describe(path: str, version: bytes, status: bytes) -> Runtime:
    """The record out of a VersionResponse and a StatusResponse."""
    conditions = {_text(condition, 1): condition for condition in _messages(_message(status, 1), 1)}
    network = conditions.get("NetworkReady", b"")
    info = {_text(entry, 1): _text(entry, 2) for entry in _messages(status, 2)}
    loaded, config = _json_object(info.get("cniconfig", "")), _json_object(info.get("config", "")).get("cni") or {}
    defaults = Runtime()
    return Runtime(
        name=_text(version, 2),
        version=_text(version, 3),
        socket=path,
        network_ready=any(value == 1 for number, value in fields(network) if number == 2),
        network_message=_text(network, 4) or _text(network, 3),
        loaded=_networks(loaded),
        reload_status=info.get("lastCNILoadStatus", ""),
        conf_dir=loaded.get("PluginConfDir") or config.get("confDir") or defaults.conf_dir,
        bin_dir=_first(loaded.get("PluginDirs")) or config.get("binDir") or _first(config.get("binDirs")) or defaults.bin_dir,
    )


def with_crio_settings(runtime: Runtime, settings: t.Mapping[str, str]) -> Runtime:
    """CRI-O does not tell its CNI settings over the CRI; they come from its configuration files."""
    return dataclasses.replace(
        runtime,
        conf_dir=settings.get("network_dir", "").rstrip("/") or runtime.conf_dir,
        bin_dir=settings.get("plugin_dirs", "").rstrip("/") or runtime.bin_dir,
        default_network=settings.get("cni_default_network", ""),
    )


def _networks(loaded: t.Mapping[str, t.Any]) -> t.Tuple[str, ...]:
    """Names of the loaded networks; containerd's own loopback is not one that anybody configured."""
    configs = [network.get("Config") or {} for network in loaded.get("Networks") or [] if network.get("IFName") != "lo"]
    return tuple(config["Name"] for config in configs if config.get("Name"))


def _json_object(text: str) -> t.Dict[str, t.Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _first(values: t.Any) -> str:
    return values[0] if values else ""


def fields(message: bytes) -> t.Iterator[t.Tuple[int, t.Union[int, bytes]]]:
    """A protobuf message's fields in order: number and, by wire type, an integer or the bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        if key & 7 == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if key & 7 not in (1, 2, 5):
            raise NodeError("the runtime's answer is no protobuf message")
        size, at = _varint(message, at) if key & 7 == 2 else ({1: 8, 5: 4}[key & 7], at)
        if at + size > len(message):
            raise NodeError("the runtime's answer is cut short")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> t.Tuple[int, int]:
    """The integer at ``at``, and where the next thing starts."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise NodeError("the runtime's answer is cut short")


def _messages(message: bytes, number: int) -> t.List[bytes]:
    return [value for found, value in fields(message) if found == number and isinstance(value, bytes)]


def _message(message: bytes, number: int) -> bytes:
    return next(iter(_messages(message, number)), b"")


def _text(message: bytes, number: int) -> str:
    return _message(message, number).decode("utf-8", "replace")
