"""Response parity: the same request to a legacy instance and to a pod, and whether their answers are alike. Pure.

Compared are the status, chosen headers and the body: JSON by value, other texts by lines, and what is no text, or lies
beyond the first 64 KiB, by the sum of all. What differs by nature (a time, a request's ID) is left out by rules of the
user's, but for that.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from converters.secrecy import WITHHELD, is_secret, masked

from ..unsaid import Hide, as_said
from .edges import Request, Response
from .json_paths import JsonPath, Place, json_path, place_text, without

HEADERS = ("content-type",)
# Said of the connection or of the moment, whatever the application is.
_NEVER_COMPARED = frozenset(
    {"connection", "content-length", "date", "keep-alive", "transfer-encoding", "age", "trailer", "upgrade", "via"}
)
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})
# So much of a body does edges.Response hold.
_MOST = 64 * 1024
_MOST_SHOWN = 5
_LONGEST = 120
# The value lies ahead and is not eaten: it may be the next one's name.
_ASSIGNED = re.compile(r"""(?P<name>[A-Za-z_][\w.-]*)\\?["']?\s*[:=]\s*\\?["']?(?=(?P<value>[^\s"'&;,<>\\]+))""")


class Parity(StrEnum):
    EQUAL = "equal"
    DIFFERENT = "different"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """
    headers   compared, lower case; ``*``: all but those of the connection and the moment
    ignore    headers that are not
    paths     places of JSON bodies that are left out
    patterns  what is left out of texts, header values and texts in JSON
    hide      what stands in place of a secret, on both sides, before anything else: a pattern may leave half of it
    """

    headers: tuple[str, ...] = HEADERS
    ignore: frozenset[str] = frozenset()
    paths: tuple[JsonPath, ...] = ()
    patterns: tuple[re.Pattern[str], ...] = ()
    hide: Hide = as_said


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """``place``: status, a header, a place in the body. ``unsteady``: the legacy side's own answers differ there."""

    place: str
    legacy: str
    pod: str
    unsteady: bool = False

    def __str__(self) -> str:
        said = f"{self.place}: legacy {self.legacy}, pod {self.pod}"
        return f"{said} (legacy's own answers differ here too: ignore it)" if self.unsteady else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One request's result. ``reason``: why nothing could be compared."""

    title: str
    parity: Parity
    differences: tuple[Difference, ...] = ()
    reason: str = ""

    def lines(self) -> tuple[str, ...]:
        """What to show, the first differences of many."""
        if self.parity is Parity.EQUAL:
            return (f"{self.title}: equal",)
        if self.parity is Parity.UNANSWERED:
            return (f"{self.title}: {self.reason}",)
        shown = tuple(f"{self.title}: {each}" for each in self.differences[:_MOST_SHOWN])
        more = len(self.differences) - _MOST_SHOWN
        return (*shown, f"{self.title}: {more} more differences") if more > 0 else shown


def title_of(request: Request) -> str:
    return "a connection" if request.kind == "tcp" else f"{request.method} {_hidden(request.path)}"


def rules_of(parity: Mapping[str, Any]) -> Rules:
    """Of Spec.parity: {headers, ignore: {headers, json, patterns}}. Raises ValueError for what cannot be read."""
    ignore = parity.get("ignore") or {}
    try:
        patterns = tuple(re.compile(each) for each in ignore.get("patterns", ()))
    except re.error as error:
        raise ValueError(f"{error.pattern!r} is no regular expression: {error}") from error
    return Rules(
        headers=tuple(each.lower() for each in parity.get("headers", HEADERS)),
        ignore=frozenset(each.lower() for each in ignore.get("headers", ())),
        paths=tuple(json_path(each) for each in ignore.get("json", ())),
        patterns=patterns,
    )


def compare(title: str, legacy: Response, pod: Response, rules: Rules, *, again: Response | None = None) -> Compared:
    """``again``: the legacy side's second answer to the same; what differs between its two is marked."""
    for side, response in (("legacy", legacy), ("the pod", pod)):
        if response.error:
            reason = f"{side} gives no answer: {response.error}"
            return Compared(title=title, parity=Parity.UNANSWERED, reason=reason)
    found = tuple(_differences(legacy, pod, rules))
    if not found:
        return Compared(title=title, parity=Parity.EQUAL)
    if again is not None and not again.error:
        unsteady = {each.place for each in _differences(legacy, again, rules)}
        found = tuple(
            Difference(place=each.place, legacy=each.legacy, pod=each.pod, unsteady=each.place in unsteady)
            for each in found
        )
    return Compared(title=title, parity=Parity.DIFFERENT, differences=found)


def _differences(one: Response, other: Response, rules: Rules) -> Iterator[Difference]:
    if one.status != other.status:
        yield Difference(place="status", legacy=str(one.status), pod=str(other.status))
    yield from _headers(one.headers, other.headers, rules)
    yield from _bodies(one, other, rules)


def _headers(one: Mapping[str, str], other: Mapping[str, str], rules: Rules) -> Iterator[Difference]:
    ours, theirs = ({name.lower(): value for name, value in each.items()} for each in (one, other))
    names = sorted(set(ours) | set(theirs)) if "*" in rules.headers else sorted(set(rules.headers))
    for name in names:
        if name in rules.ignore or (name in _NEVER_COMPARED and name not in rules.headers):
            continue
        left, right = (_header(name, each.get(name), rules) for each in (ours, theirs))
        if left != right:
            yield Difference(place=f"header {name}", legacy=_shown(left, name), pod=_shown(right, name))


def _header(name: str, value: str | None, rules: Rules) -> str | None:
    if value is None:
        return None
    value = rules.hide(value)
    if name == "content-type":
        # parameters may be spaced and spelled in any way
        value = ";".join(part.strip().lower().replace('"', "") for part in value.split(";"))
    return _scrubbed(value.strip(), rules)


def _bodies(one: Response, other: Response, rules: Rules) -> Iterator[Difference]:
    if one.body_sha256 and one.body_sha256 == other.body_sha256:
        return
    left, right = _json(one.body), _json(other.body)
    json_both = left is not _NO_JSON and right is not _NO_JSON
    ours, theirs = (_scrubbed(each.body, rules) for each in (one, other))
    found = list(_values(_prepared(left, rules), _prepared(right, rules), ()) if json_both else _texts(ours, theirs))
    yield from found
    # no rule reaches what is not held as text, and what nobody saw is not alike
    unseen = [each for each in (one, other) if not _whole(each)]
    if not found and (unseen or (not json_both and ours != theirs)):
        where = "body, in its line ends"
        if unseen:
            # of a letter that was cut in two up to three bytes are missing
            long = any(len(each.body.encode()) > _MOST - 4 for each in unseen)
            where = "body after its first 64 KiB" if long else "body, which is no text"
        yield Difference(place=where, legacy=f"sha256 {one.body_sha256[:12]}", pod=f"sha256 {other.body_sha256[:12]}")


def _whole(response: Response) -> bool:
    """Whether its text is all of the body."""
    return response.body_sha256 in ("", hashlib.sha256(response.body.encode()).hexdigest())


_NO_JSON = object()


def _json(body: str) -> Any:
    if not body.lstrip().startswith(("{", "[")):
        return _NO_JSON
    try:
        # NaN equals nothing, not even itself
        return json.loads(body, parse_constant=str)
    except (ValueError, RecursionError):
        return _NO_JSON


def _prepared(value: Any, rules: Rules) -> Any:
    return _leaves(without(value, rules.paths), rules)


def _leaves(value: Any, rules: Rules) -> Any:
    if isinstance(value, str):
        return _scrubbed(value, rules)
    if isinstance(value, dict):
        return {rules.hide(key): _leaves(each, rules) for key, each in value.items()}
    if isinstance(value, list):
        return [_leaves(each, rules) for each in value]
    hidden = rules.hide(said := json.dumps(value))
    return value if hidden == said else hidden


def _scrubbed(text: str, rules: Rules) -> str:
    text = rules.hide(text)
    for pattern in rules.patterns:
        text = pattern.sub("", text)
    return text


_ABSENT = object()


def _values(one: Any, other: Any, place: Place) -> Iterator[Difference]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from _values(one.get(key, _ABSENT), other.get(key, _ABSENT), (*place, key))
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            where = f"{place_text(place)} (length)"
            yield Difference(place=where, legacy=str(len(one)), pod=str(len(other)))
        for n, (left, right) in enumerate(zip(one, other, strict=False)):
            yield from _values(left, right, (*place, n))
    elif isinstance(one, bool) != isinstance(other, bool) or one != other:
        yield Difference(place=place_text(place), legacy=_value(one, place), pod=_value(other, place))


def _texts(one: str, other: str) -> Iterator[Difference]:
    ours, theirs = one.splitlines(), other.splitlines()
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=len(ours) + len(theirs) > 2000)
    for tag, begin, end, from_, to in matcher.get_opcodes():
        if tag == "equal":
            continue
        for n in range(max(end - begin, to - from_)):
            left = ours[begin + n] if begin + n < end else None
            right = theirs[from_ + n] if from_ + n < to else None
            yield Difference(place=f"line {begin + n + 1}", legacy=_shown(left), pod=_shown(right))


def _value(value: Any, place: Place) -> str:
    if value is _ABSENT:
        return "has none"
    if isinstance(value, dict | list):
        return f"has {'a map' if isinstance(value, dict) else 'a list'} of {len(value)}"
    if any(is_secret(step, str(value)) for step in place if isinstance(step, str)):
        return WITHHELD
    return _cut(_hidden(json.dumps(value, ensure_ascii=False)))


def _shown(value: str | None, name: str = "") -> str:
    if value is None:
        return "has none"
    if name in _SECRET_HEADERS or (name and is_secret(name, value)):
        return WITHHELD
    return _cut(json.dumps(_hidden(value), ensure_ascii=False))


def _hidden(text: str) -> str:
    """Without what names itself a secret, and without passwords of URLs."""
    for found in reversed(list(_ASSIGNED.finditer(text))):
        if is_secret(found["name"], found["value"]):
            text = text[: found.start("value")] + WITHHELD + text[found.end("value") :]
    return masked(text, ())


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"


def held(results: Sequence[Compared]) -> tuple[str, ...]:
    """Why the run has to wait: the differences and what was not answered; () if all are equal."""
    return tuple(line for each in results if each.parity is not Parity.EQUAL for line in each.lines())
