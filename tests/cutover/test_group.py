"""Workloads that are moved together: one on the model, another one by its journal, which goes on by the clock."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.edges import Backend, Peer
from migrate.cutover.journal import journal_name
from migrate.cutover.run import Run, Spec, run_json, spec_json
from migrate.cutover.states import State
from migrate.plan.objects import JOURNAL
from tests.cutover.killing import Kill, asked, finished, numbered, wrongs
from tests.cutover.model import NAME, SPACE, TIMINGS, Model

OTHER, GROUP = "orders", (f"{SPACE}/orders", f"{SPACE}/web")
HOST = "10.99.0.77"
"""Where the other one's container is, from which it may call web."""


class Grouped(Model):
    """``way``: when, in seconds, the other one reaches what. It holds a connection to web until it has stopped."""

    def __init__(self, *way: tuple[float, State], at_once: int = 0, calls: bool = True) -> None:
        super().__init__(pods=2, legacy=1)
        self.began = self.time
        self.way = way or ((4, State.BRIDGED), (8, State.FRONTED), (14, State.STANDBY), (60, State.STOPPED))
        self.at_once = at_once
        self.calls = calls
        self.sleep(0)

    @property
    def other(self) -> State | None:
        return next((state for at, state in reversed(self.way) if self.time - self.began >= at), None)

    def spec(self, **more: Any) -> Spec:
        given = {
            "group": GROUP,
            "group_id": "g1",
            "at_once": self.at_once,
            "on_drain_timeout": "stop",
            "timings": replace(TIMINGS, drain_timeout_s=60),
        }
        return super().spec(**(given | more))

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.other is not None:
            self._journal_of_other(self.other)
        deployment = self.store["Deployment", NAME]
        if deployment["spec"]["replicas"] and self.other in (None, State.BRIDGED):
            self.wrongs.append("web went on while the other one was not FRONTED")

    def stop(self, host: str, container: str, grace_s: float) -> None:
        if self.calls and self.other not in (State.STOPPED, State.ROLLED_BACK):
            self.wrongs.append(f"web was stopped while the other one, {self.other}, called it")
        super().stop(host, container, grace_s)

    def established(self, host: str, backend: Backend) -> tuple[Peer, ...] | None:
        found = super().established(host, backend) or ()
        held = self.calls and self.other is not State.STOPPED
        return (*found, Peer(HOST, 1)) if held else found

    def _journal_of_other(self, state: State) -> None:
        spec = Model.spec(
            self,
            id="other",
            workload=OTHER,
            name=OTHER,
            group=GROUP,
            group_id="g1",
            hosts={"h0": {"address": HOST}},
        )
        name = journal_name(OTHER)
        old = self.store.get(("ConfigMap", name))
        data = {"spec": json.dumps(spec_json(spec)), "run": json.dumps(run_json(Run(state=state)))}
        if old is None or old["data"] != data:
            metadata = {"name": name, "labels": {JOURNAL: "", "podlift.dev/workload": OTHER}}
            self._put({"kind": "ConfigMap", "metadata": metadata, "data": data})


def told(world: Model, *, seconds: float = 1e9) -> tuple[Outcome | None, list[str]]:
    """How a driver ended, None where it goes on after so many seconds, and all that it waited for."""
    if not world.begun:
        world.begin()
    driver, began, waits = world.driver(), world.time, []
    for event in driver.events(resume=True):
        if event.kind in ("wait", "pause"):
            waits.append(event.text)
        if world.time - began >= seconds:
            driver.let_go()
            return None, waits
    return driver.outcome, waits


def test_all_are_fronted_before_any_goes_on_and_none_stops_while_another_calls_it() -> None:
    world = Grouped()
    finished(world, [])
    assert (wrongs(world), world.state) == ([], "FINALIZED")
    assert world.time - world.began >= 60


def test_the_wait_names_who_is_waited_for() -> None:
    world = Grouped((4, State.BRIDGED))
    outcome, waits = told(world, seconds=300)
    assert (outcome, world.state) == (None, "FRONTED")
    assert waits[-1] == "all of the group are to be FRONTED first: shop/orders (BRIDGED)"
    late = Grouped((1e6, State.FRONTED))
    assert told(late, seconds=300)[1][-1] == "all of the group are to be FRONTED first: shop/orders (not begun)"


def test_a_journal_of_an_earlier_moving_is_none() -> None:
    world = Grouped((0, State.FINALIZED))
    world.begin(group_id="g2")
    assert told(world, seconds=300)[1][-1].endswith("shop/orders (not begun)")


def test_time_outs_do_not_stop_what_a_member_is_connected_to() -> None:
    """Who may be connected is named; a word of the user's for its address goes on."""
    world = Grouped((0, State.FRONTED), (10, State.STANDBY))
    outcome, waits = told(world)
    assert outcome is Outcome.PAUSED
    assert waits[-1] == (
        f"web-0 on h0 still holds 1 of {HOST} (where shop/orders runs), and shop/orders of the group still runs"
    )
    asked(world, approve=(HOST,))
    assert told(world)[0] is Outcome.REST
    assert world.state == "STOPPED"


class Uncounted(Grouped):
    """No command can be run on the host."""

    def established(self, host: str, backend: Backend) -> None:
        """Nobody knows."""

    def callers(self, host: str, backend: Backend, *, but: Collection[str] = ()) -> None:
        """Nor who calls."""


def test_where_nobody_can_count_it_stops_when_the_others_have_or_a_user_says_so() -> None:
    world = Uncounted((0, State.FRONTED), (10, State.STANDBY), (300, State.STOPPED))
    world.begin()
    asked(world, approve=("STANDBY",))
    assert told(world)[0] is Outcome.REST
    assert (world.state, [each for each in world.wrongs if "the other one" in each]) == ("STOPPED", [])
    assert world.time - world.began >= 300
    cut = Uncounted((0, State.FRONTED), (10, State.STANDBY))
    cut.begin()
    asked(cut, approve=("STANDBY",))
    outcome, why = cut.driver(no_wait=True).drive()
    assert (outcome, cut.state) == (Outcome.APPROVAL, "BAKING")
    assert why == (
        "shop/orders: the connections of web-0 on h0 are unknown, and shop/orders of the group still runs: it may hold "
        "some, and they would be cut"
    )
    asked(cut, approve=("shop/orders",))
    assert told(cut)[0] is Outcome.REST
    assert cut.state == "STOPPED"


def test_at_once_goes_in_order() -> None:
    world = Grouped((0, State.FRONTED), (30, State.SHIFT), at_once=1, calls=False)
    outcome, waits = told(world, seconds=300)
    assert (outcome, world.state) == (None, "FRONTED")
    assert waits[-1] == "1 of the group at once: it is not its turn, after shop/orders (SHIFT)"
    world.way = (*world.way, (40, State.STANDBY))
    assert told(world)[0] is Outcome.REST
    both = Grouped((0, State.FRONTED), at_once=2, calls=False)
    assert told(both)[0] is Outcome.REST


def test_a_member_that_goes_back_stops_the_others_until_a_user_says() -> None:
    world = Grouped((0, State.FRONTED), (2, State.ROLLED_BACK), calls=False)
    outcome, waits = told(world)
    assert (outcome, world.state) == (Outcome.PAUSED, "FRONTED")
    assert waits[-1].startswith("shop/orders of its group is ROLLED_BACK")
    assert told(world)[0] is Outcome.PAUSED
    asked(world, approve=("shop/orders",))
    assert told(world)[0] is Outcome.REST
    assert world.state == "STOPPED"


def test_one_can_go_back_alone() -> None:
    world = Grouped((4, State.BRIDGED))
    told(world, seconds=60)
    asked(world, abort=True)
    assert told(world)[0] is Outcome.ROLLED_BACK
    assert [each for each in wrongs(world) if "HPA" not in each] == []


# Left to `make prove`: before a write is after the one before it, and what arrives late is held back as that of a run
# alone, which test_kill.py tries.
@pytest.mark.parametrize(
    "fate", ["after", *(pytest.param(each, marks=pytest.mark.prove) for each in ("before", "late"))]
)
def test_a_kill_at_every_write(fate: str) -> None:
    points = [each for each in numbered(finished(Grouped(), []).labels) if "create ConfigMap" not in each[0]]
    assert len(points) > 50
    found = []
    for label, nth in points:
        world = finished(Grouped(), [Kill(label, nth, fate)])
        if wrongs(world):
            found.append(f"{fate} {label} #{nth}: {wrongs(world)[0]}")
    assert found == []


@pytest.mark.parametrize("rule", ["to_deployed", "holding"])
def test_the_proof_sees_what_is_wrong(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    monkeypatch.setattr(f"migrate.cutover.groups.{rule}", lambda *_: iter(()) if rule == "to_deployed" else "")
    # where time-outs were heeded, it would be stopped after 60 s
    way = () if rule == "to_deployed" else ((0, State.FRONTED), (200, State.STOPPED))
    assert wrongs(finished(Grouped(*way), []))
