"""A run that has ended heeds nothing that is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from converters.errors import PodliftError
from migrate.cutover.cutover import Attached
from migrate.cutover.driver import Outcome
from tests.cutover.model import NAME, SPACE, Model

if TYPE_CHECKING:
    from migrate.cluster import Cluster


def ended(way: str) -> Model:
    """A run that was finalized, or that went back."""
    world = Model()
    world.begin()
    if way == "finalize":
        world.driver("one").drive()
    world.journal.ask(lambda requests: replace(requests, finalize=way == "finalize", abort=way == "abort"))
    world.driver("two").drive()
    return world


@pytest.mark.parametrize("way", ["finalize", "abort"])
@pytest.mark.parametrize(
    "ask", [lambda run: run.approve("SHIFT"), lambda run: run.pause(), lambda run: list(run.finalize())]
)
def test_who_asks_is_told(way: str, ask: Callable[[Attached], Any]) -> None:
    world = ended(way)
    before = world.journal.read()
    with pytest.raises(PodliftError, match="the run has ended: ") as caught:
        ask(Attached(cast("Cluster", world), SPACE, NAME, clock=world))
    assert caught.value.code == "cutover-ended"
    assert world.journal.read() == before


@pytest.mark.parametrize(
    ("way", "outcome"),
    [("finalize", (Outcome.ENDED, "the run is FINALIZED")), ("abort", (Outcome.ROLLED_BACK, "the run is ROLLED_BACK"))],
)
def test_what_was_asked_while_it_ended_comes_too_late(way: str, outcome: tuple[Outcome, str]) -> None:
    """Nor does an interruption pause it."""
    world = ended(way)
    world.journal.ask(lambda requests: replace(requests, pause="lunch", abort=True))
    assert world.driver("three", interrupted=lambda: True).drive() == outcome
