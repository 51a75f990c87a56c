# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures switches of flannel's backend against the usual way, which edits the ConfigMap and deletes the pods: ``make bench-switches``."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

VXLAN = {"Type": "vxlan"}
DIRECT = {"Type": "vxlan", "DirectRouting": True}
HOST_GW = {"Type": "host-gw"}
#: From, to.
PAIRS = {
    "vxlan to host-gw": (VXLAN, HOST_GW),
    "host-gw to vxlan": (HOST_GW, VXLAN),
    "vxlan to DirectRouting": (VXLAN, DIRECT),
    "another VNI": (VXLAN, {"Type": "vxlan", "VNI": 7}),
}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """``wrong`` are lines about what is not as it has to be on the nodes afterwards."""

    seconds: float
    sent: int
    lost: int
    outage: float
    wrong: tuple[str, ...]


def main() -> int:
    if os.geteuid() != 0:
        print("\nswitches: skipped, the lab needs root")
        return 0
    _run([sys.executable, "-m", "lab", "reset"])
    print("\nSwitches of flannel's backend, with the probe; wrong: what differs afterwards from what flannel has to have, on three nodes")
    for name, (before, after) in PAIRS.items():
        with tempfile.TemporaryDirectory() as folder:
            switch(before, Path(folder, "before"))
            print(_line(name, "usual", usual(after, Path(folder, "usual.json"))), flush=True)
            switch(before, Path(folder, "again"))
            print(_line(name, "podnet.cni", switch(after, Path(folder, "ours"))), flush=True)
    print(f"  load of the machine {os.getloadavg()[1]:.1f} with {os.cpu_count()} processors")
    return 0


def usual(backend: t.Mapping[str, t.Any], dest: Path) -> Outcome:
    _play("tests/bench/switch/usual.yml", {"backend": backend, "dest": str(dest)})
    found = json.loads(dest.read_text())
    paths = found["connectivity"]["paths"]
    outages = [path["longest_outage"] or 0.0 for path in paths]
    sent, lost = (sum(path[key] for path in paths) for key in ("sent", "failed"))
    return Outcome(found["seconds"], sent, lost, max(outages, default=0.0), tuple(found["wrong"]))


def switch(backend: t.Mapping[str, t.Any], report: Path) -> Outcome:
    """Ends only when nothing differs any more, so there is nothing wrong to count."""
    options = {key: value for key, value in backend.items() if key != "Type"}
    variables = {"flannel_backend_type": backend["Type"], "flannel_backend_options": options, "flannel_report_dir": str(report)}
    service = {"namespace": "default", "name": "myapp"}
    _play("playbooks/switch_flannel_backend.yml", {**variables, "flannel_switch_service": service, "flannel_journal_file": ""})
    if not (report / "report.json").exists():  # there was nothing to switch
        return Outcome(0.0, 0, 0, 0.0, ())
    seen = json.loads((report / "report.json").read_text())
    measured = seen["connectivity"]
    return Outcome(seen["finished"] - seen["started"], measured["sent"], measured["lost"], measured["longest_outage"] or 0.0, ())


def _line(name: str, way: str, found: Outcome) -> str:
    told = f"{found.lost:5,} of {found.sent:6,} lost, longest outage {found.outage:5.1f} s, {len(found.wrong):3} wrong"
    example = f" (such as {found.wrong[0].partition(' (')[0]})" if found.wrong else ""
    return f"  {name:<24} {way:<11} {found.seconds:5.0f} s, {told}{example}"


def _play(playbook: str, variables: t.Mapping[str, t.Any]) -> None:
    _run(["ansible-playbook", "--inventory", "inventories/lab", playbook, "--extra-vars", json.dumps(variables)])


def _run(argv: t.Sequence[str]) -> None:
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv[:4])}: {(done.stdout + done.stderr)[-3000:]}")


if __name__ == "__main__":
    sys.exit(main())
