"""A driver that stood still for two minutes does nothing any more, whatever it was about to do; on a model."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from migrate.cutover.driver import Driver, Outcome
from migrate.cutover.lock import Lock
from migrate.cutover.run import Timings
from tests.cutover.killing import Kill, points
from tests.cutover.model import TIMINGS, Model, error
from tests.cutover.stopping import stopped, stops
from tests.cutover.test_kill import larger, small


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


def production() -> Model:
    """With the leases of production, which outlast any call; its containers are removed at the end."""
    return Model(pods=2, legacy=1, removes=True, timings=replace(TIMINGS, lease_s=Timings().lease_s))


def calls(labels: list[tuple[str, int]], *, abort: bool = False) -> list[Kill]:
    """Between what is journaled and what is sent, of all that no version holds back."""
    kinds = (" Container", " hook ", " intent create ")
    tried = [each for each in stops(labels, abort=abort) if " intent " in each.label]
    return [each for each in tried if each.fate == "stopped after" and any(kind in each.label for kind in kinds)]


@pytest.mark.parametrize("abort", [pytest.param(False, marks=pytest.mark.prove), True])
def test_a_take_over_right_before_a_call(abort: bool) -> None:
    """The lease that was lost a moment ago is young by any clock: only its server knows whose it is."""
    tried = calls(points(production), abort=abort)
    kinds = {each.label.partition(" intent ")[2] for each in tried}
    assert kinds >= {"set-restart Container", "stop Container", "remove Container", "hook Hook/freeze"}
    assert [f"{each}: {wrong}" for each in tried if (wrong := stopped(production(), each, take_over=True))] == []


def test_a_take_over_right_before_a_call_on_the_way_back() -> None:
    label, nth = next(each for each in reversed(points(production)) if " stop " in each[0])
    back_from = Kill(label, nth, "after", abort=True)
    tried = calls([each for each in points(production, abort_at=back_from) if each[0].startswith("ROLLING_BACK")])
    kinds = {each.label.partition(" intent ")[2] for each in tried}
    assert kinds >= {"start Container", "set-restart Container", "hook Hook/unfreeze"}
    found = [(each, stopped(production(), each, back_from=back_from, take_over=True)) for each in tried]
    assert [f"{each}: {wrong}" for each, wrong in found if wrong] == []


def test_nothing_is_sent_to_an_engine_while_the_lease_cannot_be_read() -> None:
    """The server is away from when it has the intent; what was to be done is done when it is back."""
    world = production()
    away = Away(world)

    def on_write(label: str) -> str:
        if " intent stop Container" in label and not away.until:
            away.until = world.time + 30
        elif " stop h0" in label:
            assert world.time >= away.until > 0
        return ""

    world.on_write = on_write
    world.begin()
    assert world.driver("one").drive()[0] is Outcome.REST
    assert (away.until > 0, world.wrongs) == (True, [])


class Away:
    """A model's server that gives no Lease until then."""

    def __init__(self, world: Model) -> None:
        self.until = 0.0
        self._world, self._get = world, world.get
        world.get = self.get  # type: ignore[method-assign]

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        if kind == "Lease" and self._world.time < self.until:
            raise error("cluster-unreachable", name)
        return self._get(api_version, kind, namespace, name)


def test_the_proof_sees_a_driver_that_looks_at_no_lease_and_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any of the three would keep it: whose the lease is, the lease's age, and how old what it saw is."""
    monkeypatch.setattr(Lock, "renew", lambda _self, **_more: True)
    monkeypatch.setattr(Lock, "covers", lambda _self, _seconds: True)
    monkeypatch.setattr(Driver, "_looked", property(lambda _self: math.inf, lambda _self, _at: None), raising=False)
    tried = [each for each in of_engines(stops(points(small), abort=True)) if " intent stop " in each.label]
    assert failures(small, tried) != []
