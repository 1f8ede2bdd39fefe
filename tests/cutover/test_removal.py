"""Containers go at the very end where a user agreed to each, through kills too; and nothing goes that was not meant."""

from __future__ import annotations

from copy import deepcopy
from functools import cache

import pytest

from migrate.cutover.driver import Outcome
from tests.cutover.killing import Kill, asked, chained, failures, finished, points, wrongs
from tests.cutover.model import LegacyContainer, Model
from tests.cutover.stopping import stopped, stops

BOTH = ("h0/" + "c0" * 8, "h1/" + "c1" * 8)


@cache
def _rest(removes: bool) -> Model:
    world = Model(pods=2, legacy=2, removes=removes)
    world.begin()
    assert world.driver().drive()[0] is Outcome.REST
    world.labels.clear()
    return world


def at_rest() -> Model:
    """All is stopped."""
    return deepcopy(_rest(removes=False))


def removing() -> Model:
    """The same, and its user will have the containers removed."""
    return deepcopy(_rest(removes=True))


def whole() -> Model:
    return Model(pods=2, legacy=2, removes=True)


def ends() -> list[tuple[str, int]]:
    """The writes from STOPPED on."""
    return points(removing)


@pytest.mark.parametrize(
    "fate", [*(pytest.param(each, marks=pytest.mark.prove) for each in ("before", "last")), "after", "late"]
)
@pytest.mark.parametrize("abort", [False, True])
def test_a_kill_at_every_write_of_the_end(fate: str, abort: bool) -> None:
    tried = [[Kill(label, nth, fate, abort)] for label, nth in ends()]
    assert sum(" remove h" in str(each[0]) for each in tried) == 2
    assert failures(removing, tried) == []


def test_a_stop_at_every_write_of_the_end() -> None:
    tried = stops(ends()) + stops(ends(), abort=True)
    assert [f"{each}: {wrong}" for each in tried if (wrong := stopped(removing(), each))] == []


def test_one_run_through_a_kill_after_every_write() -> None:
    world, killed = chained(whole())
    assert {label for label, _ in points(whole)} <= killed
    assert (world.state, wrongs(world)) == ("FINALIZED", [])


def test_only_those_that_were_agreed_to_go() -> None:
    """Nothing that is no container of the run, whatever is asked for; and who is gone already is fine."""
    world = at_rest()
    world.containers.append(
        LegacyContainer(id="c9" * 8, name="other", host="h0", address="10.99.0.9", port=1, running=False)
    )
    world.gone.append(world.containers.pop(1))
    asked(world, finalize=True, remove=(*BOTH, f"h0/{'c9' * 8}"))
    assert world.driver().drive()[0] is Outcome.ENDED
    assert [each.name for each in world.containers] == ["other"]
    assert [each for each in world.labels if ": remove " in each] == ["STOPPED: remove h0/c0"]


def test_one_that_runs_again_keeps_all_from_being_removed() -> None:
    """Until it is stopped; then finalize goes on, with what was agreed to."""
    world = at_rest()
    world.containers[1].running = True
    asked(world, finalize=True, remove=BOTH)
    outcome, why = world.driver().drive()
    assert (outcome, why.partition(":")[0]) == (Outcome.PAUSED, "cutover-legacy-runs")
    assert (world.gone, world.state) == ([], "STOPPED")
    world.containers[1].running = False
    asked(world, finalize=True)
    assert world.driver().drive()[0] is Outcome.ENDED
    assert (world.containers, wrongs(world)[1:]) == ([], [])


def test_none_goes_while_pods_are_missing_or_the_scheduler_does_not_keep_off() -> None:
    world = at_rest()
    world.frozen = False
    pods = [key for key in world.store if key[0] == "Pod"]
    world.start_s = 60
    world._remove(pods[0])
    asked(world, finalize=True, remove=BOTH)
    until = world.time + 30
    assert world.driver(interrupted=lambda: world.time > until).drive()[0] is Outcome.PAUSED
    assert world.gone == []
    world.sleep(60)
    then = world.time + 30
    assert world.driver(interrupted=lambda: world.time > then).drive(resume=True)[0] is Outcome.PAUSED
    assert world.gone == []
    world.frozen = True
    assert world.driver().drive(resume=True)[0] is Outcome.ENDED
    assert world.containers == []


def test_what_is_left_of_them_serves_again() -> None:
    """An abort between two removals."""
    label, nth = next(each for each in ends() if each[0].endswith("remove h0/c0"))
    world = finished(removing(), [Kill(label, nth, "after", abort=True)])
    assert (world.state, wrongs(world)) == ("ROLLED_BACK", [])
    assert [each.name for each in world.gone] == ["web-0"]


def test_where_none_is_left_there_is_no_way_back() -> None:
    """Pods keep serving, and finalize ends the run."""
    label, nth = next(each for each in ends() if each[0].endswith("remove h1/c1"))
    world = finished(removing(), [Kill(label, nth, "after", abort=True)])
    assert (world.state, wrongs(world)) == ("FINALIZED", [])
