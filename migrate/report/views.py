"""The terminal's views of a plan: the summary, one workload, lists of verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from textwrap import wrap

from converters.fields.catalogue import CATALOGUE
from converters.fields.verdict import Finding, Level, Verdict

from ..plan.model import Plan
from .questions import answer_lines, questions
from .summary import Row, assumed, rows, summary_line, tally_line
from .table import count, one_line, table

Paint = Callable[[str, str], str]
"""A text and what it is (a level, added, removed …) to the text as shown."""

SHOWN = (Level.UNDECIDED, Level.DROPPED, Level.APPROXIMATED)
WIDTH = 100
# Where sites are split, one field has a target in each controller.
TARGETS = 3


def plain(text: str, _kind: str) -> str:
    return text


def summary_view(plan: Plan, paint: Paint = plain) -> str:
    """A row for each workload, what is open by code, what was assumed, and last the summary line."""
    parts = [_rows_view(rows(plan))]
    open_ = open_view(plan)
    if open_:
        parts.append(open_)
    notes = [line for line in (assumed(plan), tally_line(plan)) if line]
    if plan.redacted:
        notes.append("The capture withholds values: fill the keys of the Secrets before applying.")
    notes += [f"Unread host: {host}. Its instances are not in the plan." for host in plan.unread]
    notes += [f"Unused answer: {answer}" for answer in plan.unused_answers]
    if notes:
        parts.append("".join(f"{one_line(note)}\n" for note in notes))
    parts.append(paint(summary_line(plan), "undecided" if plan.undecided or plan.open_findings else "exact") + "\n")
    return "\n".join(part for part in parts if part)


def _rows_view(found: Sequence[Row]) -> str:
    head = ("WORKLOAD", "KIND", "REPLICAS", "PORTS", "EXPOSURE", "PROBES", "HPA", "OPEN")
    return table(head, [_cells(row) for row in found])


def _cells(row: Row) -> tuple[str, ...]:
    opened = f"{row.undecided} (withheld)" if row.withheld else str(row.undecided)
    return (row.name, row.kind, row.replicas, row.ports, row.exposure, row.probes, row.scaling, opened)


def open_view(plan: Plan) -> str:
    """Open questions, counted by code, blocking ones first."""
    asked = questions(plan)
    counted = Counter(q.code.name for q in asked)
    withheld = {q.code.name: "blocks" for q in asked if q.code.blocking}
    return table(
        ("OPEN QUESTION", "TIMES", "", "WHAT"),
        [(code, str(n), withheld.get(code, ""), CATALOGUE[code].about) for code, n in counted.items()],
    )


def verdicts_view(verdicts: Iterable[Verdict], *, everything: bool = False, paint: Paint = plain) -> str:
    """Verdicts by workload, worst first; without ``everything`` only those that lost something or want an answer."""
    chosen = [v for v in verdicts if everything or v.level in SHOWN]
    order = {level: n for n, level in enumerate((*SHOWN, Level.DEFAULTED, Level.EXACT))}
    chosen.sort(key=lambda v: (v.workload, order[v.level], v.code, str(v.source or "")))
    lines: list[str] = []
    workload: str | None = None
    for verdict in chosen:
        if verdict.workload != workload:
            workload = verdict.workload
            lines += [""] if lines else []
            lines.append(one_line(workload) or "outside every workload")
        lines += _verdict(verdict, everything, paint)
    return "".join(f"{line}\n" for line in lines)


def _verdict(verdict: Verdict, everything: bool, paint: Paint) -> list[str]:
    source = one_line(str(verdict.source)) if verdict.source is not None else "(nobody asked)"
    many = f" (and {len(verdict.instances) - 1} more instances)" if len(verdict.instances) > 1 else ""
    lines = [f"  {paint(f'{verdict.level.value:<12}', verdict.level.value)}  {source}{many}"]
    told = one_line(verdict.why or verdict.code)
    lines += _indented(f"{told} [{verdict.code}]{' (decided)' if verdict.decided else ''}")
    shown = verdict.targets if everything or len(verdict.targets) <= TARGETS + 1 else verdict.targets[:TARGETS]
    lines += [f"{'':16}-> {one_line(target)}" for target in shown]
    if len(shown) < len(verdict.targets):
        lines.append(f"{'':16}-> and {len(verdict.targets) - len(shown)} more; --all shows them")
    if verdict.todo and verdict.level in SHOWN:
        lines += _indented(f"do: {one_line(verdict.todo)}")
    for value, meaning in verdict.options:
        now = " (used for now)" if value == verdict.chosen else ""
        lines.append(f"{'':16}answer {one_line(value)}: {one_line(meaning)}{now}")
    return lines


def findings_view(findings: Iterable[Finding], paint: Paint = plain) -> str:
    lines = []
    for finding in findings:
        state = paint("open  ", "undecided") if finding.open else "      "
        about = f" {finding.subject}" if finding.subject else ""
        lines.append(f"  {state}{finding.code}{one_line(about)}: {one_line(finding.reason)}")
        lines += [f"{'':10}{one_line(who)}: {one_line(what)}" for who, what in finding.sides]
        if finding.answer:
            lines.append(f"{'':10}answered: {one_line(finding.answer)}")
    return "".join(f"{line}\n" for line in lines)


def workload_view(plan: Plan, name: str, *, everything: bool = False, paint: Paint = plain) -> str:
    """All about one workload of a plan: its row, its objects, findings, verdicts, and the lines that answer."""
    entry = next(w for w in plan.workloads if w["name"] == name)
    row = next(r for r in rows(plan) if r.name == name)
    facts = [
        ("class", entry["class"]),
        ("namespace", entry["namespace"] or "(current)"),
        ("image", entry["image"].get("reference", "")),
        ("grouping key", entry["groupingKey"]),
        ("instances", ", ".join(f"{i['name']}@{i['host']}" for i in entry["instances"])),
        ("references", ", ".join(entry["references"])),
        ("withheld by", ", ".join(entry["withheld"])),
        ("objects", ", ".join(f"{o['kind']}/{o['metadata']['name']}" for w, o in plan.objects if w == name)),
    ]
    parts = [_rows_view([row]), "".join(f"{label:<14}{one_line(value)}\n" for label, value in facts if value)]
    findings = [f for f in plan.findings if f.workload == name]
    if findings:
        parts.append("findings\n" + findings_view(findings, paint))
    verdicts = [v for v in plan.verdicts if v.workload == name]
    parts.append(verdicts_view(verdicts, everything=everything, paint=paint))
    asked = [q for q in questions(plan) if q.workload == name and q.answerable]
    if asked:
        lines = [line for question in asked for line in answer_lines(question)]
        parts.append(
            "one line for each question, in decisions.yaml under answers:\n" + "".join(f"  {x}\n" for x in lines)
        )
    hidden = 0 if everything else sum(v.level not in SHOWN for v in verdicts)
    if hidden:
        parts.append(f"{count(hidden, 'verdict')} more, exact or defaulted; --all shows them.\n")
    return "\n".join(part for part in parts if part)


def _indented(text: str) -> list[str]:
    return [f"{'':16}{line}" for line in wrap(text, WIDTH - 16, break_long_words=False, break_on_hyphens=False)]
