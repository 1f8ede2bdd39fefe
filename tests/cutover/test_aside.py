"""What takes long is measured aside, and a driver hears meanwhile what users want; with threads, on a model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from migrate.aside import Threads
from migrate.cutover.driver import Event, Outcome
from migrate.cutover.edges import Backend, Draw
from migrate.cutover.keeper import Keeper
from tests.cutover.killing import asked, wrongs
from tests.cutover.model import SPACE, TIMINGS, Model, error

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
