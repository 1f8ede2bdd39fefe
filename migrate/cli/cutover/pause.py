"""``podlift cutover pause``"""

from __future__ import annotations

import click

from ..clusters import Reach
from ..command import Command, Session, pass_session
from .runs import attached_to, run_options


@click.command("pause", cls=Command)
@run_options
@click.option("--reason", metavar="TEXT", default="", help="Why: status and the history show it.")
@pass_session
def command(session: Session, workload: str, reach: Reach, reason: str) -> None:
    """Stop a run where it is: nothing more is written.

    Whoever drives the run finishes the write under way first. Callers stay where they are. Where the legacy side
    changes meanwhile, podlift cutover keep follows it.
    """
    run, named = attached_to(workload, reach)
    run.pause(reason)
    session.talk(f"{workload}: asked to pause.")
    named.next_step(session, "resume", to="goes on; abort goes back")
