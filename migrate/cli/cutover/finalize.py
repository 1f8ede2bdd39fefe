"""``podlift cutover finalize``"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..clusters import Reach
from ..command import Command, Session, pass_session
from .agreeing import agree, asked_by_somebody
from .driving import Interruption, drive
from .runs import attached_to, record_option, run_options

if TYPE_CHECKING:
    from ...cutover.edges import Container

_ID = 12


@click.command("finalize", cls=Command, formats=("table", "json"), progress=True)
@run_options
@click.option(
    "--remove-legacy",
    is_flag=True,
    help="Remove the stopped containers too, each of which is named first; no volume and no image.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@record_option
@pass_session
def command(session: Session, workload: str, reach: Reach, record: Path | None, yes: bool, remove_legacy: bool) -> int:
    """End a run that is STOPPED, for good.

    It is the only verb that cannot be taken back. The legacy side's slices and what the run marked are taken away.
    Containers stay, stopped.

    With --remove-legacy they go as well: those of the run, by the IDs in its journal, while pods serve and the legacy
    scheduler keeps off. While one of them runs again, none is removed. Volumes stay, also those without
    a name: they are told here and in the run's history. Killed on the way, it goes on with the next finalize.
    """
    from ...cutover.endpoints import instance_key
    from ...cutover.removal import agreed
    from ...report.preview_views import IRREVERSIBLE

    run, named = attached_to(workload, reach, record)
    entry = run.stopped()
    flags = ("--remove-legacy", "--yes") if remove_legacy else ("--yes",)
    if not yes:
        asked_by_somebody(workload, "finalizing cannot be taken back", named.verb("finalize", *flags))
    going: Sequence[Container] = ()
    if remove_legacy or any(agreed(each.key) in entry.run.done for each in (*entry.spec.originals, *entry.run.joined)):
        going = [each for each in run.removable() if remove_legacy or agreed(instance_key(each)) in entry.run.done]
    if not yes:
        for line in IRREVERSIBLE[1 : 2 if going else None]:
            session.talk(line)
    for each in going:
        session.talk(_told(each))
    if not yes:
        removing = f" and remove {'this container' if len(going) == 1 else f'these {len(going)} containers'}"
        agree(f"Finalize the cutover of {workload} ({entry.run.state}){removing if going else ''}?")
    with Interruption(session) as interrupted:
        events = run.finalize(remove=[instance_key(each) for each in going], interrupted=interrupted)
        return drive(session, named, run, events, lambda: entry.spec.id)


def _told(each: Container) -> str:
    volumes = f"; its volumes stay: {', '.join(each.volumes)}" if each.volumes else ""
    return f"It removes the container {each.name} on {each.host} ({each.id[:_ID]}, {each.image}){volumes}."
