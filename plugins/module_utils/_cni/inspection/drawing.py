# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a path's places lie in a drawing: a column for each visit to a node, pods on top and network cards at the bottom.

So a packet goes down where it leaves a node and up where it comes to one. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import model
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Hop, Path
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import World

WIDTH, HEIGHT = 186, 38
_ROW, _TOP, _GAP, _PAD = 62, 44, 22, 16
#: Heights of things that a packet comes by, from the pod to the network card.
_POD, _LINK, _BRIDGE, _TABLES, _TUNNEL, _CARD = range(6)


@dataclasses.dataclass(frozen=True)
class Place:
    """A box: its middle, in units of the drawing, what it is, its words, and a smaller note."""

    x: int
    y: int
    kind: str
    text: str
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Column:
    """A visit to a node, or the world outside (an empty name): its left side and its width."""

    left: int
    width: int
    name: str


@dataclasses.dataclass(frozen=True)
class Drawing:
    """``places`` are in the order in which the packet comes by."""

    width: int
    height: int
    columns: t.Tuple[Column, ...]
    places: t.Tuple[Place, ...]
    lost: bool


@dataclasses.dataclass(frozen=True)
class _Box:
    """A place before it is known where it is drawn, but for its height."""

    rank: int
    kind: str
    text: str
    note: str = ""


def draw(world: World, path: Path) -> Drawing:
    """A path's drawing."""
    columns: t.List[Column] = []
    places: t.List[Place] = []
    left = _GAP
    for name, boxes in _visits_drawn(world, path):
        lanes = _lanes(boxes)
        width = lanes[-1] * (WIDTH + _GAP) + WIDTH + 2 * _PAD
        columns.append(Column(left, width, name))
        for lane, box in zip(lanes, boxes):
            x = left + _PAD + WIDTH // 2 + lane * (WIDTH + _GAP)
            places.append(Place(x, _height(box.rank), box.kind, box.text, box.note))
        left += width + _GAP
    return Drawing(left, _height(_CARD) + HEIGHT, tuple(columns), tuple(places), path.outcome == model.LOST)


def _visits_drawn(world: World, path: Path) -> t.Iterator[t.Tuple[str, t.List[_Box]]]:
    """Each visit's name and boxes, and what is outside of the cluster at either end."""
    if path.hops[0].what == "arrives":
        yield "", [_Box(_CARD, "outside", path.hops[0].packet.source)]
    for visit, hops in enumerate(_visits(path)):
        boxes = list(_boxes(world, hops, first=visit == 0))
        if boxes:
            yield hops[0].node, boxes
    if path.outcome == model.LEFT:
        yield "", [_Box(_CARD, "outside", path.last.packet.target)]


def _lanes(boxes: t.Sequence[_Box]) -> t.List[int]:
    """Side by side what the packet comes by on its way down and on its way up again, and the other way round."""
    lanes, lane, downwards = [0], 0, None
    for before, box in zip(boxes, boxes[1:]):
        direction = box.rank > before.rank
        if downwards is not None and direction != downwards:
            lane += 1
        downwards = direction
        lanes.append(lane)
    return lanes


def _visits(path: Path) -> t.List[t.List[Hop]]:
    """Hops in a row on one node."""
    visits: t.List[t.List[Hop]] = []
    for hop in path.hops:
        if visits and visits[-1][-1].node == hop.node:
            visits[-1].append(hop)
        else:
            visits.append([hop])
    return visits


def _boxes(world: World, hops: t.Sequence[Hop], *, first: bool) -> t.Iterator[_Box]:
    """The places of one visit, each once in the order in which the packet comes by."""
    if first and hops[0].what == "leaves":
        yield _end(world, hops[0], hops[0].packet.source)
    tables = [hop for hop in hops if hop.what in _NOTES]
    for hop in hops:
        if hop in tables[:1]:
            notes = dict.fromkeys(_NOTES[item.what] for item in tables)
            yield _Box(_TABLES, "tables", " \N{MIDDLE DOT} ".join(notes))
        elif hop.what in _DEVICES and hop.device:
            kind, rank = _DEVICES[hop.what]
            yield _Box(rank, kind, hop.device, f"in {hop.outer.kind} to {hop.outer.target}" if hop.outer else "")
        elif hop.what == "lost":
            yield _Box(_TABLES, "lost", "lost")
        if hop.what == "delivered":
            yield _end(world, hop, hop.packet.target)


#: Devices that a packet comes by: what they are in a drawing, and how high.
_DEVICES = {
    "leaves": ("link", _LINK),
    "delivered": ("link", _LINK),
    "bridged": ("bridge", _BRIDGE),
    "switched": ("bridge", _BRIDGE),
    "wrapped": ("tunnel", _TUNNEL),
    "unwrapped": ("tunnel", _TUNNEL),
    "sent": ("card", _CARD),
    "arrives": ("card", _CARD),
}
#: What is told of tables in a drawing.
_NOTES = {"translated": "Service", "routed": "route", "filtered": "filter", "masqueraded": "source"}


def _end(world: World, hop: Hop, address: str) -> _Box:
    pod = world.pods.get(address)
    if pod is None or pod.node != hop.node:
        return _Box(_POD, "host", "the node itself", address)
    return _Box(_POD, "pod", pod.name, address)


def _height(rank: int) -> int:
    return _TOP + HEIGHT // 2 + rank * _ROW
