"""``podlift convert``"""

from __future__ import annotations

import json
import sys

import click

from converters.capture import Capture
from converters.decisions import Decisions
from converters.errors import PodliftError
from converters.target import Target

from ..decisions_file import load_decisions
from ..inspect_files import inspects_of, load_inspects, with_api_version
from ..plan.making import make_plan
from ..plan.model import Plan
from ..plan.yaml import emit_all
from ..report.summary import summary_line
from ..report.table import one_line
from ..report.views import findings_view, verdicts_view
from ..target_file import load_target
from .command import INCOMPLETE, Command, Session, pass_session


@click.command("convert", cls=Command, formats=("yaml", "json", "name"))
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option("--target", metavar="FILE", help="What the cluster can do and how to use it.")
@click.option("--decisions", metavar="FILE", help="Answers and overrides.")
@click.option("--api-version", metavar="1.NN", help="Read the documents as of this version of the engine's API.")
@click.option("--strict", is_flag=True, help="Exit 3 while anything is undecided, open findings included.")
@click.option("--with-secrets", is_flag=True, help="Print Secrets too, with their values.")
@click.option("--all", "everything", is_flag=True, help="Say every verdict, the exact ones too.")
@pass_session
def command(
    session: Session,
    files: tuple[str, ...],
    target: str | None,
    decisions: str | None,
    api_version: str | None,
    strict: bool,
    with_secrets: bool,
    everything: bool,
) -> int:
    """Turn docker inspect into manifests on stdout.

    FILE is what docker inspect printed; - is stdin. What became of every field is said on stderr.

    \b
    docker inspect web | podlift convert - | kubectl apply -f -
    docker inspect web $(docker inspect -f '{{.Image}}' web) | podlift convert -
    """
    plan = make_plan(
        _capture(files, api_version),
        target=Target() if target is None else load_target(target),
        decisions=Decisions() if decisions is None else load_decisions(decisions),
    )
    _print(session, plan, with_secrets)
    _tell(session, plan, with_secrets, everything)
    return INCOMPLETE if strict and (plan.undecided or plan.open_findings) else 0


def _capture(files: tuple[str, ...], api_version: str | None) -> Capture:
    if not files and sys.stdin.isatty():
        raise click.UsageError("give a FILE, or pipe docker inspect into podlift convert -")
    named = [each for each in files if each != "-"]
    hosts = load_inspects(named) if named else ()
    if "-" in files or not files:
        hosts += (inspects_of(sys.stdin.buffer.read(), name="stdin", host="stdin"),)
    if not any(each.containers for each in hosts):
        # What docker inspect prints of a name that it does not know is an empty list.
        raise PodliftError(
            code="empty-document",
            phase="read",
            subject=", ".join(files) or "stdin",
            reason="no container stands in it",
            next_step="give what docker inspect CONTAINER prints",
        )
    if api_version is not None:
        hosts = tuple(with_api_version(each, api_version) for each in hosts)
    return Capture(hosts=hosts)


def _print(session: Session, plan: Plan, with_secrets: bool) -> None:
    objects = [each for _, each in plan.objects]
    if with_secrets:
        objects = [*(each for _, each in plan.secrets), *objects]
    if session.output == "name":
        session.data("".join(f"{each['kind'].lower()}/{each['metadata']['name']}\n" for each in objects))
    elif session.output == "json":
        body = {"apiVersion": "v1", "kind": "List", "items": objects}
        session.data(json.dumps(body, indent=2, ensure_ascii=False) + "\n")
    elif objects:
        session.data(emit_all(objects))


def _tell(session: Session, plan: Plan, with_secrets: bool, everything: bool) -> None:
    def paint(text: str, kind: str) -> str:
        return session.paint(text, kind, err=True)

    for view in (
        verdicts_view(plan.verdicts, everything=everything, paint=paint),
        findings_view([f for f in plan.findings if f.open or everything], paint),
    ):
        if view:
            session.talk(view.rstrip("\n"))
    if plan.secrets and not with_secrets:
        names = ", ".join(secret["metadata"]["name"] for _, secret in plan.secrets)
        session.talk(f"Not printed: Secret {names}; --with-secrets prints values too.")
    for workload in plan.withheld:
        session.talk(f"Withheld: {one_line(workload)}; answer what blocks it in a file for --decisions.")
    session.talk(summary_line(plan))
