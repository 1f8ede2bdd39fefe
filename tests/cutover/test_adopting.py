"""A Service of hand, without a selector, that leads to the legacy side: it is taken over, and given back as it was,
whatever is killed on the way; on a model of the world."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from migrate.cutover.adopting import recorded, strange
from migrate.cutover.driver import Outcome
from migrate.cutover.edges import Backend
from migrate.cutover.endpoints import ADMITTED
from migrate.cutover.moment import Moment
from migrate.cutover.starting import new_run
from tests.cutover.killing import Kill, abort_without_journal, asked, brought, failures, finished, points, wrongs
from tests.cutover.model import NAME, Killed, Model, copied

FATES = ("after", "before", "late", "last")
SERVICE, ENDPOINTS, MIRRORED = ("Service", NAME), ("Endpoints", NAME), ("EndpointSlice", f"{NAME}-mirrored")
HAND = ("EndpointSlice", f"{NAME}-hand")


def stood(*, by_slice: bool = False) -> Model:
    world = Model(pods=2, legacy=2)
    world.stood(by_slice=by_slice)
    return world


def known(world: Model) -> dict[str, Any]:
    """What a run records of it."""
    slices = [world.store[HAND]] if HAND in world.store else []
    return recorded(world.store[SERVICE], world.store.get(ENDPOINTS), slices, world.spec().services[0])


def begun(world: Model) -> Model:
    assert strange(world.store[SERVICE], known(world), world.spec().services[0], world.find().containers) == ""
    spec = world.spec(adopted={NAME: copied(known(world))}, resolved_before=True)
    world.journal.begin(spec, new_run(spec), at=world.time)
    return world


def adopted() -> Model:
    """A run begun, of two instances that a Service of hand leads to."""
    return begun(stood())


def sliced() -> Model:
    """The same, by a slice of hand."""
    return begun(stood(by_slice=True))


def bare(world: Model) -> dict[tuple[str, str], Any]:
    """The Service and all that leads by it, without what every write changes."""
    made = {}
    for key, each in world.store.items():
        if key[0] in ("Service", "Endpoints", "EndpointSlice"):
            metadata = each["metadata"]
            kept = {part: metadata[part] for part in ("labels", "annotations") if metadata.get(part)}
            body = {part: value for part, value in each.items() if part not in ("apiVersion", "metadata")}
            made[key] = {**body, **kept}
    return made


def as_before(world: Model) -> list[str]:
    """What is not as it stood."""
    before, now = bare(stood(by_slice=HAND in world.store)), bare(world)
    return [f"{key} is not as it was" for key in sorted(before.keys() | now.keys()) if before.get(key) != now.get(key)]


@pytest.mark.parametrize("make", [adopted, sliced])
def test_it_is_taken_over_where_it_stands(make: Callable[[], Model]) -> None:
    world = make()
    uid, address = world.store[SERVICE]["metadata"]["uid"], world.store[SERVICE]["spec"]["clusterIP"]
    world = finished(world, [])
    assert (world.state, wrongs(world)) == ("FINALIZED", [])
    service = world.store[SERVICE]
    assert (service["metadata"]["uid"], service["spec"]["clusterIP"]) == (uid, address)
    assert ADMITTED not in service["spec"]["selector"]
    # callers had it before, so nobody is asked to lead them there; the first write fences what is under way to it
    written = [each for each in world.labels if " patch Service/" in each or "EndpointSlice/" in each]
    assert [each.split(": ")[1] for each in written if "ConfigMap" not in each][:3] == [
        "patch Service/web",
        "create EndpointSlice/web-legacy",
        "patch Service/web",
    ]
    left = {key[1] for key in world.store if key[0] == "EndpointSlice"}
    assert left == {"web-own"}
    assert {each["ip"] for each in world.store[ENDPOINTS]["subsets"][0]["addresses"]} == {
        each["status"]["podIP"] for (kind, _), each in world.store.items() if kind == "Pod"
    }


def wrongs_of(world: Model) -> list[str]:
    return wrongs(world) + (as_before(world) if world.state == "ROLLED_BACK" else [])


SHORT = ((adopted, "after", True), (sliced, "late", True))


@pytest.mark.parametrize(
    ("make", "fate", "abort"),
    [
        pytest.param(
            *each, marks=() if each in SHORT else pytest.mark.prove, id=f"{each[0].__name__}-{each[1]}-{each[2]}"
        )
        for each in product((adopted, sliced), FATES, (False, True))
    ],
)
def test_a_kill_at_every_write(make: Callable[[], Model], fate: str, abort: bool) -> None:
    """Gone back from after any of them, it is as it stood."""
    assert failures(make, [[Kill(*each, fate, abort)] for each in points(make)], wrongs_of) == []


@pytest.mark.parametrize("fate", ["after", *(pytest.param(each, marks=pytest.mark.prove) for each in FATES[1:])])
@pytest.mark.parametrize("make", [adopted, sliced])
def test_a_kill_at_every_write_of_the_way_back(make: Callable[[], Model], fate: str) -> None:
    """From where pods alone serve."""
    label, nth = next(each for each in reversed(points(make)) if " stop " in each[0])
    abort = Kill(label, nth, "after", abort=True)
    back = [each for each in points(make, abort_at=abort) if each[0].startswith("ROLLING_BACK")]
    assert len(back) > 20
    assert failures(make, [[abort, Kill(*each, fate)] for each in back], wrongs_of) == []


@pytest.mark.parametrize("state", ["BRIDGED", "SHIFT", "BAKING"])
@pytest.mark.parametrize("make", [adopted, sliced])
def test_it_is_given_back_without_a_journal(make: Callable[[], Model], state: str) -> None:
    world = make()
    brought(world, state)
    abort_without_journal(world)
    world = finished(world, [])
    assert (world.state, wrongs(world), as_before(world)) == ("ROLLED_BACK", [], [])


def test_ports_that_moved_are_not_put_back() -> None:
    """What stood would lead nowhere: the Service stays with the run's slices, as one that an earlier run left."""
    world = adopted()
    for each in world.containers:
        each.dynamic = True
    assert world.driver("one").drive()[0] is Outcome.REST
    assert not any(each.running for each in world.containers)
    asked(world, abort=True)
    outcome, why = world.driver("back").drive(resume=True)
    assert (outcome, wrongs(world)) == (Outcome.ROLLED_BACK, []), why
    assert world.store[SERVICE]["spec"]["selector"][ADMITTED].startswith("run1-back")
    entry = world.journal.read()
    assert entry is not None
    assert "web stays the run's" in entry.history[-1]["text"]


def test_ports_that_move_while_it_is_given_back() -> None:
    """The selector is gone already, and what stood is not put back yet: the run's slices lead to where it answers."""
    world = adopted()
    brought(world, "BRIDGED")
    asked(world, abort=True)
    world.on_write = lambda _label: "" if world.store[SERVICE]["spec"].get("selector") else "after"
    with pytest.raises(Killed):
        world.driver("two").drive(resume=True)
    world.on_write = lambda _label: ""
    world.containers[0].port += 1
    world.died[Backend(world.containers[0].address, 18080)] = world.time + 3 * world.timings.lease_s
    assert world.driver("three").drive(resume=True)[0] is Outcome.ROLLED_BACK
    world.sleep(3)
    assert wrongs(world) == []


def test_somebody_adds_another_place_meanwhile() -> None:
    """It is not cut off: the Service is not taken over then, and what was added stays."""
    world = adopted()
    endpoints = copied(world.store[ENDPOINTS])
    endpoints["subsets"][0]["addresses"].append({"ip": "192.0.2.99"})
    world._put(endpoints)
    outcome, why = world.driver("one").drive()
    assert (outcome, "cutover-timeout" in why) == (Outcome.PAUSED, True)
    assert not world.store[SERVICE]["spec"].get("selector")
    asked(world, abort=True)
    assert world.driver("back").drive(resume=True)[0] is Outcome.ROLLED_BACK
    assert [key for key in world.store if key[0] == "EndpointSlice"] == [MIRRORED]
    assert world.store[ENDPOINTS]["subsets"] == endpoints["subsets"]
    assert not world.store[SERVICE]["metadata"]["annotations"]


def test_somebody_deletes_what_led_there() -> None:
    """Before the Service is taken over, the run's slices have its callers already; they have the Endpoints again before
    those go."""
    world = adopted()
    for event in world.driver("one").events():
        if "EndpointSlice/web-legacy" in world.labels[-1] or "keeper" in event.kind:
            break
    del world.store[ENDPOINTS]
    world._remove(MIRRORED)
    assert not world.store[SERVICE]["spec"].get("selector")
    asked(world, abort=True)
    for _ in range(10):
        world.sleep(1)
    assert world.driver("back").drive(resume=True)[0] is Outcome.ROLLED_BACK
    world.sleep(3)
    assert (wrongs(world), as_before(world)) == ([], [])


def test_somebody_deletes_the_service() -> None:
    """It is there again at its address, and given back."""
    world = adopted()
    brought(world, "SHIFT")
    address = world.store[SERVICE]["spec"]["clusterIP"]
    world._remove(SERVICE)
    asked(world, abort=True)
    assert world.driver("back").drive(resume=True)[0] is Outcome.ROLLED_BACK
    world.sleep(3)
    assert world.store[SERVICE]["spec"]["clusterIP"] == address
    assert (wrongs(world), world.store[ENDPOINTS]["metadata"]["labels"]) == ([], {"by": "hand"})


def test_a_late_take_over_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It arrives when all is as before; since the next driver has written its epoch onto the Service, it does
    nothing. The proof sees what it would do else."""
    late = Kill("PREFLIGHT: patch Service/web", 1, "last", abort=True)
    assert failures(adopted, [[late]], wrongs_of) == []
    monkeypatch.setattr(Moment, "claims", lambda _self: iter(()))
    assert failures(adopted, [[late]], wrongs_of) != []


def planned(**port: Any) -> dict[str, Any]:
    made = copied(Model().spec().services[0])
    made["spec"]["ports"][0] |= port
    return dict(made)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda live, _endpoints: live["metadata"]["labels"].update({"podlift.dev/workload": "db"}), "is db's"),
        (lambda live, _endpoints: live["spec"]["ports"][0].update(port=81), "other ports"),
        (lambda live, _endpoints: live["spec"].update(clusterIP="None"), "no address"),
        (lambda live, _endpoints: live["spec"].update(type="NodePort"), "type NodePort, and the plan's ClusterIP"),
        (lambda live, _endpoints: live["spec"].update(sessionAffinity="ClientIP"), "sessionAffinity ClientIP"),
        (lambda _live, each: each["subsets"][0]["ports"][0].update(port=1), "10.99.0.2:1"),
        (lambda _live, each: each["subsets"][0]["ports"][0].update(name="web"), "10.99.0.2:18080"),
        (lambda _live, each: each["subsets"][0]["ports"][0].update(protocol="UDP"), "10.99.0.2:18080"),
        (lambda _live, each: each["subsets"][0].update(notReadyAddresses=[{"ip": "192.0.2.9"}]), "192.0.2.9:18080"),
        (lambda _live, each: each["subsets"][0].pop("ports"), "10.99.0.2:0"),
        (lambda _live, each: each["subsets"].clear(), "nowhere"),
    ],
)
def test_what_is_not_taken_over(change: Callable[[Any, Any], object], why: str) -> None:
    world = Model(pods=2, legacy=1)
    world.stood()
    live, endpoints = copied(world.store[SERVICE]), copied(world.store[ENDPOINTS])
    containers = world.find().containers

    def said(**port: Any) -> str:
        return strange(live, recorded(live, endpoints, [], planned(**port)), planned(**port), containers)

    assert said() == ""
    assert "target ports" in said(targetPort="http")
    change(live, endpoints)
    assert why in said()
