"""``podlift cutover resume``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..clusters import Reach
from ..command import Command, Session, pass_session
from .agreeing import agree, asked_by_somebody
from .detaching import detach_options, told, warn
from .driving import Interruption, drive
from .runs import Named, attached_to, record_option, run_options

if TYPE_CHECKING:
    from ...cutover.cutover import Attached
    from ...cutover.detached import Detachment


@click.command("resume", cls=Command, formats=("table", "json"), progress=True)
@run_options
@click.option("--take-over", is_flag=True, help="Take the run from a process that drives it and lives.")
@click.option(
    "--replan",
    is_flag=True,
    help="Take up what changed outside the plan since it began: it is shown, and asked for.",
)
@click.option("--yes", is_flag=True, help="With --replan: do not ask.")
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
    replan: bool,
    yes: bool,
    by: Detachment | None,
) -> int:
    """Drive a run on: one that paused, or whose driver is gone.

    It begins with what is there, whatever the driver before it had under way. With --detach a pod in the cluster drives
    it on, and this command exits.

    A container in place of another is taken in, without this command but for while containers are being stopped. What
    is outside the plan needs --replan: containers of another image, or more of them than there were; and a pod template
    that is not the one that was tested, which is tested anew. That is refused once pods take callers: podlift cutover
    abort leads these back first. Just what was shown is taken up.
    """
    run, named = attached_to(workload, reach, record)
    found = _agreed(session, named, run, yes) if replan else ()
    if by:
        spec = run.entry().spec
        warn(session, spec, by)
        return told(
            session,
            {workload: named},
            {workload: spec.id},
            {workload: run.detach(by, take_over=take_over, replan=found)},
        )
    with Interruption(session) as interrupted:
        events = run.resume(take_over=take_over, replan=found, interrupted=interrupted, no_wait=no_wait)
        return drive(session, named, run, events, lambda: run.entry().spec.id)


def _agreed(session: Session, named: Named, run: Attached, yes: bool) -> tuple[str, ...]:
    """What is taken up, by its tokens, after it was shown."""
    found = run.changes()
    if not found:
        session.talk(f"{named.workload}: nothing has changed outside the plan.")
        return ()
    if not yes:
        step = f"look with {named.verb('status')}, then {named.verb('resume', '--replan', '--yes')}"
        asked_by_somebody(named.workload, "what changed outside the plan would move callers", step)
    for each in found:
        session.talk(f"It takes up {each.said}.")
    if not yes:
        agree(f"Take {'it' if len(found) == 1 else f'these {len(found)}'} up, and drive the cutover on?")
    return tuple(each.token for each in found)
