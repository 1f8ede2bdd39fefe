"""``podlift cutover resume``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..clusters import Reach
from ..command import Command, Session, pass_session
from .detaching import detach_options, told, warn
from .driving import Interruption, drive
from .runs import attached_to, record_option, run_options

if TYPE_CHECKING:
    from ...cutover.detached import Detachment


@click.command("resume", cls=Command, formats=("table", "json"), progress=True)
@run_options
@click.option("--take-over", is_flag=True, help="Take the run from a process that drives it and lives.")
@click.option("--no-wait", is_flag=True, help="Exit 4 where it waits for approval.")
@record_option
@detach_options
@pass_session
def command(
    session: Session,
    workload: str,
    reach: Reach,
    record: Path | None,
    take_over: bool,
    no_wait: bool,
    by: Detachment | None,
) -> int:
    """Drive a run on: one that paused, or whose driver is gone.

    It begins with what is there, whatever the driver before it had under way. With --detach a pod in the cluster drives
    it on, and this command exits.
    """
    run, named = attached_to(workload, reach, record)
    if by:
        spec = run.entry().spec
        warn(session, spec, by)
        return told(session, {workload: named}, {workload: spec.id}, {workload: run.detach(by, take_over=take_over)})
    with Interruption(session) as interrupted:
        events = run.resume(take_over=take_over, interrupted=interrupted, no_wait=no_wait)
        return drive(session, named, run, events, lambda: run.entry().spec.id)
