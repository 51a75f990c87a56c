# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes: systemd-nspawn machines on overlay file systems, reached over SSH like any other machine.

A node's root is made of three layers: Debian's packages, the lab's files and programs (both shared and read-only), and
what the node itself wrote, which is deleted with it.
"""

from __future__ import annotations

import concurrent.futures
import os
import re
import shutil
import socket
import time
from pathlib import Path

from lab import fingerprints, processes
from lab.settings import LAB, LabError, Node, Settings, bridge, gateway

BOOT_SECONDS = 90.0
#: systemd gives services 90 s, and once more 90 s what is left of them, such as a container whose first process heeds no signal.
SHUTDOWN_SECONDS = 300.0
#: Folders that must be on a real file system: an overlay cannot hold another overlay's upper layer.
_REAL_FOLDERS = ("containerd", "kubelet", "etcd")
_REGISTRIES = ("docker.io", "ghcr.io", "quay.io", "registry.k8s.io")
_CABLE = re.compile(r"vb-n\d+")
_APPLETS = ("kubeadm", "kubectl", "kubelet")
_WANTS = {
    "sysinit.target.wants": ("lab-mounts.service", "lab-network.service"),
    "multi-user.target.wants": ("containerd.service", "kubelet.service", "ssh.service"),
}
#: Units of Debian's that a node has no use for, or that would wait for udev for ever.
_MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-networkd-wait-online.service",
)
_UNIT_FOLDERS = ("/lib/systemd/system", "/etc/systemd/system")


def prepare_files(settings: Settings, kube: Path, node_root: Path, registry: str) -> Path:
    """The layer of the lab's own files, the same on every node; made once for the same inputs."""
    inputs = fingerprints.of(LAB / "files", kube.name, node_root.name, registry, Path(__file__))
    target = settings.cache / f"node-files-{inputs}"
    if target.exists():
        return target
    unfinished = target.with_name(f".{target.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(LAB / "files", unfinished)
    (unfinished / "usr/bin").mkdir(parents=True)
    shutil.copy2(kube, unfinished / "usr/bin/kube")
    for applet in _APPLETS:
        (unfinished / "usr/bin" / applet).symlink_to("kube")
    shutil.copytree(node_root / "usr/lib/cni", unfinished / "opt/cni/bin")
    (unfinished / "etc/cni/net.d").mkdir(parents=True)
    _write_registry_hosts(unfinished, registry)
    _enable_units(unfinished / "etc/systemd/system")
    unfinished.replace(target)
    return target


def _write_registry_hosts(root: Path, registry: str) -> None:
    """Pods keep the true image names; containerd asks the lab's registry for them."""
    for host in _REGISTRIES:
        folder = root / "etc/containerd/certs.d" / host
        folder.mkdir(parents=True)
        (folder / "hosts.toml").write_text(f'server = "https://{host}"\n[host."http://{registry}"]\n  capabilities = ["pull", "resolve"]\n')


def _enable_units(folder: Path) -> None:
    for target, units in _WANTS.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for unit in units:
            own = (folder / unit).exists()
            (folder / target / unit).symlink_to(f"{_UNIT_FOLDERS[1] if own else _UNIT_FOLDERS[0]}/{unit}")
    for unit in _MASKED:
        (folder / unit).symlink_to("/dev/null")


def make_keys(settings: Settings) -> None:
    """A key to log in with and a host key the control machine knows, new for each lab."""
    folder = settings.ssh_key.parent
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    for name in (settings.ssh_key.name, "host_key"):
        processes.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "podnet-lab", "-f", str(folder / name)])
    host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    settings.known_hosts.write_text("".join(f"{node.address} {host_key}\n" for node in settings.nodes))


def start_all(settings: Settings, node_root: Path, files: Path) -> None:
    """Boots every node at once and waits until each takes a login over SSH."""
    for node in settings.nodes:
        _mount(settings, node, node_root, files)
        _write_identity(settings, node)
        _boot(settings, node)
    with concurrent.futures.ThreadPoolExecutor(len(settings.nodes)) as pool:
        list(pool.map(lambda node: _wait_for_login(settings, node), settings.nodes))


def reboot(settings: Settings, node: Node) -> None:
    """Lets a node's system end as its own `reboot` does, and boots it again, which systemd-nspawn leaves to whoever started it."""
    shut_down(settings, node)
    boot(settings, node)


def shut_down(settings: Settings, node: Node) -> None:
    """Lets a node's system end; what is on its disk stays."""
    ssh(settings, node, "systemctl --no-block reboot")
    deadline = time.monotonic() + SHUTDOWN_SECONDS
    while processes.members(f"nodes/{node.name}"):
        if time.monotonic() > deadline:
            raise LabError(f"node {node.name} still runs {SHUTDOWN_SECONDS:.0f} s after it was told to shut down.")
        time.sleep(0.2)  # between two looks


def boot(settings: Settings, node: Node) -> None:
    """Starts a node that was shut down, and waits until it takes a login."""
    _boot(settings, node)
    _wait_for_login(settings, node)


def stop_all(settings: Settings) -> None:
    """Ends the nodes at once, unmounts and deletes them. Safe to call at any time, and twice."""
    processes.stop("nodes")
    for mount in reversed(mounts(settings)):
        processes.run(["umount", str(mount)])
    for name in interfaces():
        _delete_interface(name)
    shutil.rmtree(settings.state / "nodes", ignore_errors=True)


def interfaces() -> tuple[str, ...]:
    """The host's ends of the nodes' virtual cables, as systemd-nspawn names them; also those of a lab with more nodes."""
    return tuple(sorted(path.name for path in Path("/sys/class/net").iterdir() if _CABLE.fullmatch(path.name)))


def _delete_interface(name: str) -> None:
    """The kernel takes a cable down some time after its node's last process has ended; whoever comes first is fine."""
    try:
        processes.run(["ip", "link", "delete", name])
    except LabError:
        if Path("/sys/class/net", name).exists():
            raise


def running(settings: Settings) -> bool:
    """Whether each node's group holds processes."""
    return all(processes.members(f"nodes/{node.name}") for node in settings.nodes)


def mounts(settings: Settings) -> tuple[Path, ...]:
    """The lab's mounts on the host, in the order they were made."""
    points = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return tuple(Path(point) for point in points if point.startswith(f"{settings.state}/"))


def ssh(settings: Settings, node: Node, command: str, stdin: str | None = None, timeout: float = 300) -> str:
    """Runs a shell command on a node over SSH and returns what it printed."""
    return processes.run([*_ssh_argv(settings, node), command], stdin=stdin, timeout=timeout)


def _ssh_argv(settings: Settings, node: Node) -> list[str]:
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": "5",
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(settings.known_hosts),
    }
    flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return ["ssh", "-F", "none", "-i", str(settings.ssh_key), *flags, f"root@{node.address}"]


def _mount(settings: Settings, node: Node, node_root: Path, files: Path) -> None:
    folder = settings.node_dir(node)
    for name in ("upper", "work", "root", *_REAL_FOLDERS):
        (folder / name).mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={files}:{node_root},upperdir={folder / 'upper'},workdir={folder / 'work'}"
    processes.run(["mount", "-t", "overlay", "podnet-lab", "-o", options, str(folder / "root")])


def _write_identity(settings: Settings, node: Node) -> None:
    root = settings.node_dir(node) / "root"
    ssh_folder, login = settings.ssh_key.parent, root / "root/.ssh"
    login.mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(settings.ssh_key.with_suffix(".pub"), login / "authorized_keys")
    for path in (root / "etc/ssh").glob("ssh_host_*"):
        path.unlink()
    for suffix in ("", ".pub"):
        shutil.copy(ssh_folder / f"host_key{suffix}", root / f"etc/ssh/ssh_host_ed25519_key{suffix}")
    (root / "etc/hostname").write_text(f"{node.name}\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n" + "".join(f"{peer.address} {peer.name}\n" for peer in settings.nodes))
    (root / "etc/lab-network").write_text(f"ADDRESS={node.address}\nGATEWAY={gateway(node.subnet)}\n")
    resolver = root / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)
    resolver.write_text(f"nameserver {gateway(node.subnet)}\n")
    machine_id = root / "etc/machine-id"
    machine_id.unlink(missing_ok=True)
    machine_id.write_text(fingerprints.of(node.name, str(settings.state)) * 2 + "\n")


def _boot(settings: Settings, node: Node) -> None:
    folder = settings.node_dir(node)
    binds = [f"--bind={folder / name}:/var/lib/{name}" for name in _REAL_FOLDERS]
    argv = [
        "systemd-nspawn",
        "--quiet",
        f"--directory={folder / 'root'}",
        f"--machine={node.name}",
        "--register=no",
        "--keep-unit",
        f"--network-bridge={bridge(node.subnet)}",
        "--capability=all",
        "--system-call-filter=@known",
        *binds,
        "--bind=/dev/kmsg",
        "--bind=/dev/net/tun",
        # To the log: a terminal that nobody reads is full some time, and whoever writes to it then, init at last, stands still.
        "--console=read-only",
        "--resolv-conf=off",
        "--boot",
    ]
    unified = "1" if processes.is_unified() else "0"
    environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": unified, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1"}
    processes.start(f"nodes/{node.name}", argv, settings.state / "log" / f"{node.name}.log", environment)


def _wait_for_login(settings: Settings, node: Node) -> None:
    deadline = time.monotonic() + BOOT_SECONDS
    while not _takes_login(settings, node):
        if not processes.members(f"nodes/{node.name}"):
            raise LabError(f"node {node.name} ended while it booted; its log ends:\n{_log_tail(settings, node)}")
        if time.monotonic() > deadline:
            raise LabError(f"node {node.name} takes no login within {BOOT_SECONDS:.0f} s; its log ends:\n{_log_tail(settings, node)}")
        time.sleep(0.2)


def _takes_login(settings: Settings, node: Node) -> bool:
    try:
        with socket.create_connection((node.address, 22), timeout=1):
            pass
        return ssh(settings, node, "systemctl is-active containerd.service", timeout=20).strip() == "active"
    except (OSError, LabError):
        return False


def _log_tail(settings: Settings, node: Node) -> str:
    log = settings.state / "log" / f"{node.name}.log"
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else "(no log)"
