"""Hooks: commands of the user's that do what podlift cannot, such as telling the legacy scheduler to keep off.

Each may be run again: a run that died meanwhile runs it anew. It learns from its environment what it is about.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from converters.errors import PodliftError

from ..aside import given_up
from ..processes import Ended, run
from ..unsaid import Hide
from .edges import Aside, Begun

# Most hooks say at once what they see.
_PROMPT_S = 1.0
_OLD_S = 10.0


class CommandHooks:
    """Keeps edges.Hooks. ``given``: name to argv, as in Spec.hooks. ``aside``: where those run that only look, beside
    what else is looked at: who calls past the Services is missed in a gap. ``hide``: what of their words is not
    repeated."""

    def __init__(self, given: Mapping[str, Sequence[str]], *, timeout_s: float, aside: Aside, hide: Hide) -> None:
        self._given = given
        self._timeout_s = timeout_s
        self._aside = aside
        self._hide = hide
        self._looks: dict[str, Begun[_Seen | None]] = {}

    def has(self, name: str) -> bool:
        return bool(self._given.get(name))

    def run(self, name: str, variables: Mapping[str, str]) -> None:
        ended = self._ended(name, variables)
        if ended.code != 0:
            raise _failed(name, self._given[name], ended)

    def refuses(self, name: str, variables: Mapping[str, str]) -> str | None:
        """Raises PodliftError ``hook-failed`` where the hook could not say: not started, not ended in time."""
        look = self._looks.pop(name, None)
        if look is None or (look.over() and _is_old(look.result())):
            look = self._aside.begin(lambda: self._look(name, variables))
        if not look.over(_PROMPT_S):
            self._looks[name] = look
            return None
        seen = look.result()
        if seen is None:
            return None
        ended = seen.ended
        if ended.code == 0:
            return ""
        failed = _failed(name, self._given[name], ended)
        if ended.code is None:
            raise failed
        return f"{failed.subject}: {failed.reason}"

    def _look(self, name: str, variables: Mapping[str, str]) -> _Seen | None:
        """None: nobody wanted to know any more, and it was cut off."""
        ended = self._ended(name, variables)
        return None if given_up() else _Seen(ended=ended, at=time.monotonic())

    def _ended(self, name: str, variables: Mapping[str, str]) -> Ended:
        # one that acts is run by who drives, which is no work that is given up
        return run(
            self._given[name], variables=variables, timeout_s=self._timeout_s, interrupted=given_up, hide=self._hide
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    ended: Ended
    at: float


def _is_old(seen: _Seen | None) -> bool:
    """Whether it ended long ago, and nobody asked then, or was cut off."""
    return seen is None or time.monotonic() - seen.at >= _OLD_S


def _failed(name: str, argv: Sequence[str], ended: Ended) -> PodliftError:
    code = ended.code or 0
    how = ended.why or (f"it was killed by signal {-code}" if code < 0 else f"it ended with {code}")
    return PodliftError(
        code="hook-failed",
        phase="cutover",
        subject=f"hook {name} ({argv[0]})",
        reason=f"{how}: {ended.said}" if ended.said else how,
        next_step="mend it or what it asks, then podlift cutover resume: it is run again",
    )
