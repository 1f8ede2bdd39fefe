"""A real run that is held where it stands, with a driver that watches it, while things go wrong around it under load.

driven = Driven(web)
driven.at(State.SHIFT)                              # 2 of 4 pods are admitted; it goes on when it is let on
suffered = driven.under_load(lambda: evict(pod))    # what its callers met, and how long it took
driven.paused("cutover-selector")                   # the driver has ended so; `at` begins another one
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

from migrate.cutover.clock import SystemClock
from migrate.cutover.cutover import Attached, Cutover
from migrate.cutover.driver import Event, Outcome
from migrate.cutover.run import LAB
from migrate.cutover.states import State
from tests.cluster.served import Served
from tests.cluster.traffic import Load, Report, Traffic, on_host, pod_addresses

HOLD_S = 86_400.0
HELD = replace(LAB, step_pause_s=HOLD_S, bake_s=HOLD_S)
LOAD = Load(new=60, keep=8, keep_rate=2, poll=1, poll_for_s=2, post=5)
# Where a run waits for a time of its own: the texts of its waits.
_HOLDS = ("a step of its own time: ",)
_WRITES = frozenset({"intent", "done", "note", "state"})
_BEFORE_S, _AFTER_S = 1.0, 3.0


class HeldClock(SystemClock):
    """The time of day, which steps ahead when it is told: what a run waits for by it is over then. Leases, windows and
    patience are by the other clock."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return super().now() + self._ahead

    def let_on(self) -> None:
        self._ahead += HOLD_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event, and the machine's time at which it was told."""

    at: float
    event: Event

    @property
    def writes(self) -> bool:
        return self.event.kind in _WRITES


@dataclass(frozen=True, slots=True, kw_only=True)
class Suffered:
    report: Report
    seconds: float


class Driven:
    """``told``: by all its drivers. ``now``: the one that drives; its ``outcome`` and ``why`` when it has ended."""

    def __init__(self, web: Served) -> None:
        self.web = web
        self.told: list[Told] = []
        self.now: Cutover | Attached
        self._clock = HeldClock()
        pods = sum(web.plan.workloads[0]["replicas"].values())
        self._schedule = tuple(str(each) for each in range(1, pods + 1))
        self._pool = ThreadPoolExecutor()
        self._driving: Future[None] | None = None
        self._stop = threading.Event()

    # ---------------------------------------------------------------- who drives

    def attached(self) -> Attached:
        return Attached(self.web.edge, self.web.space, self.web.name, clock=self._clock)

    def begin(self) -> None:
        self.now = self.web.cutover(clock=self._clock, on_drain_timeout="stop", schedule=self._schedule)
        self._drive(self.now.run(interrupted=self._stop.is_set))

    def resume(self, *, take_over: bool = False) -> None:
        self.now = self.attached()
        self._drive(self.now.resume(take_over=take_over, interrupted=self._stop.is_set))

    def abort(self) -> None:
        self.now = self.attached()
        self._drive(self.now.abort())

    def leave(self) -> None:
        """Nobody drives any more."""
        self._stop.set()
        self._pool.shutdown()

    def ended(self, within_s: float = 60) -> tuple[Outcome, str]:
        assert self._driving is not None
        wait([self._driving], within_s)
        assert self._driving.done(), f"it drives on: {self.tail()}"
        self._driving.result()
        return self.now.outcome, self.now.why

    def paused(self, code: str) -> None:
        outcome, why = self.ended()
        assert (outcome, why.partition(":")[0]) == (Outcome.PAUSED, code), why

    def _drive(self, events: Iterator[Event]) -> None:
        def drive() -> None:
            for event in events:
                self.told.append(Told(at=time.time(), event=event))

        self._driving = self._pool.submit(drive)

    # ---------------------------------------------------------------- where it stands

    def at(self, state: State) -> None:
        """It stands there and waits for its time, with a driver; it was not yet further."""
        if self._driving is None:
            self.begin()
        elif self._driving.done():
            self.resume()
        self.rests()
        while self.state.reached < state.reached:
            self.let_on()
            self.rests()
        assert self.state is state, f"the run is {self.state} already"

    def at_last_step(self) -> None:
        """The same in SHIFT, with every pod admitted."""
        self.at(State.SHIFT)
        while self.attached().entry().run.step < len(self._schedule) - 1:
            self.let_on()
            self.rests()

    @property
    def state(self) -> State:
        return self.attached().entry().run.state

    def let_on(self) -> None:
        self._clock.let_on()

    def rests(self, within_s: float = 120) -> None:
        """It has nothing to do but to wait, from now on; in the bake, that is, but for the gates."""
        self.tells(lambda told: told.event.text.startswith(_HOLDS) or _gates_of_the_bake(told.event), within_s)

    def tells(self, wanted: Callable[[Told], bool], within_s: float = 60) -> Told:
        """The first such event from now on."""
        seen, end = len(self.told), time.monotonic() + within_s
        while time.monotonic() < end:
            for told in self.told[seen:]:
                seen += 1
                if wanted(told):
                    return told
            assert self._driving is None or not self._driving.done(), self.ended()
            time.sleep(0.05)
        raise AssertionError(f"it did not come: {self.tail()}")

    def tail(self) -> str:
        return "; ".join(f"{told.event.state} {told.event.kind}: {told.event.text}" for told in self.told[-8:])

    # ---------------------------------------------------------------- its callers

    def under_load(self, act: Callable[[], Any], to: str = "") -> Suffered:
        """From the pods' network of the first node. ``to``: another address than the Service's."""
        node = self.web.lab.nodes[0]
        load = replace(LOAD, sources=pod_addresses(node, 2))
        with Traffic(on_host(node.host), to or self.web.address, load) as traffic:
            time.sleep(_BEFORE_S)
            began = time.monotonic()
            act()
            seconds = time.monotonic() - began
            # what a fault has left behind it
            time.sleep(_AFTER_S)
            return Suffered(report=traffic.stop(), seconds=seconds)


def _gates_of_the_bake(event: Event) -> bool:
    return event.state == State.BAKING and event.kind in ("measure", "gate")
