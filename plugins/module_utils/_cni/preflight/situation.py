# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the questions look at: the cluster, what is wanted of it, and what an earlier run noted.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, flannel, network, snapshot

FLANNEL = "flannel"
CALICO = "calico"
#: Flannel is gone or going and Calico not yet all there: a migration that was interrupted.
MIGRATING = "migrating"
NONE = "none"
OTHER = "other"
#: The strategy that takes an unfinished migration back.
ROLLBACK = "rollback"
#: What the journal calls a switch of flannel's backend, which no migration goes on with.
SWITCH = "switch-backend"
STATES = (FLANNEL, MIGRATING, CALICO, NONE, OTHER)

#: The journal's phase once a migration is over.
DONE = "done"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The change to prepare.

    An empty ``network`` keeps flannel's, an ``mtu`` of 0 is found out by Calico; ``hosts`` are the play's inventory names, empty when
    not told. ``drop_policies`` allows that objects which only Calico knows go with it.
    """

    target: str = CALICO
    network: str = ""
    encapsulation: str = "vxlan"
    strategy: str = "cutover"
    hosts: t.Tuple[str, ...] = ()
    mtu: int = 0
    drop_policies: bool = False


@dataclasses.dataclass(frozen=True)
class Journal:
    """What an earlier run wrote down before it changed anything; empty when there was none.

    ``undoing`` is not empty once the migration is being rolled back.
    """

    source: str = ""
    network: str = ""
    phase: str = ""
    undoing: str = ""
    strategy: str = ""

    @property
    def unfinished(self) -> bool:
        """Whether a migration was begun and not ended."""
        return bool(self.source) and self.phase != DONE


@dataclasses.dataclass(frozen=True)
class Situation:
    """All a question may look at.

    ``snapshots`` are those of the cluster's nodes, ``all_snapshots`` those of any host; ``network`` is the pod network as far
    as it is known.
    """

    cluster: cluster.ClusterSnapshot
    snapshots: t.Mapping[str, snapshot.NodeSnapshot]
    all_snapshots: t.Mapping[str, snapshot.NodeSnapshot]
    wanted: Wanted
    journal: Journal
    state: str
    network: str

    @property
    def changes(self) -> bool:
        """Whether there is anything to do: a cluster that is on its target already only gets looked at."""
        return self.state != self.wanted.target

    @property
    def moves(self) -> bool:
        """Whether pods have to move from one CNI to another; an installation finds none that could."""
        return self.changes and self.wanted.strategy != "install"

    @property
    def pool(self) -> str:
        """The network when it can be reasoned about, else an empty string: `ranges.network_known` reports why."""
        return self.network if not cidr_problem(self.network) else ""


def cidr_problem(text: str) -> str:
    """Why the text is no IPv4 network to give to pods; empty when it is one."""
    if not text:
        return f"the pod network is not known: neither the network option nor flannel's {flannel.NET_CONF} nor the nodes tell it"
    try:
        parsed = network.parse_cidr(text)
    except _errors.BadInputError as error:
        return error.what
    return "" if parsed.version == 4 else f"{text} is not an IPv4 network"
