"""What the slices are to be, by the journal, the engines and the probes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migrate.cutover.edges import Backend, Found
from migrate.cutover.endpoints import Slice
from migrate.cutover.keeping import Health, Kept, kept
from migrate.cutover.run import Condition, Run, Spec
from migrate.cutover.states import State
from tests.cutover.model import Model

READY, STANDBY, ABSENT = Condition.READY, Condition.STANDBY, Condition.ABSENT
FAILS, WELL = Health(passed=(True, False, False)), Health(passed=(False, True, True), everywhere=2)
# from most nodes, and not from one of them
MOSTLY = Health(passed=(True, True, True))


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

    def replaced(self, **more: Any) -> None:
        """The last one dies, and another is started in its place."""
        new = self.world.replaced(**more)
        self.keys.append(f"{new.host}/{new.id}")

    @property
    def conditions(self) -> list[Condition | None]:
        """Of each instance; ABSENT where it is in no slice."""
        stand = {one.instance: one.condition for each in self.standing for one in each.endpoints}
        return [stand.get(key, ABSENT) for key in self.keys]


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
        health = health.seen(each, everywhere=each)
    assert (health.failing, health.well) == (failing, well)


@pytest.mark.parametrize("wanted", [READY, STANDBY])
def test_one_of_two_that_fails_is_lowered_and_comes_back_when_it_answers(wanted: Condition) -> None:
    side = Side(2, wanted)
    side.keep()
    assert side.keep(FAILS, WELL).low == (side.keys[0],)
    assert side.conditions == [None, wanted]
    # not by one answer, and not because a new keeper knows nothing yet
    side.keep(FAILS.seen(True, everywhere=True), WELL)
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
    assert side.conditions == [ABSENT] + [READY] * (count - 1)


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
    assert side.conditions == [READY, ABSENT]
    side.run = replace(side.run, joined=side.world.spec().originals[1:])
    side.keep()
    assert side.conditions == [READY, READY]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("wanted", [READY, STANDBY])
def test_one_in_place_of_another_is_added_when_it_is_well(wanted: Condition, count: int) -> None:
    side = Side(count, wanted)
    side.keep()
    side.replaced()
    others = [wanted] * (count - 1)
    for unknown in (None, Health(), Health(passed=(True,)), FAILS):
        side.keep(*[None] * count, unknown)
        assert side.conditions == [*others, ABSENT, ABSENT]
    side.keep(*[None] * count, WELL)
    assert side.conditions == [*others, ABSENT, wanted]
    # another keeper, which knows nothing yet
    side.keep()
    assert side.conditions == [*others, ABSENT, wanted]
    low = side.keep(*[None] * count, FAILS).low
    assert (low == ()) == (count == 1)
    assert side.conditions[-1] == (wanted if count == 1 else None)


def test_it_is_added_when_every_node_reaches_it() -> None:
    """Twice in a row: callers on a node that does not get there had others until then."""
    side = Side(2)
    side.keep()
    side.replaced()
    once = MOSTLY.seen(True, everywhere=True)
    for health in (MOSTLY, once, once.seen(True, everywhere=False)):
        side.keep(None, None, health)
        assert side.conditions == [READY, ABSENT, ABSENT]
    side.keep(None, None, once.seen(True, everywhere=True))
    assert side.conditions == [READY, ABSENT, READY]


@pytest.mark.parametrize(("state", "called"), [(State.DEPLOYED, READY), (State.SHIFT, ABSENT)])
def test_where_nobody_else_takes_callers_it_is_added_for_those_that_reach_it(state: State, called: Condition) -> None:
    side = Side(1)
    side.run = replace(side.run, state=state)
    side.replaced()
    side.keep(None, MOSTLY)
    assert side.conditions == [ABSENT, called]


def test_it_is_called_while_any_is() -> None:
    side = Side(3, STANDBY)
    side.run = replace(side.run, wanted={**side.run.wanted, side.keys[0]: READY})
    side.replaced()
    side.keep(None, None, None, WELL)
    assert side.conditions == [READY, STANDBY, ABSENT, READY]


@pytest.mark.parametrize(
    "changes",
    [
        {"wanted": {}},
        {"wanted": {"h0/c0c0c0c0c0c0c0c0": ABSENT, "h1/c1c1c1c1c1c1c1c1": ABSENT}},
        {"wanted": {"h0/c0c0c0c0c0c0c0c0": ABSENT, "h1/c1c1c1c1c1c1c1c1": STANDBY}},
        {"since": {"stop h1/c1c1c1c1c1c1c1c1": 1.0}},
        {"state": State.STOPPED},
    ],
    ids=["before the first", "after the last", "while they leave", "it was stopped", "all were stopped"],
)
def test_it_is_called_by_nobody_where_none_is(changes: dict[str, Any]) -> None:
    side = Side(2)
    side.run = replace(side.run, **changes)
    side.replaced()
    side.keep(None, None, WELL)
    assert side.conditions[-1] is ABSENT


@pytest.mark.parametrize("unread", [False, True])
def test_it_takes_the_place_of_one_that_a_user_gave_up(unread: bool) -> None:
    side = Side(2)
    side.run = replace(
        side.run, wanted={**side.run.wanted, side.keys[1]: ABSENT}, done=frozenset({f"approve:{side.keys[1]}"})
    )
    old = side.world.containers[1]
    side.replaced(host="h0")
    if unread:
        side.world.unread = {"h1": "no answer"}
    else:
        side.world.containers.append(replace(old, running=False))
    side.keep(None, None, WELL)
    assert side.conditions == [READY, ABSENT, READY]


@pytest.mark.parametrize(
    ("image", "host", "unread"), [("web:2", "h1", {}), ("web:1", "h0", {"h1": "no answer"})], ids=["image", "unread"]
)
def test_what_is_outside_the_plan_or_may_be_is_not_added(image: str, host: str, unread: dict[str, str]) -> None:
    """Of an engine that is silent nobody knows whether one is gone."""
    side = Side(2)
    side.keep()
    side.replaced(image=image, host=host)
    side.world.unread = unread
    side.keep(None, None, WELL)
    assert side.conditions[-1] is ABSENT


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
    assert side.conditions == [ABSENT]
