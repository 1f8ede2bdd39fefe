"""JSON-shaped values to the YAML that reviewers read and every reader of YAML takes alike.

Block style, no anchors, keys in the order given. Strings stand bare only where YAML 1.1 and 1.2 agree on them: kubectl
takes ``yes`` for a boolean, others take ``12:30`` for a number of seconds. A tenth of the time of PyYAML's emitter,
which would otherwise be most of the time of writing a plan.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

# Bare: a letter, / or -- first; inside also what images, paths, host names and flags are made of. No word of these
# may end with a colon, and a blank stands only between two of them.
_BARE = re.compile(r"(?:[A-Za-z/_]|--[A-Za-z])(?:[A-Za-z0-9_./@=+,-]|:(?=[A-Za-z0-9_./@=+,-])| (?=[A-Za-z0-9_./]))*")
_QUANTITY = re.compile(r"[1-9][0-9]*(?:m|[KMGTPE]i)")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"))
# Written raw, these would end a line, be refused by a reader, or be seen by nobody.
_UNSEEN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\u200b-\u200f\u202a-\u202e\u2060-\u2069]")
# A block scalar keeps every character of these texts, also when an editor strips trailing blanks.
_BLOCK = re.compile("[^\\s\x00-\x1f][^\x00-\x08\x0b-\x1f]*")
_TRAILING_BLANK = re.compile(r"[ \t]$", re.MULTILINE)
# YAML finds a key only if its colon comes within 1024 characters.
_LONG_KEY = 1000


def emit(value: Any) -> str:
    """One document, ending with a newline. ValueError for what no YAML or JSON could carry, TypeError for no JSON.

    >>> print(emit({"args": ["--port=80", "yes"], "ports": [{"name": "web", "port": 80}]}), end="")
    args:
    - --port=80
    - "yes"
    ports:
    - name: web
      port: 80
    """
    lines: list[str] = []
    if isinstance(value, dict) and value:
        _map(value, "", "", lines)
    elif isinstance(value, (list, tuple)) and value:
        _list(value, "", "", lines)
    else:
        lines.append(_quoted(value) if isinstance(value, str) else _scalar(value, ""))
    lines.append("")
    return "\n".join(lines)


def emit_all(values: Iterable[Any]) -> str:
    """Several documents in one stream, ``---`` between them."""
    return "---\n".join(map(emit, values))


def _map(values: dict[Any, Any], first: str, pad: str, lines: list[str]) -> None:
    """``first`` stands before the first line (it holds the dash of a list's item), ``pad`` before the others."""
    for key, value in values.items():
        head = first + _key(key)
        if len(head) > _LONG_KEY:
            head = f"{first}? {_key(key)}\n{pad}"
        first = pad
        kind = type(value)
        if kind is str:
            lines.append(f"{head}: {_text(value)}" if "\n" not in value else f"{head}: {_long(value, pad)}")
        elif kind is dict and value:
            lines.append(f"{head}:")
            _map(value, pad + "  ", pad + "  ", lines)
        elif kind is list and value:
            lines.append(f"{head}:")
            _list(value, pad, pad, lines)
        elif isinstance(value, dict) and value:
            lines.append(f"{head}:")
            _map(value, pad + "  ", pad + "  ", lines)
        elif isinstance(value, (list, tuple)) and value:
            lines.append(f"{head}:")
            _list(value, pad, pad, lines)
        else:
            lines.append(f"{head}: {_scalar(value, pad)}")


def _list(values: Iterable[Any], first: str, pad: str, lines: list[str]) -> None:
    inner = pad + "  "
    for value in values:
        head = first + "- "
        first = pad
        kind = type(value)
        if kind is str:
            lines.append(head + (_text(value) if "\n" not in value else _long(value, pad)))
        elif isinstance(value, dict) and value:
            _map(value, head, inner, lines)
        elif isinstance(value, (list, tuple)) and value:
            _list(value, head, inner, lines)
        else:
            lines.append(head + _scalar(value, pad))


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key must be text, not {key!r}")
    return _text(key)


def _scalar(value: Any, pad: str) -> str:
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value!r} is no number of JSON")
        # YAML 1.1 knows an exponent only behind a point
        written = float.__repr__(value)
        return written.replace("e", ".0e") if "e" in written and "." not in written else written
    if isinstance(value, str):  # an enum's member
        value = str.__str__(value)
        return _text(value) if "\n" not in value else _long(value, pad)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    raise TypeError(f"{type(value).__name__} is no type of JSON: {value!r}")


@lru_cache(maxsize=8192)
def _text(text: str) -> str:
    if _BARE.fullmatch(text):
        return text if text.lower() not in _WORDS else f'"{text}"'
    if _QUANTITY.fullmatch(text):
        return text
    return _quoted(text)


def _quoted(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)
    if text.isascii() and "\x7f" not in text:
        return written
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as cause:
        raise ValueError(f"half a character (a lone surrogate) in {text!r}") from cause
    return _UNSEEN.sub(lambda found: f"\\u{ord(found.group()):04x}", written)


def _long(text: str, pad: str) -> str:
    """A text of several lines: as a block where that is exact, else quoted."""
    if not _BLOCK.fullmatch(text) or _TRAILING_BLANK.search(text) or _UNSEEN.search(text):
        return _quoted(text)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return _quoted(text)  # raises
    body = text.rstrip("\n")
    style = "|-" if body == text else "|" if len(text) == len(body) + 1 else "|+"
    inner = pad + "  "
    written = [style, *(inner + line if line else "" for line in body.split("\n"))]
    written += [""] * (len(text) - len(body) - 1)
    return "\n".join(written)
