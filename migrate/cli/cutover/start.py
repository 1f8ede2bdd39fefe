"""``podlift cutover start``"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converters.errors import PodliftError

from ...cutover.settings import Flags
from ..clusters import Reach, cluster_options
from ..command import Command, Session, pass_session
from ..options import Given, host_options
from .agreeing import agree, asked_by_somebody
from .detaching import detach_options, told, warn
from .driving import Interruption, drive
from .options import cutovers_of, setting_options, workloads_argument
from .runs import Named, record_option
from .together import drive_together

if TYPE_CHECKING:
    from ...cutover.cutover import Cutover
    from ...cutover.detached import Detachment


@click.command("start", cls=Command, formats=("table", "json"), progress=True)
@click.argument("place", metavar="PLAN")
@workloads_argument
@setting_options
@click.option("--yes", is_flag=True, help="Do not ask, and do not hold before SHIFT unless podlift.yaml says so.")
@click.option("--no-wait", is_flag=True, help="Exit 4 where it waits for approval.")
@click.option(
    "--at-once",
    type=click.IntRange(min=1),
    metavar="N",
    help="Of several workloads, how many may be on their way from FRONTED to STANDBY at a time; all, if nothing is "
    "said.",
)
@record_option
@detach_options
@cluster_options
@host_options
@pass_session
def command(
    session: Session,
    place: str,
    workloads: tuple[str, ...],
    yes: bool,
    no_wait: bool,
    at_once: int | None,
    record: Path | None,
    by: Detachment | None,
    flags: Flags,
    reach: Reach,
    host: tuple[str, ...],
    hosts: str | None,
) -> int:
    """Begin the cutover of a workload, or of several together, and drive it as far as it goes.

    That is STOPPED; without a freeze hook STANDBY, since a legacy scheduler would start again what is stopped. It waits
    in place for approvals, which podlift cutover approve gives from another terminal. Ctrl-C finishes the write under
    way and pauses the run; killed, it goes on with podlift cutover resume.

    Several begin together or not at all, each with a run of its own, and are FRONTED before any goes on. Their results
    are a line each, as JSON a list; the exit code is the worst of theirs: 130, 5, 1, 4, 0.

    With --detach it exits as soon as a pod in the cluster drives the run, which nothing on this machine ends then;
    status, approve, pause and abort reach it by the journal.

    \b
    podlift cutover start plan web -n shop --hold-before STANDBY
    podlift cutover start plan web orders -n shop --at-once 1
    podlift cutover start plan web -n shop --detach --image registry.example/podlift:1 --secret engines
    """
    from ...cutover.grouping import CutoverGroup
    from ...cutover.starting import entry_of

    given = Given(host=host, hosts=hosts)
    cutovers, plan, cluster = cutovers_of(session, place, workloads, reach, given, replace(flags, yes=yes), record)
    entries = {name: entry_of(plan, name) for name in cutovers}
    named = {
        name: Named(
            workload=str(each["kubernetesName"]), namespace=str(each["namespace"] or cluster.namespace), reach=reach
        )
        for name, each in entries.items()
    }
    if by:
        for each in cutovers.values():
            warn(session, each.detachable(by), by)
    if not yes:
        kinds = {name: str(each["class"]) for name, each in entries.items()}
        _agree(session, cutovers, kinds, f"{cluster.name} ({cluster.server})")
    runs = {name: each.id for name, each in cutovers.items()}
    if by:
        return told(session, named, runs, _detached(cutovers, by, at_once or 0))
    with Interruption(session) as interrupted:
        if len(cutovers) > 1:
            group = CutoverGroup(cutovers, at_once=at_once or 0)
            together = group.run(interrupted=interrupted, no_wait=no_wait)
            return drive_together(session, named, group, together, runs)
        (cutover,) = cutovers.values()
        events = cutover.run(interrupted=interrupted, no_wait=no_wait)
        return drive(session, named[workloads[0]], cutover, events, lambda: cutover.id)


def _detached(cutovers: dict[str, Cutover], by: Detachment, at_once: int) -> Mapping[str, str | PodliftError]:
    from ...cutover.grouping import CutoverGroup

    if len(cutovers) > 1:
        return CutoverGroup(cutovers, at_once=at_once).detach(by)
    return {name: each.detach(by) for name, each in cutovers.items()}


def _agree(session: Session, cutovers: Mapping[str, Cutover], kinds: Mapping[str, str], where: str) -> None:
    """After showing what would be done; where that refuses, run says so."""
    from ...report.preview_views import preview_table

    step = "podlift cutover preview shows what it would do; then say --yes"
    asked_by_somebody(where, "a cutover moves callers", step)
    seen = {name: each.preview() for name, each in cutovers.items()}
    for name, each in seen.items():
        for line in preview_table(each, kinds[name], probed=True).splitlines():
            session.talk(line)
    if not any(each.preflight.refused for each in seen.values()):
        agree(f"Begin {'it' if len(seen) == 1 else 'them'} on {where}?")
