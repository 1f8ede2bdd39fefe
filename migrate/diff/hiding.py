"""Values of live objects that look secret: whoever wrote one into a cluster in clear, no report repeats it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from converters.secrecy import is_secret, masked

from .comparison import Extra
from .walk import Change, Step

HIDDEN = "(secret)"


def hidden(value: Any) -> Any:
    """The value without secret ones of variables, passwords in URLs and PEM blocks; of a Secret without its data."""
    if isinstance(value, str):
        return masked(value, ())
    if isinstance(value, list):
        return [hidden(each) for each in value]
    if isinstance(value, Mapping):
        made = {key: hidden(each) for key, each in value.items()}
        if value.get("kind") == "Secret":
            made |= {part: _sealed(value[part]) for part in ("data", "stringData") if part in value}
        elif _tells(value.get("name"), value.get("value")):
            made["value"] = HIDDEN
        return made
    return value


def hidden_changes(found: Iterable[Change]) -> tuple[Change, ...]:
    """Changes, their live side hidden."""
    return tuple(replace(each, old=_at(each.trail, each.old)) for each in found)


def hidden_extras(found: Iterable[tuple[Change, str]]) -> tuple[Extra, ...]:
    """What stands beside, with its owner."""
    return tuple(Extra(path=each.path, value=_at(each.trail, each.old), owner=owner) for each, owner in found)


def _at(trail: tuple[Step, ...], value: Any) -> Any:
    """A variable's name stands in the list's item, one step above its value."""
    if len(trail) > 1 and trail[-1] == ("key", "value"):
        kind, item = trail[-2]
        if kind == "item" and isinstance(item, Mapping) and _tells(item.get("name"), value):
            return HIDDEN
    return hidden(value)


def _tells(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, str) and is_secret(name, value)


def _sealed(data: Any) -> Any:
    """Hashes stay: they were made to be shown."""
    if not isinstance(data, Mapping):
        return HIDDEN
    return {key: each if str(each).startswith("hmac:") else HIDDEN for key, each in data.items()}
