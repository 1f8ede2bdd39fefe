"""``podlift show``"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from converters.capture import Capture
from converters.errors import PodliftError

from ..plan.directory import read_plan
from ..plan.model import Plan, finding_json, jsonable, verdict_json
from ..plan.stored import is_plan
from ..project import load_project
from ..report.capture_views import capture_json, capture_line, capture_view
from ..report.plan_markdown import plan_readme
from ..report.summary import summary_json
from ..report.table import one_line
from ..report.views import findings_view, summary_view, verdicts_view, workload_view
from ..schemas.checking import nearest
from .command import Command, Session, pass_session
from .inputs import capture_of, decisions_of, mapping_of
from .options import Given, mend


@click.command("show", cls=Command, formats=("table", "json", "yaml", "name", "markdown"))
@click.argument("place", metavar="CAPTURE|PLAN")
@click.argument("workload", required=False)
@click.option("--all", "everything", is_flag=True, help="Every verdict, the exact and defaulted ones too.")
@click.option("--verdicts", is_flag=True, help="The verdicts of the whole plan, and its findings.")
@pass_session
def command(session: Session, place: str, workload: str | None, everything: bool, verdicts: bool) -> None:
    """Show a capture or a plan, whole or by workload.

    Of a plan: the summary, or with WORKLOAD its objects, findings, verdicts and the lines that answer what is open.
    Of a capture: its hosts, or with WORKLOAD the model that was read, with the document and path of every value.
    """
    mend(session, place)
    if is_plan(Path(place)):
        _plan(session, read_plan(place), workload, everything, verdicts)
    elif Path(place).is_dir():
        _capture(session, place, workload)
    else:
        reason = "this is a file, and a capture or plan is a directory" if Path(place).exists() else "it is not there"
        raise PodliftError(
            code="no-plan",
            phase="use",
            subject=place,
            reason=reason,
            next_step="give a directory that podlift discover or podlift plan --out wrote",
        )


def _plan(session: Session, plan: Plan, workload: str | None, everything: bool, verdicts: bool) -> None:
    if workload is None:
        _whole(session, plan, everything, verdicts)
        return
    _known(workload, [entry["name"] for entry in plan.workloads])
    if session.output in ("json", "yaml"):
        entry = next(each for each in plan.workloads if each["name"] == workload)
        _encode(
            session,
            {
                "schema": "podlift.dev/planned-workload/v1",
                **entry,
                "objects": [each for owner, each in plan.objects if owner == workload],
                "verdicts": [verdict_json(v) for v in plan.verdicts if v.workload == workload],
                "findings": [finding_json(f) for f in plan.findings if f.workload == workload],
            },
        )
    elif session.output == "name":
        session.data("".join(f"{_name(each)}\n" for owner, each in plan.objects if owner == workload))
    else:
        session.data(workload_view(plan, workload, everything=everything, paint=session.paint))


def _whole(session: Session, plan: Plan, everything: bool, verdicts: bool) -> None:
    if session.output in ("json", "yaml"):
        said = {"said": [verdict_json(v) for v in plan.verdicts]} if verdicts or everything else {}
        _encode(session, {**summary_json(plan), **said})
    elif session.output == "name":
        session.data("".join(f"{one_line(entry['name'])}\n" for entry in plan.workloads))
    elif session.output == "markdown":
        session.data(plan_readme(plan))
    elif verdicts or everything:
        found = verdicts_view(plan.verdicts, everything=everything, paint=session.paint)
        findings = findings_view(plan.findings, session.paint)
        session.data("\n".join(part for part in (found, findings, summary_view(plan, session.paint)) if part))
    else:
        session.data(summary_view(plan, session.paint))


def _capture(session: Session, place: str, workload: str | None) -> None:
    project = load_project()
    given = Given(sources=(place,))
    if workload is None:
        from ..capture import read_capture

        _hosts(session, read_capture(place))
        return
    from converters.estate import reconcile

    from ..plan.making import without_secrets
    from ..plan.readings import read_capture_documents

    mapping = mapping_of(given, project)
    decisions = decisions_of(given, project)
    capture = capture_of(given, project, mapping, session)
    estate = reconcile(read_capture_documents(capture, mapping=mapping, decisions=decisions), decisions=decisions)
    _known(workload, [each.name for each in estate.workloads])
    found = next(each for each in estate.workloads if each.name == workload)
    body = {"schema": "podlift.dev/workload/v1", **jsonable(without_secrets(found))}
    _encode(session, body, as_yaml=session.output != "json")


def _hosts(session: Session, capture: Capture) -> None:
    if session.output in ("json", "yaml"):
        _encode(session, capture_json(capture))
    elif session.output == "name":
        session.data("".join(f"{each.host.name}\n" for each in capture.hosts))
    else:
        session.data(capture_view(capture) + capture_line(capture) + "\n")


def _known(workload: str, names: list[str]) -> None:
    if workload not in names:
        raise PodliftError(
            code="no-workload",
            phase="use",
            subject=workload,
            reason="there is no workload of this name",
            next_step=nearest(workload, names) if len(names) < 50 else "podlift show … -o name lists them",
        )


def _encode(session: Session, body: dict[str, Any], *, as_yaml: bool | None = None) -> None:
    if session.output == "yaml" if as_yaml is None else as_yaml:
        from ..plan.yaml import emit

        session.data(emit(body))
    else:
        session.data(json.dumps(body, indent=2, ensure_ascii=False) + "\n")


def _name(each: Any) -> str:
    return f"{each['kind'].lower()}/{each['metadata']['name']}"
