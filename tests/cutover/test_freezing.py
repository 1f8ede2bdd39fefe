"""Nothing is stopped while the legacy scheduler does not keep off, and no share falls before it was seen to; on a
model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from migrate.cutover.driver import Driver, Outcome
from migrate.cutover.edges import Backend, Found, Peer
from migrate.cutover.run import COUNT_AGE_S
from migrate.cutover.states import State
from tests.cutover.model import TIMINGS, Model

THAWED = (
    "cutover-not-frozen: the legacy scheduler does not leave the workload alone, so that nothing is stopped: "
    "hook frozen: it ended with 1: thawed"
)


def driven(world: Model, when: Callable[[], bool], what: Callable[[], object]) -> Driver:
    """Something happens once, when that holds."""
    driver, happened = world.driver(), False
    for _ in driver.events():
        if not happened and when():
            happened = True
            what()
    assert happened
    return driver


def thawed(world: Model) -> None:
    world.frozen = False


def stops(world: Model) -> list[str]:
    return [each for each in world.labels if ": stop " in each or ": set-restart " in each]


@pytest.mark.parametrize("state", ["SHIFT", "PROMOTED", "STANDBY", "BAKING"])
def test_a_scheduler_that_is_thawed_keeps_its_containers(state: str) -> None:
    """And goes on once it keeps off again."""
    world = Model(pods=2, legacy=2)
    world.begin()
    driver = driven(world, lambda: world.state == state, lambda: thawed(world))
    assert (driver.outcome, driver.why, world.state) == (Outcome.PAUSED, THAWED, "BAKING")
    assert stops(world) == []
    world.frozen = True
    assert world.driver().drive(resume=True)[0] is Outcome.REST
    assert (world.state, world.wrongs) == ("STOPPED", [])


@pytest.mark.parametrize("after", ["set-restart h1/c1", "DRAINED: stop h0/c0"])
def test_one_that_is_thawed_in_between_keeps_what_is_left(after: str) -> None:
    world = Model(pods=2, legacy=2)
    world.begin()
    driver = driven(world, lambda: any(after in each for each in world.labels), lambda: thawed(world))
    assert (driver.outcome, driver.why) == (Outcome.PAUSED, THAWED)
    assert world.containers[1].running


def test_its_answer_is_fresh_at_each_stop() -> None:
    world = Model(pods=2, legacy=3)
    world.begin(timings=replace(TIMINGS, bake_s=60))
    stopped: list[float] = []
    world.arriving = lambda label: stopped.append(world.time) if ": stop " in label else None
    assert world.driver().drive()[0] is Outcome.REST
    answers = [max(at for at, _ in world.asked if at <= stop) for stop in stopped]
    assert len(set(answers)) == 3, "each stop has one of its own"
    assert all(stop - answer < COUNT_AGE_S for stop, answer in zip(stopped, answers, strict=True))


def test_slow_engines_and_a_slow_hook_do_not_make_each_other_old() -> None:
    """What counts for ten seconds would be asked without end if its age were that of the last look at engines."""
    world = Model(pods=2, legacy=1)
    find, established, refuses = world.find, world.established, world.refuses

    def slow_find() -> Found:
        world.sleep(2.5)
        return find()

    def slow_established(host: str, backend: Backend) -> tuple[Peer, ...] | None:
        world.sleep(4.5)
        return established(host, backend)

    def slow_refuses(name: str, variables: Mapping[str, str]) -> str | None:
        world.sleep(1)
        return refuses(name, variables)

    def slow() -> None:
        world.find, world.established = slow_find, slow_established  # type: ignore[method-assign]
        world.refuses = slow_refuses  # type: ignore[method-assign]

    world.begin(timings=replace(TIMINGS, front_quiet_s=5))
    driver = world.driver()
    slowed = 0
    for event in driver.events():
        if event.state == State.BAKING and not slowed:
            slow()
        slowed += event.state == State.BAKING or slowed > 0
        assert slowed < 200, "it does not end"
    assert (driver.outcome, world.state) == (Outcome.REST, "STOPPED")


def test_it_keeps_off_over_two_of_its_intervals_before_pods_take_callers() -> None:
    """Journaled, and of no time of its own where callers take theirs to come to the Service."""
    world = Model(pods=2, legacy=1)
    world.begin(timings=replace(TIMINGS, scheduler_interval_s=20))
    driver = world.driver()
    next(event for event in driver.events() if event.state == State.SHIFT)
    ends = [at for at, _ in world.asked]
    assert ends[-1] - ends[0] >= 40
    entry = world.journal.read()
    assert entry is not None
    assert entry.run.evidence["frozen"] == (
        "the scheduler was seen to keep off at both ends of 40 s, two of its intervals, "
        "and no instance changed meanwhile"
    )
    assert any(line["text"] == entry.run.evidence["frozen"] for line in entry.history)


def test_where_an_instance_changed_the_time_begins_anew() -> None:
    world = Model(pods=2, legacy=1)
    world.begin(timings=replace(TIMINGS, scheduler_interval_s=20))
    moved: list[float] = []

    def move() -> None:
        moved.append(world.time)
        world.containers[0].port += 1

    def waits() -> bool:
        return len(world.asked) == 1 and world.time - world.asked[0][0] > 30

    driver = world.driver()
    for event in driver.events():
        if not moved and waits():
            move()
        if event.state == State.SHIFT:
            break
    assert [at for at, _ in world.asked if at > moved[0]]
    assert world.time - moved[0] >= 40
