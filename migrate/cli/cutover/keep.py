"""``podlift cutover keep``"""

from __future__ import annotations

from pathlib import Path

import click

from ..clusters import Reach
from ..command import Command, Session, pass_session
from .driving import EventProgress, Interruption
from .runs import attached_to, record_option, run_options


@click.command("keep", cls=Command, progress=True)
@run_options
@click.option("--drive", is_flag=True, help="Drive the run too, whenever nobody else does and it is not paused.")
@click.option(
    "--files",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where certificates and keys of the run's hosts lie here, by their names alone; else where the hosts say.",
)
@record_option
@pass_session
def command(
    session: Session, workload: str, reach: Reach, record: Path | None, drive: bool, files: Path | None
) -> None:
    """Keep the legacy side's endpoints true.

    What drives a run does this too. Alone it is for a run that is paused, or whose driver runs elsewhere and may end:
    containers that die, move or come back are followed. Lasts until the run has ended, or until it is interrupted;
    then whoever drives the run keeps.
    """
    run, _ = attached_to(workload, reach, record, files)
    progress = EventProgress(session)
    with Interruption(session, "what is being written is finished") as interrupted:
        for event in run.keep(interrupted, drive=drive):
            progress(event)
    progress.clear()
