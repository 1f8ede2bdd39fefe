"""Comparisons as a unified diff of objects as YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import Any

from ..diff.comparison import Comparison, ObjectDifference, State
from ..plan.model import Plan
from ..plan.yaml import emit
from .comparison_views import comparison_line, extra_line, report_head, said_line
from .table import one_line
from .views import Paint, plain


def report_unified(plan: Plan, legs: Sequence[Comparison], paint: Paint = plain) -> str:
    """All legs; what is no diff stands behind ``#``, which patch and git pass over."""
    lines = [f"# {line}\n" for line in report_head(plan, legs)]
    for leg in legs:
        if not leg.not_compared:
            lines.append(f"# {one_line(leg.against)}\n")
            lines.append(comparison_unified(leg, paint))
            lines += [f"# {said_line(each)}\n" for each in leg.said]
            lines += [f"# not compared: {one_line(each)}\n" for each in leg.uncompared]
            lines.append(f"# {comparison_line(leg)}\n")
    return "".join(lines)


def comparison_unified(comparison: Comparison, paint: Paint = plain) -> str:
    """A unified diff of the objects as YAML, the other side first. Fields of others are no part of it, and stand
    before it with their owners."""
    lines: list[str] = []
    for each in comparison.objects:
        lines += _unified(each, paint)
    return "".join(lines)


def _unified(each: ObjectDifference, paint: Paint) -> Iterator[str]:
    before, after = _yaml(_without_extras(each)), _yaml(each.new)
    name = one_line(f"{each.namespace}/{each.name}" if each.namespace else each.name)
    for said in (each.note, "must be recreated" if each.recreate else ""):
        if said:
            yield f"# {name}: {one_line(said)}\n"
    owned = [f"{change.path}, set by {change.owner}" for change in each.changes if change.owner]
    yield from (f"# {name}: {one_line(said)}\n" for said in owned)
    yield from (f"# {name}: {extra_line(extra.path, extra.value, extra.owner)}\n" for extra in each.extras)
    if each.state is State.EXTRA:
        return
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
