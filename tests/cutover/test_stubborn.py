"""Containers that take long to stop keep nobody waiting: who drives hears what users want meanwhile, and on the way
back one that was told to stop is started again when it has; on a model, through kills too."""

from __future__ import annotations

from copy import deepcopy
from functools import cache

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.states import State
from tests.cutover.killing import Kill, asked, failures, finished, points, wrongs
from tests.cutover.model import Model
from tests.cutover.stopping import stopped, stops

STOPS_S = 8.0


@cache
def _drained() -> Model:
    world = Model(pods=2, legacy=2)
    world.begin()
    driver = world.driver()
    events = driver.events()
    next(event for event in events if event.state == State.DRAINED)
    driver.let_go()
    world.labels.clear()
    world.stop_s = STOPS_S
    return world


def drained() -> Model:
    """Its containers take nearly all of their grace."""
    return deepcopy(_drained())


def test_each_is_told_once_and_nobody_is_failed() -> None:
    world = finished(drained(), [])
    assert (world.state, wrongs(world)) == ("FINALIZED", [])
    assert [each.split(": ")[1] for each in world.labels if ": stop " in each] == ["stop h0/c0", "stop h1/c1"]


@pytest.mark.parametrize(
    "fate", [*(pytest.param(each, marks=pytest.mark.prove) for each in ("before", "last")), "after", "late"]
)
@pytest.mark.parametrize("abort", [False, True])
def test_a_kill_at_every_write(fate: str, abort: bool) -> None:
    tried = [[Kill(label, nth, fate, abort)] for label, nth in points(drained) if label.startswith("DRAINED")]
    assert sum(": stop h" in str(each[0]) for each in tried) == 2
    assert failures(drained, tried) == []


def test_a_stop_of_the_driver_at_every_write() -> None:
    tried = stops([each for each in points(drained) if each[0].startswith("DRAINED")], abort=True)
    assert [f"{each}: {wrong}" for each in tried if (wrong := stopped(drained(), each))] == []


@pytest.mark.parametrize("container", [0, 1])
def test_an_abort_is_heard_while_a_container_stops(container: int) -> None:
    """What is left of the legacy side is restored at once, and the container when it can be."""
    world = drained()
    told_at = asked_at = 0.0

    def ask() -> None:
        if world.time >= asked_at:
            world.beside.clear()
            asked(world, abort=True)

    for event in (driver := world.driver()).events():
        told = event.text.startswith(f"stop Container/h{container}")
        if event.kind == "done" and told:
            told_at, asked_at = world.time, world.time + 1
            world.beside.append(ask)
    assert (driver.outcome, wrongs(world)) == (Outcome.ROLLED_BACK, [])
    entry = world.journal.read()
    assert entry is not None
    lines = [each for each in entry.history if each["at"] >= asked_at]
    heard = next(each for each in lines if each["event"] == "request")
    write = next(each for each in lines if each["event"] == "intent")
    assert heard["at"] - asked_at <= 2
    assert write["at"] - asked_at <= 5
    assert write["at"] < told_at + STOPS_S
    again = next(each for each in lines if each["text"].startswith(f"start Container/h{container}"))
    assert told_at + STOPS_S <= again["at"] <= told_at + STOPS_S + 2


def test_one_that_was_told_by_a_driver_that_died_is_not_called_before_it_stopped() -> None:
    """It may answer until then."""
    label, nth = next(each for each in points(drained) if each[0].endswith("stop h0/c0"))
    world = drained()
    world.stop_s = 18.0
    made = finished(world, [Kill(label, nth, "after", abort=True)])
    assert (made.state, wrongs(made)) == ("ROLLED_BACK", [])
