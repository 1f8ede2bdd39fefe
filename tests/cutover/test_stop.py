"""A driver that stood still for two minutes does nothing any more, whatever it was about to do; on a model."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from migrate.cutover.driver import Driver
from migrate.cutover.lock import Lock
from tests.cutover.killing import Kill
from tests.cutover.model import Model
from tests.cutover.stopping import stopped, stops
from tests.cutover.test_kill import larger, points, small


def failures(make: Callable[[], Model], tried: list[Kill], back_from: Kill | None = None) -> list[str]:
    found = []
    for each in tried:
        wrong = stopped(make(), each, back_from=back_from)
        if wrong:
            found.append(f"{each}: {wrong[0]} (and {len(wrong) - 1} more)")
    return found


def of_engines(tried: list[Kill]) -> list[Kill]:
    """Those beside what is asked of an engine, and before it: no version holds that back, a look at a clock alone."""
    found = [each for each in tried if " Container" in each.label]
    assert len([each for each in found if each.fate == "stopped after"]) >= 2
    return found


# What is left to `make prove` takes a minute each: where the other one goes on, and with two instances, what an API
# server is sent is held back by its version as it is here.
@pytest.mark.parametrize(
    ("make", "abort"),
    [
        pytest.param(small, False, marks=pytest.mark.prove, id="small"),
        pytest.param(small, True, id="small-abort"),
        pytest.param(larger, True, marks=pytest.mark.prove, id="larger-abort"),
    ],
)
def test_a_stop_at_every_write(make: Callable[[], Model], abort: bool) -> None:
    tried = stops(points(make), abort=abort)
    assert len(tried) > len(of_engines(tried)) + 20
    assert failures(make, tried) == []


@pytest.mark.parametrize(("make", "abort"), [(small, False), (larger, True)], ids=["small", "larger-abort"])
def test_a_stop_at_every_call_of_an_engine(make: Callable[[], Model], abort: bool) -> None:
    assert failures(make, of_engines(stops(points(make), abort=abort))) == []


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.prove)], ids=["engines", "every-write"])
def test_a_stop_on_the_way_back(every: bool) -> None:
    label, nth = next(each for each in reversed(points(larger)) if " stop " in each[0])
    back_from = Kill(label, nth, "after", abort=True)
    labels = [each for each in points(larger, abort_at=back_from) if each[0].startswith("ROLLING_BACK")]
    tried = stops(labels)
    assert len(tried) > 20
    assert failures(larger, tried if every else of_engines(tried), back_from) == []


def test_the_proof_sees_a_driver_that_looks_at_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Either of the two would keep it: the age of its lease, and how old what it saw is."""
    monkeypatch.setattr(Lock, "covers", lambda _self, _seconds: True)
    monkeypatch.setattr(Driver, "_looked", property(lambda _self: math.inf, lambda _self, _at: None), raising=False)
    tried = [each for each in of_engines(stops(points(small), abort=True)) if " intent stop " in each.label]
    assert failures(small, tried) != []
