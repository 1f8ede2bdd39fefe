"""``podlift cutover status``"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import click

from ...cutover.states import FORWARD, State
from ..clusters import Reach
from ..command import INTERRUPTED, Command, Session, pass_session
from .driving import ROLLED_BACK, Interruption
from .runs import attached_to, run_options

if TYPE_CHECKING:
    from ...cutover.status import Status

_EVERY_S = 2.0
_STATES = tuple(state.value for state in (*FORWARD, State.ROLLED_BACK))
_REPORTS = ("markdown", "html")


@click.command("status", cls=Command, formats=("table", "json", *_REPORTS))
@run_options
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
def command(session: Session, workload: str, reach: Reach, watch: bool, until: str | None, history: bool) -> int:
    """Show where a run stands and what it waits for.

    With who takes callers, pods and containers: from the run's journal, and beside it what cluster and engines show
    now. It only reads.
    """
    if watch and session.output in _REPORTS:
        raise click.UsageError("a report is not watched; leave out -w", click.get_current_context())
    run, _ = attached_to(workload, reach)
    with Interruption(session, then="") as interrupted:
        while True:
            seen = run.status()
            code = _over(seen, until)
            if watch:
                _show(session, seen, history, again=True)
            if code is not None or not (watch or until):
                break
            if _slept(interrupted):
                return INTERRUPTED
    if not watch:
        _show(session, seen, history)
    return code or 0


def _over(seen: Status, until: str | None) -> int | None:
    """The exit code where there is nothing left to wait for."""
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
        if again and sys.stdout.isatty():
            click.echo("\x1b[H\x1b[2J", nl=False)
        session.data(history_table(seen) if history else status_table(seen, session.paint))


def _slept(interrupted: Interruption) -> bool:
    """Whether it was interrupted meanwhile."""
    end = time.monotonic() + _EVERY_S
    while time.monotonic() < end and not interrupted():
        time.sleep(0.1)
    return interrupted()
