"""The bake is time in which the gates looked, whoever drove; on a model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrate.cutover.driver import Driver, Outcome
from tests.cutover.model import TIMINGS, Model

BAKE_S = 300.0


@pytest.fixture
def world() -> Model:
    made = Model(pods=2, legacy=1)
    made.begin(timings=replace(TIMINGS, bake_s=BAKE_S, poll_s=2))
    return made


def baked(world: Model, driver: Driver, seconds: float) -> None:
    """It drives until then, from BAKING on."""
    began = 0.0
    for event in driver.events():
        if event.state == "BAKING":
            began = began or world.time
            if world.time - began >= seconds:
                return
    raise AssertionError(driver.why)


def rest_of(world: Model, driver: Driver) -> float:
    """How long it drives until the bake is over."""
    began = world.time
    for event in driver.events(resume=True):
        if "the bake's time" in event.text:
            return world.time - began
    raise AssertionError(driver.why)


def test_what_is_behind_when_nobody_drives_is_not_baked(world: Model) -> None:
    driver = world.driver()
    baked(world, driver, 0)
    driver.let_go()
    world.sleep(2 * BAKE_S)
    assert rest_of(world, world.driver("two")) >= BAKE_S


def test_what_the_gates_saw_survives_a_kill_but_for_the_last_of_it(world: Model) -> None:
    driver = world.driver()
    baked(world, driver, 200)
    driver.let_go()
    world.sleep(2 * BAKE_S)
    assert BAKE_S - 200 <= rest_of(world, world.driver("two")) <= BAKE_S - 200 + 80


def test_a_pause_is_no_bake(world: Model) -> None:
    began: list[float] = []

    def interrupted() -> bool:
        began.extend([world.time] if world.state == "BAKING" and not began else [])
        return bool(began) and world.time - began[0] >= 200

    assert world.driver(interrupted=interrupted).drive()[0] is Outcome.PAUSED
    world.sleep(2 * BAKE_S)
    assert rest_of(world, world.driver("two")) >= BAKE_S - 200


def test_a_machine_that_slept_did_not_look(world: Model) -> None:
    driver = world.driver()
    began = 0.0
    for event in driver.events():
        if (event.state, event.kind) == ("BAKING", "gate") and not began:
            world.sleep(2 * BAKE_S)
            began = world.time
        if "the bake's time" in event.text:
            break
    assert world.time - began >= BAKE_S - 2


def test_a_long_bake_leaves_room_in_the_journal() -> None:
    world = Model(pods=2, legacy=1)
    world.begin(timings=replace(TIMINGS, bake_s=4000, poll_s=5))
    rest_of(world, world.driver())
    assert 10 < len([each for each in world.labels if "note a part of the bake" in each]) < 20


def test_without_a_bake_the_gates_look_once() -> None:
    world = Model(pods=2, legacy=1)
    world.begin(timings=replace(TIMINGS, bake_s=0))
    assert world.driver().drive()[0] is Outcome.REST
    assert len([each for each in world.labels if each.endswith("BAKING: patch ConfigMap/cutover-web gate")]) == 1
