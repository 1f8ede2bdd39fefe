"""Instances that say something for themselves: one workload of their common part, and their differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from ...estate.facets import bare
from ...estate.instances import differences_of
from ...fields.verdict import Origins
from ...workload import Instance, Workload


def united(members: Sequence[tuple[str, Workload]]) -> Workload:
    """One workload of one for each instance (name, workload). What all say alike has the origins of all; what they
    say differently is the first one's, and a Difference."""
    first = members[0][1]
    if len(members) == 1:
        return first
    seen = [replace(workload, instances=(Instance(name=name, host="", document=name),)) for name, workload in members]
    base: Workload = first
    for _, other in members[1:]:
        base = _joined(base, other)
    return replace(base, differences=differences_of(seen))


def _joined(one: Any, other: Any) -> Any:
    """``one`` with the origins of ``other`` wherever both say the same."""
    changes: dict[str, Any] = {}
    for each in fields(one):
        mine, theirs = getattr(one, each.name), getattr(other, each.name)
        if each.name == "origins":
            if isinstance(mine, Mapping):
                same = [name for name in (*mine, *theirs) if _same(one, other, name)]
                changes["origins"] = {**mine, **{n: _both(mine.get(n, ()), theirs.get(n, ())) for n in same}}
            elif bare(one) == bare(other):
                changes["origins"] = _both(mine, theirs)
        elif is_dataclass(mine) and is_dataclass(theirs):
            changes[each.name] = _joined(mine, theirs)
        elif isinstance(mine, tuple) and mine and is_dataclass(mine[0]):
            changes[each.name] = _elements(mine, theirs)
    return replace(one, **changes)


def _elements(mine: tuple[Any, ...], theirs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Elements that are equal, or (containers, checks) stand in the same place and have origins by attribute."""
    made = []
    waiting = list(theirs)
    for place, element in enumerate(mine):
        match = next((each for each in waiting if bare(each) == bare(element)), None)
        if match is None and isinstance(element.origins, Mapping) and place < len(theirs):
            match = theirs[place]
        if match is None:
            made.append(element)
            continue
        if match in waiting:
            waiting.remove(match)
        made.append(_joined(element, match))
    return tuple(made)


def _same(one: Any, other: Any, name: str) -> bool:
    return hasattr(one, name) and bare(getattr(one, name)) == bare(getattr(other, name))


def _both(mine: Origins, theirs: Origins) -> Origins:
    return tuple(dict.fromkeys((*mine, *theirs)))
