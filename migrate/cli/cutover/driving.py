"""A verb that drives a run: its events are told on stderr, its end on stdout and in the exit code."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from ...cutover.states import State
from ...report.table import one_line, width
from ..command import INTERRUPTED, Session
from .runs import Named

if TYPE_CHECKING:
    from ...cutover.driver import Event, Outcome

GATE = 4
ROLLED_BACK = 5
OUTCOME = "podlift.dev/cutover-outcome/v1"
# What a pause is called by whose fault it is: those of gates end in GATE.
_OF_GATES = frozenset({"cutover-inconclusive"})
_INTERRUPTED = "interrupted"
# Of several runs. Whoever has gone back or failed makes others wait or pause: theirs says less.
_WORST_FIRST = (INTERRUPTED, ROLLED_BACK, 1, GATE, 0)
# Waits and measurements are told by plain progress when they change, and else so seldom.
_EVERY_S = 30.0
# A container's, which is as long as a line
_IDENTITY = re.compile(r"\b[0-9a-f]{40,64}\b")
_PASSING = frozenset({"wait", "measure", "approval"})


class Driven(Protocol):
    """Who drives: a Cutover or an Attached, after its events have ended."""

    outcome: Outcome
    why: str


class Interruption:
    """Called: whether SIGINT or SIGTERM came. The second one ends this process at once. Use as a context.

    then  what is told of the first one; ``""``: nothing, for it ends at once
    """

    def __init__(self, session: Session, then: str = "what is being written is finished, then the run pauses") -> None:
        self._session = session
        self._then = then
        self._came = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_raised: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __call__(self) -> bool:
        return self._came

    def _hear(self, _number: int, _frame: object) -> None:
        if self._came:
            raise KeyboardInterrupt
        self._came = True
        if self._then:
            self._session.talk(f"Interrupted: {self._then}. Once more ends it at once.")


class EventProgress:
    """Tells events as --progress says. Waits are one rewritten line on a terminal, and seldom lines elsewhere.

    of  names of the workloads whose events it is called with; none: there is one, and its name is not told
    """

    def __init__(self, session: Session, of: Iterable[str] = ()) -> None:
        mode = "quiet" if session.verbosity < 0 else session.progress
        if mode == "auto":
            mode = "line" if sys.stderr.isatty() and session.coloured(sys.stderr) else "plain"
        self._session = session
        self._mode = mode
        self._room = max(map(width, of), default=0)
        # of what passes by: each workload's last line, and when it was told
        self._told: dict[str, tuple[str, float]] = {}

    def __call__(self, event: Event, name: str = "") -> None:
        if self._mode == "quiet":
            return
        if self._mode == "json":
            said = {
                "at": event.at,
                **({"workload": name} if name else {}),
                "kind": event.kind,
                "state": event.state,
                "text": event.text,
            }
            click.echo(json.dumps(said, ensure_ascii=False), err=True)
            return
        if event.kind == "done" and self._session.verbosity <= 0:
            # its intent was told
            return
        whose = f"{name}{' ' * (self._room - width(name))}  " if name else ""
        line = one_line(f"{whose}{event.state:<12}  {event.kind:<9}  {_IDENTITY.sub(_shortened, event.text)}")
        before, at = self._told.get(name, ("", 0.0))
        if event.kind not in _PASSING:
            self.clear()
            self._told.pop(name, None)
            click.echo(line, err=True)
        elif self._mode == "line":
            # cut, for a line that wraps cannot be rewritten
            room = shutil.get_terminal_size().columns - 1
            click.echo(f"\r\x1b[K{line[:room]}", nl=False, err=True, color=True)
            self._told[name] = line, 0.0
        elif line != before and (not _alike(line, before) or time.monotonic() - at >= _EVERY_S):
            click.echo(line, err=True)
            self._told[name] = line, time.monotonic()

    def clear(self) -> None:
        if self._mode == "line" and self._told:
            click.echo("\r\x1b[K", nl=False, err=True, color=True)


def drive(session: Session, named: Named, driven: Driven, events: Iterator[Event], identity: Callable[[], str]) -> int:
    """Until the events end; then the result, the next step, and the exit code. ``identity``: gives the run's ID."""
    progress = EventProgress(session)
    state = ""
    try:
        for event in events:
            state = event.state or state
            progress(event)
    finally:
        progress.clear()
    return ended(session, named, driven, state, identity)


def ended(session: Session, named: Named, driven: Driven, state: str, identity: Callable[[], str]) -> int:
    """Says how a run ended or stands, and what comes next."""
    result = Result(named=named, outcome=driven.outcome.value, state=state, why=driven.why)
    if session.output == "json":
        session.data(json.dumps(result.body(identity()), indent=2, ensure_ascii=False) + "\n")
    else:
        session.data(result.line())
    result.lead_on(session)
    return result.exit_code


_SAID = {
    "rest": "as far as it goes",
    "ended": "ended",
    "paused": "paused",
    "approval": "waits for approval",
    "lost": "driven by another",
    "rolled-back": "callers are back where they were",
    "detached": "left to the cluster",
    "error": "ended by an error",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a run ended or stands. ``outcome``: as driver.Outcome has it; ``error``, of one that is driven beside others;
    ``detached``: left to the cluster."""

    named: Named
    outcome: str
    state: str
    why: str

    def body(self, identity: str) -> dict[str, Any]:
        return {
            "schema": OUTCOME,
            "workload": self.named.workload,
            "namespace": self.named.namespace,
            "run": identity,
            "outcome": self.outcome,
            "state": self.state,
            "why": self.why,
        }

    def line(self) -> str:
        said = self.why if self._alone else f"{_SAID[self.outcome]}{f': {self.why}' if self.why else ''}"
        return one_line(f"{self.named.workload}: {f'{self.state}, ' if self.state else ''}{said}") + "\n"

    @property
    def _alone(self) -> bool:
        """What it waits for is no user's word, but one of its group that nobody drives any more."""
        return self.outcome == "approval" and " " in self.why.partition(": ")[0]

    @property
    def exit_code(self) -> int:
        if self.outcome == "paused":
            code = self.why.partition(":")[0]
            return INTERRUPTED if code == _INTERRUPTED else GATE if code in _OF_GATES else 1
        return {"approval": GATE, "rolled-back": ROLLED_BACK, "lost": 1, "error": 1}.get(self.outcome, 0)

    def lead_on(self, session: Session) -> None:
        """Tells what comes next."""
        if self.outcome in ("paused", "error"):
            code = self.why.partition(":")[0]
            if code != _INTERRUPTED and " " not in code:
                session.talk(f"next: podlift explain {code}")
            self.named.next_step(session, "resume", to="goes on; abort goes back")
        elif self._alone:
            self.named.next_step(session, "resume", to="as soon as the others were resumed")
        elif self.outcome == "approval":
            self.named.next_step(session, "approve", self.why.partition(": ")[0], to="then resume")
        elif self.outcome in ("lost", "detached"):
            self.named.next_step(session, "status", "-w")
        elif self.outcome == "rest" and self.state == State.STOPPED:
            self.named.next_step(session, "finalize", to="for good; abort goes back")
        elif self.outcome == "rest":
            self.named.next_step(session, "abort", to="goes back; start again with a freeze hook to go further")


def worst(codes: Iterable[int]) -> int:
    """Of the exit codes of several runs."""
    return min(codes, key=_WORST_FIRST.index)


def _shortened(identity: re.Match[str]) -> str:
    return identity[0][:12]


def _alike(line: str, other: str) -> bool:
    """The same but for numbers."""
    numbers = str.maketrans("", "", "0123456789.")
    return line.translate(numbers) == other.translate(numbers)
