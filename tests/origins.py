"""Which atoms a value of the model came from, and which of them a conversion forgot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from converters.fields.ledger import Ledger
from converters.fields.verdict import Source


def sources_in(value: object) -> Iterator[Source]:
    """Every atom in a Workload, a Container, or anything that hangs on them."""
    if isinstance(value, Source):
        yield value
    elif is_dataclass(value):
        for each in fields(value):
            yield from sources_in(getattr(value, each.name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from sources_in(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from sources_in(each)


def forgotten(value: object, ledger: Ledger) -> set[str]:
    """Paths of the atoms that no verdict covers; empty after a whole conversion."""
    return {source.path for source in sources_in(value)} - {source.path for source in ledger.covered()}
