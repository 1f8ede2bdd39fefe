"""Frozen values from the JSON that a plan keeps of them: what ``jsonable`` made of a target or of decisions."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def rebuilt(kind: type[T], body: Mapping[str, Any]) -> T:
    """The value; what the body leaves out is as the class has it. Raises TypeError for what it does not know."""
    known: Any = kind
    hints = _hints(known)
    return kind(**{name: _value(hints[name], each) for name, each in body.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return {each.name: get_type_hints(kind)[each.name] for each in fields(kind) if each.init}


def _value(hint: Any, value: Any) -> Any:
    origin = get_origin(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return rebuilt(hint, value)
    if origin is tuple:
        kinds = get_args(hint)
        if kinds[-1] is Ellipsis:
            return tuple(_value(kinds[0], each) for each in value)
        return tuple(_value(kind, each) for kind, each in zip(kinds, value, strict=True))
    if origin is frozenset:
        return frozenset(value)
    if origin in (Union, types.UnionType):
        kinds = tuple(kind for kind in get_args(hint) if kind is not type(None))
        return value if value is None or len(kinds) != 1 else _value(kinds[0], value)
    return value
