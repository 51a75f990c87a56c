# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes from Debian's packages: host tools, the nodes' root file system, the base layer of images, and docker-registry."""

from __future__ import annotations

import os
import shutil
import typing as t
from pathlib import Path

from lab import fingerprints, processes, progress
from lab.settings import LabError, Settings

SUITE = "bookworm"
#: program that proves a package is there -> package
HOST_PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "iptables-save": "iptables",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "nft": "nftables",
    "ipset": "ipset",
    "openssl": "openssl",
}
BASE_PACKAGES = ("ca-certificates", "conntrack", "curl", "iproute2", "ipset", "iptables", "nftables", "procps")
NODE_PACKAGES = (
    *BASE_PACKAGES,
    "containerd",
    "containernetworking-plugins",
    "dbus",
    "ethtool",
    "iputils-ping",
    "jq",
    "kmod",
    "openssh-server",
    "python3",
    "runc",
    "socat",
    "systemd",
    "systemd-sysv",
    "tcpdump",
)
#: Every image and node must use one iptables backend, or the CNIs write rules beside each other.
_LEGACY_IPTABLES = tuple(f'chroot "$1" update-alternatives --set {tool} /usr/sbin/{tool}-legacy' for tool in ("iptables", "ip6tables"))
_SMALLER = ('rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/locale/*',)


def install_host_packages() -> None:
    """Installs the host tools that are missing; nothing is asked of the network when all are there."""
    packages = sorted({package for program, package in HOST_PACKAGES.items() if shutil.which(program) is None})
    if not packages:
        return
    with progress.step(f"installing Debian packages {', '.join(packages)}"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        processes.run(["apt-get", "update", "-q"], env=environment)
        processes.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages], env=environment, timeout=1200)


def node_root(settings: Settings) -> Path:
    """The folder with the nodes' read-only root file system; made once."""
    return _once(settings, "node-root", "the nodes' root file system", NODE_PACKAGES, as_folder=True)


def image_base(settings: Settings) -> Path:
    """The tar of the layer that most images share; made once."""
    return _once(settings, "image-base", "the images' base layer", BASE_PACKAGES, as_folder=False)


def docker_registry(settings: Settings) -> Path:
    """The docker-registry program, unpacked and not installed: the package would start a service on the host."""
    program = settings.cache / "docker-registry" / "usr" / "bin" / "docker-registry"
    if program.exists():
        return program
    with progress.step("unpacking docker-registry"):
        downloads = settings.cache / "downloads"
        shutil.rmtree(downloads, ignore_errors=True)
        downloads.mkdir(parents=True)
        _download("docker-registry", downloads)
        unpacked = settings.cache / f".docker-registry.{os.getpid()}"
        for package in downloads.glob("docker-registry_*.deb"):
            processes.run(["dpkg-deb", "-x", str(package), str(unpacked)])
        shutil.rmtree(program.parents[2], ignore_errors=True)
        unpacked.replace(program.parents[2])
        shutil.rmtree(downloads)
    return program


def _download(package: str, folder: Path) -> None:
    fetch = ["sh", "-c", 'cd "$1" && apt-get download -q "$2"', "sh", str(folder), package]
    try:
        processes.run(fetch)
    except LabError:  # the package lists may be empty or old: read them once and try again
        processes.run(["apt-get", "update", "-q"])
        processes.run(fetch)


def _once(settings: Settings, name: str, title: str, packages: t.Sequence[str], as_folder: bool) -> Path:
    hooks = (*_LEGACY_IPTABLES, *_SMALLER)
    inputs = fingerprints.of(SUITE, " ".join(packages), " ".join(hooks))
    target = settings.cache / f"{name}-{inputs}{'' if as_folder else '.tar'}"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.unfinished{'' if as_folder else '.tar'}")
    _remove(unfinished)
    with progress.step(f"installing {title} from Debian packages"):
        argv = ["mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}", *(f"--customize-hook={hook}" for hook in hooks)]
        processes.run([*argv, SUITE, str(unfinished)], timeout=1800)
        unfinished.replace(target)
    return target


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
