"""What differs within a value that is too long to be shown whole: a list without keys, a map, a text of many lines.

Only for the few changes that a report shows in short, so the library that does it (deepdiff, some hundred milliseconds
to load) is loaded when the first such change is met, and never where nothing differs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

from ..diff.walk import Change, Op
from .table import one_line

# What is longer than the table's room for one value.
_LONG = 60
_LINES = 6
_WIDE = 100
# Beyond this it is a document of its own: -o unified shows it.
_LIMIT = 100_000


def within(change: Change) -> list[str]:
    """Lines for below the change; none where the change itself says it all."""
    if change.op is not Op.CHANGED:
        return []
    old, new = _opened(change.old), _opened(change.new)
    sizes = [len(each if isinstance(each, str) else json.dumps(each)) for each in (old, new)]
    if max(sizes) <= _LONG or max(sizes) > _LIMIT:
        return []
    if isinstance(old, str) and isinstance(new, str):
        found = list(_texts(old, new))
    elif isinstance(old, list | dict) and type(old) is type(new):
        found = list(_parts(old, new))
    else:
        return []
    lines = [each if len(each) <= _WIDE else f"{each[: _WIDE - 3]}..." for each in map(one_line, found[:_LINES])]
    return [*lines, f"and {len(found) - _LINES} more"] if len(found) > _LINES else lines


def _opened(value: Any) -> Any:
    """A text that is a JSON document (an annotation, a key of a ConfigMap) as what it says."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _texts(old: str, new: str) -> Iterator[str]:
    for line in unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0):
        if not line.startswith(("---", "+++", "@@")):
            yield f"{line[0]} {line[1:]}"


def _parts(old: Any, new: Any) -> Iterator[str]:
    from deepdiff import DeepDiff

    # 0: the walk goes down however little two maps have in common, or one small change would be shown as a whole map
    found = DeepDiff(old, new, threshold_to_diff_deeper=0, verbose_level=2)
    told = [
        (tuple(_order(step) for step in level.path(output_format="list")), level)
        for levels in found.tree.values()
        for level in levels
    ]
    for _, level in sorted(told, key=lambda each: each[0]):
        path = "".join(
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in level.path(output_format="list")
        ).lstrip(".")
        yield _told(path, level.t1, level.t2, kind=level.report_type)


def _told(path: str, old: Any, new: Any, *, kind: str) -> str:
    if kind.endswith("_added"):
        return f"+ {path}: {_text(new)}"
    if kind.endswith("_removed"):
        return f"- {path}: {_text(old)}"
    return f"~ {path}: {_text(old)} -> {_text(new)}"


def _order(step: Any) -> tuple[bool, int, str]:
    return (False, step, "") if isinstance(step, int) else (True, 0, str(step))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
