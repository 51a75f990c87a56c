# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What flannel left behind, by one list for every strategy: the one that molecule's scenario of the migration goes through."""

from __future__ import annotations

import typing as t

#: Each line a node prints is one thing that is left; routes and rules are one line for each kind.
COMMAND = r"""
ip -o link show | awk -F': ' '{sub(/@.*/, "", $2); print $2}' | grep -E '^(flannel|cni0)' | sed 's/^/device /'
routes=$(ip route show table all | grep -cE 'dev (flannel|cni0)'); [ "$routes" = 0 ] || echo "$routes routes over flannel's devices"
for backend in legacy nft; do
  rules=$(iptables-$backend-save 2>/dev/null | grep -ci flannel); [ "$rules" = 0 ] || echo "$rules lines of iptables-$backend"
done
for path in /run/flannel /opt/cni/bin/flannel /var/lib/cni/flannel /var/lib/cni/networks/cbr0 /etc/cni/net.d/10-flannel.conflist; do
  [ ! -e $path ] || echo "file $path"
done
true
"""

_ANNOTATION = "flannel.alpha.coreos.com/"
_Object = t.Mapping[str, t.Any]


def left(said: t.Mapping[str, str], nodes: t.Sequence[_Object], namespaces: t.Sequence[_Object]) -> list[str]:
    """Everything that is left, the nodes' own things by node, then what the API server still knows of flannel."""
    on_nodes = [f"{node}: {line}" for node, text in sorted(said.items()) for line in text.splitlines()]
    annotated = [f"{_name(node)}: flannel's annotations" for node in nodes if _is_annotated(node)]
    cordoned = [f"{_name(node)}: cordoned" for node in nodes if node["spec"].get("unschedulable")]
    return [*on_nodes, *annotated, *cordoned, *(f"namespace {_name(item)}" for item in namespaces if _name(item) == "kube-flannel")]


def _is_annotated(node: _Object) -> bool:
    return any(key.startswith(_ANNOTATION) for key in node["metadata"].get("annotations", ()))


def _name(item: _Object) -> str:
    return str(item["metadata"]["name"])
