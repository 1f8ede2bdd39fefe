"""Schedules and time zones: what an API server takes, and nothing else. tests/cluster asks a real one."""

from __future__ import annotations

import pytest

from converters.objects.cron import cron_fits, with_sunday_as_zero, zone_fits

TAKEN = (
    "0 3 * * *", "*/5 * * * *", "0 0 1,15 * ?", "5/15 * * * *", "0 0 1-10/3 JAN mon-fri", "@daily", "@every 1h30m",
)  # fmt: skip
REFUSED = (
    "", "0 0 3 * * *", "0 3 * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 3 * * 7", "*/0 * * * *",
    "0 5-1 * * *", "H 3 * * *", "0 0 L * *", "0 0 1W * *", "0 0 * * fri-sun", "0 0 1, * *", "@reboot", "@Daily",
    "TZ=UTC 0 3 * * *", "1--2 * * * *", "0 0 * * 1/2/3",
)  # fmt: skip
ZONES = ("UTC", "Etc/UTC", "Etc/GMT+5", "Europe/Amsterdam", "America/Argentina/Buenos_Aires", "US/Pacific", "EST5EDT")
NO_ZONES = ("", "Local", "PST", "CEST", "GMT+1", "europe/Amsterdam", "Europe/amsterdam", "Europe", "../etc/passwd")


@pytest.mark.parametrize("cron", TAKEN)
def test_a_schedule_that_is_taken(cron: str) -> None:
    assert cron_fits(cron)


@pytest.mark.parametrize("cron", REFUSED)
def test_a_schedule_that_is_refused(cron: str) -> None:
    assert not cron_fits(cron)


@pytest.mark.parametrize(
    ("cron", "becomes"),
    [
        ("0 3 * * 7", "0 3 * * 0"),
        ("0 3 * * 1,7", "0 3 * * 1,0"),
        ("0 3 * * 5-7", "0 3 * * 0,5,6"),
        ("0 3 * * 1-7/2", "0 3 * * 0,1,3,5"),
        ("7 7 7 7 *", "7 7 7 7 *"),
        ("0 3 * * */7", "0 3 * * */7"),
        ("0 0 3 * * 7", "0 0 3 * * 7"),
        ("@weekly", "@weekly"),
    ],
)
def test_sunday_is_zero(cron: str, becomes: str) -> None:
    """The days stay the same."""
    assert with_sunday_as_zero(cron) == becomes


def test_zones() -> None:
    """Abbreviations that are in use elsewhere are no names of zones."""
    assert all(zone_fits(zone) for zone in ZONES)
    assert not any(zone_fits(zone) for zone in NO_ZONES)
