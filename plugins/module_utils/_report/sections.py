# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports without a page: sections of lines and tables, as text and as Markdown, and how much of a long list is told.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

#: Rows of a table for eyes; JSON has all. A page scrolls, a text does not.
MOST_ON_PAGE, MOST_IN_TEXT = 32, 16
#: Lines of one kind.
MOST_LINES = 60
#: How much of a name fits a heading.
_SHORT = 42

Rows = t.Sequence[t.Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Section:
    """A title, and ``lines`` or the ``rows`` of a table, the first of which is its heading."""

    title: str
    lines: t.Sequence[str] = ()
    rows: Rows = ()


def as_text(sections: t.Iterable[Section]) -> str:
    """The sections, their tables in columns."""
    parts = ([one.title, "=" * len(one.title), *one.lines, *_columns(one.rows)] for one in sections)
    return "\n\n".join(map("\n".join, parts)) + "\n"


def as_markdown(title: str, sections: t.Iterable[Section]) -> str:
    """The same; nothing in it is taken for markup."""
    parts = ([f"## {one.title}", "", *map(_item, one.lines), *_table(one.rows)] for one in sections)
    return "\n\n".join([f"# {title}", *map("\n".join, parts)]) + "\n"


def some(lines: t.Sequence[str], file: str) -> t.List[str]:
    """At most `MOST_LINES` of them, and how many more are in ``file``."""
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], *([f"{more} more are in {file}."] if more > 0 else [])]


def shortened(text: str, most: int = _SHORT) -> str:
    """The end of a name tells more than its beginning."""
    return text if len(text) <= most else f"\N{HORIZONTAL ELLIPSIS}{text[1 - most :]}"


def _columns(rows: Rows) -> t.List[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows]


def _table(rows: Rows) -> t.List[str]:
    if not rows:
        return []
    heading, *rest = [f"| {' | '.join(map(_escaped, row))} |" for row in rows]
    return [heading, "|" + " --- |" * len(rows[0]), *rest]


def _item(text: str) -> str:
    """An item of a list; what follows on lines of its own is code, so that its shape stays."""
    first, _, rest = text.partition("\n")
    code = "".join(f"\n  {line}" for line in ("```text", *rest.split("\n"), "```")) if rest else ""
    return f"- {_escaped(first)}{code}"


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|&" else letter for letter in text)
