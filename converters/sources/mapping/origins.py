"""Atoms: which leaves are one field.

A list of scalars is one atom where every use takes it whole, and one atom for each element where some use does not;
this is known only when everything has been read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from ...capture import ConfigDocument
from ...fields.verdict import Origins, Source
from .nodes import Path, source_at


class Atoms:
    """Replaces the leaves in origins by atoms, once :meth:`use` has seen every use."""

    def __init__(self, documents: Sequence[ConfigDocument]) -> None:
        self._whole: dict[Source, Source] = {}
        self._members: dict[Source, set[Source]] = {}
        self._split: set[Source] = set()
        self._taken_whole: frozenset[Source] = frozenset()
        for document in documents:
            for path, length in _scalar_lists(document.value, ()):
                whole = source_at(document, path)
                self._members[whole] = {source_at(document, (*path, i)) for i in range(length)}
                self._whole.update(dict.fromkeys(self._members[whole], whole))

    def taken_whole(self, lists: Iterable[Source]) -> None:
        """Lists that were taken as lists: others, of one element too, were taken element by element."""
        self._taken_whole = frozenset(lists)

    def use(self, leaves: Iterable[Source], *, taken: bool) -> None:
        """Notes leaves that share one fate. A list of which only some elements are among them falls apart."""
        together = set(leaves)
        for leaf in together:
            whole = self._whole.get(leaf)
            if whole is None:
                continue
            if not self._members[whole] <= together or (taken and whole not in self._taken_whole):
                self._split.add(whole)

    def atom(self, leaf: Source) -> Source:
        whole = self._whole.get(leaf)
        return leaf if whole is None or whole in self._split else whole

    def atoms(self, leaves: Iterable[Source]) -> Origins:
        return tuple(dict.fromkeys(self.atom(leaf) for leaf in leaves))

    def settled(self, value: Any) -> Any:
        """A model value with the leaves in its origins replaced by their atoms."""
        if isinstance(value, tuple):
            return tuple(self.settled(each) for each in value)
        kind = type(value)
        names = _FIELDS[kind] if kind in _FIELDS else _field_names(kind)
        changes: dict[str, Any] = {}
        for name in names:
            inner = getattr(value, name)
            if name == "origins":
                if isinstance(inner, Mapping):
                    made: Any = {k: self.atoms(v) for k, v in inner.items()}
                else:
                    made = self.atoms(inner)
            elif inner and (isinstance(inner, tuple) or is_dataclass(inner)):
                made = self.settled(inner)
            else:
                continue
            if made != inner:
                changes[name] = made
        return replace(value, **changes) if changes else value


_FIELDS: dict[type, tuple[str, ...]] = {}


def _field_names(kind: type) -> tuple[str, ...]:
    """The fields of a model's class, none of what is no dataclass; looked up once, for there are many values."""
    _FIELDS[kind] = tuple(f.name for f in fields(kind)) if is_dataclass(kind) else ()
    return _FIELDS[kind]


def origins_of(value: Any) -> Iterator[Origins]:
    """Every tuple of origins in a model value."""
    if isinstance(value, tuple):
        for each in value:
            yield from origins_of(each)
        return
    kind = type(value)
    for name in _FIELDS[kind] if kind in _FIELDS else _field_names(kind):
        inner = getattr(value, name)
        if name == "origins":
            yield from inner.values() if isinstance(inner, Mapping) else (inner,)
        elif inner and not isinstance(inner, str):
            yield from origins_of(inner)


def _scalar_lists(value: Any, path: Path) -> Iterator[tuple[Path, int]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _scalar_lists(inner, (*path, key))
    elif isinstance(value, list | tuple) and value:
        if not any(isinstance(each, Mapping | list | tuple) for each in value):
            yield path, len(value)
        for index, inner in enumerate(value):
            yield from _scalar_lists(inner, (*path, index))
