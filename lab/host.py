# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's part of the lab: is it able to run one, and the bridge, routes and settings it lends.

Whatever is changed is written down first (``host.json`` in the state folder) and put back by `take_down`.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from lab import processes
from lab.settings import LabError, Settings, bridge, gateway

FREE_BYTES_TO_BUILD = 25 * 10**9
FREE_BYTES_TO_RUN = 10 * 10**9
FREE_MEMORY_BYTES = 3 * 10**9
NEEDED_CONTROLLERS = ("cpu", "cpuset", "memory", "devices", "pids")

#: setting -> smallest value the lab needs
SYSCTLS = {
    "net/ipv4/ip_forward": 1,
    "fs/inotify/max_user_instances": 8192,
    "fs/inotify/max_user_watches": 524288,
}


def check(settings: Settings) -> None:
    """Raises LabError with the reason and the fix when this machine cannot run a lab."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root (mounts, bridges, control groups): run make as root.")
    check_disk(settings)
    check_memory()
    check_control_groups()
    for name in ("vxlan", "overlay", "br_netfilter", "nf_conntrack"):
        _load_module(name)


def check_disk(settings: Settings) -> None:
    built = (settings.cache / "bin").is_dir()
    needed = FREE_BYTES_TO_RUN if built else FREE_BYTES_TO_BUILD
    folder = next(path for path in (settings.cache, *settings.cache.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise LabError(
            f"{free / 10**9:.1f} GB are free for {settings.cache}, {needed / 10**9:.0f} GB are needed: free some, or set LAB_CACHE."
        )


def check_memory() -> None:
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    available = int(fields["MemAvailable"].split()[0]) * 1024
    if available < FREE_MEMORY_BYTES:
        raise LabError(
            f"{available / 10**9:.1f} GB of memory are available, {FREE_MEMORY_BYTES / 10**9:.0f} GB are needed: end other programs."
        )


def check_control_groups() -> None:
    listing = Path("/proc/cgroups").read_text().splitlines()[1:]
    enabled = {line.split()[0] for line in listing if line.split()[3] == "1"}
    missing = [name for name in NEEDED_CONTROLLERS if name not in enabled]
    if missing:
        raise LabError(
            f"the kernel has no control group controller {', '.join(missing)}: enable it (kernel command line cgroup_enable=...)."
        )
    if not processes.CGROUP_ROOT.is_dir() or not os.access(processes.CGROUP_ROOT, os.W_OK):
        raise LabError(f"{processes.CGROUP_ROOT} is not mounted or not writable: mount the cgroup file system first.")


def _load_module(name: str) -> None:
    """Loads a kernel module where modules exist; one that is built in, or missing, shows itself later by its own error."""
    if shutil.which("modprobe") and not Path("/sys/module", name).exists():
        try:
            processes.run(["modprobe", name])
        except LabError:  # built in without a parameter folder, or absent: the kernel's answer comes when it is used
            return


def set_up(settings: Settings) -> None:
    """Makes the bridges and raises the settings; the old values are kept for `take_down`."""
    _remember(settings)
    for name, smallest in SYSCTLS.items():
        if int(_sysctl(name).read_text()) < smallest:
            _sysctl(name).write_text(str(smallest))
    for subnet in settings.subnets:
        _make_bridge(subnet)
    if _forwarding_is_dropped():
        for subnet in settings.subnets:
            for direction in ("-i", "-o"):
                processes.run(["iptables", "-w", "-I", "FORWARD", direction, bridge(subnet), "-j", "ACCEPT"])


def take_down(settings: Settings) -> None:
    """Removes the bridges and puts back every setting that `set_up` raised. Safe to call at any time, and twice."""
    for name in bridges():
        processes.run(["ip", "link", "delete", name])
    for rule in rules():
        processes.run(["iptables", "-w", "-D", *rule.split()[1:]])
    record = settings.state / "host.json"
    if record.exists():
        for name, value in json.loads(record.read_text()).items():
            _sysctl(name).write_text(value)
        record.unlink()


def bridges() -> tuple[str, ...]:
    """The lab's bridges that exist now."""
    return tuple(sorted(path.name for path in Path("/sys/class/net").glob(bridge(0)[:-1] + "*")))


def rules() -> tuple[str, ...]:
    """The lab's rules in the host's FORWARD chain, as ``iptables -S`` prints them."""
    lines = processes.run(["iptables", "-w", "-S", "FORWARD"]).splitlines()
    return tuple(line for line in lines if line.startswith("-A") and bridge(0)[:-1] in line)


def _remember(settings: Settings) -> None:
    record = settings.state / "host.json"
    if record.exists():  # an earlier lab did not get as far as putting them back: its record is the true one
        return
    unfinished = record.with_suffix(".unfinished")
    unfinished.write_text(json.dumps({name: _sysctl(name).read_text().strip() for name in SYSCTLS}))
    unfinished.replace(record)


def _sysctl(name: str) -> Path:
    return Path("/proc/sys") / name


def _make_bridge(subnet: int) -> None:
    name = bridge(subnet)
    if not Path("/sys/class/net", name).exists():
        processes.run(["ip", "link", "add", name, "type", "bridge"])
    processes.run(["ip", "address", "replace", f"{gateway(subnet)}/24", "dev", name])
    processes.run(["ip", "link", "set", name, "up"])


def _forwarding_is_dropped() -> bool:
    return "-P FORWARD ACCEPT" not in processes.run(["iptables", "-w", "-S", "FORWARD"])
