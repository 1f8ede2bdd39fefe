"""A verb that drives a run: its events are told on stderr, its end on stdout and in the exit code."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from ...cutover.states import State
from ...report.table import one_line
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
    """Tells events as --progress says. Waits are one rewritten line on a terminal, and seldom lines elsewhere."""

    def __init__(self, session: Session) -> None:
        mode = "quiet" if session.verbosity < 0 else session.progress
        if mode == "auto":
            mode = "line" if sys.stderr.isatty() and session.coloured(sys.stderr) else "plain"
        self._session = session
        self._mode = mode
        self._told = ""
        self._at = 0.0

    def __call__(self, event: Event) -> None:
        if self._mode == "quiet":
            return
        if self._mode == "json":
            said = {"at": event.at, "kind": event.kind, "state": event.state, "text": event.text}
            click.echo(json.dumps(said, ensure_ascii=False), err=True)
            return
        if event.kind == "done" and self._session.verbosity <= 0:
            # its intent was told
            return
        line = one_line(f"{event.state:<12}  {event.kind:<9}  {_IDENTITY.sub(_shortened, event.text)}")
        if event.kind not in _PASSING:
            self.clear()
            self._told = ""
            click.echo(line, err=True)
        elif self._mode == "line":
            # cut, for a line that wraps cannot be rewritten
            room = shutil.get_terminal_size().columns - 1
            click.echo(f"\r\x1b[K{line[:room]}", nl=False, err=True, color=True)
            self._told = line
        elif line != self._told and (not _alike(line, self._told) or time.monotonic() - self._at >= _EVERY_S):
            click.echo(line, err=True)
            self._told, self._at = line, time.monotonic()

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
    outcome, why = driven.outcome.value, driven.why
    if session.output == "json":
        body = {
            "schema": OUTCOME,
            "workload": named.workload,
            "namespace": named.namespace,
            "run": identity(),
            "outcome": outcome,
            "state": state,
            "why": why,
        }
        session.data(json.dumps(body, indent=2, ensure_ascii=False) + "\n")
    else:
        session.data(one_line(f"{named.workload}: {state}, {_SAID[outcome]}{f': {why}' if why else ''}") + "\n")
    _lead_on(session, named, outcome, why, state)
    return exit_code(outcome, why)


_SAID = {
    "rest": "as far as it goes",
    "ended": "ended",
    "paused": "paused",
    "approval": "waits for approval",
    "lost": "driven by another",
    "rolled-back": "callers are back on the legacy side",
}


def exit_code(outcome: str, why: str) -> int:
    if outcome == "paused":
        code = why.partition(":")[0]
        return INTERRUPTED if code == _INTERRUPTED else GATE if code in _OF_GATES else 1
    return {"approval": GATE, "rolled-back": ROLLED_BACK, "lost": 1}.get(outcome, 0)


def _lead_on(session: Session, named: Named, outcome: str, why: str, state: str) -> None:
    if outcome == "paused":
        code = why.partition(":")[0]
        if code != _INTERRUPTED and " " not in code:
            session.talk(f"next: podlift explain {code}")
        named.next_step(session, "resume", to="goes on; abort goes back")
    elif outcome == "approval":
        named.next_step(session, "approve", why.partition(": ")[0], to="then resume")
    elif outcome == "lost":
        named.next_step(session, "status", "-w")
    elif outcome == "rest" and state == State.STOPPED:
        named.next_step(session, "finalize", to="for good; abort goes back")
    elif outcome == "rest":
        named.next_step(session, "abort", to="goes back; start again with a freeze hook to go further")


def _shortened(identity: re.Match[str]) -> str:
    return identity[0][:12]


def _alike(line: str, other: str) -> bool:
    """The same but for numbers."""
    numbers = str.maketrans("", "", "0123456789.")
    return line.translate(numbers) == other.translate(numbers)
