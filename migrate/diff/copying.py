"""Copies of JSON-shaped values, to change them without touching whose they are."""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from copy import deepcopy
from typing import Any


def copied(value: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy. marshal is some four times faster than deepcopy, and takes exactly what JSON can hold."""
    try:
        made: dict[str, Any] = marshal.loads(marshal.dumps(dict(value)))  # noqa: S302
    except ValueError:
        # a text that is an enumeration's member, a map of another type
        made = deepcopy(dict(value))
    return made
