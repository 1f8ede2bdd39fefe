"""How fast is written, and how long is waited: decisions, with a clock of the test's."""

from __future__ import annotations

import pytest

from migrate.cluster.pace import LONGEST_WAIT_S, Bucket, Patience


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("burst", "seconds"), [(1, 1.98), (50, 1.0)])
def test_a_rate_holds(burst: float, seconds: float) -> None:
    """A hundred at fifty a second; what gathered while nobody came goes at once."""
    clock = Clock()
    bucket = Bucket(50, burst, clock=clock, sleep=clock.sleep)
    for _ in range(100):
        bucket.take()
    assert clock.now == pytest.approx(seconds)


def test_a_pause_gathers_no_more_than_the_burst() -> None:
    """An hour of quiet does not let an hour's worth through."""
    clock = Clock()
    bucket = Bucket(10, 5, clock=clock, sleep=clock.sleep)
    clock.now = 3600
    for _ in range(6):
        bucket.take()
    assert clock.now == pytest.approx(3600.1)


PATIENCE = Patience(new=(1,), broken=(1, 2), busy=(1, 2))


@pytest.mark.parametrize(
    ("tries", "sent", "idempotent", "known", "wait"),
    [
        (1, False, False, False, 1),
        (2, False, False, False, None),
        (2, True, True, True, 2),
        (3, True, True, True, None),
        (1, True, False, True, None),
        (1, False, False, True, 1),
    ],
)
def test_a_broken_connection(tries: int, sent: bool, idempotent: bool, known: bool, wait: float | None) -> None:
    """Again where it cannot have arrived or twice is as good as once, and longer where the server was there before."""
    assert PATIENCE.after_break(tries, sent=sent, idempotent=idempotent, known=known) == wait


@pytest.mark.parametrize(
    ("tries", "status", "retry_after", "idempotent", "wait"),
    [
        (1, 200, "", True, None),
        (1, 409, "", True, None),
        (1, 500, "", True, None),
        (1, 429, "", False, 1),
        (2, 429, "7", False, 7),
        (3, 429, "7", False, None),
        (1, 429, str(int(LONGEST_WAIT_S) + 1), False, None),
        (1, 503, "3", False, 3),
        (1, 503, "", False, None),
        (1, 503, "", True, 1),
        (1, 504, "", True, 1),
        (1, 504, "", False, None),
        (1, 429, "Wed, 21 Oct 2026 07:28:00 GMT", False, 1),
    ],
)
def test_a_busy_server(tries: int, status: int, retry_after: str, idempotent: bool, wait: float | None) -> None:
    """As long as it says, within reason; 503 and 504 without a word may hide that it was done."""
    assert PATIENCE.after_answer(tries, status, retry_after, idempotent=idempotent) == wait


def test_how_long_a_person_waits() -> None:
    """Under a second for a server that never answered, about eight for one that went away."""
    assert sum(Patience().new) < 1
    assert 5 < sum(Patience().broken) < 10
