"""A journal that somebody deleted does not keep a run from going back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.endpoints import SPEC
from migrate.cutover.journal import Journal
from migrate.cutover.recovering import recovered
from tests.cutover.killing import finished, wrongs
from tests.cutover.model import NAME, SPACE, Killed, Model

JOURNAL = ("ConfigMap", f"cutover-{NAME}")


@pytest.mark.parametrize("state", ["BRIDGED", "SHIFT", "PROMOTED", "BAKING", "DRAINED"])
def test_abort_without_a_journal(state: str) -> None:
    world = Model(pods=2, legacy=1)
    begun = world.spec()
    world.begin()
    seen = 0

    def on_write(label: str) -> str:
        nonlocal seen
        seen += label.startswith(state)
        return "after" if seen == 1 else ""

    world.on_write = on_write
    with pytest.raises(Killed):
        world.driver("one").drive()
    del world.store[JOURNAL]
    world.on_write = lambda _label: ""

    found = recovered(world, SPACE, NAME)
    assert found is not None
    assert found[0] == begun
    Journal(world, SPACE, NAME).begin(*found, at=world.now())
    world.journal.ask(lambda requests: replace(requests, abort=True))
    finished(world, [])
    assert (world.state, wrongs(world)) == ("ROLLED_BACK", [])


def test_a_driver_whose_journal_is_deleted_stands_still() -> None:
    world = Model(pods=2, legacy=1)
    world.begin()
    driver, done = world.driver(), 0
    for event in driver.events():
        if event.state == "SHIFT" and JOURNAL in world.store:
            del world.store[JOURNAL]
            done = len(world.labels)
    assert (driver.outcome, driver.why.split(";")[0]) == (Outcome.LOST, "its journal is gone")
    assert len(world.labels) == done
    assert ("Lease", f"cutover-{NAME}") not in world.store
    assert world.wrongs == []


def test_nothing_is_recovered_from_nothing() -> None:
    assert recovered(Model(), SPACE, NAME) is None


@pytest.mark.parametrize("kind", ["EndpointSlice", "Service"])
def test_what_somebody_overwrote_is_found_beside_it(kind: str) -> None:
    world = Model(pods=2, legacy=1)
    world.begin()
    driver = world.driver()
    next(event for event in driver.events() if event.state == "SHIFT")
    driver.let_go()
    for (its, _), each in world.store.items():
        if SPEC in each["metadata"].get("annotations", {}) and its == kind:
            each["metadata"]["annotations"][SPEC] = "{not ours"
    found = recovered(world, SPACE, NAME)
    assert found is not None
    assert found[0] == world.spec()
