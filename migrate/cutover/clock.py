"""The machine's clocks."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """``edges.Clock``."""

    def now(self) -> float:
        return time.time()

    def boot(self) -> float:
        # where there is no such clock, a machine that slept looks younger than it is
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def rfc3339(at: float, timespec: str = "microseconds") -> str:
    """Seconds since 1970, as Kubernetes writes them."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
