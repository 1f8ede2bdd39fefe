"""What changed outside the plan pauses a run, and is taken up where a user names it; on a model, through kills too."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.replanning import Change, changes, refused
from migrate.cutover.states import State
from tests.cutover.killing import Kill, asked, brought, failures, finished, points, wrongs
from tests.cutover.model import NAME, LegacyContainer, Model

OTHER = {"spec": {"image": "web:2"}}


@cache
def _reached(state: State) -> Model:
    world = Model(pods=2, legacy=2)
    world.begin()
    brought(world, state)
    world.labels.clear()
    return world


def reached(state: State) -> Model:
    return deepcopy(_reached(state))


def changed(world: Model, template: Any = None) -> Model:
    """Somebody applies another template."""
    found = world.get("apps/v1", "Deployment", "shop", NAME)
    assert found is not None
    world.patch("apps/v1", "Deployment", "shop", NAME, {"spec": {"template": template or OTHER}})
    world.labels.clear()
    return world


def seen(world: Model) -> tuple[Change, ...]:
    entry = world.journal.read()
    assert entry is not None
    return changes(entry.spec, entry.run, world.seen())


def paused(world: Model) -> str:
    outcome, why = world.driver().drive()
    assert outcome is Outcome.PAUSED
    return why


def replanned() -> Model:
    """Another template, taken up, with nothing of it done yet."""
    world = changed(reached(State.DEPLOYED))
    assert paused(world).startswith("cutover-template: ")
    asked(world, resume=True, replan=tuple(each.token for each in seen(world)))
    world.labels.clear()
    return world


def images(world: Model) -> set[str]:
    return {each["metadata"]["labels"]["pod-template-hash"] for (kind, _), each in world.store.items() if kind == "Pod"}


def test_a_template_is_tested_anew_before_it_gets_callers() -> None:
    world = changed(reached(State.DEPLOYED))
    assert "resume --replan takes it up" in paused(world)
    asked(world, resume=True)
    assert paused(world).startswith("cutover-template: ")
    assert [each.said.partition(" as ")[0] for each in seen(world)] == ["the template of Deployment web"]
    asked(world, resume=True, replan=tuple(each.token for each in seen(world)))
    admitted: list[set[str]] = []

    def on_write(label: str) -> str:
        if label.endswith("patch Pod/web-pod"):
            admitted.append(images(world))
        return ""

    world.on_write = on_write
    assert finished(world, []).state == "FINALIZED"
    assert wrongs(world) == []
    # no driver's write admits a pod while one of the former template is there
    assert admitted == []
    assert images(world) == {"t2"}


def test_its_first_pods_are_approved_anew() -> None:
    world = Model(pods=2, legacy=1)
    world.begin(approvals=("SHIFT",))
    asked(world, approve=("SHIFT",))
    brought(world, State.DEPLOYED)
    changed(world)
    paused(world)
    asked(world, resume=True, replan=tuple(each.token for each in seen(world)))
    assert world.driver(no_wait=True).drive()[0] is Outcome.APPROVAL
    assert images(world) == {"t2"}


@pytest.mark.parametrize("state", [State.SHIFT, State.DEPLOYED])
def test_it_is_refused_once_a_pod_takes_callers(state: State) -> None:
    """Going back is possible, or the tested template again."""
    world = reached(state)
    if state is State.DEPLOYED:
        driver = world.driver()
        next(event for event in driver.events() if "admit" in event.text and event.kind == "intent")
        driver.let_go()
    changed(world)
    assert "abort: pods take callers" in paused(world)
    entry = world.journal.read()
    assert entry is not None
    assert "take callers" in refused(entry.spec, entry.run, world.seen())
    asked(world, resume=True, replan=tuple(each.token for each in seen(world)))
    assert paused(world).startswith("cutover-template: ")
    back = deepcopy(world)
    changed(world, {"spec": {"image": "web:1"}})
    asked(world, resume=True)
    assert (finished(world, []).state, wrongs(world), images(world)) == ("FINALIZED", [], {"t1"})
    asked(back, abort=True)
    assert (finished(back, []).state, wrongs(back)) == ("ROLLED_BACK", [])


def test_a_template_that_changes_once_more_is_not_the_one_that_was_agreed_to() -> None:
    world = changed(reached(State.DEPLOYED))
    paused(world)
    agreed = tuple(each.token for each in seen(world))
    changed(world, {"spec": {"image": "web:3"}})
    asked(world, resume=True, replan=agreed)
    assert paused(world).startswith("cutover-template: ")
    assert seen(world)
    assert images(world) == {"t1"}


@pytest.mark.parametrize("state", [State.FRONTED, State.DEPLOYED])
def test_while_its_pods_start_nothing_else_is_taken_up_unasked(state: State) -> None:
    """Neither before the first test nor after a template was taken up."""
    world = replanned() if state is State.DEPLOYED else reached(state)
    driver = world.driver()
    next(event for event in driver.events() if event.kind == "wait" and "are available" in event.text)
    driver.let_go()
    changed(world, {"spec": {"image": "web:3"}})
    assert paused(world).startswith("cutover-template: ")
    asked(world, resume=True, replan=tuple(each.token for each in seen(world)))
    assert (finished(world, []).state, wrongs(world)) == ("FINALIZED", [])


@pytest.mark.parametrize(
    "fate", [*(pytest.param(each, marks=pytest.mark.prove) for each in ("before", "last")), "after", "late"]
)
@pytest.mark.parametrize("abort", [False, True])
def test_a_kill_at_every_write(fate: str, abort: bool) -> None:
    made = points(replanned)
    last = next(number for number, (label, _) in enumerate(made) if label.startswith("SHIFT"))
    tried = [[Kill(*each, fate, abort)] for each in made[: last if not abort else last // 2]]
    assert len(tried) > 8
    assert failures(replanned, tried) == []


@pytest.mark.parametrize(("image", "gone"), [("web:2", True), ("web:1", False)], ids=["of another image", "one more"])
def test_a_container_outside_the_plan_is_taken_in_by_name(image: str, gone: bool) -> None:
    world = reached(State.SHIFT)
    new = LegacyContainer(id="c9" * 8, name="web-9", host="h1", address="10.99.0.9", port=18080, image=image)
    world.containers[1:] = [new] if gone else [*world.containers[1:], new]
    assert paused(world).startswith("cutover-legacy-changed: ")
    # callers of one that died are failed until nodes know, as they are without a cutover
    world.sleep(1)
    world.wrongs.clear()
    asked(world, resume=True)
    assert "outside the plan" in paused(world)
    (change,) = seen(world)
    assert "web-9 on h1" in change.said
    asked(world, resume=True, replan=(change.token,))
    assert (finished(world, []).state, wrongs(world)) == ("FINALIZED", [])
    assert not new.running


def test_on_the_way_back_there_is_nothing_to_take_up() -> None:
    world = changed(reached(State.DEPLOYED))
    asked(world, abort=True)
    assert (finished(world, []).state, wrongs(world)) == ("ROLLED_BACK", [])
    assert seen(world) == ()
