"""``podlift cutover resume``"""

from __future__ import annotations

from pathlib import Path

import click

from ..clusters import Reach
from ..command import Command, Session, pass_session
from .driving import Interruption, drive
from .runs import attached_to, record_option, run_options


@click.command("resume", cls=Command, formats=("table", "json"), progress=True)
@run_options
@click.option("--take-over", is_flag=True, help="Take the run from a process that drives it and lives.")
@click.option("--no-wait", is_flag=True, help="Exit 4 where it waits for approval.")
@record_option
@pass_session
def command(session: Session, workload: str, reach: Reach, record: Path | None, take_over: bool, no_wait: bool) -> int:
    """Drive a run on: one that paused, or whose driver is gone.

    It begins with what is there, whatever the driver before it had under way.
    """
    run, named = attached_to(workload, reach, record)
    with Interruption(session) as interrupted:
        events = run.resume(take_over=take_over, interrupted=interrupted, no_wait=no_wait)
        return drive(session, named, run, events, lambda: run.entry().spec.id)
