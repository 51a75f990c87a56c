# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What programs that take care of network devices would do with those of a CNI, and what makes them leave these alone.

NetworkManager takes every device that no configuration takes from it. systemd-networkd takes what a .network file matches, and
removes addresses and routes that are not in it. udev gives a device the MAC address of its policy, after flannel or Calico told
the other nodes the one it had before.

Pure: text in, records out. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import posixpath
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import LinkManager, LinkRule

NETWORK_MANAGER = "NetworkManager"
NETWORKD = "systemd-networkd"
UDEV = "systemd-udevd"
MANAGERS = (NETWORK_MANAGER, NETWORKD, UDEV)

#: Globs of the devices that flannel and Calico make. An interface name has 15 letters, and Calico's pods have 11 random ones.
DEVICES = ("flannel*", "cni0", "cali*", "vxlan.calico", "vxlan-v6.calico", "tunl0")

#: The devices to ask about, with the kernel's kind of each.
EXAMPLES: t.Mapping[str, str] = {
    "flannel.1": "vxlan",
    "cni0": "bridge",
    "cali0123456789a": "veth",
    "vxlan.calico": "vxlan",
    "tunl0": "ipip",
}

#: How the managers name the kernel's kinds in their files.
_TYPES: t.Mapping[str, t.FrozenSet[str]] = {
    "vxlan": frozenset({"vxlan", "ether"}),
    "bridge": frozenset({"bridge", "ether"}),
    "veth": frozenset({"veth", "ether", "ethernet"}),
    "ipip": frozenset({"ipip", "ip-tunnel", "tunnel"}),
}

#: Directories of configuration in falling order of rank: a file hides those of the same name further down.
SYSTEMD_DIRECTORIES = ("/etc/systemd/network", "/run/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network")
NM_FILE = "/etc/NetworkManager/NetworkManager.conf"
#: NetworkManager's own rules of udev, the weakest of its settings: they take veth devices from it.
NM_UDEV_FILE = "/usr/lib/udev/rules.d/85-nm-unmanaged.rules"
NM_OWN_DIRECTORY = "/etc/NetworkManager/conf.d"
NM_SYSTEM_DIRECTORIES = ("/run/NetworkManager/conf.d", "/usr/lib/NetworkManager/conf.d")

#: Where each manager's files are.
FOLDERS: t.Mapping[str, t.Tuple[str, ...]] = {
    NETWORK_MANAGER: (NM_OWN_DIRECTORY, *NM_SYSTEM_DIRECTORIES),
    NETWORKD: SYSTEMD_DIRECTORIES,
    UDEV: SYSTEMD_DIRECTORIES,
}
SINGLE_FILES: t.Mapping[str, t.Tuple[str, ...]] = {NETWORK_MANAGER: (NM_FILE, NM_UDEV_FILE)}

#: Keys of a [Match] section that only a physical device can satisfy.
_PHYSICAL = frozenset({"macaddress", "permanentmacaddress", "path", "ssid", "bssid", "wlaninterfacetype", "property"})
_VETH_UNMANAGED = re.compile(r'^[^#\n]*=="veth",\s*ENV\{NM_UNMANAGED\}="1"', re.MULTILINE)
_EXCEPT, _TYPE = "except:", "type:"
_YES = frozenset({"1", "yes", "y", "true", "t", "on"})

Files = t.Mapping[str, str]
_Section = t.Tuple[str, t.List[t.Tuple[str, str]]]


@dataclasses.dataclass(frozen=True)
class PolicyFile:
    """A file of ours: for whom, where, and what it says. ``reload`` makes its reader read it."""

    manager: str
    path: str
    content: str
    reload: t.Tuple[str, ...]


_HEADER = "# Written by podnet.cni: flannel and Calico take care of these devices themselves.\n"

#: What `cni_link_policy` writes. A [device] section stands for itself; a list of unmanaged devices would compete with the user's.
OURS: t.Tuple[PolicyFile, ...] = (
    PolicyFile(
        NETWORK_MANAGER,
        f"{NM_OWN_DIRECTORY}/90-podnet-cni.conf",
        f"{_HEADER}[device-podnet-cni]\nmatch-device={','.join(f'interface-name:{name}' for name in DEVICES)}\nmanaged=0\n",
        ("systemctl", "reload", "NetworkManager"),
    ),
    PolicyFile(
        NETWORKD,
        f"{SYSTEMD_DIRECTORIES[0]}/00-podnet-cni.network",
        f"{_HEADER}[Match]\nName={' '.join(DEVICES)}\n\n[Link]\nUnmanaged=yes\n",
        ("networkctl", "reload"),
    ),
    PolicyFile(
        UDEV,
        f"{SYSTEMD_DIRECTORIES[0]}/00-podnet-cni.link",
        f"{_HEADER}[Match]\nOriginalName={' '.join(DEVICES)}\n\n[Link]\nMACAddressPolicy=none\n",
        ("udevadm", "control", "--reload"),
    ),
)


@dataclasses.dataclass(frozen=True)
class Change:
    """A file of ours that is written or removed; nothing stands for no file."""

    file: PolicyFile
    before: t.Optional[str]
    after: t.Optional[str]


def plan(wanted: bool, running: t.Collection[str], present: t.Mapping[str, str]) -> t.Tuple[Change, ...]:
    """What to write or remove. Written is only for managers that run; removed is all, as one may have been stopped meanwhile."""
    changes = []
    for ours in OURS:
        before = present.get(ours.path)
        after = (ours.content if ours.manager in running else before) if wanted else None
        if after != before:
            changes.append(Change(ours, before, after))
    return tuple(changes)


def diff(changes: t.Iterable[Change]) -> t.List[t.Dict[str, str]]:
    """The changes as Ansible shows them."""
    return [
        {
            "before_header": change.file.path,
            "after_header": change.file.path,
            "before": change.before or "",
            "after": change.after or "",
        }
        for change in changes
    ]


def written_by_us(content: str) -> bool:
    """Whether a file is one of ours, of whatever version."""
    return content.startswith(_HEADER.partition(":")[0])


def claims(manager: LinkManager) -> t.Dict[str, str]:
    """The devices of a CNI that the manager would take, each with the file because of which (empty: because it takes all)."""
    if not manager.active:
        return {}
    fates = {name: _fate(manager, name, kind) for name, kind in EXAMPLES.items()}
    return {name: path for name, path in fates.items() if path is not None}


def _fate(manager: LinkManager, name: str, kind: str) -> t.Optional[str]:
    """The path of the file that claims the device, or nothing when it is left alone."""
    for rule in manager.rules:
        if _fits(rule, name, kind):
            return None if rule.leaves else rule.path
    return "" if manager.name == NETWORK_MANAGER else None


def _fits(rule: LinkRule, name: str, kind: str) -> bool:
    wanted = [pattern for pattern in rule.names if not pattern.startswith("!")]
    refused = [pattern[1:] for pattern in rule.names if pattern.startswith("!")]
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in refused):
        return False
    if wanted and not any(fnmatch.fnmatchcase(name, pattern) for pattern in wanted):
        return False
    return not rule.types or bool(_TYPES[kind] & set(rule.types))


def rules_of(manager: str, files: Files) -> t.Tuple[LinkRule, ...]:
    """The rules in a manager's files, in the order in which it asks them."""
    if manager == NETWORK_MANAGER:
        return _network_manager(files)
    suffix = ".network" if manager == NETWORKD else ".link"
    ranked = sorted(_unhidden(files, SYSTEMD_DIRECTORIES, suffix), key=posixpath.basename)
    read = _networkd_rule if manager == NETWORKD else _udev_rule
    rules = [read(path, _sections(files[path])) for path in ranked if files[path].strip()]
    return tuple(rule for rule in rules if rule is not None)


def _unhidden(files: Files, directories: t.Sequence[str], suffix: str) -> t.List[str]:
    """The files of that kind that no file of the same name in a directory of higher rank hides."""
    chosen: t.Dict[str, str] = {}
    for directory in directories:
        for path in files:
            if posixpath.dirname(path) == directory and path.endswith(suffix):
                chosen.setdefault(posixpath.basename(path), path)
    return list(chosen.values())


def _networkd_rule(path: str, sections: t.Sequence[_Section]) -> t.Optional[LinkRule]:
    leaves = _value(sections, "link", "unmanaged").lower() in _YES
    return _matched(path, sections, "name", leaves)


def _udev_rule(path: str, sections: t.Sequence[_Section]) -> t.Optional[LinkRule]:
    leaves = _value(sections, "link", "macaddresspolicy") in ("", "none")
    return _matched(path, sections, "originalname", leaves)


def _matched(path: str, sections: t.Sequence[_Section], key: str, leaves: bool) -> t.Optional[LinkRule]:
    """The rule of a systemd file; nothing when none of our devices can ever match it."""
    match = [pair for name, pairs in sections if name == "match" for pair in pairs]
    if any(name in _PHYSICAL and value for name, value in match):
        return None
    names = _globs(_value(sections, "match", key))
    kinds = [word for name in ("type", "kind", "driver") for word in _value(sections, "match", name).split()]
    return LinkRule(path, names, tuple(kinds), leaves)


def _globs(text: str) -> t.Tuple[str, ...]:
    """Shell patterns of a systemd file; an exclamation mark before the first one turns all of them round."""
    if text.startswith("!"):
        return tuple(f"!{word}" for word in text[1:].split())
    return tuple(text.split())


def _network_manager(files: Files) -> t.Tuple[LinkRule, ...]:
    """The list of unmanaged devices wins over all, then the [device] sections, later files before earlier ones, then udev."""
    own = sorted(path for path in files if posixpath.dirname(path) == NM_OWN_DIRECTORY and path.endswith(".conf"))
    hidden = {posixpath.basename(path) for path in own}
    system = sorted(_unhidden(files, NM_SYSTEM_DIRECTORIES, ".conf"), key=posixpath.basename)
    order = [path for path in system if posixpath.basename(path) not in hidden] + [NM_FILE] * (NM_FILE in files) + own
    unmanaged: t.List[LinkRule] = []
    devices: t.List[LinkRule] = []
    for path in order:
        sections = _sections(files[path])
        unmanaged = _unmanaged(path, sections, unmanaged)
        devices = _device_rules(path, sections) + devices
    by_udev = [LinkRule(NM_UDEV_FILE, (), ("veth",), True)] if _VETH_UNMANAGED.search(files.get(NM_UDEV_FILE, "")) else []
    return tuple(unmanaged + devices + by_udev)


def _unmanaged(path: str, sections: t.Sequence[_Section], before: t.List[LinkRule]) -> t.List[LinkRule]:
    """What ``keyfile.unmanaged-devices`` says after this file: it replaces the list of earlier ones, or adds to it."""
    for name, pairs in sections:
        for key, value in pairs if name == "keyfile" else ():
            if key == "unmanaged-devices":
                before = _specified(path, value, True)
            elif key == "unmanaged-devices+":
                before = before + _specified(path, value, True)
    return before


def _device_rules(path: str, sections: t.Sequence[_Section]) -> t.List[LinkRule]:
    named = [dict(pairs) for name, pairs in sections if name.startswith("device")]
    found = [
        _specified(path, values.get("match-device", "*"), values["managed"].lower() not in _YES) for values in named if "managed" in values
    ]
    return [rule for rules in found for rule in rules]


def _specified(path: str, text: str, leaves: bool) -> t.List[LinkRule]:
    """A list of NetworkManager's device specifications: names and types are alternatives, hence a rule for each.

    A specification that is about something else, such as a MAC address, fits no device of ours.
    """
    words = [word.strip() for word in re.split(r"[,;]", text) if word.strip()]
    excepted = tuple(f"!{_name(word[len(_EXCEPT) :])}" for word in words if word.startswith(_EXCEPT))
    plain = [word for word in words if not word.startswith(_EXCEPT)]
    types = tuple(word[len(_TYPE) :] for word in plain if word.startswith(_TYPE))
    names = tuple(_name(word) for word in plain if not word.startswith(_TYPE))
    rules = [LinkRule(path, names + excepted, (), leaves)] if names or (excepted and not types) else []
    return rules + ([LinkRule(path, excepted, types, leaves)] if types else [])


def _name(word: str) -> str:
    key, _, value = word.rpartition(":")
    return value.lstrip("=~") if key in ("", "interface-name") else word


def _sections(text: str) -> t.List[_Section]:
    """An INI file as its readers see it: keys without regard to case, a section as often as it is there."""
    sections: t.List[_Section] = []
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            sections.append((line[1:-1].strip().lower(), []))
        elif sections and "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            sections[-1][1].append((key.strip().lower(), value.strip().strip('"')))
    return sections


def _value(sections: t.Sequence[_Section], section: str, key: str) -> str:
    """The last value of a key, with the values before it where the key may be given more than once."""
    return " ".join(value for name, pairs in sections if name == section for found, value in pairs if found == key)
