"""Documents as text: JSON with one setting a line, so that a person can review and git can compare, and names of files.

Python writes indented JSON ten times slower than compact JSON. So the outer level is laid out here, and what lies
below is written at full speed with a line for each setting, however deep it lies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

_LONGEST = 120


def text_of(value: Any) -> bytes:
    """A document as bytes: ASCII, keys in the order in which they came."""
    if not isinstance(value, Mapping) or not value:
        return _compact(value).encode() + b"\n"
    lines = ",\n".join(f"  {_compact(key)}: {_inner(below)}" for key, below in value.items())
    return f"{{\n{lines}\n}}\n".encode()


def _inner(value: Any) -> str:
    if not value or isinstance(value, str | int | float):
        return _compact(value)
    if isinstance(value, Mapping):
        return f"{{\n    {_spread(value)[1:-1]}\n  }}"
    if isinstance(value, list) and isinstance(value[0], list | dict):
        lines = ",\n".join(f"    {_compact(below)}" for below in value)
        return f"[\n{lines}\n  ]"
    return _compact(value)


_compact = json.JSONEncoder(separators=(", ", ": ")).encode
_spread = json.JSONEncoder(separators=(",\n    ", ": ")).encode


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class FileNames:
    """Names for files of one directory: from the names of what is in them, none twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """Without a suffix; safe on every file system that tells cases apart."""
        made = quote(name, safe="") or "unnamed"
        if made.startswith("."):
            made = "%2E" + made[1:]
        if len(made) > _LONGEST:
            made = f"{made[: _LONGEST - 17]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        n, unique = 1, made
        while unique in self._taken:
            n += 1
            unique = f"{made}~{n}"
        self._taken.add(unique)
        return unique
