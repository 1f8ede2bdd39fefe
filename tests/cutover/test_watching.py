"""Where GitOps has objects of the workload, a run sees before FRONTED that it leaves the Services alone."""

from __future__ import annotations

from dataclasses import replace

from migrate.cutover.driver import Outcome
from migrate.cutover.endpoints import ADMITTED
from migrate.cutover.states import State
from migrate.cutover.waiting import waiting_of
from tests.cutover.model import NAME, Model, copied

WATCH_S = 60.0


def begun() -> Model:
    world = Model()
    world.begin(watch_s=WATCH_S)
    return world


def test_fronted_waits_for_it() -> None:
    world = begun()
    assert world.driver().drive()[0] is Outcome.REST
    entry = world.journal.read()
    assert entry is not None
    since = entry.run.since
    assert since[State.FRONTED.value] - since["watched"] >= WATCH_S
    bridged = replace(entry, run=replace(entry.run, state=State.BRIDGED))
    waiting = waiting_of(bridged, since["watched"] + 1, driven=True)
    assert waiting is not None
    assert waiting.what == "that two intervals of GitOps leave the Services alone"
    assert waiting.until == since["watched"] + WATCH_S


def test_a_service_that_is_set_back_meanwhile_pauses_the_run_and_is_watched_anew() -> None:
    world = begun()
    driver, waits = world.driver(), world.time
    for event in driver.events():
        if event.kind == "wait" and "GitOps" in event.text and world.time - waits >= WATCH_S / 2:
            service = copied(world.store["Service", NAME])
            service["spec"]["selector"].pop(ADMITTED, None)
            world._put(service)
    assert (driver.outcome, world.state) == (Outcome.PAUSED, "BRIDGED")
    assert driver.why.startswith("cutover-selector: ")
    service = copied(world.store["Service", NAME])
    service["spec"]["selector"][ADMITTED] = "run1"
    world._put(service)
    mended = world.time
    assert world.driver("two").drive(resume=True)[0] is Outcome.REST
    entry = world.journal.read()
    assert entry is not None
    assert entry.run.since[State.FRONTED.value] - mended >= WATCH_S


def test_without_gitops_nothing_is_waited_for() -> None:
    world = Model()
    world.begin()
    assert world.driver().drive()[0] is Outcome.REST
    entry = world.journal.read()
    assert entry is not None
    assert "watched" not in entry.run.since
