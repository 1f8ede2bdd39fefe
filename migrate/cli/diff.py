"""``podlift diff``"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ..diff import Dump, comparison_json, diff_plan, read_dump
from ..diff.dump import dump_of
from ..plan.directory import read_plan
from ..plan.model import Plan
from ..plan.stored import is_plan
from ..report.comparison_views import comparison_markdown, comparison_table, comparison_unified
from .command import Command, Session, pass_session
from .inputs import mend


@click.command("diff", cls=Command, formats=("table", "unified", "json", "markdown", "name"), error_exit=2)
@click.argument("place", metavar="PLAN")
@click.argument("workloads", nargs=-1, metavar="[WORKLOAD]...")
@click.option(
    "--against",
    metavar="OLDPLAN|DUMP",
    required=True,
    help="An earlier plan's directory, or a file with what kubectl get -o json printed (- is stdin).",
)
@pass_session
def command(session: Session, place: str, workloads: tuple[str, ...], against: str) -> int:
    """Compare a plan with an earlier plan or a cluster's dump.

    Compares by meaning: amounts by value, lists by their keys, what the server fills in left out. Exits 0 without a
    difference, 1 with differences, 2 on an error.

    \b
    kubectl get deploy,svc,cm,hpa,pdb -n NS -o json --show-managed-fields | podlift diff plan --against -
    """
    mend(session, place, *([against] if against != "-" else []))
    comparison = diff_plan(read_plan(place), _other(against), workloads=workloads)
    if session.output == "json":
        session.data(json.dumps(comparison_json(comparison), indent=2, ensure_ascii=False) + "\n")
    elif session.output == "unified":
        session.data(comparison_unified(comparison, session.paint))
    elif session.output == "markdown":
        session.data(comparison_markdown(comparison))
    elif session.output == "name":
        session.data("".join(f"{each.name}\n" for each in comparison.objects))
    else:
        session.data(comparison_table(comparison, session.paint))
    return int(comparison.differs)


def _other(against: str) -> Plan | Dump:
    if against == "-":
        return dump_of(sys.stdin.buffer.read(), name="stdin")
    return read_plan(against) if Path(against).is_dir() or is_plan(Path(against)) else read_dump(against)
