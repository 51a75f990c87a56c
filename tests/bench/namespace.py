# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network namespace dressed up as a node of a flannel cluster."""

from __future__ import annotations

import contextlib
import os
import subprocess
import typing as t

_CARD = """link set lo up
link add eth0 type veth peer name wire
link set wire up
link set eth0 up
address add 192.0.2.11/24 dev eth0
route add default via 192.0.2.1
link add flannel.1 mtu 1450 type vxlan id 1 local 192.0.2.11 dev eth0 dstport 8472 nolearning
link set flannel.1 up
"""


@contextlib.contextmanager
def node(peers: int) -> t.Iterator[tuple[str, ...]]:
    """The words that run a command on a node with ``peers`` others: a route, a neighbour and a forwarding entry for each."""
    name = f"podnet-bench-{os.getpid()}-{peers}"
    _run("ip", "netns", "add", name)
    enter = ("ip", "netns", "exec", name)
    try:
        routes, forwarding = _peers(peers)
        _run(*enter, "ip", "-batch", "-", stdin=_CARD + routes)
        _run(*enter, "bridge", "-batch", "-", stdin=forwarding)
        yield enter
    finally:
        _run("ip", "netns", "delete", name)


def _peers(number: int) -> tuple[str, str]:
    """Lines for the batch modes of ip and bridge."""
    routes, forwarding = "", ""
    for peer in range(number):
        high, low = 64 + peer // 256, peer % 256
        subnet, mac = f"10.{high}.{low}.0", f"5a:0c:12:7e:{high:02x}:{low:02x}"
        routes += f"route add {subnet}/24 via {subnet} dev flannel.1 onlink\n"
        routes += f"neighbour add {subnet} lladdr {mac} dev flannel.1 nud permanent\n"
        forwarding += f"fdb append {mac} dev flannel.1 dst 198.18.{peer // 256}.{low}\n"
    return routes, forwarding


def _run(*argv: str, stdin: str = "") -> None:
    subprocess.run(argv, input=stdin, text=True, check=True, timeout=60)
