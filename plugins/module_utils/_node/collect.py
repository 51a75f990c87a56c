# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes the snapshot of the node it runs on: all tools at once, then the files, then who owns what. Changes nothing.

Private: may change at any time.
"""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import conflist, link_policy, ownership
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import (
    Chain,
    Disk,
    File,
    FilterChain,
    LinkManager,
    NodeSnapshot,
    Runtime,
)
from ansible_collections.podnet.cni.plugins.module_utils._node import commands, cri, nft_as_iptables, nftables, parse

#: Services that manage a packet filter.
_FIREWALL_SERVICES = ("firewalld", "ufw", "nftables")

#: What to run, and what nobody knows when it cannot be run.
_COMMANDS: t.Dict[str, t.Tuple[t.Tuple[str, ...], str]] = {
    "addresses": (("ip", "-j", "-d", "addr"), model.LINKS_AND_ADDRESSES),
    "routes4": (("ip", "-4", "-j", "route", "show", "table", "all"), "IPv4 routes"),
    "routes6": (("ip", "-6", "-j", "route", "show", "table", "all"), "IPv6 routes"),
    "neighbours": (("ip", "-j", "neigh"), "neighbours"),
    "fdb": (("bridge", "-j", "fdb", "show"), "forwarding database entries"),
    "nft tables": (("nft", "-j", "list", "tables"), "native nftables tables"),
    "nft chains": (("nft", "-j", "list", "chains"), "chains of native nftables tables"),
    "ipsets": (("ipset", "list", "-t"), "IP sets"),  # without their members
    "kubelet": (
        ("systemctl", "show", "kubelet", "--property=ActiveState,SubState,MainPID,ActiveEnterTimestampMonotonic"),
        "the state of kubelet",
    ),
    "services": (
        ("systemctl", "show", "--property=Id,ActiveState", *link_policy.MANAGERS, *_FIREWALL_SERVICES),
        "which services manage network devices and packet filters",
    ),
}

#: Asked instead, where somebody follows packets.
_WITH_MEMBERS = {"ipsets": (("ipset", "list"), "IP sets")}

#: Those of them that tell of devices, and whose a device is.
_OF_LINKS = ("addresses", "routes4", "routes6")

#: iptables' tools by family, and where the kernel lists the legacy tables that are in use.
_FIREWALLS = {4: ("iptables", "/proc/net/ip_tables_names"), 6: ("ip6tables", "/proc/net/ip6_tables_names")}

_SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
)
_DEVICE_SYSCTLS = ("rp_filter", "proxy_arp")
_UDP_SOCKETS = ("/proc/net/udp", "/proc/net/udp6")

#: Where room is needed: for configuration, plugins, and what runtime and kubelet keep.
_DISKS = ("/etc/cni/net.d", "/opt/cni/bin", "/var/lib/kubelet", "/var/lib/containerd", "/var/lib/containers", "/var/log")

#: Directories and files a CNI keeps outside its configuration, and directories whose entries are listed one by one.
_STATE = ("/run/flannel", "/run/calico", "/var/lib/calico", "/var/log/calico")
_HOST_LOCAL = "/var/lib/cni/networks"
_STATE_PARENTS = ("/var/lib/cni", _HOST_LOCAL, "/var/lib/cni/results", "/var/lib/cni/cache/results")

#: The plugin directory of the CNI specification's examples, searched beside the runtime's own.
_BIN_DIR = "/opt/cni/bin"

#: Programs that are a CNI or a part of one, by the name the kernel gives a process (15 letters at most).
_DAEMONS = frozenset(
    {
        *(name for names in model.DAEMONS.values() for name in names),
        *("antrea-agent", "cilium-agent", "kindnetd", "kube-router", "ovn-controller", "ovnkube", "weaver"),
        # Parts of Calico that say nothing about this node: Typha serves others, and a BIRD may be the host's own.
        *("bird", "bird6", "calico-typha"),
    }
)

#: Kubernetes' names for what uname calls a machine.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def collect(conf_dir: str = "", root: str = "/", *, only_links: bool = False, packet_filters: bool = False) -> NodeSnapshot:
    """The snapshot. ``conf_dir`` replaces the runtime's own idea of where CNI configurations are; ``root`` is for tests.

    With ``packet_filters`` it has the members of IP sets and the nftables tables of kube-proxy and flannel, too, which may be very
    long. With ``only_links`` it has devices, addresses, routes and what files, processes and runtime tell, and far fewer programs are run.
    """
    tree = Tree(root)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(runtime, tree)
        firewalls = {} if only_links else _firewall_commands(tree)
        usual = _usual_commands(only_links=only_links, packet_filters=packet_filters)
        plan = {**usual, **{key: (argv, f"{argv[0][: -len('-save')]} rules") for key, argv in firewalls.items()}}
        outputs = commands.run_all({key: argv for key, (argv, _) in plan.items()})
        found = asked.result()
    results = _Results(plan, outputs)
    filters = {**_filter_commands(results), **(_table_commands(results) if packet_filters else {})}
    results.add(filters, commands.run_all({key: argv for key, (argv, _) in filters.items()}))
    return ownership.attribute(_snapshot(results, firewalls, found, conf_dir or found.conf_dir, tree))


def _usual_commands(*, only_links: bool, packet_filters: bool) -> t.Dict[str, t.Tuple[t.Tuple[str, ...], str]]:
    if only_links:
        return {key: _COMMANDS[key] for key in _OF_LINKS}
    return {**_COMMANDS, **(_WITH_MEMBERS if packet_filters else {})}


def runtime(tree: t.Optional[Tree] = None) -> Runtime:
    """The node's container runtime, found as kubelet finds it; what it does not tell of its CNI settings comes from its files."""
    tree = tree or Tree()
    endpoints = parse.kubelet_endpoints(tree.text("/var/lib/kubelet/kubeadm-flags.env"), tree.text("/var/lib/kubelet/config.yaml"))
    found = cri.find(endpoints)
    if found.name != "cri-o":
        return found
    paths = ["/etc/crio/crio.conf", *tree.files("/etc/crio/crio.conf.d")]
    return cri.with_crio_settings(found, parse.crio_settings(tree.text(path) for path in paths))


def _snapshot(results: _Results, firewalls: t.Iterable[str], found: Runtime, conf_dir: str, tree: Tree) -> NodeSnapshot:
    kernel = os.uname()
    contents = {path: tree.content(path) for path in tree.files(conf_dir)}
    return NodeSnapshot(
        hostname=kernel.nodename,
        architecture=_ARCHITECTURES.get(kernel.machine, kernel.machine),
        kernel=kernel.release,
        links=results.read("addresses", parse.links),
        addresses=results.read("addresses", parse.addresses),
        routes=results.read("routes4", lambda text: parse.routes(text, 4)) + results.read("routes6", lambda text: parse.routes(text, 6)),
        neighbours=results.read("neighbours", parse.neighbours),
        fdb=results.read("fdb", parse.fdb),
        chains=_chains(results, firewalls),
        nft_tables=results.read("nft tables", lambda text: parse.nft_tables(text, results.text("nft chains"))),
        ipsets=results.read("ipsets", parse.ipsets),
        conflists=conflist.read(contents, found.name, found.default_network),
        files=_files(contents, found.bin_dir, tree),
        subnet_env=parse.assignments(tree.text("/run/flannel/subnet.env")),
        sysctls=_sysctls(tree),
        last_reserved=_last_reserved(tree),
        runtime=found,
        kubelet=parse.unit("kubelet", results.text("kubelet")),
        processes=_daemons(tree),
        link_managers=_link_managers(results, tree),
        firewalls=tuple(name for name in parse.active_units(results.text("services")) if name in _FIREWALL_SERVICES),
        input_chains=_input_chains(results),
        listeners=tuple(dict.fromkeys(item for path in _UDP_SOCKETS for item in parse.udp_listeners(tree.text(path)))),
        virtual_servers=parse.virtual_servers(tree.text("/proc/net/ip_vs")),
        nft_chains=tuple(chain for key in results.keys(_TABLE) for chain in results.read(key, nft_as_iptables.chains)),
        disks=tuple(disk for disk in map(tree.disk, _DISKS) if disk is not None),
        missing=_not_root() + results.missing(),
    )


class _Results:
    """What the commands printed; remembers which of it could not be had."""

    def __init__(self, plan: t.Mapping[str, t.Tuple[t.Sequence[str], str]], outputs: t.Mapping[str, commands.Output]) -> None:
        self._plan = dict(plan)
        self._outputs = dict(outputs)
        self._unreadable: t.Set[str] = set()

    def add(self, plan: t.Mapping[str, t.Tuple[t.Sequence[str], str]], outputs: t.Mapping[str, commands.Output]) -> None:
        """What was asked because of earlier answers."""
        self._plan.update(plan)
        self._outputs.update(outputs)

    def keys(self, prefix: str) -> t.List[str]:
        """What was asked under names that begin with ``prefix``."""
        return [key for key in self._plan if key.startswith(prefix)]

    def text(self, key: str) -> str:
        """The output of a command that was run and succeeded, else nothing."""
        output = self._outputs.get(key)
        return "" if output is None or output.problem else output.text

    def read(self, key: str, parser: t.Callable[[str], t.Tuple[_Record, ...]]) -> t.Tuple[_Record, ...]:
        try:
            return parser(self.text(key))
        except ValueError:  # an old tool that ignores -j
            self._unreadable.add(key)
            return ()

    def missing(self) -> t.Tuple[str, ...]:
        """One line for each command without a usable answer: the tool, why, and what is unknown because of it."""
        problems = {key: "printed no JSON" if key in self._unreadable else self._outputs[key].problem for key in self._plan}
        return tuple(model.gap(self._plan[key][0][0], problem, self._plan[key][1]) for key, problem in problems.items() if problem)


_Record = t.TypeVar("_Record")


class Tree:
    """The node's files below ``root``; what is absent or unreadable is empty."""

    def __init__(self, root: str = "/") -> None:
        self._root = root.rstrip("/")

    def content(self, path: str) -> bytes:
        try:
            return self._at(path).read_bytes()
        except OSError:
            return b""

    def text(self, path: str) -> str:
        return self.content(path).decode("utf-8", "replace").strip()

    def names(self, path: str) -> t.List[str]:
        try:
            return sorted(entry.name for entry in self._at(path).iterdir())
        except OSError:
            return []

    def files(self, path: str) -> t.List[str]:
        """Full paths of the directory's files, symbolic links to files among them."""
        paths = [f"{path.rstrip('/')}/{name}" for name in self.names(path)]
        return [path for path in paths if self._at(path).is_file()]

    def exists(self, path: str) -> bool:
        return self._at(path).exists()

    def disk(self, path: str) -> t.Optional[Disk]:
        """The room at a path; nothing when there is no such path."""
        try:
            room = os.statvfs(self._at(path))
        except OSError:
            return None
        return Disk(path, room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize, room.f_files, room.f_favail)

    def target(self, path: str) -> str:
        """Where a symbolic link points to."""
        try:
            return os.readlink(self._at(path))
        except OSError:
            return ""

    def _at(self, path: str) -> pathlib.Path:
        return pathlib.Path(self._root + path)


def _firewall_commands(tree: Tree) -> t.Dict[str, t.Tuple[str, ...]]:
    """The iptables-save tools to run, by backend and family.

    Legacy tables that the kernel does not use are not asked for: asking loads their modules. Where the two backends have
    no tools of their own, the plain one is asked; its answer says whose it is.
    """
    found: t.Dict[str, t.Tuple[str, ...]] = {}
    for family, (tool, tables) in _FIREWALLS.items():
        if tree.content(tables) and commands.find(f"{tool}-legacy-save"):
            found[f"legacy{family}"] = (f"{tool}-legacy-save",)
        if commands.find(f"{tool}-nft-save"):
            found[f"nft{family}"] = (f"{tool}-nft-save",)
        if not any(commands.find(f"{tool}-{backend}-save") for backend in ("legacy", "nft")):
            found[f"plain{family}"] = (f"{tool}-save",)
    return found


def _chains(results: _Results, firewalls: t.Iterable[str]) -> t.Tuple[Chain, ...]:
    chains: t.Tuple[Chain, ...] = ()
    for key in firewalls:
        text = results.text(key)
        backend = parse.backend_of(text) if key.startswith("plain") else key[:-1]
        chains += parse.chains(text, backend, int(key[-1]))
    return chains


def _filter_commands(results: _Results) -> t.Dict[str, t.Tuple[t.Tuple[str, ...], str]]:
    """Asks for the rules of native tables that filter what comes in. A CNI's and kube-proxy's are theirs, and may be very long."""
    tables = results.read("nft chains", nftables.filtering_tables)
    ours = [(family, name) for family, name in tables if ownership.of_nft_table(name) in ("host", "unknown")]
    native = [(family, name) for family, name in ours if not parse.is_iptables(family, name)]
    return {
        f"{_FILTER}{family} {name}": (("nft", "-j", "list", "table", family, name), f"rules of table {name}") for family, name in native
    }


_FILTER = "nft table "
_TABLE = "nft packets "


def _table_commands(results: _Results) -> t.Dict[str, t.Tuple[t.Tuple[str, ...], str]]:
    """Asks for the tables that kube-proxy and flannel keep where they work with nftables."""
    tables = dict.fromkeys((chain["family"], chain["table"]) for chain in results.read("nft chains", nftables.all_chains))
    return {
        f"{_TABLE}{family} {name}": (("nft", "-j", "list", "table", family, name), f"what {name} does with packets")
        for family, name in tables
        if (family, name) in nft_as_iptables.OWNERS
    }


def _input_chains(results: _Results) -> t.Tuple[FilterChain, ...]:
    return tuple(chain for key in results.keys(_FILTER) for chain in results.read(key, nftables.chains))


def _link_managers(results: _Results, tree: Tree) -> t.Tuple[LinkManager, ...]:
    """What manages devices on this node. Files of one that does not run are not read: they decide nothing."""
    running = parse.active_units(results.text("services"))
    return tuple(link_manager(name, tree) for name in link_policy.MANAGERS if name in running)


def link_manager(name: str, tree: Tree) -> LinkManager:
    """A running manager with the rules in its files."""
    folders = link_policy.FOLDERS[name]
    paths = [path for folder in folders for path in tree.files(folder)] + list(link_policy.SINGLE_FILES.get(name, ()))
    return LinkManager(name, True, link_policy.rules_of(name, {path: tree.text(path) for path in paths}))


def _files(conf_dir: t.Mapping[str, bytes], bin_dir: str, tree: Tree) -> t.Tuple[File, ...]:
    """Plugins, state, and what lies in the configuration directory without being a configuration."""
    configs = [path for path, content in conf_dir.items() if not conflist.is_configuration(path, content)]
    binaries = [path for folder in dict.fromkeys([bin_dir, _BIN_DIR]) for path in tree.files(folder)]
    listed = [f"{parent}/{name}" for parent in _STATE_PARENTS for name in tree.names(parent)]
    state = [path for path in (*_STATE, *listed) if tree.exists(path) and path not in _STATE_PARENTS]
    return (
        *(File(path, "config") for path in configs),
        *(File(path, "binary") for path in binaries),
        *(File(path, "state", entries=len(tree.names(path))) for path in state),
    )


def _last_reserved(tree: Tree) -> t.Dict[str, str]:
    """What host-local notes for its first range, which is flannel's only one."""
    told = {name: tree.text(f"{_HOST_LOCAL}/{name}/last_reserved_ip.0") for name in tree.names(_HOST_LOCAL)}
    return {name: address for name, address in told.items() if address}


def _sysctls(tree: Tree) -> t.Dict[str, str]:
    """By their names: dots between the parts, and a slash for a dot inside a device's name, as sysctl prints them."""
    conf = "net/ipv4/conf"
    devices = tree.names(f"/proc/sys/{conf}")
    paths = [*_SYSCTLS, *(f"{conf}/{device}/{name}" for device in devices for name in _DEVICE_SYSCTLS)]
    values = {path: tree.text(f"/proc/sys/{path}") for path in paths}
    return {path.translate(_SWAP): value for path, value in values.items() if value}


_SWAP = str.maketrans("./", "/.")


def _daemons(tree: Tree) -> t.Tuple[str, ...]:
    """The CNI daemons in the node's own network. One in another network namespace works for that one: a node in a container, say."""
    here = tree.target("/proc/self/ns/net")
    names = {pid: tree.text(f"/proc/{pid}/comm") for pid in tree.names("/proc") if pid.isdigit()}
    return tuple(sorted({name for pid, name in names.items() if name in _DAEMONS and _runs_in(tree, pid, here)}))


def _runs_in(tree: Tree, pid: str, network: str) -> bool:
    """Without the right to see a process's namespace it counts as there: better a daemon too many than one overlooked."""
    # A zombie has ended and has no namespaces any more; it only waits for its parent to notice.
    is_zombie = "\nState:\tZ" in tree.text(f"/proc/{pid}/status")
    return not is_zombie and tree.target(f"/proc/{pid}/ns/net") in ("", network)


def _not_root() -> t.Tuple[str, ...]:
    return () if os.geteuid() == 0 else (model.NOT_ROOT,)
