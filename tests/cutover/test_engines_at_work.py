"""What an engine takes long for is not waited for, nor asked for twice, and no other driver begins meanwhile; on a
model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.lock import lasted
from migrate.cutover.stopping import change_s
from tests.cutover.killing import asked, wrongs
from tests.cutover.model import TIMINGS, Model

LEASE = ("Lease", "cutover-web")


class Working(Model):
    """Its engines start a container, or set its restart policy, so much later."""

    def __init__(self, *, works_s: float, **more: Any) -> None:
        super().__init__(**more)
        self.works_s = works_s
        self.working: dict[tuple[str, str, str], float] = {}
        self.sent: list[str] = []

    def start(self, host: str, container: str) -> None:
        self._work("start", host, container, lambda: super(Working, self).start(host, container))

    def set_restart(self, host: str, container: str, policy: Mapping[str, Any]) -> None:
        self._work("set-restart", host, container, lambda: super(Working, self).set_restart(host, container, policy))

    def under_way(self) -> Collection[tuple[str, str, str]]:
        return [each for each, end in self.working.items() if end > self.time]

    def _work(self, verb: str, host: str, container: str, act: Callable[[], None]) -> None:
        self.sent.append(verb)
        if not self.works_s:
            act()
            return
        self.working[verb, host, container] = end = self.time + self.works_s
        left = [act]

        def arrives() -> None:
            if self.time >= end and left:
                left.pop()()

        self.beside.append(arrives)

    def lease_left_s(self) -> float:
        """That of the run's lock, by the clock of who renews it."""
        said = self.store[LEASE]["spec"]
        renewed = datetime.fromisoformat(said["renewTime"]).timestamp()
        return float(renewed + said["leaseDurationSeconds"] - self.time)


def stopped(world: Model) -> None:
    world.begin()
    assert world.driver("one").drive()[0] is Outcome.REST


@pytest.mark.parametrize("lease_s", [6, 60])
def test_a_start_is_sent_once_and_the_lease_outlasts_it(lease_s: float) -> None:
    world = Working(works_s=0, timings=replace(TIMINGS, lease_s=lease_s))
    stopped(world)
    world.works_s, world.sent = change_s(lasted(lease_s)) - 1, []
    asked(world, abort=True)
    driver = world.driver("two")
    for _ in driver.events():
        for end in [each for each in world.working.values() if each > world.time]:
            assert world.lease_left_s() >= end - world.time
    assert (driver.outcome, world.sent) == (Outcome.ROLLED_BACK, ["start", "set-restart"])
    assert wrongs(world) == []


def test_no_lease_is_longer_for_a_start_than_for_other_calls() -> None:
    """Else whoever goes on after a kill there waited longer."""
    assert [change_s(lasted(each)) for each in (6, 15, 60, 600)] == [10, 10, 40, 60]


def test_a_driver_that_is_paused_meanwhile_gives_the_lease_to_nobody() -> None:
    world = Working(works_s=0)
    stopped(world)
    world.works_s = 8
    asked(world, abort=True)
    driver = world.driver("two", interrupted=lambda: bool(world.under_way()))
    assert driver.drive()[0] is Outcome.PAUSED
    assert LEASE in world.store
    assert world.store[LEASE]["spec"]["holderIdentity"] == "two"
    # its end is waited for, and then nothing is under way any more
    third = world.driver("three")
    assert not world.under_way()
    assert third.drive(resume=True)[0] is Outcome.ROLLED_BACK
    assert wrongs(world) == []


def test_an_abort_does_not_end_before_what_leads_forward_has_arrived() -> None:
    """A restart policy that is taken off late is given back."""
    world = Working(works_s=0)
    world.begin()
    driver = world.driver("one")
    for event in driver.events():
        if event.state == "BAKING" and not world.works_s:
            world.works_s = 12
        if "set-restart" in world.sent and len(world.sent) == 1 and event.kind == "done":
            asked(world, abort=True)
    assert driver.outcome is Outcome.ROLLED_BACK
    world.sleep(20)
    assert wrongs(world) == []
