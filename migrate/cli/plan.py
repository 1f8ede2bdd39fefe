"""``podlift plan``"""

from __future__ import annotations

import json
from pathlib import Path

import click

from converters.capture import Capture
from converters.errors import PodliftError

from ..plan.directory import differing_files, read_plan, refuse_foreign, write_plan
from ..plan.making import make_plan
from ..plan.model import Plan
from ..plan.stored import is_plan
from ..project import load_project
from ..report.plan_markdown import plan_readme
from ..report.summary import summary_json
from ..report.table import one_line
from ..report.views import summary_view
from .command import INCOMPLETE, Command, Session, pass_session
from .inputs import capture_of, decisions_of, mapping_of, target_of, tell_unused
from .options import Given, config_options, host_options, mend, planning_options
from .progress import Progress

ALL_HOSTS = "*"


@click.command("plan", cls=Command, formats=("table", "json", "yaml", "name", "markdown"), progress=True)
@click.argument("sources", nargs=-1, metavar="[CAPTURE|INSPECT]...")
@click.option("--out", metavar="PLAN", help="The directory to write. Without it: the summary only.")
@click.option(
    "--check",
    metavar="PLAN",
    is_flag=False,
    flag_value="",
    help="Write nothing; exit 3 if PLAN is not what the inputs give. Without PLAN: that of --out or podlift.yaml.",
)
@host_options
@config_options
@planning_options
@click.option("--estate", metavar="NAME", help="The estate's name, a label on every object.")
@click.option("--strict", is_flag=True, help="Exit 3 while anything is undecided, open findings included.")
@click.option(
    "--secrets",
    type=click.Choice(("file", "omit", "external")),
    help="file: Secrets with values below PLAN/secrets; omit: none; external: none, their keys are listed.",
)
@click.option(
    "--allow-partial",
    metavar="HOST",
    multiple=True,
    is_flag=False,
    flag_value=ALL_HOSTS,
    help="Exit 0 although HOST could not be read; without HOST, any host. The plan stays marked.",
)
@pass_session
def command(
    session: Session,
    sources: tuple[str, ...],
    out: str | None,
    check: str | None,
    host: tuple[str, ...],
    hosts: str | None,
    config: tuple[str, ...],
    mapping: str | None,
    target: str | None,
    decisions: str | None,
    api_version: str | None,
    estate: str | None,
    strict: bool,
    secrets: str | None,
    allow_partial: tuple[str, ...],
) -> int:
    """Write a plan directory, or show what it would say.

    Plans from a capture directory, from inspect files ([HOST=]FILE, or - for stdin), from engines (--host, --hosts),
    or from what podlift.yaml names; without any of them from the Docker engine at hand. Only GET is ever sent to an
    engine.
    """
    project = load_project()
    given = Given(
        sources=sources,
        host=host,
        hosts=hosts,
        config=config,
        mapping=mapping,
        target=target,
        decisions=decisions,
        api_version=api_version,
    )
    place = out or (str(project.out) if project.out is not None else "")
    if place and check is None:
        # Before hosts are read in vain.
        mend(session, place)
        refuse_foreign(place)
    tell_unused(given, project, session)
    the_mapping = mapping_of(given, project)
    the_target, the_decisions = target_of(given, project), decisions_of(given, project)
    capture = capture_of(given, project, the_mapping, session)
    with Progress(session) as progress:
        plan = make_plan(
            capture,
            mapping=the_mapping,
            target=the_target,
            decisions=the_decisions,
            estate=estate or project.estate,
            accept_unread=_accepted(capture, allow_partial or project.allow_partial),
            on_event=progress,
        )
    if check is not None:
        return _check(session, plan, check or place)
    if place:
        mended = write_plan(plan, place, secrets=secrets or project.secrets)
        if mended:
            session.talk(f"{mended[0].upper()}{mended[1:]}.")
    _print(session, plan)
    if place:
        session.talk(f"Written to {place}. Next: read {Path(place) / 'README.md'}.")
    return _exit_code(session, plan, strict)


def _accepted(capture: Capture, named: tuple[str, ...]) -> tuple[str, ...]:
    return capture.unread if ALL_HOSTS in named else named


def _print(session: Session, plan: Plan) -> None:
    if session.output == "json":
        session.data(json.dumps(summary_json(plan), indent=2, ensure_ascii=False) + "\n")
    elif session.output == "yaml":
        from ..plan.yaml import emit

        session.data(emit(summary_json(plan)))
    elif session.output == "name":
        session.data("".join(f"{one_line(workload['name'])}\n" for workload in plan.workloads))
    elif session.output == "markdown":
        session.data(plan_readme(plan))
    else:
        session.data(summary_view(plan, session.paint))


def _exit_code(session: Session, plan: Plan, strict: bool) -> int:
    """3 where the plan is incomplete, with the reason on stderr."""
    code = 0
    missing = [host for host in plan.unread if host not in plan.accepted_unread]
    if missing:
        session.talk(f"Incomplete: {', '.join(missing)} could not be read; --allow-partial accepts that.")
        code = INCOMPLETE
    if strict and (plan.undecided or plan.open_findings):
        session.talk(f"Not complete under --strict: {plan.undecided} undecided, {plan.open_findings} findings open.")
        code = INCOMPLETE
    return code


def _check(session: Session, plan: Plan, place: str) -> int:
    if not place:
        raise PodliftError(
            code="no-plan",
            phase="plan",
            subject="--check",
            reason="no plan directory is named",
            next_step="give --check PLAN, or out: in podlift.yaml",
        )
    mend(session, place)
    differing = differing_files(plan, place)
    if not differing:
        session.talk(f"{place} is what the inputs give.")
        return 0
    session.data("".join(f"{place}/{name}\n" for name in differing))
    _explain_difference(session, plan, place)
    session.talk(f"{place} is not what the inputs give: {len(differing)} files differ. Plan again with --out {place}.")
    return INCOMPLETE


def _explain_difference(session: Session, plan: Plan, place: str) -> None:
    """What differs in objects, verdicts and findings, if the directory can still be read as a plan."""
    from ..diff import diff_plan
    from ..report.comparison_views import comparison_table

    if not is_plan(Path(place)):
        return
    try:
        earlier = read_plan(place)
    except PodliftError as error:
        session.talk(f"{error.subject}: {error.reason}")
        return
    session.data(comparison_table(diff_plan(plan, earlier), session.paint))
