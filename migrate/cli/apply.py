"""``podlift apply``"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from converters.errors import PodliftError

from ..report.apply_views import applied_names, applied_table
from .clusters import Reach, cluster_of, cluster_options
from .command import Command, Session, pass_session
from .inputs import mend
from .progress import Progress

if TYPE_CHECKING:
    from ..cluster import Cluster
    from ..plan.model import Plan


@click.command("apply", cls=Command, formats=("table", "json", "name"), progress=True)
@click.argument("place", metavar="PLAN")
@click.argument("workloads", nargs=-1, metavar="[WORKLOAD]...")
@cluster_options
@click.option(
    "--stage",
    type=click.Choice(("gated", "final")),
    help="gated: no replicas, and nothing that takes traffic or starts work; final: the plan as it is. If not said, "
    "gated for what runs on the legacy side, final for the rest.",
)
@click.option(
    "--never-cut-over",
    metavar="WORKLOAD",
    multiple=True,
    help="Apply WORKLOAD as final though it runs on the legacy side. Repeatable.",
)
@click.option(
    "--dry-run",
    type=click.Choice(("client", "server")),
    help="client: compare and send nothing; server: let the server check what would be sent.",
)
@click.option("--force-conflicts", is_flag=True, help="Take over fields that another manager owns.")
@click.option("--wait", is_flag=True, help="Wait until every controller is ready, and say what it waits for.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    default=300.0,
    help="How long to wait; 300 if not said.",
)
@click.option("--yes", is_flag=True, help="Do not ask where target.yaml names no cluster.")
@pass_session
def command(
    session: Session,
    place: str,
    workloads: tuple[str, ...],
    reach: Reach,
    stage: str | None,
    never_cut_over: tuple[str, ...],
    dry_run: str | None,
    force_conflicts: bool,
    wait: bool,
    timeout: float,
    yes: bool,
) -> int:
    """Put a plan onto its cluster by server-side apply.

    Sends only what differs, so an interrupted run is simply run again. What runs on the legacy side is applied gated:
    it neither takes traffic nor starts work until podlift cutover moves it. The last line counts what was done.

    \b
    podlift apply plan --dry-run server
    """
    from ..apply import applied_json, apply_plan
    from ..plan.directory import read_plan, read_secrets

    mend(session, place)
    plan = replace(read_plan(place), secrets=read_secrets(place))
    cluster = cluster_of(reach)
    _agree(session, plan, cluster, yes=yes or bool(dry_run))
    with Progress(session) as progress:
        applied = apply_plan(
            plan,
            cluster,
            workloads=workloads,
            stage=stage,
            never_cut_over=never_cut_over,
            dry_run=dry_run or "",
            wait=wait,
            timeout_s=timeout,
            force_conflicts=force_conflicts,
            on_event=progress,
            on_trouble=session.talk,
        )
    if session.output == "json":
        session.data(json.dumps(applied_json(applied), indent=2, ensure_ascii=False) + "\n")
    elif session.output == "name":
        session.data(applied_names(applied))
    else:
        session.data(applied_table(applied, session.paint))
    return int(not applied.complete)


def _agree(session: Session, plan: Plan, cluster: Cluster, *, yes: bool) -> None:
    """Refuses another cluster than the plan's target; asks where the target names none."""
    from ..cluster.promises import check_target

    if check_target(plan, cluster) or yes:
        return
    where = f"{cluster.name} ({cluster.server})"
    if not sys.stdin.isatty():
        raise PodliftError(
            code="target-unnamed",
            phase="apply",
            subject=where,
            reason="the plan's target names no cluster, so nothing tells whether this is the right one",
            next_step="say --yes, or let podlift init --context write the cluster's identity into target.yaml",
        )
    click.confirm(f"The plan's target names no cluster. Apply to {where}?", abort=True, err=True)
