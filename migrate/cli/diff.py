"""``podlift diff``"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converters.errors import PodliftError

from ..diff import Comparison, Leg, diff_plan, read_dump, report_json
from ..diff.dump import dump_of
from ..plan.directory import read_plan
from ..plan.model import Plan
from ..plan.stored import is_plan
from ..report.comparison_views import report_head, report_table
from ..report.table import one_line
from .clusters import Reach, cluster_of, cluster_options
from .command import Command, Session, pass_session
from .options import Given, config_options, host_options, mend
from .progress import Progress

if TYPE_CHECKING:
    from converters.capture import Capture

    from ..cluster import Cluster

# Legs that are asked for by a word; a path of that name is written ./cluster.
_WORDS = (Leg.CLUSTER.value, Leg.LEGACY.value, Leg.RUNTIME.value)
# Legs for which verdicts count.
_WITH_VERDICTS = frozenset({Leg.LEGACY.value, Leg.RUNTIME.value})


@click.command(
    "diff", cls=Command, formats=("table", "unified", "json", "markdown", "name"), error_exit=2, progress=True
)
@click.argument("place", metavar="PLAN")
@click.argument("workloads", nargs=-1, metavar="[WORKLOAD]...")
@click.option(
    "--against",
    metavar="SIDE",
    multiple=True,
    default=("cluster",),
    help="cluster, legacy, runtime, an earlier plan's directory, or a file with what kubectl get -o json printed (- is "
    "stdin); repeatable, cluster if not said.",
)
@click.option("--server", is_flag=True, help="Ask the API server's dry run about objects that differ; needs to patch.")
@click.option(
    "-l",
    "--selector",
    metavar="LABELS",
    default="",
    help="Of the cluster: only objects that this label selector finds.",
)
@cluster_options
@host_options
@config_options
@pass_session
def command(
    session: Session,
    place: str,
    workloads: tuple[str, ...],
    against: tuple[str, ...],
    server: bool,
    selector: str,
    reach: Reach,
    host: tuple[str, ...],
    hosts: str | None,
    config: tuple[str, ...],
    mapping: str | None,
) -> int:
    """Compare a plan with what is there.

    \b
    cluster   the live objects; needs to get and list, nothing more
    legacy    the engines as they are now: must I plan again?
    runtime   running containers against running pods
    OLDPLAN   an earlier plan, with its verdicts
    DUMP      what kubectl get -o json --show-managed-fields printed

    Compares by meaning: amounts by value, lists by their keys, what the server fills in left out. Exits 0 without a
    difference, 1 with differences, 2 where a side was not compared, and on an error.
    """
    sides = tuple(dict.fromkeys(against))
    if selector and sides != (Leg.CLUSTER.value,):
        raise click.UsageError("-l narrows a comparison with the cluster, and no other: name workloads instead")
    if server and Leg.CLUSTER.value not in sides:
        raise click.UsageError("--server asks the cluster, and --against does not name it")
    if (host or hosts is not None) and not {Leg.LEGACY.value, Leg.RUNTIME.value} & set(sides):
        raise click.UsageError("--host and --hosts name engines, and --against names neither legacy nor runtime")
    if (config or mapping is not None) and Leg.LEGACY.value not in sides:
        raise click.UsageError("--config and --mapping say how to read the legacy side, and --against does not name it")
    mend(session, place, *(each for each in sides if each != "-" and each not in _WORDS))
    given = Given(host=host, hosts=hosts, config=config, mapping=mapping)
    plan = read_plan(place, said=any(each not in (Leg.CLUSTER.value, "-") for each in sides))
    run = _Run(session, plan, Path(place), workloads, server=server, labels=selector, reach=reach, given=given)
    legs = [run.leg(each, alone=len(sides) == 1) for each in sides]
    _print(session, plan, legs)
    return max(leg.exit_code for leg in legs)


@dataclass(slots=True)
class _Run:
    """One call of the command; what several legs need is read once."""

    session: Session
    plan: Plan
    place: Path
    workloads: Sequence[str]
    server: bool = field(kw_only=True)
    labels: str = field(kw_only=True)
    reach: Reach = field(kw_only=True)
    given: Given = field(kw_only=True)
    _cluster: Cluster | None = None
    _capture: Capture | None = None
    _key: bytes | None = None

    def leg(self, side: str, *, alone: bool) -> Comparison:
        """One side. Where it is one of several, its error is told in its place and stops none of the others."""
        legs: dict[str, Callable[[], Comparison]] = {
            Leg.CLUSTER.value: self._with_cluster,
            Leg.LEGACY.value: self._with_legacy,
            Leg.RUNTIME.value: self._with_runtime,
        }
        try:
            return legs[side]() if side in legs else self._with_file(side)
        except PodliftError as error:
            if alone or error.code == "no-workload":
                raise
            kind = Leg(side) if side in legs else Leg.PLAN if Path(side).is_dir() else Leg.DUMP
            reason = f"{error.subject}: {error.reason}" if error.subject else error.reason
            step = f" (next: {error.next_step})" if error.next_step else ""
            return Comparison(leg=kind, against=side, not_compared=f"{reason} [{error.code}]{step}")

    def _with_file(self, side: str) -> Comparison:
        if side == "-":
            return self._compare(dump_of(sys.stdin.buffer.read(), name="stdin"))
        path = Path(side)
        return self._compare(read_plan(side) if path.is_dir() or is_plan(path) else read_dump(side))

    def _with_cluster(self) -> Comparison:
        return self._compare(self._the_cluster(), server=self.server, labels=self.labels, secrets=True)

    def _with_legacy(self) -> Comparison:
        from ..project import load_project
        from .inputs import captured_configs, mapping_of

        project = load_project()
        mapping = mapping_of(self.given, project)
        capture = replace(self._the_capture(), configs=captured_configs(self.given, project, mapping))
        return self._compare(capture, mapping=mapping, secrets=True)

    def _with_runtime(self) -> Comparison:
        from ..diff.sides import Runtime

        return self._compare(Runtime(cluster=self._the_cluster(), hosts=self._the_capture()), secrets=True)

    def _compare(self, against: Any, *, secrets: bool = False, **more: Any) -> Comparison:
        plan = self.plan
        if secrets and (key := self._the_key()):
            from ..plan.directory import read_secrets

            plan = replace(plan, secrets=read_secrets(self.place))
            more["hmac_key"] = key
        with Progress(self.session) as progress:
            return diff_plan(plan, against, workloads=self.workloads, on_event=progress, **more)

    def _the_cluster(self) -> Cluster:
        if self._cluster is None:
            self._cluster = cluster_of(self.reach)
        return self._cluster

    def _the_capture(self) -> Capture:
        """What the engines say now."""
        from ..project import load_project
        from .inputs import hosts_of, read_engines

        if self._capture is None:
            self._capture = read_engines(hosts_of(self.given, load_project()), self.session)
        return self._capture

    def _the_key(self) -> bytes:
        """The project's key for comparing secrets; none where the plan has no values of them."""
        from ..diff.secret_values import hmac_key
        from ..plan.stored import SECRETS_FOLDER
        from ..project import load_project

        if self._key is None:
            there = any((self.place / SECRETS_FOLDER).glob("*.yaml"))
            self._key = hmac_key(load_project().folder) if there else b""
        return self._key


def _print(session: Session, plan: Plan, legs: Sequence[Comparison]) -> None:
    if session.output == "json":
        session.data(json.dumps(report_json(plan.estate, plan.hash, legs), indent=2, ensure_ascii=False) + "\n")
    elif session.output == "unified":
        from ..report.comparison_unified import report_unified

        session.data(report_unified(plan, legs, session.paint))
    elif session.output == "markdown":
        from ..report.comparison_markdown import report_markdown

        session.data(report_markdown(plan, legs))
    elif session.output == "name":
        for line in report_head(plan, legs):
            session.talk(line)
        session.data("".join(f"{one_line(each.name)}\n" for leg in legs for each in leg.objects))
    else:
        session.data(report_table(plan, legs, session.paint))
