"""A comparison as a table, a unified diff, or Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any

from ..diff.comparison import Comparison, ObjectDifference, Said, State
from ..diff.walk import Change, Op
from ..plan.yaml import emit
from .table import count, one_line
from .views import Paint, plain

_SIGNS = {State.ADDED: "+", State.REMOVED: "-", State.CHANGED: "~", State.EXTRA: " "}
_MEANING = {
    State.ADDED: "only in the plan",
    State.REMOVED: "not in the plan",
    State.CHANGED: "differs",
    State.EXTRA: "same, with fields of others beside",
}
_SHORT = 60


def comparison_line(comparison: Comparison) -> str:
    """The line that scripts may rely on.

    ``Diff: 48 objects compared with plan 0a1b2c3d4e5f: 1 added, 0 removed, 2 changed; 3 verdicts and findings
    differ.``
    """
    counts = comparison.counts
    told = ", ".join(f"{counts[state]:,} {state.value}" for state in (State.ADDED, State.REMOVED, State.CHANGED))
    said = len(comparison.said)
    return (
        f"Diff: {count(comparison.compared, 'object')} compared with {one_line(comparison.against)}: {told}; "
        f"{said:,} verdicts and findings differ."
    )


def comparison_table(comparison: Comparison, paint: Paint = plain) -> str:
    """Objects with what differs in each, verdicts and findings, what was not compared, and the summary line."""
    lines: list[str] = []
    for each in comparison.objects:
        lines += _object(each, paint)
    lines += [_said(each, paint) for each in comparison.said]
    lines += [f"not compared: {one_line(each)}" for each in comparison.uncompared]
    lines.append(comparison_line(comparison))
    return "".join(f"{line}\n" for line in lines)


def _object(each: ObjectDifference, paint: Paint) -> Iterator[str]:
    where = f" -n {each.namespace}" if each.namespace else ""
    owner = f" ({each.workload})" if each.workload else ""
    note = f"; {each.note}" if each.note else ""
    head = f"{_SIGNS[each.state]} {each.name}{where}{owner}: {_MEANING[each.state]}{note}"
    yield paint(one_line(head), each.state.value)
    for change in each.changes:
        yield f"    {paint(_change(change), change.op.value)}"
    for extra in each.extras:
        yield one_line(f"    ({extra.path}: {_text(extra.value)}, set by {extra.owner or 'somebody else'})")


def _change(change: Change) -> str:
    path = one_line(change.path)
    if change.op is Op.ADDED:
        return f"+ {path}: {_text(change.new)}"
    if change.op is Op.REMOVED:
        return f"- {path}: {_text(change.old)}"
    if change.op is Op.ORDER:
        return f"~ {path}: another order: {one_line(', '.join(map(str, change.new)))}"
    return f"~ {path}: {_text(change.old)} -> {_text(change.new)}"


def _said(each: Said, paint: Paint) -> str:
    who = each.workload or "outside every workload"
    code = f" {each.code}" if each.code else ""
    about = f" {each.about}" if each.about else ""
    head = one_line(f"{each.kind}{code} of {who}{about}")
    if not each.old:
        return paint(f"+ {head}: {one_line(each.new)}", "added")
    if not each.new:
        return paint(f"- {head}: was {one_line(each.old)}", "removed")
    return paint(f"~ {head}: {one_line(each.old)} -> {one_line(each.new)}", "changed")


def _text(value: Any) -> str:
    text = one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."


def comparison_unified(comparison: Comparison, paint: Paint = plain) -> str:
    """A unified diff of the objects as YAML, the other side first; fields of others are left out."""
    lines: list[str] = []
    for each in comparison.objects:
        if each.state is not State.EXTRA:
            lines += _unified(each, paint)
    return "".join(lines)


def _unified(each: ObjectDifference, paint: Paint) -> Iterator[str]:
    before, after = _yaml(_without_extras(each)), _yaml(each.new)
    name = one_line(f"{each.namespace}/{each.name}" if each.namespace else each.name)
    for line in unified_diff(before, after, f"a/{name}", f"b/{name}"):
        kind = {"+": "added", "-": "removed"}.get(line[:1], "")
        yield paint(line.rstrip("\n"), kind) + "\n" if kind else line


def _yaml(value: Mapping[str, Any] | None) -> list[str]:
    return emit(_sorted(value)).splitlines(keepends=True) if value is not None else []


def _sorted(value: Any) -> Any:
    """Keys in one order on both sides: the server stores maps in its own."""
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def _without_extras(each: ObjectDifference) -> Mapping[str, Any] | None:
    if each.old is None:
        return None
    gone = {extra.path for extra in each.extras}
    return _pruned(each.old, "", gone) if gone else each.old


def _pruned(value: Any, path: str, gone: set[str]) -> Any:
    if isinstance(value, Mapping):
        made = {}
        for key, below in value.items():
            inner = f"{path}[{key}]" if "." in key or "/" in key else f"{path}.{key}" if path else key
            if inner not in gone:
                made[key] = _pruned(below, inner, gone)
        return made
    if isinstance(value, list):
        return [
            _pruned(each, here, gone)
            for n, each in enumerate(value)
            if (here := f"{path}[{_name(each, n)}]") not in gone
        ]
    return value


def _name(item: Any, number: int) -> str:
    """The merge key by which a change names the item, as walk.py spells it."""
    if not isinstance(item, Mapping):
        return str(item)
    if "containerPort" in item:
        return f"{item['containerPort']}/{item.get('protocol', 'TCP')}"
    for key in ("mountPath", "devicePath", "name", "ip"):
        if key in item:
            return str(item[key])
    return f"{item['port']}/{item.get('protocol', 'TCP')}" if "port" in item else str(number)


def comparison_markdown(comparison: Comparison) -> str:
    """For a pull request's comment."""
    lines = ["# Diff", "", comparison_line(comparison), ""]
    for each in comparison.objects:
        note = one_line(f": {each.note}" if each.note else "")
        lines.append(f"- `{one_line(each.name)}` {_MEANING[each.state]}{note}")
        lines += [f"  - `{_change(change).replace('`', chr(39))}`" for change in each.changes]
        lines += [one_line(f"  - beside: `{extra.path}` by {extra.owner or 'somebody else'}") for extra in each.extras]
    if comparison.said:
        lines += ["", "## Verdicts and findings", ""]
        lines += [f"- `{_said(each, plain).replace('`', chr(39))}`" for each in comparison.said]
    lines += (
        ["", *(f"Not compared: {one_line(each)}." for each in comparison.uncompared)] if comparison.uncompared else []
    )
    return "\n".join(lines).rstrip() + "\n"
