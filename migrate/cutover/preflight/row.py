"""A rule of the table, and what became of it: a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from converters.fields.catalogue import code_named

from .seen import Seen


class Level(StrEnum):
    """``refuse``: no run starts. ``mitigate``: the run does something about it itself. ``warn``: the user is told."""

    REFUSE = "refuse"
    MITIGATE = "mitigate"
    WARN = "warn"


class Status(StrEnum):
    """``unknown``: this user may not read what it rests on. ``at-start``: it is tried when a run starts."""

    CLEAR = "clear"
    FOUND = "found"
    UNKNOWN = "unknown"
    AT_START = "at-start"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Notice:
    """``next_step`` empty: the code's own."""

    subject: str
    reason: str
    next_step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    look      what is wrong, from what was seen; nothing: nothing
    needs     kinds of the cluster's objects that it rests on
    measures  attributes of Measured that it rests on
    """

    code: str
    level: Level
    look: Callable[[Seen], Iterable[Notice]]
    needs: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()

    def row(self, seen: Seen) -> Row:
        if any(getattr(seen.measured, each) is None for each in self.measures):
            return Row(code=self.code, level=self.level, status=Status.AT_START)
        found = tuple(sorted({_whole(each, self.code) for each in self.look(seen)}))
        unknown = tuple(f"not allowed to {seen.cluster.unread[k]}" for k in self.needs if k in seen.cluster.unread)
        status = Status.FOUND if found else Status.UNKNOWN if unknown else Status.CLEAR
        return Row(code=self.code, level=self.level, status=status, notices=found, unknown=unknown)


def _whole(notice: Notice, code: str) -> Notice:
    if notice.next_step:
        return notice
    return Notice(subject=notice.subject, reason=notice.reason, next_step=code_named(code).todo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a rule found. ``unknown``: what could not be read; where nothing was found either, this is a warning."""

    code: str
    level: Level
    status: Status
    notices: tuple[Notice, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def refuses(self) -> bool:
        return self.level is Level.REFUSE and self.status is Status.FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """All rows, in the table's order, the clear ones too."""

    rows: tuple[Row, ...]

    @property
    def refused(self) -> tuple[Row, ...]:
        """Those for which no run may start."""
        return tuple(each for each in self.rows if each.refuses)

    @property
    def told(self) -> tuple[Row, ...]:
        """Those of which a user hears: all but the clear ones."""
        return tuple(each for each in self.rows if each.status is not Status.CLEAR)


def preflight_json(preflight: Preflight) -> dict[str, Any]:
    return {"refused": bool(preflight.refused), "rows": [_row_json(each) for each in preflight.rows]}


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "code": row.code,
        "level": row.level.value,
        "status": row.status.value,
        "findings": [
            {"subject": each.subject, "reason": each.reason, "nextStep": each.next_step} for each in row.notices
        ],
        "unknown": list(row.unknown),
    }


def refuse(code: str, look: Callable[[Seen], Iterator[Notice]], *needs: str, measures: tuple[str, ...] = ()) -> Rule:
    return Rule(code=code, level=Level.REFUSE, look=look, needs=needs, measures=measures)


def mitigate(code: str, look: Callable[[Seen], Iterator[Notice]], *needs: str, measures: tuple[str, ...] = ()) -> Rule:
    return Rule(code=code, level=Level.MITIGATE, look=look, needs=needs, measures=measures)


def warn(code: str, look: Callable[[Seen], Iterator[Notice]], *needs: str, measures: tuple[str, ...] = ()) -> Rule:
    return Rule(code=code, level=Level.WARN, look=look, needs=needs, measures=measures)
