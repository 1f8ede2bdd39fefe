"""Moments and durations as reports spell them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(at: float) -> str:
    """Of seconds since 1970, in UTC.

    >>> moment(1795550400.25), moment(1795550400)
    ('2026-11-24 20:00:00.250Z', '2026-11-24 20:00:00Z')
    """
    made = datetime.fromtimestamp(round(at, 3), UTC)
    return made.strftime("%Y-%m-%d %H:%M:%S") + (f".{made.microsecond // 1000:03}Z" if made.microsecond else "Z")


def rfc3339(at: float) -> str:
    """
    >>> rfc3339(1795550400.25)
    '2026-11-24T20:00:00.250Z'
    """
    return datetime.fromtimestamp(round(at, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def spelled(seconds: float) -> str:
    """Seconds, as short as they can be read.

    >>> spelled(5430), spelled(45), spelled(0.54), spelled(0), spelled(3600)
    ('1h30m30s', '45s', '0.5s', '0s', '1h')
    """
    if seconds < 60:
        return f"{round(seconds, 1):g}s"
    whole = round(seconds)
    parts = ((whole // 3600, "h"), (whole % 3600 // 60, "m"), (whole % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)
