"""Comparisons as a table for the terminal: a head, a section for each leg, and a line that scripts may rely on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..diff.comparison import Comparison, Leg, ObjectDifference, Said, State
from ..diff.walk import Change, Op
from ..plan.model import Plan
from .table import count, one_line
from .value_changes import within
from .views import Paint, plain

_SIGNS = {State.ADDED: "+", State.REMOVED: "-", State.CHANGED: "~", State.EXTRA: " "}
_MEANING: Mapping[Leg, Mapping[State, str]] = {
    Leg.LEGACY: {
        State.ADDED: "new since the plan",
        State.REMOVED: "gone since the plan",
        State.CHANGED: "changed since the plan",
        State.EXTRA: "the same, under other names",
    },
    Leg.RUNTIME: {
        State.ADDED: "runs in the cluster only",
        State.REMOVED: "runs on the legacy side only",
        State.CHANGED: "runs otherwise in the cluster",
        State.EXTRA: "differs only as verdicts say",
    },
}
_OF_OBJECTS = {
    State.ADDED: "only in the plan",
    State.REMOVED: "not in the plan",
    State.CHANGED: "differs",
    State.EXTRA: "same, with fields of others beside",
}
_UNITS = {Leg.LEGACY: "workload", Leg.RUNTIME: "container"}
_SHORT = 60


def meaning(leg: Leg, state: State) -> str:
    return _MEANING.get(leg, _OF_OBJECTS)[state]


def report_head(plan: Plan, legs: Sequence[Comparison]) -> list[str]:
    """Must one plan again, the plan's hash, the cluster, and each leg that was not compared."""
    lines = [leg.answer for leg in legs if leg.answer]
    lines.append(
        f"Plan {plan.hash[:12]} of estate {plan.estate}: {count(len(plan.workloads), 'workload')}, "
        f"{count(len(plan.objects), 'object')}."
    )
    lines += dict.fromkeys(f"Cluster {leg.cluster}, {leg.version}." for leg in legs if leg.cluster)
    lines += [f"Not compared with {leg.against}: {leg.not_compared}" for leg in legs if leg.not_compared]
    return [one_line(line) for line in lines]


def report_table(plan: Plan, legs: Sequence[Comparison], paint: Paint = plain) -> str:
    """The head, then one section for each leg that was compared."""
    parts = ["".join(f"{line}\n" for line in report_head(plan, legs))]
    parts += [comparison_table(leg, paint) for leg in legs if not leg.not_compared]
    return "\n".join(parts)


def comparison_line(comparison: Comparison) -> str:
    """The line that scripts may rely on.

    ``Diff: 48 objects compared with plan 0a1b2c3d4e5f: 1 added, 0 removed, 2 changed; 3 verdicts and findings
    differ.`` What a gated apply holds back is counted with them, and told after them.
    """
    counts = comparison.counts
    told = ", ".join(f"{counts[state]:,} {state.value}" for state in (State.ADDED, State.REMOVED, State.CHANGED))
    said = len(comparison.said)
    gated = sum(each.gated for each in comparison.objects)
    waiting = f" {gated:,} of them are gated and wait for cutover." if gated else ""
    return (
        f"Diff: {count(comparison.compared, _UNITS.get(comparison.leg, 'object'))} compared with "
        f"{one_line(comparison.against)}: {told}; {said:,} verdicts and findings differ.{waiting}"
    )


def comparison_table(comparison: Comparison, paint: Paint = plain) -> str:
    """Objects with what differs in each, verdicts and findings, what was not compared, and the summary line."""
    lines: list[str] = []
    for each in comparison.objects:
        lines += _object(each, comparison.leg, paint)
    lines += [paint(said_line(each), _kind(each)) for each in comparison.said]
    lines += [f"not compared: {one_line(each)}" for each in comparison.uncompared]
    lines.append(comparison_line(comparison))
    return "".join(f"{line}\n" for line in lines)


def _object(each: ObjectDifference, leg: Leg, paint: Paint) -> Iterator[str]:
    yield paint(f"{_SIGNS[each.state]} {object_line(each, leg)}", each.state.value)
    for change in each.changes:
        yield f"    {paint(change_line(change), change.op.value)}"
        yield from (f"        {line}" for line in within(change))
    for extra in each.extras:
        yield f"    ({extra_line(extra.path, extra.value, extra.owner)})"
    for declared in each.declared:
        yield f"    ({change_line(declared.change)}; declared: {', '.join(declared.codes)})"


def object_line(each: ObjectDifference, leg: Leg) -> str:
    where = f" -n {each.namespace}" if each.namespace else ""
    owner = f" ({each.workload})" if each.workload and each.name != f"workload/{each.workload}" else ""
    note = f"; {each.note}" if each.note else ""
    anew = "; must be recreated" if each.recreate else ""
    return one_line(f"{each.name}{where}{owner}: {meaning(leg, each.state)}{anew}{note}")


def extra_line(path: str, value: Any, owner: str) -> str:
    by = f", set by {owner}" if owner else ""
    return one_line(f"{path}: {short_text(value)}{by}")


def change_line(change: Change) -> str:
    path = one_line(change.path)
    beside = f" (set by {one_line(change.owner)})" if change.owner else ""
    beside += " (must be recreated)" if change.recreate else ""
    if change.op is Op.ADDED:
        return f"+ {path}: {short_text(change.new)}{beside}"
    if change.op is Op.REMOVED:
        return f"- {path}: {short_text(change.old)}{beside}"
    if change.op is Op.ORDER:
        return f"~ {path}: another order: {one_line(', '.join(map(str, change.new)))}{beside}"
    return f"~ {path}: {short_text(change.old)} -> {short_text(change.new)}{beside}"


def said_line(each: Said) -> str:
    who = each.workload or "outside every workload"
    code = f" {each.code}" if each.code else ""
    about = f" {each.about}" if each.about else ""
    head = one_line(f"{each.kind}{code} of {who}{about}")
    if not each.old:
        return f"+ {head}: {one_line(each.new)}"
    if not each.new:
        return f"- {head}: was {one_line(each.old)}"
    return f"~ {head}: {one_line(each.old)} -> {one_line(each.new)}"


def _kind(each: Said) -> str:
    return "added" if not each.old else "removed" if not each.new else "changed"


def short_text(value: Any) -> str:
    text = one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."
