"""What a run waits to be approved, as others see it by the journal."""

from __future__ import annotations

from collections.abc import Collection

from migrate.cutover.driver import Outcome
from migrate.cutover.edges import Backend
from migrate.cutover.states import State
from migrate.cutover.waiting import approvals_of, waiting_of
from tests.cutover.killing import asked
from tests.cutover.model import Model


class Blind(Model):
    """No command can be run on the host."""

    def established(self, host: str, backend: Backend) -> None:
        """Nobody knows."""

    def callers(self, host: str, backend: Backend, *, but: Collection[str] = ()) -> None:
        """Nor who calls."""


def test_what_is_asked_for_beside_the_approvals_of_a_plan_is_known_to_all() -> None:
    """It is journaled once, however long it is waited for, and by whoever drives."""
    world = Blind(pods=2, legacy=1)
    world.begin()
    driver, writes = world.driver(), 0
    for number, _ in enumerate(event for event in driver.events() if event.kind == "approval"):
        writes = writes or len(world.labels)
        if number == 20:
            driver.let_go()
            break
    assert len(world.labels) == writes
    entry = world.journal.read()
    assert entry is not None
    said = "podlift cutover approve web STANDBY: no command can be run on the host of web-0 on h0"
    waiting = waiting_of(entry, world.time, driven=True)
    assert waiting is not None
    assert waiting.what.startswith(said)
    alone = waiting_of(entry, world.time, driven=False)
    assert alone is not None
    assert alone.what.startswith(said)
    assert alone.what.endswith("and for a driver: podlift cutover resume web")
    assert approvals_of(entry) == [State.STANDBY]
    asked(world, approve=("STANDBY",))
    assert world.driver("two").drive()[0] is Outcome.REST
    entry = world.journal.read()
    assert entry is not None
    assert (world.state, approvals_of(entry)) == ("STOPPED", [])
