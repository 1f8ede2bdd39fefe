"""What the lines of a journal tell of the past. Pure.

A line is ``{"at", "state", "event", "text"}``. Where it had changed since the line before, it also holds ``share`` (of
new connections that pods get at the first Service, 0 to 1, as it was seen) and ``share_since``. A line of the event
``gate`` holds ``step`` (what was judged), ``gate``, ``result`` and ``figures``, as gates.outcome.Outcome has them:
percent and seconds, the legacy side's with ``legacy_`` before their names. One of the event ``approval`` holds
``approval``: for what a user's word is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .gates.outcome import Outcome, Result
from .journal import Entry
from .states import State

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How long a state, or a pause, lasted: seconds since 1970; ``ended`` None: it lasts."""

    state: str
    began: float
    ended: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLine:
    """What a gate said of a window."""

    at: float
    step: str
    gate: str
    result: str
    text: str
    figures: Mapping[str, float] = field(default_factory=dict)


def gate_lines(step: str, window: Iterable[Outcome]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a journal shall keep of a window, as text and what more a line says: the figures of requests, and whatever
    did not pass. A journal has room for some hundred lines, and a run of many steps has as many windows."""
    for each in window:
        if "success" in each.figures or each.result is not Result.PASSED:
            figures = {name: round(value, 6) for name, value in each.figures.items()}
            more = {"step": step, "gate": each.gate, "result": each.result.value, "figures": figures}
            yield f"{each.gate}: {each.reason}", more


def gates_of(history: Iterable[Line]) -> Iterator[GateLine]:
    for line in history:
        if line["event"] == "gate":
            yield GateLine(
                at=float(line["at"]),
                step=str(line.get("step", "")),
                gate=str(line.get("gate", "")),
                result=str(line.get("result", "")),
                text=str(line["text"]),
                figures={str(name): float(value) for name, value in (line.get("figures") or {}).items()},
            )


def spans_of(entry: Entry) -> Iterator[Span]:
    """The states in order. Where old lines are gone, the run itself still knows when each state was reached last."""
    first = float(entry.history[0]["at"]) if entry.history else float("inf")
    reached = [(at, State(name)) for name, at in entry.run.since.items() if name in State.__members__ and at < first]
    marks = [(at, state.value) for at, state in sorted(reached, key=lambda mark: (mark[0], mark[1].reached))]
    for line in entry.history:
        if not marks or marks[-1][1] != line["state"]:
            marks.append((float(line["at"]), str(line["state"])))
    for number, (at, state) in enumerate(marks):
        later = marks[number + 1 :]
        yield Span(state=state, began=at, ended=later[0][0] if later else None)


def share_of(history: Iterable[Line]) -> Iterator[tuple[float, float]]:
    """When the share of pods changed, to what. A driver that begins tells it again."""
    before: float | None = None
    for line in history:
        if "share" in line and line["share"] != before:
            before = float(line["share"])
            yield float(line["share_since"]), before


def pauses_of(history: Iterable[Line]) -> Iterator[Span]:
    began: float | None = None
    for line in history:
        pauses = line["event"] == "pause" or (line["event"] == "request" and "pause" in str(line["text"]).split(", "))
        if pauses and began is None:
            began = float(line["at"])
        elif began is not None and not pauses:
            yield Span(state="paused", began=began, ended=float(line["at"]))
            began = None
    if began is not None:
        yield Span(state="paused", began=began, ended=None)
