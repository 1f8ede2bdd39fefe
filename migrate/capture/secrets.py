"""Secret values beside the documents: taken out on writing, put back on reading.

In a document stands ``NAME=podlift:apart``; the values lie in ``secrets/`` in the order in which they stood, by file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from converters.secrecy import WITHHELD, WITHHELD_AS_IMAGE, is_secret

APART = "podlift:apart"
"""What stands in a document for a value that lies apart. An environment that really holds this text lies apart too,
so that it never stands for itself."""


class Taken:
    """Collects what is taken out of one file's document: ``[name, value]`` in order."""

    def __init__(self) -> None:
        self.values: list[list[str]] = []

    def __call__(self, name: str, value: str) -> str:
        if value in (WITHHELD, WITHHELD_AS_IMAGE) or not (value == APART or is_secret(name, value)):
            return value
        self.values.append([name, value])
        return APART


class MismatchError(Exception):
    """The values that lie apart are not those that are missing in the document."""


class PutBack:
    """Puts values back where they stood; without values, they are withheld."""

    def __init__(self, values: Any) -> None:
        """``values``: of one file as Taken collected them, None if they were not handed on."""
        self._values: Iterator[Any] | None = None if values is None else iter(values)
        self.withheld = False

    def __call__(self, name: str, value: str) -> str:
        if value != APART:
            return value
        if self._values is None:
            self.withheld = True
            return WITHHELD
        given = next(self._values, None)
        if not isinstance(given, list) or len(given) != 2 or given[0] != name or not isinstance(given[1], str):
            raise MismatchError
        return str(given[1])

    def finish(self) -> None:
        """Raises MismatchError if a value is left over."""
        if self._values is not None and next(self._values, None) is not None:
            raise MismatchError
