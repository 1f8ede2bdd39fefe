"""The catalogue of codes: one entry for every verdict, finding, error and row of preflight that podlift can utter.

``podlift explain CODE``, docs/reference and the decisions file feed from it. A code is stable once published.
The entries stand by room in the ``codes_*`` modules beside this one; this module joins them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    FIELD = "field"
    FINDING = "finding"
    ERROR = "error"
    PREFLIGHT = "preflight"


class Answer(StrEnum):
    """The type of a decision that answers a code."""

    NONE = "none"
    CHOICE = "choice"
    TEXT = "text"
    SIZE = "size"
    NUMBER = "number"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """
    about     what it is, a sentence without the particular
    todo      what to do about it
    blocking  while undecided, the workload gets no manifests
    drop      on the published list of drops: the setting has no counterpart and does not reach the manifests
    answer    the type of a decision; options ``(value, meaning)`` for a choice. Options of a TEXT, SIZE or NUMBER
              are words allowed beside a value of that type
    typed     what a TEXT may be beside the options; ``""``: they are all there is to choose from
    """

    name: str
    kind: Kind
    about: str
    todo: str = ""
    blocking: bool = False
    drop: bool = False
    answer: Answer = Answer.NONE
    options: tuple[tuple[str, str], ...] = ()
    chosen: str = ""
    typed: str = ""


def field(name: str, about: str, **more: object) -> Code:
    return Code(name=name, kind=Kind.FIELD, about=about, **more)  # type: ignore[arg-type]


def finding(name: str, about: str, **more: object) -> Code:
    return Code(name=name, kind=Kind.FINDING, about=about, **more)  # type: ignore[arg-type]


def error(name: str, about: str, todo: str) -> Code:
    return Code(name=name, kind=Kind.ERROR, about=about, todo=todo)


def preflight(name: str, about: str, todo: str) -> Code:
    return Code(name=name, kind=Kind.PREFLIGHT, about=about, todo=todo)
