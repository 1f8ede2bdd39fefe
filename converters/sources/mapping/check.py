"""``podlift mapping check``: what a mapping takes of a config and what it leaves, as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from ...capture import ConfigDocument
from ...fields.verdict import Finding, Source
from ...workload import Setting, Workload
from .read import Reader
from .syntax import Mapping, Where


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedWorkload:
    """``taken``: attributes of the model with what they came from, in the model's order; ``left``: the rest of the
    workload's item, by code (``not-mapped``, ``ignored``, ``selection``, ``overridden``)."""

    name: str
    taken: tuple[tuple[str, tuple[Source, ...]], ...]
    left: tuple[Setting, ...]

    @property
    def not_mapped(self) -> tuple[Source, ...]:
        return tuple(source for s in self.left if s.code == "not-mapped" for source in s.origins)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedMapping:
    """
    left      fields outside every workload
    silent    clauses of the mapping that gave nothing for any workload: a mistake, or a field that no config has
    unused    globs of ``ignore:`` that matched nothing
    """

    workloads: tuple[CheckedWorkload, ...]
    left: tuple[Setting, ...] = ()
    findings: tuple[Finding, ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()
    silent: tuple[Where, ...] = ()
    unused: tuple[str, ...] = ()


def check_mapping(documents: Iterable[ConfigDocument], mapping: Mapping) -> CheckedMapping:
    """Raises what :func:`read_config` raises."""
    reader = Reader(tuple(documents), mapping)
    reading = reader.reading()
    return CheckedMapping(
        workloads=tuple(
            CheckedWorkload(name=w.name, taken=tuple(_taken(w)), left=w.settings) for w in reading.workloads
        ),
        left=reading.left,
        findings=reading.findings,
        excluded=reading.excluded,
        silent=reader.silent(),
        unused=reader.unused_ignores(),
    )


def _taken(workload: Workload) -> Iterator[tuple[str, tuple[Source, ...]]]:
    for each in fields(workload):
        if each.name != "settings":
            yield from _within(getattr(workload, each.name), each.name)
    yield from workload.origins.items()


def _within(value: Any, path: str) -> Iterator[tuple[str, tuple[Source, ...]]]:
    if isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _within(each, f"{path}[{_key(each, number)}]")
    elif is_dataclass(value) and not isinstance(value, type) and not isinstance(value, Source):
        origins = getattr(value, "origins", ())
        if isinstance(origins, MappingOf):
            for name, sources in origins.items():
                yield f"{path}.{name}", sources
        elif origins:
            yield path, origins
        for each in fields(value):
            if each.name != "origins":
                yield from _within(getattr(value, each.name), f"{path}.{each.name}")


def _key(element: Any, number: int) -> str:
    for name in ("name", "key", "target", "container_port", "site", "subject", "attribute", "over", "kind", "value"):
        if found := getattr(element, name, ""):
            return str(found)
    return str(number)
