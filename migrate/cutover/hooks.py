"""Hooks: commands of the user's that do what podlift cannot, such as telling the legacy scheduler to keep off.

Each may be run again: a run that died meanwhile runs it anew. It learns from its environment what it is about.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from converters.errors import PodliftError

from ..aside import given_up
from ..processes import Ended, run

# Most hooks say at once what they see.
_PROMPT_S = 1.0
_OLD_S = 10.0


class CommandHooks:
    """Keeps edges.Hooks. ``given``: name to argv, as in Spec.hooks."""

    def __init__(self, given: Mapping[str, Sequence[str]], *, timeout_s: float) -> None:
        self._given = given
        self._timeout_s = timeout_s
        self._looks: dict[str, _Look] = {}

    def has(self, name: str) -> bool:
        return bool(self._given.get(name))

    def run(self, name: str, variables: Mapping[str, str]) -> None:
        ended = self._ended(name, variables)
        if ended.code != 0:
            raise _failed(name, self._given[name], ended)

    def refuses(self, name: str, variables: Mapping[str, str]) -> str | None:
        """Raises PodliftError ``hook-failed`` where the hook could not say: not started, not ended in time."""
        look = self._looks.pop(name, None)
        if look is None or look.old:
            look = _Look(lambda: self._ended(name, variables))
            look.start()
        look.join(_PROMPT_S)
        ended = look.ended
        if ended is None:
            self._looks[name] = look
            return None
        if ended.code == 0:
            return ""
        failed = _failed(name, self._given[name], ended)
        if ended.code is None:
            raise failed
        return f"{failed.subject}: {failed.reason}"

    def _ended(self, name: str, variables: Mapping[str, str]) -> Ended:
        # one that acts is run by who drives, which is no work that is given up
        return run(self._given[name], variables=variables, timeout_s=self._timeout_s, interrupted=given_up)


class _Look(threading.Thread):
    """A hook that only looks, run beside what else is looked at: who calls past the Services is missed in a gap."""

    def __init__(self, run: Callable[[], Ended]) -> None:
        super().__init__(name="podlift-hook", daemon=True)
        self.ended: Ended | None = None
        self._over = 0.0
        self._ask = run

    @property
    def old(self) -> bool:
        """Whether it ended long ago, and nobody asked then."""
        return self.ended is not None and time.monotonic() - self._over >= _OLD_S

    def run(self) -> None:
        ended = self._ask()
        self._over, self.ended = time.monotonic(), ended


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
