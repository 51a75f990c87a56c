# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's command line: ``python3 -m lab packages|build|up|down|reset|upstream-off|upstream-on|status|leftovers|purge``.

``up`` reuses a running lab made of the same inputs, and otherwise clears whatever is there and starts afresh, so it can
follow anything: another lab, a crash, a SIGKILL. One lab runs on a machine at a time; a lock keeps a second call out.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import functools
import json
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

from lab import cluster, debian, fingerprints, host, images, leftovers, nodes, processes, programs, progress, services
from lab.settings import LAB, REPOSITORY, LabError, Settings, from_environment

READY_SECONDS = 180.0
#: What the lab starts its cluster with: our own playbooks, as a user would.
_START_PLAYBOOK = "lab/start.yml"


def main(arguments: t.Sequence[str]) -> int:
    """Runs one command; returns the exit code."""
    bare = "--bare" in arguments
    changes: dict[str, t.Callable[[Settings], int]] = {
        "packages": packages,
        "build": build,
        "up": functools.partial(up, bare=bare),
        "reset": functools.partial(reset, bare=bare),
        "upstream-off": upstream_off,
        "upstream-on": upstream_on,
        "down": down,
        "purge": purge,
    }
    reads: dict[str, t.Callable[[Settings], int]] = {"status": status, "leftovers": list_leftovers}
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    parser.add_argument("command", choices=(*changes, *reads))
    parser.add_argument("--bare", action="store_true", help="up, reset: stop before a CNI is installed")
    options = parser.parse_args(arguments)
    try:
        settings = from_environment()
        if options.command in reads:
            return reads[options.command](settings)
        with _lock(settings):
            return changes[options.command](settings)
    except LabError as error:
        progress.fail(str(error))


def packages(_settings: Settings) -> int:
    """Installs the host's Debian packages that are missing; the tests without a lab use some of them too."""
    debian.install_host_packages()
    return 0


def build(settings: Settings) -> int:
    """Makes everything that can be made before a node runs."""
    host.check(settings)
    _build(settings)
    return 0


def up(settings: Settings, bare: bool) -> int:
    """A running cluster on flannel with the demo application; the one that runs already if it is the same."""
    host.check(settings)
    made = _build(settings)
    if _is_up(settings, _inputs(settings, made), bare):
        cluster.write_inventory(settings)  # another checkout may have started it
        progress.say(f"lab: {len(settings.nodes)} nodes run already and are what is wanted")
        return 0
    _clear(settings)
    _start(settings, made, bare)
    return 0


def reset(settings: Settings, bare: bool) -> int:
    """A fresh cluster, whatever runs now."""
    host.check(settings)
    made = _build(settings)
    with progress.step("lab: fresh cluster"):
        _clear(settings)
        _start(settings, made, bare)
    return 0


def upstream_off(_settings: Settings) -> int:
    """Stops the registry that plays the upstream ones, to show that nothing needs it."""
    services.stop_upstream()
    return 0


def upstream_on(settings: Settings) -> int:
    """Starts it again."""
    services.stop_upstream()
    services.start_upstream(settings, debian.docker_registry(settings))
    return 0


def down(settings: Settings) -> int:
    """Ends the lab and puts the host back as it was."""
    _clear(settings)
    return list_leftovers(settings)


def purge(settings: Settings) -> int:
    """Ends the lab and deletes what was built for it, except Go's own caches."""
    _clear(settings)
    shutil.rmtree(settings.cache, ignore_errors=True)
    return list_leftovers(settings)


def status(settings: Settings) -> int:
    """Prints what runs; exit code 1 when it is not a whole lab."""
    facts = {
        "nodes": {
            node.name: {"address": node.address, "processes": len(processes.members(f"nodes/{node.name}"))} for node in settings.nodes
        },
        "services": len(processes.members(services.GROUP)),
        "api_server": cluster.answers(settings) if nodes.running(settings) else False,
        "kubeconfig": str(settings.kubeconfig) if settings.kubeconfig.exists() else None,
        "disk_bytes": sum(_size(folder) for folder in (settings.state, settings.cache)),
        "memory_bytes": _memory_bytes(),
    }
    print(json.dumps(facts, indent=2))
    return 0 if facts["api_server"] else 1


def list_leftovers(settings: Settings) -> int:
    """Prints what a lab left behind; exit code 1 when there is something."""
    found = leftovers.find(settings)
    for line in found:
        print(f"left behind: {line}")
    if not found:
        progress.say("lab: nothing is left behind (processes, mounts, devices, control groups, rules, settings)")
    return 1 if found else 0


def _build(settings: Settings) -> dict[str, Path]:
    """Builds what is missing; returns everything a lab is made of, by name."""
    settings.cache.mkdir(parents=True, exist_ok=True)
    programs.go_version()
    debian.install_host_packages()
    made = programs.build_all(settings)
    made["docker-registry"] = debian.docker_registry(settings)
    made["image-base"] = debian.image_base(settings)
    made["node-root"] = debian.node_root(settings)
    made["node-files"] = nodes.prepare_files(settings, made["kube"], made["node-root"], services.upstream(settings))
    return made


def _inputs(settings: Settings, made: t.Mapping[str, Path]) -> str:
    """The fingerprint of everything a running lab is made of, the lab's own code included."""
    harbor = sorted((REPOSITORY / "tests/support").glob("*harbor*.py"))
    code = (LAB / "manifests", LAB / "images", *sorted(LAB.glob("*.py")), *harbor)
    return fingerprints.of(*(str(path) for path in made.values()), *code, repr(settings.nodes))


def _start(settings: Settings, made: t.Mapping[str, Path], bare: bool) -> None:
    settings.state.mkdir(parents=True, exist_ok=True)
    with progress.step("lab: network, registries and manifests on the host"):
        host.set_up(settings)
        services.start(settings, made["docker-registry"])
        images.push_all(settings, services.upstream(settings), made, made["image-base"])
        services.start_manifests(settings, made["calico-crds"])
    with progress.step(f"lab: booting {len(settings.nodes)} nodes"):
        nodes.make_keys(settings)
        nodes.start_all(settings, made["node-root"], made["node-files"])
    with progress.step("lab: kubeadm init and join"):
        cluster.create(settings)
    inventory = cluster.write_inventory(settings)
    if not bare:
        with progress.step("lab: flannel and the demo application, by the collection's own roles"):
            _run_playbook(settings, inventory)
            cluster.wait_until_ready(settings, READY_SECONDS)
    (settings.state / "lab.json").write_text(json.dumps({"inputs": _inputs(settings, made), "bare": bare}))
    progress.say(f"lab: ready. ansible-playbook -i {inventory} ..., kubeconfig {settings.kubeconfig}")


def _run_playbook(settings: Settings, inventory: str) -> None:
    program = Path(sys.executable).with_name("ansible-playbook")
    log = settings.state / "log" / "start.log"
    with log.open("w") as output:
        done = subprocess.run(
            [str(program), "-i", inventory, _START_PLAYBOOK], cwd=REPOSITORY, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        words = "\n".join(log.read_text().splitlines()[-30:])
        raise LabError(f"{_START_PLAYBOOK} failed; its output ({log}) ends:\n{words}")


def _is_up(settings: Settings, inputs: str, bare: bool) -> bool:
    record = settings.state / "lab.json"
    return (
        record.exists()
        and json.loads(record.read_text()) == {"inputs": inputs, "bare": bare}
        and nodes.running(settings)
        and bool(processes.members(services.GROUP))
        and cluster.answers(settings)
    )


def _clear(settings: Settings) -> None:
    (settings.state / "lab.json").unlink(missing_ok=True)
    nodes.stop_all(settings)
    services.stop()
    processes.remove_groups()
    host.take_down(settings)
    for path in settings.state.glob("*") if settings.state.is_dir() else ():
        if path.name != "lock":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def _lock(settings: Settings) -> t.Iterator[None]:
    """Keeps a second call out; the kernel lets go of the lock when the process ends, however it ends."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root (mounts, bridges, control groups): run make as root.")
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError("another `lab` command runs on this machine: wait until it has ended.") from None
        yield


def _size(folder: Path) -> int:
    return int(processes.run(["du", "--summarize", "--bytes", "--one-file-system", str(folder)]).split()[0]) if folder.is_dir() else 0


def _memory_bytes() -> int:
    """What the lab's processes hold themselves, without the kernel's file cache, which is given back when others need it."""
    if processes.is_unified():
        statistics, name = processes.CGROUP_ROOT / processes.GROUP / "memory.stat", "anon"
    else:
        statistics, name = processes.CGROUP_ROOT / "memory" / processes.GROUP / "memory.stat", "total_rss"
    if not statistics.exists():
        return 0
    return int(dict(line.split() for line in statistics.read_text().splitlines())[name])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
