# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the lab's programs from Go modules: one small module per upstream below ``lab/go``, so that each keeps its own pins.

A finished program is stored under a name made of its inputs; an interrupted build leaves Go's own cache, so the next one goes on there.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from pathlib import Path

from lab import fingerprints, processes, progress
from lab.settings import CALICO_VERSION, FLANNEL_VERSION, KUBERNETES_VERSION, LAB, LabError, Settings

GO_ROOT = LAB / "go"
BUILD_TIMEOUT_SECONDS = 3600.0
OLDEST_GO = (1, 25)

_CALICO = "github.com/projectcalico/calico"
_MAJOR, _MINOR = KUBERNETES_VERSION.lstrip("v").split(".")[:2]


@dataclasses.dataclass(frozen=True)
class Program:
    """One program: the folder of its Go module, the package to build, and the version strings linked into it."""

    name: str
    module: str
    package: str = "."
    cgo: bool = False
    variables: tuple[tuple[str, str], ...] = ()


def _kubernetes_version() -> tuple[tuple[str, str], ...]:
    values = {"gitVersion": KUBERNETES_VERSION, "gitMajor": _MAJOR, "gitMinor": _MINOR, "gitTreeState": "clean"}
    return tuple((f"k8s.io/component-base/version.{name}", value) for name, value in values.items())


_CALICO_BUILD = ((f"{_CALICO}/pkg/buildinfo.Version", CALICO_VERSION),)

PROGRAMS = (
    Program("kube", "kubernetes", variables=_kubernetes_version()),
    Program("agnhost", "kubernetes", "k8s.io/kubernetes/test/images/agnhost"),
    Program("calico-node", "calico", f"{_CALICO}/node/cmd/calico-node", variables=_CALICO_BUILD),
    Program("calico-kube-controllers", "calico", f"{_CALICO}/kube-controllers/cmd/kube-controllers", variables=_CALICO_BUILD),
    Program("calico-check-status", "calico", f"{_CALICO}/kube-controllers/cmd/check-status", variables=_CALICO_BUILD),
    Program("calico-cni", "calico", f"{_CALICO}/cni-plugin/cmd/calico", variables=_CALICO_BUILD),
    Program("calico-cni-install", "calico", f"{_CALICO}/cni-plugin/cmd/install", variables=(("main.VERSION", CALICO_VERSION),)),
    Program("calico-crds", "calico", "./crds"),
    Program("coredns", "coredns", "github.com/coredns/coredns"),
    Program(
        "flanneld",
        "flannel",
        "github.com/flannel-io/flannel",
        cgo=True,
        variables=(("github.com/flannel-io/flannel/pkg/version.Version", FLANNEL_VERSION),),
    ),
    Program("flannel-cni", "flannel-cni", "github.com/containernetworking/plugins/plugins/meta/flannel"),
    Program("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    Program("pause", "apps", "./pause"),
    Program("myapp", "apps", "./myapp"),
)


def build_all(settings: Settings) -> dict[str, Path]:
    """Builds what is not built yet; returns program name -> file."""
    files = {program.name: _file(settings, program) for program in PROGRAMS}
    missing = [program for program in PROGRAMS if not files[program.name].exists()]
    if not missing:
        progress.say(f"programs: all {len(PROGRAMS)} are built already")
    for number, program in enumerate(missing, start=1):
        with progress.step(f"building {program.name} from Go module {program.module}", number, len(missing)):
            _build(program, files[program.name])
    return files


def go_version() -> tuple[int, int]:
    """The installed Go's major and minor number; raises LabError when there is none or it is too old."""
    version = go_version_text()
    major, minor = (int(part) for part in version[2:].split(".")[:2])
    if (major, minor) < OLDEST_GO:
        raise LabError(f"Go {version[2:]} is too old: install Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or newer.")
    return major, minor


@functools.cache
def go_version_text() -> str:
    try:
        return processes.run(["go", "env", "GOVERSION"]).strip()
    except LabError as error:
        raise LabError(f"Go is needed to build the lab's programs ({error}): install Go and put it on PATH.") from error


def _file(settings: Settings, program: Program) -> Path:
    inputs = fingerprints.of(GO_ROOT / program.module, repr(program), go_version_text())
    return settings.cache / "bin" / f"{program.name}-{inputs}"


def _build(program: Program, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    flags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in program.variables)])
    environment = {
        **os.environ,
        "CGO_ENABLED": "1" if program.cgo else "0",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": "local",
    }
    argv = ["go", "build", "-C", str(GO_ROOT / program.module), "-ldflags", flags, "-o", str(unfinished), program.package]
    processes.run(argv, timeout=BUILD_TIMEOUT_SECONDS, env=environment)
    unfinished.replace(target)
