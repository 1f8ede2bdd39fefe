"""Somebody else changes a run's Service or its Deployment: the run says so and stands still, with the legacy side
called back where it was not called any more; put back, it goes on to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.endpoints import ADMITTED, EPOCH, INSTANCES, KEEPER, slice_of
from migrate.cutover.run import Condition
from tests.cutover.killing import asked, brought, wrongs
from tests.cutover.model import NAME, Model, copied

SERVICE, DEPLOYMENT, REPLICAS = ("Service", NAME), ("Deployment", NAME), ("ReplicaSet", f"{NAME}-1")
PORT = {"name": "more", "port": 9999, "targetPort": 9999, "protocol": "TCP"}


def widened(spec: dict[str, Any]) -> None:
    del spec["selector"][ADMITTED]


def narrowed(spec: dict[str, Any]) -> None:
    spec["selector"]["somebody"] = "was-here"


def other_ports(spec: dict[str, Any]) -> None:
    spec["ports"].append(PORT)


@pytest.mark.parametrize(
    ("state", "edit", "code"),
    [
        ("SHIFT", widened, "cutover-selector"),
        ("SHIFT", narrowed, "cutover-selector"),
        ("SHIFT", other_ports, "cutover-ports"),
        ("BAKING", narrowed, "cutover-selector"),
        ("BAKING", other_ports, "cutover-ports"),
    ],
)
def test_a_service(state: str, edit: Callable[[dict[str, Any]], None], code: str) -> None:
    world = Model(pods=2, legacy=2)
    world.begin()
    before: dict[str, Any] = {}

    def act() -> None:
        service = copied(world.store[SERVICE])
        before.update(copied(service["spec"]))
        edit(service["spec"])
        world._put(service)

    assert edited(world, state, act) == code
    assert legacy(world) == {Condition.READY}
    service = copied(world.store[SERVICE])
    world._put({**service, "spec": before})
    goes_on(world)


def test_with_an_engine_silent_a_slice_whose_instances_are_unknown_stays() -> None:
    world = Model(pods=2, legacy=2)
    world.begin()
    brought(world, "SHIFT")
    (live,) = slices(world)
    live["metadata"]["annotations"][INSTANCES] = "abc"
    world._put(live)
    world.unread = {"h0": "no answer"}
    driver = world.driver("two")
    told = [event.text for event in driver.events() if event.kind == "keeper"]
    assert sum("it is written anew" in each for each in told) == 1
    assert sorted(each.instance[:2] for each in slice_of(slices(world)[0]).endpoints) == ["", "h1"]
    world.unread = {}
    goes_on(world)


def test_a_template_that_is_not_rolled_out_while_the_deployment_is_paused() -> None:
    world = Model(pods=2, legacy=1)
    labels = {"podlift.dev/workload": NAME}
    tried = {"metadata": {"labels": labels}, "spec": {"containers": [{"image": "web:1"}]}}
    world.store[DEPLOYMENT]["spec"]["template"] = tried
    made = {**tried, "metadata": {"labels": {**labels, "pod-template-hash": "t1"}}}
    world.store[REPLICAS]["spec"] = {"template": made}
    world.begin()

    def template(image: str) -> None:
        deployment = copied(world.store[DEPLOYMENT])
        deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image
        world._put(deployment)

    assert edited(world, "SHIFT", lambda: template("web:2")) == "cutover-template"
    assert world.store[DEPLOYMENT]["spec"]["paused"]
    template("web:1")
    goes_on(world)


@pytest.mark.parametrize(
    "edit",
    [
        lambda each: each["metadata"]["annotations"].update({KEEPER: "abc", EPOCH: "x"}),
        lambda each: each["metadata"]["annotations"].update({INSTANCES: "abc"}),
        lambda each: each["metadata"]["annotations"].update({INSTANCES: "[5]"}),
        lambda each: each["metadata"].pop("annotations"),
        lambda each: each.pop("ports"),
        lambda each: each.pop("endpoints"),
    ],
    ids=["epochs", "no json", "no map", "no annotations", "no ports", "no endpoints"],
)
def test_what_somebody_wrote_on_a_slice_is_written_anew(edit: Callable[[dict[str, Any]], Any]) -> None:
    """Whatever it was: the run goes on to its end."""
    world = Model(pods=2, legacy=2)
    world.begin()
    done: list[str] = []

    def act() -> None:
        for (kind, name), each in world.store.items():
            if world.begun and world.state == "SHIFT" and kind == "EndpointSlice" and "legacy" in name and not done:
                edit(each)
                done.append(name)

    world.beside.append(act)
    for event in world.driver().events():
        if event.state == "PROMOTED" and done:
            (live,) = slices(world)
            made = slice_of(live)
            assert (len(made.ports), len(made.endpoints)) == (1, 2)
            assert (live["metadata"]["annotations"][KEEPER], live["metadata"]["annotations"][EPOCH]) == ("1", "1")
            done.append("anew")
            break
    assert done[1:] == ["anew"]
    world.beside.clear()
    asked(world, resume=True)
    assert world.driver("two", take_over=True).drive()[0] is Outcome.REST
    goes_on(world)


def slices(world: Model) -> list[dict[str, Any]]:
    return [
        copied(live)
        for (kind, name), live in sorted(world.store.items())
        if kind == "EndpointSlice" and "legacy" in name
    ]


def edited(world: Model, state: str, act: Callable[[], None]) -> str:
    """The code of the pause that follows."""
    driver, done = world.driver(), False
    for event in driver.events():
        if event.state == state and not done:
            done = True
            act()
    assert driver.outcome is Outcome.PAUSED, driver.why
    assert world.state == state
    return driver.why.partition(":")[0]


def legacy(world: Model) -> set[Condition | None]:
    return {one.condition for live in slices(world) for one in slice_of(live).endpoints}


def goes_on(world: Model) -> None:
    asked(world, resume=True)
    assert world.driver("two").drive()[0] is Outcome.REST
    asked(world, finalize=True)
    assert world.driver("three").drive()[0] is Outcome.ENDED
    assert wrongs(world) == []
