"""``podlift cutover abort``"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converters.errors import PodliftError

from ...cutover.states import ENDED, State
from ...report.table import one_line
from ..clusters import Reach
from ..command import INTERRUPTED, Command, Session, pass_session
from .driving import Interruption, drive, ended
from .runs import attached_to, record_option, run_options

if TYPE_CHECKING:
    from ...cutover.cutover import Attached
    from ...cutover.journal import Entry

_EVERY_S = 1.0


@click.command("abort", cls=Command, formats=("table", "json"), progress=True)
@run_options
@record_option
@pass_session
def command(session: Session, workload: str, reach: Reach, record: Path | None) -> int:
    """Lead callers back to the legacy side.

    From every state before FINALIZED: legacy containers are started where they were stopped, and proven to answer,
    before any pod is taken from callers; then the pods end. The process that drives the run goes the way back; where
    none lives, this one does. Exits 5 when callers are back.
    """
    run, named = attached_to(workload, reach, record)

    def identity() -> str:
        return run.entry().spec.id

    with Interruption(session) as interrupted:
        while True:
            try:
                code = drive(session, named, run, run.abort(interrupted=interrupted), identity)
                # it had ended before: nobody went back
                return code or 1
            except PodliftError as error:
                if error.code != "cutover-locked":
                    raise
            session.talk(f"{workload}: asked; the process that drives the run goes back.")
            entry = _followed(session, run, interrupted)
            if interrupted():
                return INTERRUPTED
            if entry.run.state in ENDED:
                return ended(session, named, _By(entry), entry.run.state.value, identity) or 1


class _By:
    """How a run ended that another process drove."""

    def __init__(self, entry: Entry) -> None:
        from ...cutover.driver import Outcome

        gone_back = entry.run.state is State.ROLLED_BACK
        self.outcome = Outcome.ROLLED_BACK if gone_back else Outcome.ENDED
        self.why = "" if gone_back else "it was FINALIZED before"


def _followed(session: Session, run: Attached, interrupted: Interruption) -> Entry:
    """The journal when the run has ended, or when its driver has written nothing for as long as its lease lasts: it may
    have died, and the next try shows."""
    from ...cutover.journal import state_of

    entry, since = run.entry(), time.monotonic()
    while entry.run.state not in ENDED and not interrupted():
        if time.monotonic() - since >= entry.spec.timings.lease_s:
            break
        time.sleep(_EVERY_S)
        before, entry = entry, run.entry()
        if entry.version != before.version:
            since = time.monotonic()
            session.talk(one_line(f"{state_of(entry.run)}  {entry.history[-1]['text']}"))
    return entry
