"""Cutovers that are begun together: all or none begins, their events come merged, and one's end is not the others'."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any, cast

import pytest

from converters.errors import PodliftError
from migrate.cutover.cutover import Cutover
from migrate.cutover.driver import Event, Outcome
from migrate.cutover.grouping import CutoverGroup
from migrate.cutover.run import Spec


def error(code: str) -> PodliftError:
    return PodliftError(code=code, phase="cutover", subject="web", reason="as made", next_step="none")


class Scripted:
    """What a group asks of a Cutover. ``events``: (kind, state) each; then the outcome, or an error is raised."""

    outcome: Outcome
    why = "as scripted"

    def __init__(self, name: str, *events: tuple[str, str], ends: Outcome | PodliftError = Outcome.REST) -> None:
        self.name = name
        self.events = events
        self.ends = ends
        self.refuses: dict[str, PodliftError] = {}
        self.did: list[str] = []
        self.spec: Spec | None = None

    def check(self) -> Spec:
        self._refuse("check")
        return Spec(
            id=f"r-{self.name}", workload=self.name, name=self.name, namespace="shop", plan="",
            services=(), controllers=(), originals=(), steps=(),
        )  # fmt: skip

    def begin(self, spec: Spec) -> str:
        self._refuse("begin")
        self.did.append("begin")
        self.spec = spec
        return f"lock of {self.name}"

    def forgo(self, spec: Spec, lock: str, why: str) -> None:
        assert why == "another one of its group could not begin"
        assert (spec.name, lock) == (self.name, f"lock of {self.name}")
        self.did.append("forgo")

    def drive(
        self,
        spec: Spec,
        lock: str,
        *,
        interrupted: Callable[[], bool],
        no_wait: bool,  # noqa: ARG002
    ) -> Generator[Event, None, None]:
        assert (spec, lock) == (self.spec, f"lock of {self.name}")
        try:
            for kind, state in self.events:
                yield Event(at=0, kind=kind, state=state, text=self.name)
            while self.waits and not interrupted():
                yield Event(at=0, kind="wait", state=self.events[-1][1], text=self.name)
        except GeneratorExit:
            self.did.append("let go")
            raise
        if isinstance(self.ends, PodliftError):
            raise self.ends
        self.outcome = Outcome.PAUSED if self.waits else self.ends

    waits = False

    def _refuse(self, what: str) -> None:
        if what in self.refuses:
            raise self.refuses[what]


def group(*cutovers: Scripted, at_once: int = 0) -> CutoverGroup:
    return CutoverGroup({each.name: cast(Cutover, each) for each in cutovers}, at_once=at_once)


def taken(events: Iterator[tuple[str, Event]]) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for name, event in events:
        assert event.text == name
        made.setdefault(name, []).append(event.state)
    return made


def test_events_come_with_their_workload_and_all_know_of_each_other() -> None:
    web = Scripted("web", ("state", "PREFLIGHT"), ("state", "BRIDGED"))
    orders = Scripted("orders", ("state", "PREFLIGHT"), ends=Outcome.PAUSED)
    found = group(web, orders, at_once=1)
    assert taken(found.run()) == {"web": ["PREFLIGHT", "BRIDGED"], "orders": ["PREFLIGHT"]}
    assert {name: (each.outcome, each.state) for name, each in found.ended.items()} == {
        "web": (Outcome.REST, "BRIDGED"),
        "orders": (Outcome.PAUSED, "PREFLIGHT"),
    }
    assert web.spec is not None
    assert orders.spec is not None
    assert web.spec.group == orders.spec.group == ("shop/web", "shop/orders")
    assert web.spec.group_id == orders.spec.group_id != ""
    assert web.spec.at_once == 1


def test_an_error_ends_one_and_not_the_others() -> None:
    web, orders = Scripted("web", ("state", "BRIDGED"), ends=error("denied")), Scripted("orders", ("state", "BRIDGED"))
    found = group(web, orders)
    taken(found.run())
    assert (found.ended["web"].outcome, found.ended["web"].error) == (None, web.ends)
    assert found.ended["orders"].outcome is Outcome.REST


@pytest.mark.parametrize("where", ["check", "begin"])
def test_where_one_cannot_begin_none_has(where: str) -> None:
    web, orders = Scripted("web"), Scripted("orders")
    orders.refuses[where] = error("cutover-underway")
    found = group(web, orders)
    with pytest.raises(PodliftError, match="as made"):
        taken(found.run())
    assert web.did == ([] if where == "check" else ["begin", "forgo"])
    assert orders.did == []
    assert found.ended == {}


def test_an_interruption_reaches_each_and_so_does_who_stops_listening() -> None:
    web, orders = Scripted("web", ("state", "BRIDGED")), Scripted("orders", ("state", "BRIDGED"))
    web.waits = orders.waits = True
    came = threading.Event()
    found = group(web, orders)
    for number, _ in enumerate(found.run(interrupted=came.is_set)):
        if number == 50:
            came.set()
    assert {each.outcome for each in found.ended.values()} == {Outcome.PAUSED}

    again = group(web, orders)
    events = cast(Generator[Any, None, None], again.run())
    next(events)
    before = {each for each in threading.enumerate() if each.daemon}
    events.close()
    for each in before - {threading.current_thread()}:
        each.join(5)
    assert {each.outcome for each in again.ended.values()} == {Outcome.PAUSED}


def test_without_waiting_nobody_waits_for_one_that_ended() -> None:
    """The other one is let go, and not paused."""
    web, orders = Scripted("web", ("state", "BRIDGED"), ends=Outcome.APPROVAL), Scripted("orders", ("state", "FRONTED"))
    orders.waits = True
    found = group(web, orders)
    taken(found.run(no_wait=True))
    assert (found.ended["orders"].outcome, found.ended["orders"].why) == (
        Outcome.APPROVAL,
        "it waits for web of its group",
    )
    assert orders.did == ["begin", "let go"]


def test_without_waiting_a_turn_that_does_not_come_is_not_waited_for() -> None:
    """That of the second one, where the first one holds before SHIFT; the first one's is its own."""
    web, orders = (
        Scripted("web", ("state", "DEPLOYED"), ends=Outcome.APPROVAL),
        Scripted("orders", ("state", "FRONTED")),
    )
    orders.waits = True
    found = group(web, orders, at_once=1)
    taken(found.run(no_wait=True))
    assert found.ended["orders"].why == "it waits for web of its group"


def test_one_is_no_group() -> None:
    with pytest.raises(ValueError, match="two workloads"):
        group(Scripted("web"))
