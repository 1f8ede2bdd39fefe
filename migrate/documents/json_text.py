"""JSON text to values. Read at the full speed of the standard library, because captures hold ten thousand of them;
lines are looked up only when somebody asks, or when something is wrong.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from converters.errors import PodliftError

from .marks import Marks, Tree, line_of
from .refusals import MAX_DEPTH, duplicate_key, refusal, template_in_ruins

_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,\n]|[^\s{}\[\]:,"]+')


class _DuplicateKeyError(Exception):
    pass


class _NumberError(Exception):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateKeyError
    return found


def _constant(written: str) -> Any:
    raise _NumberError(written)


def _finite(written: str) -> float:
    number = float(written)
    if math.isinf(number):
        raise _NumberError(written)
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_float=_finite)


def json_values(text: str, *, name: str) -> Iterator[tuple[Any, Marks]]:
    """Each value of the text, with its lines. Several may follow each other: `docker inspect --format` does so."""
    start = _after_space(text, 0)
    while start < len(text):
        value, end = _value(text, start, name)
        if _too_deep(value):
            reason = f"values are nested more than {MAX_DEPTH} deep"
            raise refusal("bad-json", name, 0, reason, "give a flatter file")
        yield value, Marks(scan=partial(scan_lines, text, start, name))
        start = _after_space(text, end)


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            below
            for each in level
            if type(each) in (dict, list)
            for below in (each.values() if type(each) is dict else each)
            if type(below) in (dict, list)
        ]
        if not level:
            return False
    return True


def _after_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start


def _value(text: str, start: int, name: str) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, start)
    except _DuplicateKeyError:
        scan_lines(text, start, name)  # raises, knowing both lines
        raise
    except _NumberError as cause:
        written = str(cause)
        line = next((n for token, n in _tokens(text, start) if token == written), 0)
        step = "write a number that JSON has, or a string"
        raise refusal("bad-json", name, line, f"{written} is no number that JSON can carry", step) from cause
    except json.JSONDecodeError as cause:
        raise _broken(text, name, cause) from cause
    except RecursionError as cause:
        raise refusal("bad-json", name, 0, "the values are nested too deeply to read", "give a flatter file") from cause
    except ValueError as cause:  # Python reads no integer of more than 4300 digits
        raise refusal("bad-json", name, 0, str(cause), "write a shorter number, or a string") from cause


def _broken(text: str, name: str, cause: json.JSONDecodeError) -> PodliftError:
    problem = f"{cause.msg[0].lower()}{cause.msg[1:]} at column {cause.colno}"
    templated = template_in_ruins(text, name, (cause.lineno, cause.lineno - 1), problem)
    if templated:
        return templated
    if cause.pos >= len(text.rstrip()) or cause.msg.startswith("Unterminated string"):
        reason, step = f"the file ends in the middle of a value ({problem})", "fetch the file again: it was cut off"
    else:
        reason, step = f"this is no JSON: {problem}", "correct that line; JSON has no comments and no trailing commas"
    return refusal("bad-json", name, cause.lineno, reason, step)


def _tokens(text: str, start: int) -> Iterator[tuple[str, int]]:
    line = text.count("\n", 0, start) + 1
    for found in _TOKEN.finditer(text, start):
        token = found.group()
        if token == "\n":
            line += 1
        else:
            yield token, line


def scan_lines(text: str, start: int, name: str) -> Tree:
    """The lines of the one value that starts at ``start``; refuses a key that stands twice in a map."""
    top: dict[str | int, Tree] = {}
    open_: list[tuple[dict[str | int, Tree], bool]] = [(top, False)]  # what lies in each open value; is it a map?
    key: str | int = 0
    key_line = 0
    due = False  # a map waits for the value of ``key``
    for token, line in _tokens(text, start):
        below, is_map = open_[-1]
        if token in ",:":
            continue
        if token in "}]":
            open_.pop()
        elif is_map and not due:
            key, key_line, due = json.loads(token) if "\\" in token else token[1:-1], line, True
            if key in below:
                raise duplicate_key(name, str(key), line_of(below[key]), line)
        else:
            place, at = (key, key_line) if is_map else (len(below), line)
            due = False
            if token in "{[":
                inner: dict[str | int, Tree] = {}
                below[place] = (at, inner)
                open_.append((inner, token == "{"))
            else:
                below[place] = at
        if len(open_) == 1 and top:
            break
    return top[0]
