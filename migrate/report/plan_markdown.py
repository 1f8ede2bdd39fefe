"""README.md of a plan directory: what a reviewer reads in a pull request, within 60,000 characters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from converters.fields.verdict import Finding, Level

from ..plan.model import Plan
from .questions import Question, answer_lines, questions
from .summary import assumed, rows, summary_line, tally_line
from .table import one_line

LIMIT = 60_000
# A cut section says so in about as many characters.
_NOTE = 200


def plan_readme(plan: Plan) -> str:
    """The plan for its reviewer. Sections that would be too long are cut, and say how much is missing."""
    head = _head(plan)
    sections = [made for made in (build(plan) for build in _SECTIONS) if made is not None]
    room = LIMIT - len(head)
    parts = [head]
    for n, (title, before, items, file) in enumerate(sections):
        # What the sections before left over is shared by those that follow.
        share = room // (len(sections) - n)
        text = _section(title, before, items, file, share)
        parts.append(text)
        room -= len(text)
    return "".join(parts)


Section = tuple[str, str, Sequence[str], str]
"""Title, what stands above the items, the items, the file that holds all of them."""


def _section(title: str, before: str, items: Sequence[str], file: str, room: int) -> str:
    text = f"\n## {title}\n\n{before}"
    shown = 0
    for item in items:
        if len(text) + len(item) + _NOTE > room:
            break
        text += item
        shown += 1
    if shown < len(items):
        text += f"\n{len(items) - shown:,} more of {len(items):,} are left out here; {file} has all.\n"
    return text


def _head(plan: Plan) -> str:
    lines = [f"# Plan of {_plain(plan.estate)}", "", summary_line(plan)]
    lines += [f"\n{line}" for line in (tally_line(plan), assumed(plan)) if line]
    if plan.redacted:
        lines.append("\nThe capture withholds values: fill the keys of the Secrets before applying.")
    for host in plan.unread:
        accepted = " (accepted)" if host in plan.accepted_unread else ""
        lines.append(f"\n**Unread host: {_plain(host)}**{accepted}. Its instances are not in this plan.")
    lines += [f"\nUnused answer: {_plain(each)}" for each in plan.unused_answers[:20]]
    if len(plan.unused_answers) > 20:
        lines.append(f"\nand {len(plan.unused_answers) - 20:,} more unused answers; plan.json has all.")
    lines.append("\nWritten by podlift. Do not edit: answers and overrides belong in decisions.yaml.\n")
    return "\n".join(lines)


def _workloads(plan: Plan) -> Section | None:
    if not plan.workloads:
        return None
    before = (
        "| workload | kind | replicas | ports | exposure | probes | HPA | open |\n|---|---|---|---|---|---|---|---|\n"
    )
    made = []
    for row in rows(plan):
        kind = f"{row.kind} (withheld)" if row.withheld else row.kind
        cells = (row.name, kind, row.replicas, row.ports, row.exposure, row.probes, row.scaling, str(row.undecided))
        made.append(f"| {' | '.join(cell(each) for each in cells)} |\n")
    return "Workloads", before, made, "plan.json"


def _withheld(plan: Plan) -> Section | None:
    items = [
        f"- **{_plain(entry['name'])}**: {', '.join(f'`{code}`' for code in entry['withheld'])}\n"
        for entry in plan.workloads
        if entry["withheld"]
    ]
    if not items:
        return None
    said = "Nothing is written for these until the questions that block them are answered.\n\n"
    return "Withheld", said, items, "plan.json"


def _undecided(plan: Plan) -> Section | None:
    asked = questions(plan)
    if not asked:
        return None
    said = "Answer by adding one of the lines to `answers:` in decisions.yaml, then plan again.\n\n"
    return "Undecided", said, [_question(q) for q in asked], "decisions.todo.yaml"


def _question(question: Question) -> str:
    who = _plain(question.workload or "outside every workload")
    where = f"\n  {_code(question.where)}" if question.where else ""
    text = f"- **{who}** `{question.code.name}`: {_plain(question.why)}{where}\n"
    if question.answerable:
        lines = "".join(f"  {line}\n" for line in answer_lines(question))
        return f"{text}  ```yaml\n{lines}  ```\n"
    return f"{text}  {_plain(question.todo)}\n" if question.todo else text


def _secrets(plan: Plan) -> Section | None:
    keys: dict[tuple[str, str], set[str]] = {}
    for entry in plan.workloads:
        for secret in entry["secrets"]:
            keys.setdefault((entry["name"], secret["name"]), set()).update(secret["keys"])
    for workload, each in plan.objects:
        for ref in _key_refs(each):
            keys.setdefault((workload, ref["name"]), set()).add(ref["key"])
    if not keys:
        return None
    items = [
        f"- **{_plain(workload)}** Secret {_code(name)}: {', '.join(map(_code, sorted(held)))}\n"
        for (workload, name), held in sorted(keys.items())
    ]
    if any(entry["secrets"] for entry in plan.workloads):
        where = "Apply what lies in `secrets/`; what does not lie there must be in the cluster before."
    else:
        where = "None of these Secrets is the plan's own, and none lies in `secrets/`: they must be in the cluster."
    said = f"The keys that manifests need. {where}\n\n"
    return "Secrets", said, items, "plan.json"


def _key_refs(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key == "secretKeyRef":
                yield each
            else:
                yield from _key_refs(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _key_refs(each)


def _dropped(plan: Plan) -> Section | None:
    return _verdicts(plan, Level.DROPPED, "Dropped", "These settings have no counterpart and are not in the manifests.")


def _approximated(plan: Plan) -> Section | None:
    return _verdicts(plan, Level.APPROXIMATED, "Approximated", "These come close; each line says where they differ.")


def _verdicts(plan: Plan, level: Level, title: str, said: str) -> Section | None:
    found = sorted(
        (v for v in plan.verdicts if v.level is level), key=lambda v: (v.workload, v.code, v.why, str(v.source))
    )
    if not found:
        return None
    # What is said of several workloads in the same words is read once: a label that all of them bear.
    alike: dict[tuple[tuple[str, ...], str, str, str], list[tuple[str, Sequence[str]]]] = {}
    for (workload, code, why, do), group in groupby(found, key=lambda v: (v.workload, v.code, v.why, v.todo)):
        paths = list(dict.fromkeys(v.source.path for v in group if v.source is not None))
        # In a config the workload's own name stands in the path.
        anybody = tuple(f"{path}.".replace(f".{workload}.", ".*.", 1)[:-1] for path in paths)
        alike.setdefault((anybody, why, code, do), []).append((workload, paths))
    items = []
    for (anybody, *told), told_of in alike.items():
        shown = anybody if len(told_of) > 1 else told_of[0][1]
        items.append(_item([workload for workload, _ in told_of], shown, *told))
    return title, f"{said}\n\n", items, "verdicts.json"


def _item(workloads: Sequence[str], paths: Sequence[str], why: str, code: str, do: str) -> str:
    who = _some([_plain(each or "outside every workload") for each in workloads])
    todo = f" Do: {_plain(do)}." if do else ""
    return f"- **{who}** {_some([_code(path) for path in paths])}: {_plain(why)} (`{code}`).{todo}\n"


def _some(words: Sequence[str]) -> str:
    more = f" and {len(words) - 5:,} more" if len(words) > 5 else ""
    return f"{', '.join(words[:5])}{more}"


def _findings(plan: Plan) -> Section | None:
    found = [f for f in plan.findings if not f.open]
    if not found:
        return None
    said = "What was seen and needs no answer, or has one. Open findings stand under Undecided.\n\n"
    return "Findings", said, [_finding(f) for f in found], "findings.json"


def _finding(finding: Finding) -> str:
    sides = "; ".join(f"{_plain(who)}: {_plain(what)}" for who, what in finding.sides)
    parts = [_plain(finding.reason or finding.code), f" ({sides})" if sides else ""]
    answer = f" Answer: {_code(finding.answer)}." if finding.answer else ""
    about = f" {_code(finding.subject)}" if finding.subject else ""
    return f"- **{_plain(finding.workload or 'estate')}** `{finding.code}`{about}: {''.join(parts)}.{answer}\n"


def _excluded(plan: Plan) -> Section | None:
    if not plan.excluded:
        return None
    items = [f"- {_code(what)}: {_plain(why)}\n" for what, why in plan.excluded]
    return "Left out", "Read, and no part of any workload.\n\n", items, "plan.json"


_SECTIONS: tuple[Callable[[Plan], Section | None], ...] = (
    _workloads,
    _withheld,
    _undecided,
    _secrets,
    _dropped,
    _approximated,
    _findings,
    _excluded,
)


def _plain(text: str) -> str:
    """Text of documents in Markdown: no line of it may become markup."""
    return "".join(_escaped(c) for c in one_line(text).strip())


def _escaped(character: str) -> str:
    return f"\\{character}" if character in "\\`*[]<|#" else character


def cell(text: str) -> str:
    """A table's cell, and any other text that documents may have written."""
    return _plain(text) or "-"


def _code(text: str) -> str:
    """A code span; a backtick inside wants a longer fence."""
    line = one_line(text)
    return f"`` {line} ``" if "`" in line else f"`{line}`"
