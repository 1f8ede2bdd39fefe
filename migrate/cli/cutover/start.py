"""``podlift cutover start``"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...cutover.settings import Flags
from ..clusters import Reach, cluster_options
from ..command import Command, Session, pass_session
from ..options import Given, host_options
from .agreeing import agree, asked_by_somebody
from .driving import Interruption, drive
from .options import cutover_of, only, setting_options
from .runs import Named, record_option

if TYPE_CHECKING:
    from ...cutover.cutover import Cutover


@click.command("start", cls=Command, formats=("table", "json"), progress=True)
@click.argument("place", metavar="PLAN")
@click.argument("workloads", nargs=-1, required=True, metavar="WORKLOAD")
@setting_options
@click.option("--yes", is_flag=True, help="Do not ask, and do not hold before SHIFT unless podlift.yaml says so.")
@click.option("--no-wait", is_flag=True, help="Exit 4 where it waits for approval.")
@record_option
@cluster_options
@host_options
@pass_session
def command(
    session: Session,
    place: str,
    workloads: tuple[str, ...],
    yes: bool,
    no_wait: bool,
    record: Path | None,
    flags: Flags,
    reach: Reach,
    host: tuple[str, ...],
    hosts: str | None,
) -> int:
    """Begin the cutover of a workload, and drive it as far as it goes.

    That is STOPPED; without a freeze hook STANDBY, since a legacy scheduler would start again what is stopped. It waits
    in place for approvals, which podlift cutover approve gives from another terminal. Ctrl-C finishes the write under
    way and pauses the run; killed, it goes on with podlift cutover resume.

    \b
    podlift cutover start plan web -n shop --hold-before STANDBY
    """
    from ...cutover.starting import entry_of

    workload = only(workloads)
    given = Given(host=host, hosts=hosts)
    cutover, plan, cluster = cutover_of(session, place, workload, reach, given, replace(flags, yes=yes), record)
    entry = entry_of(plan, workload)
    named = Named(
        workload=str(entry["kubernetesName"]), namespace=str(entry["namespace"] or cluster.namespace), reach=reach
    )
    if not yes:
        _agree(session, cutover, str(entry["class"]), f"{cluster.name} ({cluster.server})")
    with Interruption(session) as interrupted:
        events = cutover.run(interrupted=interrupted, no_wait=no_wait)
        return drive(session, named, cutover, events, lambda: cutover.id)


def _agree(session: Session, cutover: Cutover, kind: str, where: str) -> None:
    """After showing what would be done; where that refuses, run says so."""
    from ...report.preview_views import preview_table

    step = "podlift cutover preview shows what it would do; then say --yes"
    asked_by_somebody(where, "a cutover moves callers", step)
    seen = cutover.preview()
    for line in preview_table(seen, kind, probed=True).splitlines():
        session.talk(line)
    if not seen.preflight.refused:
        agree(f"Begin it on {where}?")
