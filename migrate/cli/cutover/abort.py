"""``podlift cutover abort``"""

from __future__ import annotations

from pathlib import Path

import click

from converters.errors import PodliftError

from ..clusters import Reach
from ..command import INTERRUPTED, Command, Session, pass_session
from .driving import Interruption, drive
from .runs import attached_to, record_option, run_options


@click.command("abort", cls=Command, formats=("table", "json"), progress=True)
@run_options
@record_option
@pass_session
def command(session: Session, workload: str, reach: Reach, record: Path | None) -> int:
    """Lead callers back to the legacy side.

    From every state before FINALIZED: legacy containers are started where they were stopped, and proven to answer,
    before any pod is taken from callers. Pods stay, for diagnosis. The process that drives the run goes the way back;
    where none lives, this one does. Exits 5 when callers are back.
    """
    from ...cutover.journal import state_of

    run, named = attached_to(workload, reach, record)
    told = ""
    with Interruption(session) as interrupted:
        while True:
            try:
                return drive(session, named, run, run.abort(interrupted=interrupted), lambda: run.entry().spec.id)
            except PodliftError as error:
                if error.code != "cutover-locked":
                    raise
            if interrupted():
                return INTERRUPTED
            # it may die meanwhile: then the next try finds the lock free, and goes the way from here
            now = f"{workload}: {state_of(run.entry().run)}; the process that drives the run goes back."
            if now != told:
                session.talk(now)
            told = now
