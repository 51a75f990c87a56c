# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a lab left behind on the host: the check that `lab down` and the tests end with."""

from __future__ import annotations

from pathlib import Path

from lab import host, nodes, processes
from lab.settings import Settings


def find(settings: Settings) -> list[str]:
    """One line for each process, mount, device, control group, firewall rule or changed setting that is still there."""
    found = [f"process {pid} {_command(pid)}" for pid in processes.members()]
    found += [f"mount {mount}" for mount in nodes.mounts(settings)]
    found += [f"device {name}" for name in (*host.bridges(), *nodes.interfaces())]
    found += [f"control group {root / processes.GROUP}" for root in processes.hierarchies() if (root / processes.GROUP).exists()]
    found += [f"host setting not restored: {settings.state / 'host.json'}"] if (settings.state / "host.json").exists() else []
    found += [f"firewall rule {rule}" for rule in host.rules()]
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:80]
    except OSError:
        return "(ended)"
