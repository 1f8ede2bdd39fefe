"""What takes long is measured aside, and a driver hears meanwhile what users want; with threads, on a model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import pytest

from migrate.aside import Threads
from migrate.cutover.driver import Driver, Event, Outcome
from migrate.cutover.edges import Backend, Draw, Found
from migrate.cutover.keeper import Keeper
from tests.cutover.killing import asked, wrongs
from tests.cutover.model import SPACE, TIMINGS, Model, error

T = TypeVar("T")
# What is measured, and a state in which it is.
SLOW = (
    ("draw", "PROMOTED"),
    ("draw", "SHIFT"),
    ("ask", "FRONTED"),
    ("reach", "FRONTED"),
    ("callers", "SHIFT"),
    ("established", "DRAINED"),
    ("refuses", "PREFLIGHT"),
)
AS_BY_DEFAULT: dict[str, Any] = {"poll_s": 1, "keeper_s": 5, "lease_s": 60, "renew_s": 15, "front_quiet_s": 60}
# It hangs for so long, and nothing here waits for its end.
HANGS_S = 30.0
# What leads callers back, or takes back what was begun: not the new epoch that a turn writes, nor what is heard.
RESTORING = frozenset({"intent", "note", "state"})


class Hanging:
    """Of a model, one method that hangs the first time that a driver calls it in a state, and then answers ``late``,
    if that is given."""

    def __init__(self, world: Model, name: str, state: str, *, late: Any = None) -> None:
        self.begun, self.end, self.ended = threading.Event(), threading.Event(), threading.Event()
        self._world, self._state, self._own, self._late = world, state, getattr(world, name), late
        setattr(world, name, self._called)

    def _called(self, *given: Any, **more: Any) -> Any:
        aside = threading.current_thread() is not threading.main_thread()
        if aside and self._world.state == self._state and not self.begun.is_set():
            self.begun.set()
            self.end.wait(HANGS_S)
            self.ended.set()
            if self._late is not None:
                return self._late
        return self._own(*given, **more)


def model() -> Model:
    world = Model(pods=2, legacy=1, timings=replace(TIMINGS, poll_s=0.05))
    world.begin()
    return world


def events(world: Model, **more: Any) -> tuple[Any, Iterator[Event]]:
    lock = world.lock("one")
    lock.acquire()
    driver = world.driver_of(lock, aside=Threads(), **more)
    return driver, _passing(world, driver.events())


def _passing(world: Model, told: Iterator[Event]) -> Iterator[Event]:
    """The model's clock goes on while one waits by another."""
    for event in told:
        if event.kind == "measure":
            world.sleep(0.05)
        yield event


@pytest.mark.parametrize(("name", "state"), SLOW)
def test_an_abort_is_heard_and_acted_on_while_something_hangs(name: str, state: str) -> None:
    world = model()
    hanging = Hanging(world, name, state)
    driver, told = events(world)
    heard = acted = False
    for event in told:
        if hanging.begun.is_set() and not heard:
            if event.kind == "measure":
                asked(world, abort=True)
            heard = event.kind == "request"
        elif heard and not acted and event.kind in RESTORING:
            acted = True
            assert not hanging.ended.is_set()
            hanging.end.set()
    assert (heard, acted, driver.outcome) == (True, True, Outcome.ROLLED_BACK)
    assert wrongs(world) == []


def test_an_interruption_is_heard() -> None:
    world = model()
    hanging = Hanging(world, "draw", "SHIFT")
    driver, told = events(world, interrupted=hanging.begun.is_set)
    for event in told:
        if event.kind == "pause":
            assert not hanging.ended.is_set()
            hanging.end.set()
    assert (driver.outcome, hanging.ended.is_set()) == (Outcome.PAUSED, True)


def test_a_take_over_is_heard() -> None:
    world = model()
    hanging = Hanging(world, "draw", "SHIFT")
    driver, told = events(world)
    for event in told:
        if hanging.begun.is_set() and event.kind == "measure":
            world.lock("two").acquire(take_over=True)
            world.sleep(TIMINGS.renew_s)
            threading.Timer(0.5, hanging.end.set).start()
    assert driver.outcome is Outcome.LOST


def test_leases_are_renewed_and_the_run_goes_on_as_it_would_have() -> None:
    world = model()
    hanging = Hanging(world, "draw", "SHIFT")
    driver, told = events(world)
    seen: set[tuple[str, str]] = set()
    turns = 0
    for event in told:
        if hanging.begun.is_set() and not hanging.ended.is_set() and event.kind == "measure":
            world.sleep(1)
            seen |= {(name, world.store["Lease", name]["spec"]["renewTime"]) for name in ("cutover-web", KEEPS)}
            turns += 1
            if turns == 12:
                hanging.end.set()
    assert min(sum(name == lease for lease, _ in seen) for name in ("cutover-web", KEEPS)) >= 3
    assert (driver.outcome, world.wrongs) == (Outcome.REST, [])


KEEPS = "cutover-web-keeper"


def test_what_it_raises_reaches_the_driver() -> None:
    world = model()

    def draw(*_: Any) -> Any:
        raise error("variable-missing", "SHOP_TOKEN")

    world.draw = draw  # type: ignore[assignment, method-assign]
    driver, told = events(world)
    list(told)
    assert (driver.outcome, driver.why) == (Outcome.PAUSED, "variable-missing: SHOP_TOKEN: as made")


def test_what_was_given_up_counts_nowhere() -> None:
    """Its answer comes when another look has begun, and would hold the run up."""
    world = model()
    nobody = Draw(backends={Backend("10.99.9.9", 80): 40}, failed={})
    hanging = Hanging(world, "draw", "SHIFT", late=dict.fromkeys(world.nodes, nobody))
    driver, told = events(world)
    approved, texts = False, []
    for event in told:
        texts.append(event.text)
        if hanging.begun.is_set() and not approved:
            asked(world, approve=("10.0.0.77",))
            approved = True
        if event.kind == "request" and hanging.begun.is_set():
            hanging.end.set()
            assert hanging.ended.wait(HANGS_S)
    assert (driver.outcome, world.wrongs) == (Outcome.REST, [])
    assert not [each for each in texts if "10.99.9.9" in each]


class Lasting:
    """An Aside of the model's one thread: each work lasts so many seconds of its clock."""

    def __init__(self, world: Model, seconds: float) -> None:
        self.world, self.seconds = world, seconds

    def begin(self, work: Callable[[], T]) -> Lasted[T]:
        return Lasted(self.world, self.world.time + self.seconds, work)

    def end(self) -> None:
        """Nothing goes on by itself."""


@dataclass
class Lasted(Generic[T]):
    world: Model
    end: float
    work: Callable[[], T]

    def over(self, wait_s: float = 0) -> bool:
        if (left := self.end - self.world.time) > 0:
            self.world.sleep(min(wait_s, left))
        return self.world.time >= self.end

    def result(self) -> T:
        return self.work()

    def give_up(self) -> None:
        """It ends as it would have."""


def lasting(world: Model, seconds: float) -> Driver:
    """A driver all of whose measurements take so long."""
    lock = world.lock("one")
    lock.acquire()
    return world.driver_of(lock, aside=Lasting(world, seconds))


def slow_engines(looks_s: float) -> Model:
    world = Model(pods=2, legacy=1, timings=replace(TIMINGS, **AS_BY_DEFAULT))
    world.begin()
    find = world.find

    def slowly() -> Found:
        world.sleep(looks_s)
        return find()

    world.find = slowly  # type: ignore[method-assign]
    return world


def driven(looks_s: float, measured_s: float) -> tuple[Model, Driver]:
    """To its end, where hosts tell nothing of callers."""
    world = slow_engines(looks_s)
    world.callers = lambda *_, **__: None  # type: ignore[method-assign]
    asked(world, approve=("STANDBY",))
    driver = lasting(world, measured_s)
    for _ in driver.events():
        assert world.time < 1_020_000, world.state
    return world, driver


@pytest.mark.parametrize(("looks_s", "measured_s"), [(0, 1.5), (3, 1.5), (3, 2)])
def test_slow_engines_and_slow_measurements_starve_no_run(looks_s: float, measured_s: float) -> None:
    """What has been measured is decided on, before it is too old to count. Where hosts tell nothing of callers: a run
    waits for those that tell it too seldom."""
    world, driver = driven(looks_s, measured_s)
    assert (driver.outcome, world.wrongs) == (Outcome.REST, [])


@pytest.mark.parametrize(("looks_s", "measured_s"), [(3, 3), (5, 1.5), (12, 1.5)])
def test_what_is_always_too_old_pauses_the_run(looks_s: float, measured_s: float) -> None:
    """No container is stopped on what was true before looks that long."""
    world, driver = driven(looks_s, measured_s)
    assert (driver.outcome, driver.why.partition(":")[0]) == (Outcome.PAUSED, "cutover-timeout")
    assert all(each.running for each in world.containers)


def test_looks_that_are_too_far_apart_are_told() -> None:
    """Who calls in between may be missed, so that it waits: for a faster engine, or for the user to give up."""
    world = slow_engines(6)
    waits = (event.text for event in lasting(world, 1.5).events() if event.kind == "wait")
    assert next(each for each in waits if "were between the last two looks, where 10 are the most" in each)


@pytest.mark.parametrize("seconds", [20, 90])
def test_what_lasts_wears_out_patience_like_anything_else(seconds: float) -> None:
    """Longer than what would be another wait, were it over so long."""
    timings = replace(TIMINGS, ready_timeout_s=300, observe_timeout_s=300, **AS_BY_DEFAULT)
    world = Model(pods=2, legacy=1, timings=timings)
    world.begin()
    world.containers[0].answers = False
    driver = lasting(world, seconds)
    began = world.time
    for _ in driver.events():
        assert world.time < began + 900
    assert (driver.outcome, driver.why.partition(":")[0]) == (Outcome.PAUSED, "cutover-timeout")


def test_a_keeper_does_not_wait_for_nodes() -> None:
    """What they say counts at the turn after."""
    world = model()
    next(iter(world.driver().events()))
    _driven(world, until=lambda: world.state == "BRIDGED")
    hanging = Hanging(world, "ask", "BRIDGED")
    entry = world.journal.read()
    assert entry is not None
    keeper = Keeper(world, world, world, world.lock("keeper").of_keeper(), Threads())
    world.sleep(60)
    for _ in range(8):
        keeper.turn(entry.spec, entry.run, world.find(), at=world.time)
        world.sleep(TIMINGS.keeper_s)
    assert (hanging.begun.is_set(), hanging.ended.is_set()) == (True, False)
    hanging.end.set()
    keeper.release(ended=False)
    assert world.get("coordination.k8s.io/v1", "Lease", SPACE, KEEPS) is not None


def _driven(world: Model, until: Callable[[], bool]) -> None:
    for _ in world.driver("two", take_over=True).events():
        if until():
            return
