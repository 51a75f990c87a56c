# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draws what was found of a network as one HTML page that needs nothing else.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.inspection import drawing, tables
from ansible_collections.podnet.cni.plugins.module_utils._cni.inspection.inspect import Inspection
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import proof
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.journey import Journey
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Hop
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import World
from ansible_collections.podnet.cni.plugins.module_utils._report import sections
from ansible_collections.podnet.cni.plugins.module_utils._report.html import JINJA2_IMPORT_ERROR, Card, environment
from ansible_collections.podnet.cni.plugins.module_utils._report.network_page import NETWORK_PAGE, NETWORK_STYLE
from ansible_collections.podnet.cni.plugins.module_utils._report.style import STYLE

__all__ = ["JINJA2_IMPORT_ERROR", "render"]

_MARKS = {tables.RIGHT: "\N{CHECK MARK}", tables.MISSING: "\N{MULTIPLICATION X}", tables.EXTRA: "+", tables.OTHER: ""}
#: Beyond these a page is no help any more, and network.json has all.
_MOST_REASONS, _MOST_LINES = 12, 60
_SHORT = 22


def render(inspection: Inspection, world: World, sightings: t.Mapping[str, t.Collection[proof.Sight]]) -> str:
    """The page. ``sightings`` are by the name of their flow; the same input gives the same text."""
    made = environment({"page": NETWORK_PAGE, "style": STYLE + NETWORK_STYLE})
    made.filters.update(drawn=lambda journey: _drawn(world, journey), short=_shortened, was_seen=_was_seen)
    page = made.get_template("page").render(
        box_height=drawing.HEIGHT,
        box_width=drawing.WIDTH,
        cards=_cards(inspection),
        headline=f"{inspection.title}: {inspection.carrier}",
        inspection=inspection,
        marks=_MARKS,
        most_lines=_MOST_LINES,
        most_reasons=_MOST_REASONS,
        sightings=sightings,
        told=[node for node in inspection.nodes if node.tables or node.differences or node.unknown],
    )
    return page + "\n"


def _drawn(world: World, journey: Journey) -> drawing.Drawing:
    return drawing.draw(world, journey.there)


def _shortened(text: str, most: int = _SHORT) -> str:
    return sections.shortened(text, most)


def _was_seen(hop: Hop, seen: t.Collection[proof.Sight]) -> bool:
    return proof.sight_of(hop) in seen


def _cards(inspection: Inspection) -> t.List[Card]:
    wrong = sum(len(node.differences) for node in inspection.nodes)
    broken = sum(1 for item in inspection.accounts if not item.works)
    cards = [Card("Nodes", str(len(inspection.nodes)), f"{sum(node.pods for node in inspection.nodes)} pods with an address of their own")]
    if inspection.expects:
        cards.append(Card("Differences", str(wrong), f"from what {inspection.expects} has to have", "bad" if wrong else "good"))
    cards.append(
        Card(
            "Ways that work",
            f"{len(inspection.accounts) - broken} of {len(inspection.accounts)}",
            "as foretold",
            "bad" if broken else "good",
        )
    )
    if inspection.proofs:
        proved, sent = (sum(getattr(item, name) for item in inspection.proofs.values()) for name in ("proved", "sent"))
        cards.append(Card("Captured", f"{proved} of {sent}", "packets came just as foretold", "good" if proved == sent else "bad"))
    return cards
