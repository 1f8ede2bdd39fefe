"""``podlift apply``"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from converters.errors import PodliftError

from ..project import Project, load_project
from ..report.apply_views import applied_names, applied_table
from ..report.table import one_line
from .clusters import Reach, cluster_of, cluster_options
from .command import INCOMPLETE, Command, Session, pass_session
from .inputs import captured_configs, hosts_of, mapping_of, read_engines
from .options import Given, config_options, host_options, mend, seconds_of
from .progress import Progress

if TYPE_CHECKING:
    from converters.capture import Capture
    from converters.sources.mapping import Mapping

    from ..apply import Applied
    from ..cluster import Cluster
    from ..hosts_file import HostEntry
    from ..plan.model import Plan


_WAIT_S = 300.0


@click.command("apply", cls=Command, formats=("table", "json", "name"), progress=True)
@click.argument("place", metavar="PLAN")
@click.argument("workloads", nargs=-1, metavar="[WORKLOAD]...")
@click.option(
    "-l",
    "--selector",
    metavar="LABELS",
    default="",
    help="Only workloads of which this label selector finds an object; each is applied whole.",
)
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
@click.option(
    "--wait",
    is_flag=True,
    help="Wait until every controller is ready, and say what it waits for; not with --dry-run, which starts none.",
)
@click.option(
    "--timeout",
    metavar="TIME",
    callback=seconds_of,
    help="How long to wait at most under --wait, as 90s, 5m or 1h; 5m if not said.",
)
@host_options
@config_options
@click.option("--skip-hosts", is_flag=True, help="Do not look whether the legacy side changed since the plan.")
@click.option("--yes", is_flag=True, help="Do not ask where target.yaml names no cluster.")
@pass_session
def command(
    session: Session,
    place: str,
    workloads: tuple[str, ...],
    selector: str,
    reach: Reach,
    stage: str | None,
    never_cut_over: tuple[str, ...],
    dry_run: str | None,
    force_conflicts: bool,
    wait: bool,
    timeout: float | None,
    host: tuple[str, ...],
    hosts: str | None,
    config: tuple[str, ...],
    mapping: str | None,
    skip_hosts: bool,
    yes: bool,
) -> int:
    """Put a plan onto its cluster, gated or final.

    By server-side apply, sending only what differs: an interrupted run is simply run again. Refused are plans that were
    edited, another cluster than the plan's target names, and, where podlift.yaml or --host names engines, workloads
    that changed there since.

    What runs on the legacy side is applied gated: it neither takes traffic nor starts work until it is cut over. The
    last line counts what was done. Exits 0 when all stands, 1 when something failed or is not ready, 3 when workloads
    are left out as undecided.

    \b
    podlift apply plan --dry-run server
    """
    from ..apply import applied_json, apply_plan, summary
    from ..plan.directory import read_plan, read_secrets

    if timeout is not None and not wait:
        raise click.UsageError("--timeout is how long --wait waits, and --wait is not given")
    if wait and dry_run:
        raise click.UsageError("a dry run starts nothing that --wait could wait for; leave out one of the two")
    if never_cut_over and stage == "gated":
        raise click.UsageError("--never-cut-over applies a workload as final, and --stage says gated")
    mend(session, place)
    given, project = Given(host=host, hosts=hosts, config=config, mapping=mapping), load_project()
    entries = () if skip_hosts else _planned_from(given, project)
    # what was said of fields is needed only to plan again
    plan = replace(read_plan(place, said=bool(entries)), secrets=read_secrets(place))
    cluster = cluster_of(reach)
    if not (yes or dry_run):
        _agree(plan, cluster)
    the_mapping = mapping_of(given, project) if entries else None
    legacy = _legacy(entries, given, project, the_mapping, session) if entries else None
    try:
        with Progress(session) as progress:
            applied = apply_plan(
                plan,
                cluster,
                workloads=workloads,
                labels=selector,
                stage=stage,
                never_cut_over=never_cut_over,
                dry_run=dry_run or "",
                wait=wait,
                timeout_s=_WAIT_S if timeout is None else timeout,
                force_conflicts=force_conflicts,
                legacy=legacy,
                mapping=the_mapping,
                on_event=progress,
                on_trouble=lambda line: progress.talk(one_line(line)),
            )
    except KeyboardInterrupt:
        if not dry_run:
            session.talk("What was sent stays. Run it again: it sends the rest.")
        raise
    for warning in cluster.warnings:
        session.talk(f"{cluster.name} warns: {one_line(warning)}")
    if session.output == "json":
        session.data(json.dumps(applied_json(applied), indent=2, ensure_ascii=False) + "\n")
    elif session.output == "name":
        session.data(applied_names(applied))
        session.talk(summary(applied))
    else:
        session.data(applied_table(applied, session.paint))
    return _exit_code(applied)


def _planned_from(given: Given, project: Project) -> Sequence[HostEntry]:
    """The engines that are named to plan from: a project with a capture names hosts for what they are, and reads
    none of them."""
    by_flag = bool(given.host) or given.hosts is not None
    return hosts_of(given, project) if by_flag or (project.capture is None and not project.inspect) else ()


def _legacy(
    entries: Sequence[HostEntry], given: Given, project: Project, mapping: Mapping | None, session: Session
) -> Capture:
    """What the engines say now."""
    return replace(read_engines(entries, session), configs=captured_configs(given, project, mapping))


def _exit_code(applied: Applied) -> int:
    if not applied.complete:
        return 1
    return INCOMPLETE if applied.undecided else 0


def _agree(plan: Plan, cluster: Cluster) -> None:
    """Asks where the plan's target names no cluster and nothing of the plan stands on this one."""
    from ..apply.standing import applied_before

    if plan.target.get("identity") or applied_before(plan, cluster):
        return
    where = f"{cluster.name} ({cluster.server})"
    if not sys.stdin.isatty():
        raise PodliftError(
            code="target-unnamed",
            phase="apply",
            subject=where,
            reason="the plan's target names no cluster, and nothing of the plan is on this one yet: it may be another",
            next_step="say --yes, or let podlift init --context write the cluster's identity into target.yaml",
        )
    click.confirm(f"The plan's target names no cluster. Apply to {where}?", abort=True, err=True)
