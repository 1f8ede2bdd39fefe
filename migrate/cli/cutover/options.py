"""What a run is to be, by flags over podlift.yaml's ``cutover:``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...cutover.settings import HOLDABLE, Flags, schedule_of
from ...project import load_project
from ..clusters import Reach, cluster_of
from ..command import Session
from ..options import Given, mend, seconds_of

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ...cutover.cutover import Cutover
    from ...plan.model import Plan

Function = Callable[..., Any]
STATES = tuple(state.value for state in HOLDABLE)


def _schedule(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    try:
        return schedule_of(value) if value else ()
    except ValueError as error:
        raise click.BadParameter(str(error), ctx=ctx, param=parameter) from error


def setting_options(function: Function) -> Function:
    """Adds the options; the command's function gets ``flags``."""

    # with the options that click keeps of what stands below this decorator
    @wraps(function)
    def with_flags(
        *args: Any,
        hold_before: tuple[str, ...],
        gates: str | None,
        schedule: tuple[str, ...],
        bake: float | None,
        accept_floor: bool,
        on_drain_timeout: str | None,
        **more: Any,
    ) -> Any:
        from ...cutover.gates_file import load_gates

        flags = Flags(
            schedule=schedule,
            hold_before=hold_before,
            gates=None if gates is None else load_gates(gates),
            bake_s=bake,
            accept_floor=accept_floor or None,
            on_drain_timeout=on_drain_timeout or "",
        )
        return function(*args, flags=flags, **more)

    decorated: Function = with_flags
    for option in (
        click.option(
            "--on-drain-timeout",
            type=click.Choice(("hold", "stop")),
            help="Where connections to a container do not end in time: hold the run, or stop the container.",
        ),
        click.option(
            "--accept-floor",
            is_flag=True,
            help="Where a node cannot be probed, take it on trust that its proxy has followed after settle_floor.",
        ),
        click.option(
            "--bake", metavar="TIME", callback=seconds_of, help="How long pods serve alone before anything is stopped."
        ),
        click.option(
            "--schedule",
            metavar="STEPS",
            callback=_schedule,
            help="Pods that are admitted after each step: 1,25%,100%.",
        ),
        click.option("--gates", metavar="FILE", help="Gates in place of podlift.yaml's."),
        click.option(
            "--hold-before",
            type=click.Choice(STATES, case_sensitive=False),
            multiple=True,
            metavar="STATE",
            help=f"Wait for podlift cutover approve before this state: {', '.join(STATES)}; repeatable. SHIFT, if "
            "nothing is said.",
        ),
    ):
        decorated = option(decorated)
    return decorated


def _distinct(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    for each in value:
        if value.count(each) > 1:
            raise click.BadParameter(f"{each} is named more than once", ctx=ctx, param=parameter)
    return value


def workloads_argument(function: Function) -> Function:
    """Adds WORKLOAD, once or more; the command's function gets ``workloads``, as the plan calls them."""
    return click.argument("workloads", nargs=-1, required=True, metavar="WORKLOAD...", callback=_distinct)(function)


def cutovers_of(
    session: Session,
    place: str,
    workloads: tuple[str, ...],
    reach: Reach,
    given: Given,
    flags: Flags,
    record: Path | None = None,
) -> tuple[dict[str, Cutover], Plan, Cluster]:
    """By workload, from the plan directory, podlift.yaml and flags. Raises PodliftError as these do."""
    from converters.workload import Host

    from ...cutover.cutover import Cutover
    from ...hosts import Access
    from ...hosts_file import HostEntry
    from ...plan.directory import read_plan
    from ..inputs import LOCAL, hosts_of

    mend(session, place)
    project = load_project()
    plan = read_plan(place)
    cluster = cluster_of(reach)
    entries = hosts_of(given, project) or (HostEntry(host=Host(name=LOCAL)),)
    section = project.cutover
    section.fits([str(each["name"]) for each in plan.workloads])
    made = {
        workload: Cutover(
            plan,
            workload,
            cluster=cluster,
            hosts=[Access(entry=each, how=each.exec, probe=each.probe, image=each.image) for each in entries],
            settings=section.of(workload, flags),
            nodes=section.nodes,
            record=record,
        )
        for workload in workloads
    }
    return made, plan, cluster
