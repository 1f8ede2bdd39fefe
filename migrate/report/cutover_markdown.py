"""The run's report as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from ..cutover.status import Status
from .cutover_sections import Section, facts, headline, lines, past, present, took
from .plan_markdown import cell


def status_markdown(status: Status) -> str:
    """Where the run stands, how it came there, and what was left. Nothing that others wrote becomes markup."""
    made = [f"# Cutover of {cell(status.workload)}", "", f"**{cell(headline(status))}**"]
    made += ["", cell(took(status))] if status.spans else []
    made += ["", *(f"- {label}: {cell(value)}" for label, value in facts(status))]
    for section in (*past(status), *present(status), lines(status)):
        made += _section(section)
    return "\n".join(made) + "\n"


def _section(section: Section) -> list[str]:
    if not section.rows and not section.none:
        return []
    made = ["", f"## {section.title}", ""]
    if not section.rows:
        return [*made, section.none]
    head = [each.capitalize() for each in section.head]
    return [*made, _row(head), "|" + "---|" * len(head), *(_row([cell(one) for one in row]) for row in section.rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
