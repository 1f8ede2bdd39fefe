"""What users ask of a run: what was asked last holds, and what cannot be is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from converters.errors import PodliftError
from migrate.cutover.approving import stranger
from migrate.cutover.cutover import Attached
from migrate.cutover.driver import Outcome
from migrate.cutover.run import Direction, Original
from tests.cutover.killing import asked, brought, wrongs
from tests.cutover.model import DATABASE, NAME, SPACE, Model

if TYPE_CHECKING:
    from migrate.cluster import Cluster
    from migrate.cutover.driver import Event
    from migrate.cutover.journal import Requests


def reached(state: str) -> Model:
    """Nobody drives it from there."""
    world = Model(pods=2, legacy=1)
    world.begin()
    brought(world, state)
    return world


def interrupted_on_its_way_back(state: str = "SHIFT") -> Model:
    world = reached(state)
    asked(world, abort=True)
    driver = world.driver("two", interrupted=lambda: direction(world) is Direction.BACK)
    assert driver.drive()[0] is Outcome.PAUSED
    return world


def direction(world: Model) -> Direction:
    entry = world.journal.read()
    assert entry is not None
    return entry.run.direction


class Asking(Attached):
    """Whose verbs only ask: another process drives."""

    def _drive(self, change: Callable[[Requests], Requests], *_how: Any) -> Iterator[Event]:
        self._ask(change)
        yield from ()


def ask(world: Model, verb: str) -> None:
    list(getattr(Asking(cast("Cluster", world), SPACE, NAME, clock=world), verb)() or ())


@pytest.mark.parametrize(
    ("verbs", "outcome", "state"),
    [
        (["pause", "resume"], Outcome.REST, "STOPPED"),
        (["resume", "pause"], Outcome.PAUSED, "SHIFT"),
        (["pause", "abort"], Outcome.ROLLED_BACK, "ROLLED_BACK"),
        (["abort", "pause"], Outcome.PAUSED, "ROLLING_BACK"),
    ],
)
def test_what_was_asked_last_holds(verbs: list[str], outcome: Outcome, state: str) -> None:
    """While nobody drives the run, and hears the one before the other."""
    world = reached("SHIFT")
    for verb in verbs:
        ask(world, verb)
    assert world.driver("two").drive()[0] is outcome
    assert world.state == state


def test_a_pause_needs_no_reason() -> None:
    world = reached("SHIFT")
    Attached(cast("Cluster", world), SPACE, NAME, clock=world).pause("  ")
    assert world.driver("two").drive() == (Outcome.PAUSED, "a user asked for it")


def test_who_is_none_of_the_run_s_is_not_approved() -> None:
    """A name that is misspelled would be said to be approved, and change nothing."""
    world = reached("SHIFT")
    run = Attached(cast("Cluster", world), SPACE, NAME, clock=world)
    spec, key = run.entry().spec, run.entry().spec.originals[0].key
    short = key[: len("h1/") + 12]
    for what, why in {
        short[:-1]: f"is cut short: {short}",
        f"{key}0": "no container of its own",
        f"h9/{short[3:]}": "no container of its own",
        "shop/orders": "no other workload of its group",
        f"{SPACE}/{NAME}": "no other workload of its group",
        "10.0.0.5:5433": "no place that its containers",
        "[2001:db8::5]:5432": "no place that its containers",
    }.items():
        with pytest.raises(PodliftError, match=why) as caught:
            run.approve(what)
        assert caught.value.code == "cutover-unasked"
    entry = run.entry()
    assert not entry.requests
    grouped = replace(spec, group=(f"{SPACE}/{NAME}", "shop/orders"))
    assert stranger(grouped, entry.run, "shop/orders") == ""
    joined = replace(entry.run, joined=(Original(host="h9", id="9" * 64, name="web-9"),))
    assert stranger(spec, joined, "h9/999999999999") == ""
    assert stranger(spec, entry.run, "node/node-b", ("node-a", "node-b")) == ""
    assert stranger(spec, entry.run, "node/node-c", ("node-a", "node-b")) != ""
    known = ("SHIFT", "10.0.0.9", "10.1.0.0/16", "2001:db8::5", "2001:db8::/32", str(DATABASE.backend), short, key)
    run.approve(*known)
    assert run.entry().requests.approve == known


@pytest.mark.parametrize("verb", ["abort", "resume"])
def test_an_abort_that_was_interrupted_goes_on(verb: str) -> None:
    world = interrupted_on_its_way_back()
    ask(world, verb)
    assert world.driver("three").drive()[0] is Outcome.ROLLED_BACK
    assert wrongs(world) == []


@pytest.mark.parametrize("refused", [lambda run: run.stopped(), lambda run: list(run.finalize())])
def test_what_goes_back_is_not_finalized(refused: Callable[[Attached], Any]) -> None:
    world = interrupted_on_its_way_back("STOPPED")
    before = world.journal.read()
    with pytest.raises(PodliftError, match="it is ROLLING_BACK") as caught:
        refused(Attached(cast("Cluster", world), SPACE, NAME, clock=world))
    assert caught.value.code == "cutover-not-stopped"
    assert "abort goes on" in caught.value.next_step
    assert world.journal.read() == before


def test_what_goes_back_does_not_heed_an_older_word_to_finalize() -> None:
    world = interrupted_on_its_way_back("STOPPED")
    asked(world, finalize=True)
    assert world.driver("three").drive()[0] is Outcome.PAUSED
