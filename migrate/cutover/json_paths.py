"""Places in a JSON body that a comparison leaves out: ``$.items[*].id``, ``..time``. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Place = tuple[str | int, ...]
_STEP = re.compile(
    r"""(?P<deep>\.\.)(?P<below>[\w-]+|\*)|\.?(?P<key>[\w-]+|\*)|\[(?P<index>\d+|\*)\]|\[(['"])(?P<quoted>.+?)\5\]"""
)


@dataclass(frozen=True, slots=True)
class JsonPath:
    """``steps``: a key or an index, ``*`` for any, each with whether anything may lie before it."""

    text: str
    steps: tuple[tuple[bool, str | int], ...]

    def matches(self, place: Place) -> bool:
        """Whether it names this very place."""
        return _matches(self.steps, place)


def json_path(text: str) -> JsonPath:
    """
    >>> json_path("$.items[*].id").matches(("items", 3, "id")), json_path("..time").matches(("a", 0, "time"))
    (True, True)

    Raises ValueError.
    """
    rest = text.strip().removeprefix("$")
    steps: list[tuple[bool, str | int]] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            break
        at = match.end()
        index = match["index"]
        step = match["below"] or match["key"] or match["quoted"] or index
        steps.append((bool(match["deep"]), int(index) if index and index != "*" else step))
    if at < len(rest) or not steps:
        raise ValueError(f"{text!r} is no path; write $.items[*].id, or ..time for that key anywhere")
    return JsonPath(text.strip(), tuple(steps))


def place_text(place: Place) -> str:
    """
    >>> place_text(("items", 0, "a b"))
    "$.items[0]['a b']"
    """
    made = "$"
    for step in place:
        if isinstance(step, int):
            made += f"[{step}]"
        else:
            made += f".{step}" if re.fullmatch(r"[\w-]+", step) else f"[{step!r}]"
    return made


def without(value: Any, paths: Sequence[JsonPath], here: Place = ()) -> Any:
    """The value without what the paths name: keys vanish, elements of a list become null, so that others keep their
    number."""
    if not paths:
        return value
    if isinstance(value, dict):
        kept = ((key, each) for key, each in value.items() if not _named(paths, (*here, key)))
        return {key: without(each, paths, (*here, key)) for key, each in kept}
    if isinstance(value, list):
        return [None if _named(paths, (*here, n)) else without(each, paths, (*here, n)) for n, each in enumerate(value)]
    return value


def _named(paths: Iterable[JsonPath], place: Place) -> bool:
    return any(path.matches(place) for path in paths)


def _matches(steps: Sequence[tuple[bool, str | int]], place: Place) -> bool:
    if not steps:
        return not place
    deep, step = steps[0]
    # what names a key may lie anywhere below; the last step names the place itself
    starts = range(len(place)) if deep else range(min(1, len(place)))
    return any(step in ("*", place[at]) and _matches(steps[1:], place[at + 1 :]) for at in starts)
