"""Columns of text, aligned; the last one runs free, so that no terminal cuts a reason short."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows below a head, two spaces between columns; ``""`` for no rows.

    >>> print(table(("NAME", "KIND"), [("web", "Deployment")]), end="")
    NAME  KIND
    web   Deployment
    """
    if not rows:
        return ""
    lines = [tuple(head), *(tuple(one_line(cell) for cell in row) for row in rows)]
    widths = [max(width(line[n]) for line in lines) for n in range(len(head))]
    return "".join(_row(line, widths) + "\n" for line in lines)


def _row(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell + " " * (room - width(cell)) for cell, room in zip(line[:-1], widths, strict=False)]
    return "  ".join((*cells, line[-1])).rstrip()


def width(text: str) -> int:
    """Columns that a terminal gives the text: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )


def one_line(text: str) -> str:
    """The text without line ends and control characters: what a document says must not move the cursor."""
    return "".join(c if c.isprintable() else " " for c in text)


def count(number: int, noun: str, many: str = "") -> str:
    """
    >>> count(1, "workload"), count(1200, "workload"), count(0, "entry", "entries")
    ('1 workload', '1,200 workloads', '0 entries')
    """
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"
