"""``podlift cutover status``"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import click

from ...cutover.states import FORWARD, State
from ..clusters import Reach
from ..command import INTERRUPTED, Command, Failure, Session, pass_session
from .driving import ROLLED_BACK, Interruption, worst
from .runs import attached_to, looking_at, runs_options

if TYPE_CHECKING:
    from ...cutover.listing import Unreadable
    from ...cutover.status import Status

    Look = Callable[[], Sequence[Status | Unreadable]]

_EVERY_S = 2.0
_STATES = tuple(state.value for state in (*FORWARD, State.ROLLED_BACK))
_REPORTS = ("markdown", "html")


@click.command("status", cls=Command, formats=("table", "json", *_REPORTS))
@runs_options
@click.option("-w", "--watch", is_flag=True, help="Show it again and again, until the run has ended.")
@click.option(
    "--for",
    "until",
    type=click.Choice(_STATES, case_sensitive=False),
    metavar="STATE",
    help="Wait until this state is reached; exit 1 where the run pauses, and 5 where it went back.",
)
@click.option("--history", is_flag=True, help="What was done so far; with -o markdown or html the run's report.")
@pass_session
def command(
    session: Session, workloads: tuple[str, ...], reach: Reach, watch: bool, until: str | None, history: bool
) -> int:
    """Show where a run stands and what it waits for.

    With who takes callers, pods and containers: from the run's journal, and beside it what cluster and engines show
    now. It only reads. Several runs, or without WORKLOAD all of the namespace, are a line each by their journals alone,
    as JSON a list. Exits 1 where one of these journals cannot be read.
    """
    context = click.get_current_context()
    if watch and session.output in _REPORTS:
        raise click.UsageError("a report is not watched; leave out -w", context)
    if len(workloads) != 1 and (history or session.output in _REPORTS):
        raise click.UsageError("history and reports are of one run; say which WORKLOAD", context)
    if until and not workloads:
        raise click.UsageError("--for waits for runs that are named; say which WORKLOAD", context)
    alone = len(workloads) == 1
    look: Look = _looking(workloads[0], reach) if alone else looking_at(workloads, reach)

    def show(seen: Sequence[Status | Unreadable], *, again: bool = False) -> None:
        if alone:
            # one that cannot be read is an error there
            _show(session, cast("Status", seen[0]), history, again=again)
        else:
            _show_all(session, seen, again=again)

    with Interruption(session, then="") as interrupted:
        while True:
            seen = look()
            code = _all_over([_over(each, until) for each in seen])
            if watch:
                show(seen, again=True)
            if code is not None or not (watch or until):
                break
            if _slept(interrupted):
                return INTERRUPTED
    if not watch:
        show(seen)
    return worst((code or 0, _told(seen)))


def _looking(workload: str, reach: Reach) -> Callable[[], Sequence[Status]]:
    run, _ = attached_to(workload, reach)
    return lambda: (run.status(),)


def _all_over(codes: Sequence[int | None]) -> int | None:
    """A run that does not come there by itself ends the waiting for the others: they may wait for it."""
    known = [code for code in codes if code is not None]
    return worst((0, *known)) if any(known) or len(known) == len(codes) else None


def _told(seen: Sequence[Status | Unreadable]) -> int:
    """Says of each journal that is none what to do. The exit code."""
    from ...cutover.listing import Unreadable

    broken = [each.error for each in seen if isinstance(each, Unreadable)]
    for error in broken:
        Failure(error, 1).show()
    return 1 if broken else 0


def _over(seen: Status | Unreadable, until: str | None) -> int | None:
    """The exit code where there is nothing left to wait for."""
    from ...cutover.listing import Unreadable

    if isinstance(seen, Unreadable):
        return 0 if until is None else 1
    if until is None:
        return 0 if seen.ended else None
    wanted, state = State(until), State(seen.state)
    if state is wanted or 0 <= wanted.reached <= state.reached:
        return 0
    if state is State.ROLLED_BACK:
        return ROLLED_BACK
    return 1 if seen.paused or seen.ended else None


def _show(session: Session, seen: Status, history: bool, *, again: bool = False) -> None:
    from ...report.cutover_json import status_json
    from ...report.cutover_views import history_table, status_table

    if session.output == "json":
        indent = None if again else 2
        session.data(json.dumps(status_json(seen), indent=indent, ensure_ascii=False) + "\n")
    elif session.output == "markdown":
        from ...report.cutover_markdown import status_markdown

        session.data(status_markdown(seen))
    elif session.output == "html":
        from ...report.cutover_html import status_html

        session.data(status_html(seen))
    else:
        _cleared(again)
        session.data(history_table(seen) if history else status_table(seen, session.paint))


def _show_all(session: Session, seen: Sequence[Status | Unreadable], *, again: bool) -> None:
    from ...report.cutover_json import listed_json
    from ...report.cutover_views import listed_table

    if session.output == "json":
        indent = None if again else 2
        bodies = [listed_json(each) for each in seen]
        session.data(json.dumps(bodies, indent=indent, ensure_ascii=False) + "\n")
        return
    _cleared(again)
    session.data(listed_table(seen))
    if not seen:
        session.talk("No run is in this namespace; -n names another one.")


def _cleared(again: bool) -> None:
    if again and sys.stdout.isatty():
        click.echo("\x1b[H\x1b[2J", nl=False)


def _slept(interrupted: Interruption) -> bool:
    """Whether it was interrupted meanwhile."""
    end = time.monotonic() + _EVERY_S
    while time.monotonic() < end and not interrupted():
        time.sleep(0.1)
    return interrupted()
