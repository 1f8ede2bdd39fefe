"""Label selectors as kubectl's -l takes them: ``app=web,tier!=db,site in (a,b),!legacy``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from converters.errors import PodliftError

_KEY = r"[A-Za-z0-9./_-]+"
_TERM = re.compile(
    rf"(?P<not>!)?\s*(?P<key>{_KEY})\s*"
    r"(?:(?P<sign>==|=|!=)\s*(?P<value>[A-Za-z0-9._-]*)|(?P<word>in|notin)\s*\((?P<set>[^()]*)\))?"
)


def selects(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether an object with these labels is selected. Raises PodliftError ``bad-selector``."""
    return all(_holds(*term, labels) for term in terms(selector))


Term = tuple[str, str, frozenset[str]]
"""Key, one of in, notin, has, hasnt, and the values."""


@lru_cache(maxsize=64)
def terms(selector: str) -> tuple[Term, ...]:
    """The selector's terms. Raises PodliftError ``bad-selector``."""
    return tuple(_term(part, selector) for part in _parts(selector))


def _parts(selector: str) -> Iterator[str]:
    """Divided at commas, but for those of a set."""
    yield from (part.strip() for part in re.split(r",(?![^()]*\))", selector))


def _term(part: str, selector: str) -> Term:
    match = _TERM.fullmatch(part)
    if match is None or (match["not"] and (match["sign"] or match["word"])):
        raise PodliftError(
            code="bad-selector",
            phase="use",
            subject=selector,
            reason=f"{part!r} is no term of a label selector",
            next_step="write terms as kubectl takes them: app=web,tier!=db,site in (a,b),!legacy",
        )
    key = match["key"]
    if match["word"]:
        return key, match["word"], frozenset(value.strip() for value in match["set"].split(","))
    if match["sign"]:
        return key, "notin" if match["sign"] == "!=" else "in", frozenset((match["value"],))
    return key, "hasnt" if match["not"] else "has", frozenset()


def _holds(key: str, way: str, values: frozenset[str], labels: Mapping[str, str]) -> bool:
    if way == "has":
        return key in labels
    if way == "hasnt":
        return key not in labels
    # as Kubernetes has it: what lacks the label is not in the set
    return (labels.get(key) in values) is (way == "in")
