"""``podlift cutover keep``"""

from __future__ import annotations

import click

from ..clusters import Reach
from ..command import Command, Session, pass_session
from .driving import EventProgress, Interruption
from .runs import attached_to, run_options


@click.command("keep", cls=Command, progress=True)
@run_options
@pass_session
def command(session: Session, workload: str, reach: Reach) -> None:
    """Keep the legacy side's endpoints true, and drive nothing.

    What drives a run does this too. Alone it is for a run that is paused, or whose driver runs elsewhere and may end:
    containers that die, move or come back are followed. Lasts until the run has ended, or until it is interrupted.
    """
    run, _ = attached_to(workload, reach)
    progress = EventProgress(session)
    with Interruption(session) as interrupted:
        for event in run.keep(interrupted):
            progress(event)
    progress.clear()
