"""Decisions: the user's answers to open questions, and overrides, kept in a file and replayed.

An answer names a workload, a code and a source path (for a verdict) or a subject (for a finding); each may hold
``*`` and ``?``. Where several answers match, the most specific one wins: the one with more literal characters. Two
equally specific ones that say different things are an error, since nobody could tell which was meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .errors import PodliftError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One line of answers. ``about`` is the source path or the subject, ``line`` where it stands in the file."""

    workload: str = "*"
    code: str
    about: str = "*"
    answer: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A change to what was made for a workload: its name, its namespace, or a JSON merge patch (RFC 7386) of the
    object ``Kind/name``."""

    workload: str
    name: str = ""
    namespace: str = ""
    object: str = ""
    patch: Mapping[str, Any] | None = None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    file: str = "decisions.yaml"
    answers: tuple[Answered, ...] = ()
    overrides: tuple[Override, ...] = ()
    secrets: tuple[str, ...] = ()
    not_secrets: tuple[str, ...] = ()
    _by_code: dict[str, list[Answered]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for answered in self.answers:
            self._by_code.setdefault(answered.code, []).append(answered)

    def answer(self, workload: str, code: str, about: str) -> Answered | None:
        """The most specific answer, None if nothing matches. Raises PodliftError ``decisions-tie``."""
        best: list[Answered] = []
        score = -1
        for answered in self._by_code.get(code, ()):
            if matches(answered.workload, workload) and matches(answered.about, about):
                this = specificity(answered.workload) + specificity(answered.about)
                if this > score:
                    best, score = [answered], this
                elif this == score:
                    best.append(answered)
        if len({answered.answer for answered in best}) > 1:
            lines = " and ".join(str(answered.line) for answered in best)
            raise PodliftError(
                code="decisions-tie",
                phase="convert",
                subject=f"{self.file}:{best[0].line}",
                reason=f"lines {lines} answer {code} of {workload} ({about}) differently and are equally specific",
                next_step="make one of them more specific: name the workload or the source path in full",
            )
        return best[0] if best else None

    def overrides_of(self, workload: str) -> tuple[Override, ...]:
        return tuple(o for o in self.overrides if o.workload == workload)


def specificity(glob: str) -> int:
    """How specific a glob is: its literal characters, and more than any glob's where it has no wildcard."""
    wild = glob.count("*") + glob.count("?")
    return len(glob) - wild + (0 if wild else 1000)


def matches(glob: str, text: str) -> bool:
    """Whether the whole text fits: ``*`` stands for any characters, ``?`` for one."""
    return glob == "*" or _compiled(glob).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(glob: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in glob)
    return re.compile("".join(parts), re.DOTALL)
