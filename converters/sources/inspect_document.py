"""A container's document in the reader's hands: its present fields, and which of them were taken.

A reader gets a value only together with the atom it came from, so that nothing enters the model without origins; and
what it does not take is still here at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import PodliftError
from ..fields.classify import Classified
from ..fields.verdict import Origins, Source
from ..fields.walk import Field
from ..workload import Setting


class Document:
    """Present fields of one document. ``name`` is what verdicts call it: ``HOST/container/NAME``."""

    def __init__(self, name: str, raw: Mapping[str, Any], classes: Classified) -> None:
        self.name = name
        self.raw = raw
        self.present = classes.present
        self.disagreeing = classes.disagreeing
        self._taken: set[str] = set()
        self._by_pattern: dict[str, list[Field]] = {}
        for found in classes.present:
            if found.row is not None:
                self._by_pattern.setdefault(found.row.pattern, []).append(found)

    def part(self, *path: str) -> Any:
        """A value as evidence: taken or not, present or not. None where it is missing."""
        value: Any = self.raw
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def each(self, pattern: str) -> list[tuple[Field, Origins]]:
        """The present fields of a row, with their origins; they are taken now."""
        fields = self._by_pattern.get(pattern)
        if not fields:
            return []
        self._taken.update(found.path for found in fields)
        return [(found, (self.source(found.path),)) for found in fields]

    def one(self, pattern: str) -> tuple[Any, Origins]:
        """Value and origins of a present field of a row that stands once, ``(None, ())`` where it is not present."""
        fields = self.each(pattern)
        return (fields[0][0].value, fields[0][1]) if fields else (None, ())

    def text(self, pattern: str) -> tuple[str, Origins]:
        if pattern not in self._by_pattern:
            return "", ()
        value, origins = self.one(pattern)
        if not isinstance(value, str):
            raise self.malformed(pattern, "a string", value)
        return value, origins

    def number(self, pattern: str, *, least: int = -(2**63)) -> tuple[int | None, Origins]:
        """A whole number of 64 bits, as the engine keeps it."""
        if pattern not in self._by_pattern:
            return None, ()
        value, origins = self.one(pattern)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.malformed(pattern, "a whole number", value)
        if not least <= value < 2**63:
            due = "a whole number of 64 bits" if least < 0 else "a whole number of 64 bits, zero or more,"
            raise self.malformed(pattern, due, value)
        return value, origins

    def flag(self, pattern: str) -> tuple[bool, Origins]:
        if pattern not in self._by_pattern:
            return False, ()
        value, origins = self.one(pattern)
        if not isinstance(value, bool):
            raise self.malformed(pattern, "true or false", value)
        return value, origins

    def words(self, pattern: str) -> tuple[tuple[str, ...], Origins]:
        value, origins = self.one(pattern)
        if isinstance(value, str):
            value = [value]
        if value is not None and not (isinstance(value, list) and all(isinstance(word, str) for word in value)):
            raise self.malformed(pattern, "a list of strings", value)
        return tuple(value or ()), origins

    def texts(self, pattern: str) -> Iterable[tuple[Field, str, Origins]]:
        """The present fields of a row whose values are strings."""
        for found, origins in self.each(pattern):
            if not isinstance(found.value, str):
                raise self.malformed(found.path, "a string", found.value)
            yield found, found.value, origins

    def objects(self, pattern: str) -> Iterable[tuple[Field, dict[str, Any], Origins]]:
        """The present fields of a row whose values are objects."""
        for found, origins in self.each(pattern):
            if not isinstance(found.value, dict):
                raise self.malformed(found.path, "an object", found.value)
            yield found, found.value, origins

    def source(self, path: str) -> Source:
        return Source(document=self.name, path=path)

    def left(self) -> tuple[Setting, ...]:
        """What nobody took: fields that the model has no attribute for, and fields that nobody knows."""
        return tuple(
            Setting(
                code=found.row.code if found.row is not None and found.row.attribute == "setting" else "unknown-field",
                value=found.value,
                origins=(self.source(found.path),),
            )
            for found in self.present
            if found.path not in self._taken
        )

    def malformed(self, path: str, wanted: str, value: Any) -> PodliftError:
        return PodliftError(
            code="inspect-malformed",
            phase="read",
            subject=f"{self.name} {path}",
            reason=f"{wanted} is due and {kind_of(value)} stands there",
            next_step="give the document as docker inspect printed it",
        )


def kind_of(value: Any) -> str:
    """What a JSON value is, for people."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "an object"


def chosen(path: str, depth: int = 0) -> str:
    """The key that a split put into a path: ``LOG`` of ``Config.Env[LOG]``; ``depth`` counts splits from the left."""
    start, end = -1, 0
    for _ in range(depth + 1):
        start = path.index("[", start + 1)
        end = path.index("]", start)
    # Keys may hold brackets of their own: the last split ends where the path does.
    if path.find("[", end) == -1:
        end = path.rindex("]")
    return path[start + 1 : end]


class Draft:
    """Attributes of a Container or Workload while they are gathered, with their origins."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.origins: dict[str, Origins] = {}

    def set(self, attribute: str, value: Any, origins: Origins = ()) -> None:
        """An attribute that no field is present for stays as the model has it."""
        if not origins and value in (None, "", (), False):
            return
        self.values[attribute] = value
        if origins:
            self.origins[attribute] = (*self.origins.get(attribute, ()), *origins)
