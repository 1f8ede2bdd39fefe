"""A run on a terminal: where it stands, and what was done."""

from __future__ import annotations

from collections.abc import Iterable

from ..cutover.listing import Unreadable
from ..cutover.status import Status
from .cutover_json import status_json
from .cutover_sections import Section, facts, headline, lines, listed, present, took
from .table import count, one_line, table
from .views import Paint, plain

__all__ = ["history_table", "listed_table", "status_json", "status_table"]


def status_table(status: Status, paint: Paint = plain) -> str:
    """Where it stands first, then who takes callers, then the rest."""
    text = paint(one_line(headline(status)), _kind(status)) + "\n"
    text += "".join(f"{label:<12}{one_line(value)}\n" for label, value in facts(status))
    return text + "".join(f"\n{made}" for each in present(status) if (made := table(each.head, each.rows)))


def listed_table(found: Iterable[Status | Unreadable]) -> str:
    """Several runs, a line each."""
    section = listed(found)
    return table(section.head, section.rows)


def history_table(status: Status) -> str:
    """Every line that the journal still has; last, how long it took."""
    section: Section = lines(status)
    gone = "The journal keeps the newest lines; older ones are gone.\n" if status.cut else ""
    gone += f"{count(status.torn, 'line')} of it cannot be read.\n" if status.torn else ""
    return gone + table(section.head, section.rows) + (f"{took(status)}\n" if status.spans else "")


def _kind(status: Status) -> str:
    if status.paused or status.keeper_away:
        return "undecided"
    return "added" if status.state == "FINALIZED" else "changed"
