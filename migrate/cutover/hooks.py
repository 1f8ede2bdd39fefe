"""Hooks: commands of the user's that do what podlift cannot, such as telling the legacy scheduler to keep off.

Each may be run again: a run that died meanwhile runs it anew. It learns from its environment what it is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from converters.errors import PodliftError

from ..aside import given_up
from ..processes import Ended, run


class CommandHooks:
    """Keeps edges.Hooks. ``given``: name to argv, as in Spec.hooks."""

    def __init__(self, given: Mapping[str, Sequence[str]], *, timeout_s: float) -> None:
        self._given = given
        self._timeout_s = timeout_s

    def has(self, name: str) -> bool:
        return bool(self._given.get(name))

    def run(self, name: str, variables: Mapping[str, str]) -> None:
        ended = self._ended(name, variables)
        if ended.code != 0:
            raise _failed(name, self._given[name], ended)

    def passes(self, name: str, variables: Mapping[str, str]) -> bool:
        """Raises PodliftError ``hook-failed`` where the hook could not say: not started, not ended in time."""
        ended = self._ended(name, variables)
        if ended.code is None:
            raise _failed(name, self._given[name], ended)
        return ended.code == 0

    def _ended(self, name: str, variables: Mapping[str, str]) -> Ended:
        # one that acts is run by who drives, which is no work that is given up
        return run(self._given[name], variables=variables, timeout_s=self._timeout_s, interrupted=given_up)


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
