"""``podlift cutover finalize``"""

from __future__ import annotations

from pathlib import Path

import click

from ..clusters import Reach
from ..command import Command, Session, pass_session
from .agreeing import agree, asked_by_somebody
from .driving import Interruption, drive
from .runs import attached_to, record_option, run_options


@click.command("finalize", cls=Command, formats=("table", "json"), progress=True)
@run_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@record_option
@pass_session
def command(session: Session, workload: str, reach: Reach, record: Path | None, yes: bool) -> int:
    """End a run that is STOPPED, for good.

    It is the only verb that cannot be taken back. The legacy side's slices and what the run marked are taken away.
    Containers stay, stopped: podlift removes no container, image or volume.
    """
    from ...report.preview_views import IRREVERSIBLE

    run, named = attached_to(workload, reach, record)
    entry = run.entry()
    if not yes:
        asked_by_somebody(workload, "finalizing cannot be taken back", named.verb("finalize", "--yes"))
        for line in IRREVERSIBLE[1:]:
            session.talk(line)
        agree(f"Finalize the cutover of {workload} ({entry.run.state})?")
    with Interruption(session) as interrupted:
        return drive(session, named, run, run.finalize(interrupted=interrupted), lambda: entry.spec.id)
