"""What the slices are to be, by the journal, the engines and the probes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrate.cutover.edges import Backend, Found
from migrate.cutover.endpoints import Slice
from migrate.cutover.keeping import Health, Kept, kept
from migrate.cutover.run import Condition, Run, Spec
from tests.cutover.model import Model

READY, STANDBY = Condition.READY, Condition.STANDBY
FAILS, WELL = Health(passed=(True, False, False)), Health(passed=(False, True, True))


class Side:
    """A legacy side of so many instances, wanted ready; ``keep`` is one look of a keeper's."""

    def __init__(self, count: int, wanted: Condition = READY) -> None:
        self.world = Model(legacy=count)
        self.spec: Spec = self.world.spec()
        self.keys = [f"{each.host}/{each.id}" for each in self.world.containers]
        self.run = Run(gate="run1", wanted=dict.fromkeys(self.keys, wanted))
        self.standing: tuple[Slice, ...] = ()

    def keep(self, *health: Health | None, found: Found | None = None) -> Kept:
        seen = {key: each for key, each in zip(self.keys, health, strict=False) if each is not None}
        made = kept(self.spec, self.run, found or self.world.find(), self.standing, seen)
        self.standing = made.slices
        return made

    @property
    def conditions(self) -> list[Condition | None]:
        """Of each instance; ABSENT where it is in no slice."""
        stand = {one.instance: one.condition for each in self.standing for one in each.endpoints}
        return [stand.get(key, Condition.ABSENT) for key in self.keys]


@pytest.mark.parametrize(
    ("passed", "failing", "well"),
    [
        ((), False, False),
        ((False,), False, False),
        ((False, True, False), True, False),
        ((False, False, True), True, False),
        ((False, True, True), False, True),
        ((False, False, False, True, True), False, True),
    ],
)
def test_two_of_the_last_three_count(passed: tuple[bool, ...], failing: bool, well: bool) -> None:
    health = Health()
    for each in passed:
        health = health.seen(each)
    assert (health.failing, health.well) == (failing, well)


@pytest.mark.parametrize("wanted", [READY, STANDBY])
def test_one_of_two_that_fails_is_lowered_and_comes_back_when_it_answers(wanted: Condition) -> None:
    side = Side(2, wanted)
    side.keep()
    assert side.keep(FAILS, WELL).low == (side.keys[0],)
    assert side.conditions == [None, wanted]
    # not by one answer, and not because a new keeper knows nothing yet
    side.keep(FAILS.seen(True), WELL)
    side.keep()
    assert side.conditions == [None, wanted]
    side.keep(WELL, WELL)
    assert side.conditions == [wanted, wanted]


@pytest.mark.parametrize(
    ("count", "failing", "low"),
    [
        pytest.param(1, 1, 0, id="the last"),
        pytest.param(2, 2, 0, id="all"),
        pytest.param(3, 2, 0, id="more than half"),
        pytest.param(4, 2, 2, id="half"),
    ],
)
def test_never_the_last_nor_more_than_half(count: int, failing: int, low: int) -> None:
    side = Side(count)
    side.keep()
    made = side.keep(*[FAILS] * failing)
    assert (len(made.low), len(made.suspicious)) == (low, failing - low)
    assert side.conditions == [None] * low + [READY] * (count - low)


def test_what_is_low_stays_so_where_the_others_fail_too() -> None:
    side = Side(2)
    side.keep()
    side.keep(FAILS, WELL)
    assert side.keep(FAILS, FAILS).suspicious == (side.keys[1],)
    assert side.conditions == [None, READY]


@pytest.mark.parametrize("count", [1, 2])
def test_one_that_stopped_is_removed_at_once_even_the_last(count: int) -> None:
    side = Side(count)
    side.keep()
    side.world.containers[0].running = False
    side.keep()
    assert side.conditions == [Condition.ABSENT] + [READY] * (count - 1)


def test_one_that_came_back_at_another_port_stands_there_alone() -> None:
    side = Side(2)
    side.keep()
    side.world.containers[0].port = 19000
    side.keep()
    at = {(one.instance, each.ports[0][2]) for each in side.standing for one in each.endpoints}
    assert at == {(side.keys[0], 19000), (side.keys[1], 18080)}


def test_one_that_the_journal_does_not_know_is_not_added() -> None:
    side = Side(2)
    side.spec = replace(side.spec, originals=side.spec.originals[:1])
    side.keep()
    assert side.conditions == [READY, Condition.ABSENT]
    side.run = replace(side.run, joined=side.world.spec().originals[1:])
    side.keep()
    assert side.conditions == [READY, READY]


def test_with_its_engine_silent_all_stays_but_for_what_does_not_answer() -> None:
    side = Side(2)
    side.keep()
    side.world.unread = {"h0": "no answer"}
    side.world.containers[0].running = False
    side.keep()
    assert side.conditions == [READY, READY]
    side.keep(FAILS, WELL)
    assert side.conditions == [None, READY]
    side.keep(WELL, WELL)
    assert side.conditions == [READY, READY]


def test_a_stranger_where_a_silent_engine_had_one_is_called_no_more() -> None:
    """Even where it was the last."""
    side = Side(1)
    side.keep()
    side.keep(found=Found(containers=(), unread={"h0": "no answer"}, strangers={Backend("10.99.0.2", 18080): "other"}))
    assert side.conditions == [Condition.ABSENT]
