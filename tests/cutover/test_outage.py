"""The API server is away: a driver waits, whatever else fails meanwhile, and hears who interrupts it; on a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from migrate.cutover.driver import Outcome
from tests.cutover.killing import asked, brought, wrongs
from tests.cutover.model import TIMINGS, Model, error

OUTAGE_S = 30.0


class Outage:
    """Of a model's server, which answers nothing until then."""

    def __init__(self, world: Model) -> None:
        self.until = 0.0
        self._world = world
        for name in ("get", "list", "create", "patch", "delete"):
            setattr(world, name, self._held(getattr(world, name)))

    @property
    def on(self) -> bool:
        return self._world.time < self.until

    def begin(self, seconds: float = OUTAGE_S) -> None:
        self.until = self._world.time + seconds

    def _held(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def held(*given: Any, **more: Any) -> Any:
            if self.on:
                raise error("cluster-unreachable", "the cluster")
            return call(*given, **more)

        return held


@pytest.mark.parametrize("lasts", [False, True], ids=["over-with-it", "lasts"])
def test_an_engine_that_fails_in_it_pauses_the_run_if_it_still_does_afterwards(lasts: bool) -> None:
    world = Model()
    world.begin()
    outage = Outage(world)
    brought(world, "DRAINED")
    stop = world.stop
    failed: list[float] = []

    def failing(host: str, container: str, grace_s: float) -> None:
        if not failed:
            outage.begin()
        if lasts or not failed:
            failed.append(world.time)
            raise error("engine-unreachable", host)
        stop(host, container, grace_s)

    world.stop = failing  # type: ignore[method-assign]
    driver = world.driver("two")
    told = list(driver.events())
    assert "the cluster: as made" in [event.text for event in told if event.kind == "wait"]
    stops_at = [event.at for event in told if event.text.startswith("stop Container") and event.kind == "intent"]
    assert stops_at[1] >= outage.until > 0
    assert ("Lease", "cutover-web") not in world.store
    if lasts:
        entry = world.journal.read()
        assert entry is not None
        assert (driver.outcome, entry.run.paused) == (Outcome.PAUSED, "engine-unreachable: h0: as made")
    else:
        assert driver.outcome is Outcome.REST
        asked(world, finalize=True)
        world.driver("three").drive()
        assert wrongs(world) == []


def test_who_interrupts_it_is_heard() -> None:
    """The journal cannot be written, and leases run out by themselves; resume goes on."""
    world = Model()
    world.begin()
    outage = Outage(world)
    brought(world, "BAKING")
    driver = world.driver("two", interrupted=lambda: outage.on)
    told = driver.events()
    next(told)
    outage.begin(600)
    list(told)
    assert (driver.outcome, driver.why.partition(":")[0]) == (Outcome.PAUSED, "interrupted")
    assert outage.until - world.time > 600 - 3 * TIMINGS.poll_s
    world.sleep(600)
    assert world.driver("three").drive()[0] is Outcome.REST
    assert world.wrongs == []


def test_leases_that_cannot_be_given_back_run_out() -> None:
    world = Model()
    world.begin()
    outage = Outage(world)
    driver = world.driver("one", interrupted=lambda: world.state == "SHIFT")
    for event in driver.events():
        if event.kind == "pause":
            outage.begin()
    assert driver.outcome is Outcome.PAUSED
    assert outage.on
