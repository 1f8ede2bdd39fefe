"""When a CronJob runs: what the API server takes as a schedule and as a time zone.

Sources: robfig/cron's ParseStandard, which Kubernetes uses; the names of the IANA time zone database.
"""

from __future__ import annotations

import re

_MACROS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_EVERY = re.compile(r"@every ([0-9]{1,6}(h|m|s))+")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
# minute, hour, day, month, weekday: least, most, and the names of its values
_FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, {name: n for n, name in enumerate(_MONTHS, 1)}),
    (0, 6, {name: n for n, name in enumerate(_DAYS)}),
)
_PART = re.compile(r"(?P<low>\*|\?|[0-9]{1,3}|[a-z]{3})(-(?P<high>[0-9]{1,3}|[a-z]{3}))?(/(?P<step>[0-9]{1,3}))?")
_SUNDAY = re.compile(r"(?P<low>[0-7])(-(?P<high>[0-7]))?(/(?P<step>[1-9]))?")

_AREAS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Brazil", "Canada", "Chile", "Etc",
    "Europe", "Indian", "Mexico", "Pacific", "US",
)  # fmt: skip
# Zones without an area; the other abbreviations in use (PST, CEST, BST) are no zones.
_ALONE = frozenset(
    (
        "CET", "CST6CDT", "Cuba", "EET", "EST", "EST5EDT", "Egypt", "Eire", "GB", "GB-Eire", "GMT", "GMT+0", "GMT-0",
        "GMT0", "Greenwich", "HST", "Hongkong", "Iceland", "Iran", "Israel", "Jamaica", "Japan", "Kwajalein", "Libya",
        "MET", "MST", "MST7MDT", "NZ", "NZ-CHAT", "Navajo", "PRC", "PST8PDT", "Poland", "Portugal", "ROC", "ROK",
        "Singapore", "Turkey", "UCT", "UTC", "Universal", "W-SU", "WET", "Zulu",
    )
)  # fmt: skip
_ZONE = re.compile(rf"({'|'.join(_AREAS)})(/[A-Z][A-Za-z0-9_+-]*)+", re.ASCII)


def cron_fits(cron: str) -> bool:
    """Five fields or a macro, as the API server reads them."""
    fields = cron.split()
    if cron in _MACROS or _EVERY.fullmatch(cron):
        return True
    return len(fields) == len(_FIELDS) and all(
        _part_fits(part, *known) for text, known in zip(fields, _FIELDS, strict=True) for part in text.split(",")
    )


def _part_fits(part: str, least: int, most: int, names: dict[str, int]) -> bool:
    found = _PART.fullmatch(part.lower())
    if found is None or found["step"] in ("0", "00", "000"):
        return False
    if found["low"] in ("*", "?"):
        return found["high"] is None
    low = _value(found["low"], names)
    high = low if found["high"] is None else _value(found["high"], names)
    return low is not None and high is not None and least <= low <= high <= most


def _value(text: str, names: dict[str, int]) -> int | None:
    return int(text) if text.isdigit() else names.get(text)


def with_sunday_as_zero(cron: str) -> str:
    """Elsewhere 7 is Sunday too, here only 0 is.

    >>> with_sunday_as_zero("0 3 * * 7")
    '0 3 * * 0'
    >>> with_sunday_as_zero("0 3 * * 5-7")
    '0 3 * * 0,5,6'
    """
    head, space, weekdays = cron.rpartition(" ")
    if "7" not in weekdays or len(cron.split()) != len(_FIELDS):
        return cron
    return head + space + ",".join(_days(part) for part in weekdays.split(","))


def _days(part: str) -> str:
    found = _SUNDAY.fullmatch(part)
    if found is None or "7" not in (found["low"], found["high"]):
        return part
    low, high = int(found["low"]), int(found["high"] or found["low"])
    days = {day % 7 for day in range(low, high + 1, int(found["step"] or 1))}
    return ",".join(map(str, sorted(days))) or part


def zone_fits(zone: str) -> bool:
    """Whether it is written as zones are; which cities the server's database has, only the server knows."""
    return zone in _ALONE or _ZONE.fullmatch(zone) is not None
