# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report's page as a browser reads it: whether it is whole, what it would load, and the fields of its maps."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """``open``: elements still open at the end. ``loads``: attributes that would load something. ``fields``: title and class, in order."""

    VOID = ("meta", "link", "br", "path", "circle")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.tags: set[str] = set()
        self.fields: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [f"{tag} {name}" for name, value in attrs if name in ("src", "href") and not str(value).startswith(("#", "data:"))]
        found = dict(attrs)
        if tag == "td" and found.get("title"):
            self.fields.append((str(found["title"]), str(found["class"])))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
