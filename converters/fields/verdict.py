"""Verdicts: what became of a field.

A verdict has one source (the atom of a document) and any number of targets (paths in objects); its level is the
worst of them. Verdicts are values: nothing here prints or decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How faithfully a field arrived, best first."""

    EXACT = "exact"
    APPROXIMATED = "approximated"
    DEFAULTED = "defaulted"
    DROPPED = "dropped"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Source:
    """One atom of one document: ``document`` names it (``host/container/web-1`` or ``fleet/web.yml``),
    ``path`` is the atom's path in it, ``line`` its line (0 where the document has no lines worth naming)."""

    document: str
    path: str
    line: int = 0

    def __str__(self) -> str:
        at = f":{self.line}" if self.line else ""
        return f"{self.document}{at} {self.path}"


Origins = tuple[Source, ...]
"""The atoms an attribute was made from. Empty: no document said it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one source.

    targets    paths in objects, ``Kind/name:json.path``
    options    the answers an undecided verdict takes, ``(value, meaning)``
    chosen     for an undecided verdict that does not block: the option used for now
    decided    True where a decision of the user made it so
    instances  which instances carry it; empty where all of the workload's do
    """

    workload: str
    level: Level
    code: str
    source: Source | None
    targets: tuple[str, ...] = ()
    why: str = ""
    todo: str = ""
    options: tuple[tuple[str, str], ...] = ()
    chosen: str = ""
    decided: bool = False
    instances: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A disagreement or a risk that belongs to a workload and not to one field.

    subject    what it is about within the workload (an attribute, a name, a port), stable: decisions match on it
    sides      what was compared or seen, ``(who, what)``
    open       True while it wants an answer and has none; ``--strict`` counts these
    """

    workload: str
    code: str
    subject: str = ""
    reason: str = ""
    sides: tuple[tuple[str, str], ...] = ()
    todo: str = ""
    options: tuple[tuple[str, str], ...] = ()
    open: bool = False
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How the leaves of one document divide. ``present`` leaves lie under ``atoms`` atoms, one verdict each."""

    document: str
    leaves: int
    present: int = 0
    inherited: int = 0
    unset: int = 0
    observed: int = 0
    mirror: int = 0
    atoms: tuple[str, ...] = field(default=(), repr=False)
