"""``podlift cutover preview``"""

from __future__ import annotations

import json

import click

from ...cutover.settings import Flags
from ..clusters import Reach, cluster_options
from ..command import Command, Session, pass_session
from ..options import Given, host_options
from .options import cutovers_of, setting_options, workloads_argument


@click.command("preview", cls=Command, formats=("table", "json", "markdown"))
@click.argument("place", metavar="PLAN")
@workloads_argument
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
    podlift-probe, and hosts say who holds connections to them. Several workloads are shown one after the other, as JSON
    in a list. Exits 1 where a row of the preflight refuses.
    """
    from ...cutover.starting import entry_of
    from ...report.preview_views import preview_json, preview_markdown, preview_table

    given = Given(host=host, hosts=hosts)
    cutovers, plan, _ = cutovers_of(session, place, workloads, reach, given, flags)
    seen = [(each.preview(probe=probe), str(entry_of(plan, name)["class"])) for name, each in cutovers.items()]
    if session.output == "json":
        bodies = [preview_json(each, kind, probed=probe) for each, kind in seen]
        session.data(json.dumps(bodies if len(bodies) > 1 else bodies[0], indent=2, ensure_ascii=False) + "\n")
    else:
        view = preview_markdown if session.output == "markdown" else preview_table
        session.data("\n".join(view(each, kind, probed=probe) for each, kind in seen))
    return 1 if any(each.preflight.refused for each, _ in seen) else 0
