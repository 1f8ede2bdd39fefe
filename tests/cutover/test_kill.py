"""A driver that is killed at any write is followed by another one, and no caller notices; on a model of the world."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from migrate.cutover.moment import Moment
from tests.cutover.killing import Kill, chained, failures, finished, points, wrongs
from tests.cutover.model import TIMINGS, Model

FATES = ("before", "after", "late", "last")


def small() -> Model:
    return Model(pods=2, legacy=1)


def larger() -> Model:
    """Two instances on two hosts, whose ports are others after a start."""
    world = Model(pods=3, legacy=2)
    for each in world.containers:
        each.dynamic = True
    return world


def replacing() -> Model:
    """One of two instances dies while pods take the first callers, and the scheduler starts another in its place."""
    world = Model(pods=2, legacy=2)

    def arriving(label: str) -> None:
        if label.startswith("SHIFT") and not world.died:
            # a driver that is killed meanwhile is followed when its lease is over, and no keeper lives beside
            world.replaced(port=18099, within_s=3 * TIMINGS.lease_s)

    world.arriving = arriving
    return world


def many() -> Model:
    """More instances than can be looked at one after the other before the first look is too old."""
    return Model(pods=2, legacy=6)


@pytest.mark.parametrize("make", [small, larger, many, replacing])
def test_two_runs_write_the_same_and_nobody_is_failed(make: Callable[[], Model]) -> None:
    one, two = finished(make(), []), finished(make(), [])
    assert one.labels == two.labels
    assert (wrongs(one), one.state) == ([], "FINALIZED")


# What is left to `make prove`: before a write is after the one before it, and each of the others takes long.
SHORT = ((small, "after", False), (small, "after", True), (small, "late", True), (larger, "last", True))


@pytest.mark.parametrize(
    ("make", "fate", "abort"),
    [
        pytest.param(
            *each, marks=() if each in SHORT else pytest.mark.prove, id=f"{each[0].__name__}-{each[1]}-{each[2]}"
        )
        for each in product((small, larger, replacing), FATES, (False, True))
    ],
)
def test_a_kill_at_every_write(make: Callable[[], Model], fate: str, abort: bool) -> None:
    kills = [[Kill(label, nth, fate, abort)] for label, nth in points(make)]
    assert len(kills) > 50
    assert failures(make, kills) == []


@pytest.mark.parametrize("abort", [False, True])
def test_a_kill_at_every_write_around_a_replacement(abort: bool) -> None:
    kills = [[Kill(label, nth, "after", abort)] for label, nth in points(replacing) if label.startswith("SHIFT")]
    assert len(kills) > 10
    assert failures(replacing, kills) == []


@pytest.mark.parametrize(
    "fate", [*(pytest.param(each, marks=pytest.mark.prove) for each in ("before", "last")), "after", "late"]
)
def test_a_kill_at_every_write_of_the_way_back(fate: str) -> None:
    """From the end, where most is to be taken back."""
    label, nth = next(each for each in reversed(points(larger)) if " stop " in each[0])
    abort = Kill(label, nth, "after", abort=True)
    back = [each for each in points(larger, abort_at=abort) if each[0].startswith("ROLLING_BACK")]
    assert len(back) > 20
    assert failures(larger, [[abort, Kill(*each, fate)] for each in back]) == []


@pytest.mark.parametrize("make", [small, larger])
def test_one_run_through_a_kill_after_every_write(make: Callable[[], Model]) -> None:
    world, killed = chained(make())
    assert {label for label, _ in points(make)} <= killed
    assert wrongs(world) == []


def _unobserved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Moment, "observed", lambda _self, **_asked: iter(()))


def _pods_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("migrate.cutover.returning.legacy_answers", lambda _moment: iter(()))


def _no_epoch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Moment, "claims", lambda _self: iter(()))


@pytest.mark.parametrize("mutation", [_unobserved, _pods_first, _no_epoch])
def test_the_proof_sees_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, mutation: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """Nobody observes; on the way back pods are left before the legacy side is called; a new driver marks nothing."""
    mutation(monkeypatch)
    for fate in reversed(FATES):
        for abort in (True, False):
            for label, nth in points(larger):
                if failures(larger, [[Kill(label, nth, fate, abort)]]):
                    return
    pytest.fail("nothing was found wrong")
