"""How fast podlift writes, and how long it waits and tries again. Decisions only: the clock is passed in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

# A server may ask for hours; nobody sits before a command that long.
LONGEST_WAIT_S = 30.0
_BUSY = frozenset({429, 503})
_PASSING = frozenset({502, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds before each further try: while nothing has ever answered, after a connection that worked broke, and
    where the server says that it is busy and not for how long."""

    new: tuple[float, ...] = (0.2, 0.5)
    broken: tuple[float, ...] = (0.1, 0.5, 1.0, 2.0, 4.0)
    busy: tuple[float, ...] = (1.0, 1.0, 2.0, 4.0, 8.0, 15.0)

    def after_break(self, tries: int, *, sent: bool, idempotent: bool, known: bool) -> float | None:
        """Seconds until a request whose connection broke goes again; None: it does not. ``tries`` begins with 1.
        One that may have arrived goes again only where twice is as good as once."""
        waits = self.broken if known else self.new
        if (sent and not idempotent) or tries > len(waits):
            return None
        return waits[tries - 1]

    def after_answer(self, tries: int, status: int, retry_after: str, *, idempotent: bool) -> float | None:
        """The same of one that was answered. A server that is busy has not done it."""
        said = _seconds(retry_after)
        busy = status == 429 or (status in _BUSY and (said is not None or idempotent))
        if not busy and not (status in _PASSING and idempotent):
            return None
        if tries > len(self.busy) or (said or 0) > LONGEST_WAIT_S:
            return None
        return self.busy[tries - 1] if said is None else said


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isdecimal() else None


class Bucket:
    """Lets ``rate`` a second through, and at once as many as gathered while nobody came, ``burst`` at most."""

    def __init__(
        self,
        rate: float,
        burst: float = 1,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._tokens = burst
        self._seen = clock()

    def take(self) -> None:
        """Returns when the caller may go; each waits its turn outside the lock."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._seen) * self._rate)
            self._seen = now
            self._tokens -= 1
            wait = -self._tokens / self._rate if self._tokens < 0 else 0.0
        if wait:
            self._sleep(wait)
