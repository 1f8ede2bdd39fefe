"""``podlift cutover preview``"""

from __future__ import annotations

import json

import click

from ...cutover.settings import Flags
from ..clusters import Reach, cluster_options
from ..command import Command, Session, pass_session
from ..options import Given, host_options
from .options import cutover_of, only, setting_options


@click.command("preview", cls=Command, formats=("table", "json", "markdown"))
@click.argument("place", metavar="PLAN")
@click.argument("workloads", nargs=-1, required=True, metavar="WORKLOAD")
@click.option("--probe", is_flag=True, help="Try now what is else tried at start: nodes and hosts are asked.")
@setting_options
@cluster_options
@host_options
@pass_session
def command(
    session: Session,
    place: str,
    workloads: tuple[str, ...],
    probe: bool,
    flags: Flags,
    reach: Reach,
    host: tuple[str, ...],
    hosts: str | None,
) -> int:
    """Show what a cutover would do, and what speaks against it.

    It only reads: the plan, the cluster, the engines. With --probe, nodes ask the legacy instances as well, by
    podlift-probe, and hosts say who holds connections to them. Exits 1 where a row of the preflight refuses.
    """
    from ...cutover.starting import entry_of
    from ...report.preview_views import preview_json, preview_markdown, preview_table

    workload = only(workloads)
    given = Given(host=host, hosts=hosts)
    cutover, plan, _ = cutover_of(session, place, workload, reach, given, flags)
    seen = cutover.preview(probe=probe)
    kind = str(entry_of(plan, workload)["class"])
    if session.output == "json":
        session.data(json.dumps(preview_json(seen, kind, probed=probe), indent=2, ensure_ascii=False) + "\n")
    elif session.output == "markdown":
        session.data(preview_markdown(seen, kind, probed=probe))
    else:
        session.data(preview_table(seen, kind, probed=probe))
    return 1 if seen.preflight.refused else 0
