"""A journal that somebody deleted does not keep a run from going back."""

from __future__ import annotations

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.endpoints import EPOCH, JOINED, SPEC, slice_of
from migrate.cutover.recovering import recovered
from migrate.cutover.stopping import lasts
from tests.cutover.killing import abort_without_journal, asked, brought, finished, wrongs
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

    found = recovered(world, SPACE, NAME, now=world.time)
    assert found is not None
    assert found[0] == begun
    aborted(world)
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
    assert recovered(Model(), SPACE, NAME, now=0) is None


@pytest.mark.parametrize("kind", ["EndpointSlice", "Service"])
def test_what_somebody_overwrote_is_found_beside_it(kind: str) -> None:
    world = Model(pods=2, legacy=1)
    world.begin()
    brought(world, "SHIFT")
    for (its, _), each in world.store.items():
        if SPEC in each["metadata"].get("annotations", {}) and its == kind:
            each["metadata"]["annotations"][SPEC] = "{not ours"
    found = recovered(world, SPACE, NAME, now=world.time)
    assert found is not None
    assert found[0] == world.spec()


@pytest.mark.parametrize("image", ["web:1", "web:2"])
@pytest.mark.parametrize("state", ["BRIDGED", "SHIFT", "BAKING", "STOPPED"])
def test_what_was_taken_in_is_led_back_to(state: str, image: str) -> None:
    """Whether it was within the plan or a user named it; as its engine had it."""
    world = Model(pods=2, legacy=1)
    world.begin()
    brought(world, "BRIDGED")
    new = world.replaced(port=18099, image=image, within_s=10)
    if image == "web:2":
        assert world.driver("two").drive()[0] is Outcome.PAUSED
        asked(world, resume=True, replan=(f"container h0/{new.id}",))
    driver = world.driver("three")
    for event in driver.events():
        entry = world.journal.read()
        joined = entry is not None and entry.run.joined and (state == "STOPPED" or "c9" in standing(world))
        if event.state == state and joined:
            break
    driver.let_go()
    world.sleep(10)
    world.wrongs.clear()
    del world.store[JOURNAL]
    aborted(world)
    assert (world.state, wrongs(world), new.running) == ("ROLLED_BACK", [], True)


def test_what_only_the_keeper_has_seen_is_led_back_to() -> None:
    world = Model(pods=2, legacy=1)
    world.begin()
    brought(world, "SHIFT")
    world.beside.append(world.lone_keeper().turn)
    new = world.replaced(port=18099)
    for _ in range(20):
        world.sleep(1)
    world.beside.clear()
    world.wrongs.clear()
    assert standing(world) == {"c9"}
    del world.store[JOURNAL]
    aborted(world)
    assert (world.state, wrongs(world), new.running) == ("ROLLED_BACK", [], True)


@pytest.mark.parametrize("record", ["", "{", "[]", "{}", '{"joined": [1], "done": []}', '{"joined": 1, "done": []}'])
def test_a_record_that_somebody_overwrote_keeps_nobody_from_going_back(record: str) -> None:
    world = Model(pods=2, legacy=1)
    world.begin()
    brought(world, "SHIFT")
    world.store["Service", NAME]["metadata"]["annotations"][JOINED] = record
    del world.store[JOURNAL]
    aborted(world)
    assert (world.state, wrongs(world)) == ("ROLLED_BACK", [])


@pytest.mark.parametrize("stop_s", [4.0, 25.0])
@pytest.mark.parametrize("legacy", [1, 2])
def test_what_may_be_stopping_is_not_called_before_it_has_stopped(legacy: int, stop_s: float) -> None:
    """Its end was told of in the journal alone, and until then it answers."""
    world = Model(pods=2, legacy=legacy)
    world.graceful, world.grace_s, world.stop_s = True, 30.0, stop_s
    world.begin()
    driver = world.driver()
    for event in driver.events():
        if event.kind == "done" and event.text.startswith("stop"):
            world.store.pop(JOURNAL, None)
    assert driver.outcome is Outcome.LOST
    aborted(world)
    world.sleep(60)
    assert (world.state, wrongs(world), world.containers[0].stops) == ("ROLLED_BACK", [], 1)


def test_what_was_not_told_to_stop_is_called_when_it_would_have_stopped() -> None:
    world = Model(pods=2, legacy=1)
    world.begin()
    world.on_write = lambda label: "before" if " stop h0" in label else ""
    with pytest.raises(Killed):
        world.driver().drive()
    world.on_write = lambda _label: ""
    del world.store[JOURNAL]
    began = world.time
    aborted(world)
    assert (world.state, wrongs(world), world.containers[0].stops) == ("ROLLED_BACK", [], 0)
    grace_s = lasts(world.find().containers[0])
    assert began + grace_s <= world.time <= began + grace_s + 30


def test_the_next_drivers_epoch_is_a_new_one() -> None:
    """A patch that the first one still had under way is refused from its first write on."""
    world = Model(pods=2, legacy=1)
    world.begin()
    widens = "SHIFT: patch Service/web"
    world.on_write = lambda label: "late" if label.startswith(widens) else ""
    with pytest.raises(Killed):
        world.driver().drive()
    world.on_write = lambda _label: ""
    abort_without_journal(world)
    epoch = world.store["Service", NAME]["metadata"]["annotations"][EPOCH]
    next(event for event in world.driver("two").events() if event.text.endswith("take the Service over"))
    assert world.store["Service", NAME]["metadata"]["annotations"][EPOCH] == str(int(epoch) + 1)


def standing(world: Model) -> set[str]:
    slices = [each for (kind, name), each in world.store.items() if kind == "EndpointSlice" and "legacy" in name]
    return {one.instance.split("/")[1][:2] for each in slices for one in slice_of(each).endpoints}


def aborted(world: Model) -> None:
    abort_without_journal(world)
    finished(world, [])
