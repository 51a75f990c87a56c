# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What CNIs make of what the API leaves to them.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors

#: The two behaviours that the concept page permits for pods on their node's network.
AS_NODE, AS_POD = "as its node", "as a pod"


@dataclasses.dataclass(frozen=True)
class Profile:
    """One CNI.

    ``enforces``: False when it takes policies and does nothing. ``host_network``: the behaviours that are possible for pods on their
    node's network. ``own_service``: whether a pod always reaches itself through a Service; None is left open. ``blocks_match``: whose
    addresses an ipBlock can match. ``end_port``: empty when every maintained version knows endPort, else what to know about it.
    """

    name: str
    enforces: bool = True
    host_network: t.Tuple[str, ...] = (AS_NODE, AS_POD)
    own_service: t.Optional[bool] = None
    blocks_match: t.FrozenSet[str] = frozenset({"pod", "node", "external"})
    end_port: str = ""


PROFILES: t.Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("generic", end_port="a CNI that does not know endPort applies only port"),
        Profile("calico", host_network=(AS_NODE,)),
        # Pods and nodes have an identity there, and blocks are for what has none.
        Profile(
            "cilium",
            host_network=(AS_NODE,),
            own_service=True,
            blocks_match=frozenset({"external"}),
            end_port="Cilium knows endPort since 1.16; earlier versions apply only port",
        ),
        Profile("flannel", enforces=False, host_network=(AS_NODE,)),
    )
}


def profile(name: str) -> Profile:
    """The profile of a CNI; an error names those that there are."""
    if name not in PROFILES:
        raise _errors.BadInputError(f"no CNI profile is called {name!r}", "option cni", f"Profiles: {', '.join(PROFILES)}.")
    return PROFILES[name]
