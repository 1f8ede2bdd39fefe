"""The run's report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..cutover.status import Status
from .cutover_sections import Section, facts, headline, lines, past, present, took
from .plan_markdown import cell


def status_markdown(status: Status) -> str:
    """Where the run stands, how it came there, and what was left. Nothing that others wrote becomes markup."""
    made = [f"# Cutover of {_plain(status.workload)}", "", f"**{_plain(headline(status))}**"]
    made += ["", _plain(took(status))] if status.spans else []
    made += ["", *(f"- {label}: {_plain(value)}" for label, value in facts(status))]
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
    return [*made, _row(head), "|" + "---|" * len(head), *(_row([_plain(one) for one in row]) for row in section.rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


# An underscore within a word is no markup, and neither is an @ behind one.
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_MENTION = re.compile(r"(?<!\w)@")


def _plain(text: str) -> str:
    """A cell of a table, and any other text that others may have written: no emphasis, no entity, no mention either."""
    escaped = _UNDERSCORE.sub(r"\_", re.sub(r"[~&]", r"\\\g<0>", cell(text)))
    return _MENTION.sub("@\u200b", escaped)
