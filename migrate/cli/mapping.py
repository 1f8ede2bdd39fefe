"""``podlift mapping``"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from converters.errors import PodliftError
from converters.fields.verdict import Source
from converters.sources.mapping import CheckedMapping, CheckedWorkload, check_mapping, draft_mapping

from ..config_files import load_documents
from ..inspect_files import load_inspects
from ..plan.model import jsonable
from ..project import load_project
from ..report.table import count, one_line, table
from .command import Command, Session, pass_session
from .inputs import captured_configs, mapping_of
from .options import Given


@click.group("mapping")
def command() -> None:
    """Draft a mapping, or check what one takes and leaves."""


@command.command("draft", cls=Command)
@click.argument("configs", nargs=-1, required=True, metavar="CONFIG...")
@click.option("--inspect", metavar="FILE", multiple=True, help="Inspect files of running containers, to guess from.")
@pass_session
def draft(session: Session, configs: tuple[str, ...], inspect: tuple[str, ...]) -> None:
    """Propose a mapping from configs, every guess marked.

    CONFIG is a file, or a folder of YAML and JSON files. The mapping is printed; keep it beside the configs.
    """
    containers = [each for host in load_inspects(inspect) for each in host.containers]
    session.data(draft_mapping(load_documents(configs), containers=containers))


@command.command("check", cls=Command, formats=("table", "json", "name"))
@click.argument("workload", required=False)
@click.option("--mapping", metavar="FILE", help="The mapping; that of podlift.yaml if not said.")
@click.option("--config", metavar="FILE", multiple=True, help="A config of the scheduler, or a folder.")
@click.option("--all", "everything", is_flag=True, help="Every attribute with where it came from.")
@pass_session
def check(
    session: Session, workload: str | None, mapping: str | None, config: tuple[str, ...], everything: bool
) -> None:
    """Say for each workload what the mapping takes and what it leaves."""
    project = load_project()
    given = Given(config=config, mapping=mapping)
    the_mapping = mapping_of(given, project)
    if the_mapping is None:
        raise PodliftError(
            code="mapping-missing",
            phase="use",
            subject=str(Path.cwd()),
            reason="no mapping is named",
            next_step="give --mapping FILE, or mapping: in podlift.yaml",
        )
    checked = check_mapping(captured_configs(given, project, the_mapping), the_mapping)
    chosen = [each for each in checked.workloads if workload in (None, each.name)]
    if workload is not None and not chosen:
        raise PodliftError(
            code="no-workload",
            phase="use",
            subject=workload,
            reason="the mapping finds no workload of this name",
            next_step="podlift mapping check -o name lists them",
        )
    if session.output == "json":
        session.data(json.dumps(_body(checked, chosen), indent=2, ensure_ascii=False) + "\n")
    elif session.output == "name":
        session.data("".join(f"{each.name}\n" for each in chosen))
    else:
        session.data(_view(checked, chosen, everything or workload is not None))


def _view(checked: CheckedMapping, chosen: list[CheckedWorkload], everything: bool) -> str:
    head = ("WORKLOAD", "TAKEN", "LEFT", "IGNORED", "USED TO CHOOSE")
    lines = [table(head, [_row(each) for each in chosen])]
    for each in chosen:
        if everything:
            lines.append(f"\n{each.name}\n")
            lines += [f"  {one_line(name)}  <-  {_places(sources)}\n" for name, sources in each.taken]
        if each.not_mapped:
            lines.append(f"\n{each.name}: the mapping takes these nowhere\n")
            lines += [f"  {one_line(str(source))}\n" for source in each.not_mapped]
    left = [source for setting in checked.left if setting.code == "not-mapped" for source in setting.origins]
    if left:
        lines += ["\noutside every workload, taken nowhere\n", *(f"  {one_line(str(source))}\n" for source in left)]
    for title, items in (
        ("clauses that gave nothing for any workload", [f"line {w.line}: {w.key}" for w in checked.silent]),
        ("ignore: rules that matched nothing", list(checked.unused)),
        ("left out", [f"{what}: {why}" for what, why in checked.excluded]),
        ("no workload", [f"{f.workload}: {f.reason}" for f in checked.findings]),
    ):
        if items:
            lines += [f"\n{title}\n", *(f"  {one_line(item)}\n" for item in items)]
    total = sum(len(each.not_mapped) for each in checked.workloads) + len(left)
    lines.append(f"\nMapping: {count(len(checked.workloads), 'workload')}; {count(total, 'field')} taken nowhere.\n")
    return "".join(lines)


def _row(each: CheckedWorkload) -> tuple[str, ...]:
    by_code = dict.fromkeys(("not-mapped", "ignored", "selection"), 0)
    for setting in each.left:
        by_code[setting.code] = by_code.get(setting.code, 0) + len(setting.origins)
    return (each.name, str(len(each.taken)), *(str(by_code[code]) for code in ("not-mapped", "ignored", "selection")))


def _places(sources: Iterable[Source]) -> str:
    return one_line("; ".join(str(source) for source in sources))


def _body(checked: CheckedMapping, chosen: list[CheckedWorkload]) -> dict[str, Any]:
    return {
        "schema": "podlift.dev/checked-mapping/v1",
        "workloads": [
            {
                "name": each.name,
                "taken": [{"attribute": name, "sources": jsonable(sources)} for name, sources in each.taken],
                "left": [{"code": setting.code, "sources": jsonable(setting.origins)} for setting in each.left],
            }
            for each in chosen
        ],
        "left": [{"code": setting.code, "sources": jsonable(setting.origins)} for setting in checked.left],
        "silent": [{"line": where.line, "clause": where.key} for where in checked.silent],
        "unusedIgnore": list(checked.unused),
        "excluded": [list(each) for each in checked.excluded],
        "findings": jsonable(checked.findings),
    }
