# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the container runtime itself, over its CRI socket, which CNI configuration it holds.

What lies in the directory is not what is loaded: containerd may have missed a change. Only its own answer counts.
`describe` is pure. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Runtime
from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import grpc, protobuf

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
        service, version = greet(channel)
        return describe(path, version, channel.call(service + "Status", _VERBOSE))


def greet(channel: grpc.Channel) -> t.Tuple[str, bytes]:
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
    conditions = {protobuf.text(condition, 1): condition for condition in protobuf.messages(protobuf.message(status, 1), 1)}
    network = conditions.get("NetworkReady", b"")
    info = protobuf.mapping(status, 2)
    loaded, settings = json_object(info.get("cniconfig", "")), json_object(info.get("config", ""))
    config, registries = settings.get("cni") or {}, settings.get("registry") or {}
    defaults = Runtime()
    return Runtime(
        name=protobuf.text(version, 2),
        version=protobuf.text(version, 3),
        socket=path,
        network_ready=protobuf.number(network, 2) == 1,
        network_message=protobuf.text(network, 4) or protobuf.text(network, 3),
        loaded=_networks(loaded),
        reload_status=info.get("lastCNILoadStatus", ""),
        conf_dir=loaded.get("PluginConfDir") or config.get("confDir") or defaults.conf_dir,
        registry_dir=registries.get("configPath") or "",
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


def json_object(text: str) -> t.Dict[str, t.Any]:
    """The object in a JSON text; an empty one when it holds none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _first(values: t.Any) -> str:
    return values[0] if values else ""
