"""Joining: several values that describe one thing become one, with the origins of all that say the same.

Nothing of what instances agree on may lose its origins, or their documents would have fields without a verdict. What
they disagree on is the first one's here, and a Difference besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from ..fields.verdict import Origins
from ..workload import Container, Image
from .facets import bare

T = TypeVar("T")

_NAMES: dict[type, tuple[str, ...]] = {}
# An image's ID and platform differ from host to host; its digest was compared before.
_ALIKE = {(Container, "image")}


def joined(values: Sequence[T]) -> T:
    """The first, with the origins of the others wherever they say the same."""
    first: Any = values[0]
    if len(values) == 1:
        return values[0]
    changes: dict[str, Any] = {}
    for name in _names(first):
        mine = getattr(first, name)
        if name == "origins":
            made = _by_attribute(values) if isinstance(mine, Mapping) else _whole(values)
            if made != mine:
                changes[name] = made
        elif isinstance(mine, Image):
            continue
        elif is_dataclass(mine):
            theirs = [each for each in (getattr(value, name) for value in values) if type(each) is type(mine)]
            changes[name] = joined(theirs)
        elif isinstance(mine, tuple) and mine and is_dataclass(mine[0]) and hasattr(mine[0], "origins"):
            changes[name] = _elements([getattr(value, name) for value in values])
    made_one: T = replace(first, **changes) if changes else first
    return made_one


def _names(value: Any) -> tuple[str, ...]:
    kind = type(value)
    if kind not in _NAMES:
        _NAMES[kind] = tuple(each.name for each in fields(kind))
    return _NAMES[kind]


def _whole(values: Sequence[Any]) -> Origins:
    wanted = bare(values[0])
    return tuple(dict.fromkeys(source for value in values if bare(value) == wanted for source in value.origins))


def _by_attribute(values: Sequence[Any]) -> dict[str, Origins]:
    first = values[0]
    made: dict[str, dict[Any, None]] = {}
    for value in values:
        for name, origins in value.origins.items():
            if value is first or _same(first, value, name):
                made.setdefault(name, {}).update(dict.fromkeys(origins))
    return {name: tuple(sources) for name, sources in made.items()}


def _same(one: Any, other: Any, name: str) -> bool:
    if (type(one), name) in _ALIKE:
        return True
    return hasattr(one, name) and bare(getattr(one, name)) == bare(getattr(other, name))


def _elements(lists: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Elements that are equal; or that stand in the same place, where their origins are by attribute (checks)."""
    waiting: list[dict[Any, list[Any]]] = []
    for others in lists[1:]:
        by_value: dict[Any, list[Any]] = {}
        for element in others:
            by_value.setdefault(bare(element), []).append(element)
        waiting.append(by_value)
    made = []
    for place, element in enumerate(lists[0]):
        key = bare(element)
        same = [element]
        for others, by_value in zip(lists[1:], waiting, strict=True):
            if by_value.get(key):
                same.append(by_value[key].pop(0))
            elif isinstance(element.origins, Mapping) and place < len(others):
                same.append(others[place])
        made.append(joined(same))
    return tuple(made)
