# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backends there are, and whether options fit one.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import net_conf
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import host_gw, ipip, udp, vxlan, wireguard
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import Backend, Option
from ansible_collections.podnet.cni.plugins.module_utils._cni.network import Network, parse_cidr

#: In the order in which people should think of them.
BACKENDS: t.Mapping[str, Backend] = {backend.NAME: backend for backend in (vxlan, host_gw, wireguard, ipip, udp)}

_WORDS = {int: "a whole number", bool: "true or false", str: "text"}


@dataclasses.dataclass(frozen=True)
class Settings:
    """net-conf.json for a backend that is known: ``options`` has all of its options, with defaults where none are written."""

    name: str
    network: str
    ipv6_network: str
    nftables: bool
    options: t.Mapping[str, t.Any]

    @property
    def backend(self) -> Backend:
        return BACKENDS[self.name]

    def __str__(self) -> str:
        """``vxlan (VNI 7, DirectRouting)``: what is not a default, and no secret."""
        chosen = {name: value for name, value in self.options.items() if value != self.backend.OPTIONS[name].default}
        words = [name if value is True or self.backend.OPTIONS[name].secret else f"{name} {value}" for name, value in chosen.items()]
        return f"{self.name} ({', '.join(words)})" if words else self.name

    @property
    def networks(self) -> t.Tuple[Network, ...]:
        """The ranges of pods."""
        return tuple(parse_cidr(text) for text in (self.network, self.ipv6_network) if text)


def settings(conf: net_conf.NetConf, where: str) -> Settings:
    """What net-conf.json comes to. Raises BadInputError for a backend or an option that flanneld does not know or cannot use."""
    backend = known(conf.backend, where)
    given = demand_options(backend, conf.options, where)
    lacking = [version for version, on in ((4, conf.ipv4), (6, conf.ipv6)) if on and version not in backend.FAMILIES]
    if lacking:
        raise _errors.BadInputError(f"backend {backend.NAME} does not carry IPv{lacking[0]}", where)
    options = {name: given.get(name, option.default) for name, option in backend.OPTIONS.items()}
    return Settings(backend.NAME, conf.network, conf.ipv6_network, conf.nftables, options)


def known(name: str, where: str) -> Backend:
    """The backend of that name."""
    if name not in BACKENDS:
        raise _errors.BadInputError(f"there is no backend {name!r}", where, f"Choose one of {', '.join(BACKENDS)}.")
    return BACKENDS[name]


def demand_options(backend: Backend, given: t.Mapping[str, t.Any], where: str) -> t.Dict[str, t.Any]:
    """The options under the names that this project writes. Raises BadInputError for one that is not the backend's."""
    names = {name.lower(): name for name in backend.OPTIONS}
    found = {}
    for key, value in given.items():
        if key.lower() not in names:
            raise _errors.BadInputError(_not_its_own(backend, key), where, _choices(backend))
        name = names[key.lower()]
        problem = _problem(backend.OPTIONS[name], value)
        if problem:
            raise _errors.BadInputError(f"option {name} of backend {backend.NAME} {problem}", where)
        found[name] = value
    return found


def _not_its_own(backend: Backend, key: str) -> str:
    owners = [name for name, other in BACKENDS.items() if key.lower() in map(str.lower, other.OPTIONS)]
    whose = f", which is of {' and '.join(owners)}" if owners else ""
    return f"backend {backend.NAME} has no option {key}{whose}"


def _choices(backend: Backend) -> str:
    return f"It has {', '.join(backend.OPTIONS)}." if backend.OPTIONS else "It has none."


def _problem(option: Option, value: t.Any) -> str:
    """Why flanneld could not use the value; a secret is not shown."""
    # To Python a bool is a number, to flanneld it is not.
    if not isinstance(value, option.kind) or (option.kind is int and isinstance(value, bool)):
        return f"has to be {_WORDS[option.kind]}" + ("" if option.secret else f" and is {value!r}")
    if isinstance(value, int) and option.high and not option.low <= value <= option.high:
        return f"has to be from {option.low} to {option.high} and is {value}"
    if option.choices and value not in option.choices:
        return f"has to be one of {', '.join(option.choices)} and is {value}"
    return ""
