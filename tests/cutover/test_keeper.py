"""The keeper beside a driver, alone, and instead of one that died; on a model of the world."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from migrate.cutover.announcing import announced
from migrate.cutover.clock import SystemClock
from migrate.cutover.driver import Outcome
from migrate.cutover.edges import Backend, Request, Response
from migrate.cutover.endpoints import KEEPER, slice_of
from migrate.cutover.journal import Entry
from migrate.cutover.keep import LoneKeeper
from migrate.cutover.keeper import Keeper
from migrate.cutover.keeping import recalled
from migrate.cutover.run import Condition, Timings
from migrate.cutover.stopping import CALL_S
from tests.cutover.killing import asked, brought, wrongs
from tests.cutover.model import NAME, TIMINGS, Killed, LegacyContainer, Model, error

LEASE = ("Lease", f"cutover-{NAME}-keeper")


def standing(world: Model) -> dict[str, Any]:
    """Container to (port, condition), as the slices have it."""
    return {
        one.instance.split("/")[1][:2]: (each.ports[0][2], one.condition)
        for (kind, _), live in world.store.items()
        if kind == "EndpointSlice" and "legacy" in live["metadata"]["name"]
        for each in [slice_of(live)]
        for one in each.endpoints
    }


def reached(state: str, *, legacy: int = 2, **more: Any) -> Model:
    """A run whose driver was killed at its first write in a state."""
    world = Model(pods=2, legacy=legacy)
    world.begin(**more)
    world.on_write = lambda label: "before" if label.startswith(f"{state}:") else ""
    with pytest.raises(Killed):
        world.driver("killed").drive()
    world.on_write = lambda _label: ""
    return world


def kept(world: Model) -> LoneKeeper:
    """A keeper that lives beside, and holds its Lease by now."""
    lone = world.lone_keeper()
    world.beside.append(lone.turn)
    world.sleep(1)
    for _ in range(8):
        world.sleep(1)
    assert holder(world) == "keeper"
    return lone


def holder(world: Model) -> str:
    return str(world.store[LEASE]["spec"]["holderIdentity"])


def finalized(world: Model, name: str = "second") -> None:
    for number in range(3):
        outcome, why = world.driver(f"{name}-{number}").drive(resume=True)
        if outcome is Outcome.ENDED:
            return
        assert outcome is Outcome.REST, why
        asked(world, finalize=True)


# ---------------------------------------------------------------- alone


def test_alone_it_follows_what_stops_moves_and_comes_back() -> None:
    world = reached("SHIFT")
    kept(world)
    first = world.containers[0]
    assert standing(world) == {"c0": (18080, Condition.READY), "c1": (18080, Condition.READY)}
    first.running = False
    world.sleep(1)
    assert standing(world) == {"c1": (18080, Condition.READY)}
    first.running, first.port = True, 19001
    world.sleep(1)
    assert standing(world) == {"c0": (19001, Condition.READY), "c1": (18080, Condition.READY)}


def test_woken_it_looks_at_once() -> None:
    """No time has passed when the slices have followed."""
    world = reached("SHIFT")
    kept(world)
    woke: list[float] = []

    def dies(_seconds: float) -> bool:
        woke.append(world.time)
        world.containers[0].running = False
        return True

    began = world.time
    list(world.lone_keeper(wait=dies).events(lambda: len(woke) == 2 or world.time > began + 60))
    assert woke == [world.time] * 2
    assert standing(world) == {"c1": (18080, Condition.READY)}


def test_a_driver_is_woken_too() -> None:
    """It waits for the world by the engines, and not by the clock alone."""
    world = Model(pods=2, legacy=1)
    world.begin()
    waits: list[float] = []

    def woken(_seconds: float) -> bool:
        waits.append(world.time)
        world.sleep(0.01)
        return True

    assert world.driver(wait=woken).drive()[0] is Outcome.REST
    assert min(after - before for before, after in pairwise(waits)) < TIMINGS.poll_s / 2


def test_one_that_does_not_answer_gets_no_callers_until_it_does() -> None:
    world = reached("SHIFT")
    lone = kept(world)
    world.containers[0].answers = False
    for _ in range(4):
        world.sleep(1)
    assert standing(world)["c0"] == (18080, None)
    assert "c0" * 8 in world.store[LEASE]["metadata"]["annotations"][KEEPER]
    world.containers[0].answers = True
    for _ in range(4):
        world.sleep(1)
    assert standing(world)["c0"] == (18080, Condition.READY)
    assert KEEPER not in world.store[LEASE]["metadata"]["annotations"]
    told = [each.text for each in lone.events(lambda: True)]
    assert [("no more" in each, "does not answer" in each) for each in told if "h0/" in each] == [
        (False, True),
        (True, True),
    ]


def test_when_nobody_answers_the_way_there_is_suspected() -> None:
    world = reached("SHIFT")
    lone = kept(world)
    for each in world.containers:
        each.answers = False
    for _ in range(4):
        world.sleep(1)
    assert standing(world) == {"c0": (18080, Condition.READY), "c1": (18080, Condition.READY)}
    assert world.store[LEASE]["metadata"]["annotations"][KEEPER].startswith("suspicious: ")
    assert any(each.text.startswith("suspicious: ") for each in lone.events(lambda: True))


def test_with_its_engine_silent_one_that_does_not_answer_is_still_lowered() -> None:
    world = reached("SHIFT")
    kept(world)
    world.unread = {"h0": "no answer"}
    world.sleep(1)
    assert standing(world)["c0"] == (18080, Condition.READY)
    world.containers[0].running = False
    for _ in range(4):
        world.sleep(1)
    assert standing(world) == {"c0": (18080, None), "c1": (18080, Condition.READY)}


def test_it_outlives_the_api_server(monkeypatch: pytest.MonkeyPatch) -> None:
    world = reached("SHIFT")
    lone = kept(world)

    def away(*_given: Any, **_named: Any) -> Any:
        raise error("cluster-unreachable", "the cluster")

    with monkeypatch.context() as patch:
        for name in ("get", "list", "patch", "create", "delete"):
            patch.setattr(world, name, away)
        world.containers[0].running = False
        # longer than the lease lasts
        for _ in range(10):
            world.sleep(1)
    assert "c0" in standing(world)
    world.sleep(1)
    assert "c0" not in standing(world)
    assert [each.text for each in lone.events(lambda: True)].count("the cluster: as made") == 1


def test_two_keepers_of_one_run_take_turns() -> None:
    world = reached("SHIFT")
    kept(world)
    other = world.lone_keeper("other")
    assert not other.turn()
    assert holder(world) == "keeper"
    world.beside.clear()
    for _ in range(10):
        world.sleep(1)
        other.turn()
    assert holder(world) == "other"
    # what the first one still sends is of an old epoch
    epochs = {
        int(each["metadata"]["annotations"][KEEPER])
        for (kind, name), each in world.store.items()
        if kind == "EndpointSlice" and "legacy" in name
    }
    assert epochs == {world.store[LEASE]["spec"]["leaseTransitions"]}


def test_it_ends_with_the_run_and_leaves_nothing() -> None:
    world = reached("SHIFT")
    lone = world.lone_keeper()
    world.beside.append(lone.turn)
    finalized(world)
    texts = [each.text for each in lone.events()]
    assert texts[0] == "killed keeps; waits until it is gone"
    assert LEASE not in world.store
    assert wrongs(world) == []


# ---------------------------------------------------------------- beside a driver


def test_a_driver_lets_another_keep() -> None:
    """All that is written to slices bears the other's epoch, the driver's beside it."""
    world = reached("PREFLIGHT", legacy=1)
    kept(world)
    epochs: set[str] = set()

    def on_write(label: str) -> str:
        epochs.update(
            each["metadata"]["annotations"][KEEPER]
            for (kind, name), each in world.store.items()
            if kind == "EndpointSlice" and "legacy" in name
        )
        assert holder(world) == "keeper", label
        return ""

    world.on_write = on_write
    finalized(world)
    assert (world.state, wrongs(world), len(epochs)) == ("FINALIZED", [], 1)


def test_a_driver_stands_still_when_the_other_keeper_is_silent_and_then_keeps_itself() -> None:
    world = reached("SHIFT", legacy=1)
    kept(world)
    died = 0.0
    writes: list[float] = []

    def on_write(label: str) -> str:
        nonlocal died
        if label.startswith("PROMOTED") and not died:
            world.beside.clear()
            died = world.time
        elif died:
            writes.append(world.time - died)
        return ""

    world.on_write = on_write
    finalized(world)
    assert (world.state, wrongs(world)) == ("FINALIZED", [])
    beat, lease = TIMINGS.heartbeat_s, TIMINGS.lease_s
    # the last renewal may be as old as a look of the keeper's when it dies
    assert not [each for each in writes if beat + 0.5 < each < lease - TIMINGS.keeper_s]
    assert min(each for each in writes if each > beat + 0.5) <= lease + 1


def test_a_run_whose_keeper_is_silent_for_long_pauses() -> None:
    world = reached("SHIFT", legacy=1)
    kept(world)
    world.beside.clear()
    world.store[LEASE]["spec"]["leaseDurationSeconds"] = 900
    outcome, why = world.driver("second").drive(resume=True)
    assert (outcome, why.partition(":")[0]) == (Outcome.PAUSED, "keeper-silent")
    assert "keeper" in why


def test_what_is_measured_again_meanwhile_makes_no_wait_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keeper that lives and writes nothing. How instances answer is asked anew as it gets old."""
    patience = replace(TIMINGS, ready_timeout_s=100, observe_timeout_s=100)
    world = reached("PREFLIGHT", timings=patience)
    monkeypatch.setattr(Keeper, "_write", lambda *_: 0)
    kept(world)
    began = world.time
    world.beside.append(lambda: until(world, began + 900))
    outcome, why = world.driver("second").drive(resume=True)
    assert (outcome, why.partition(":")[0]) == (Outcome.PAUSED, "cutover-timeout")
    assert "is to be ready behind web" in why
    assert world.time - began >= 100


def test_an_approval_may_take_long() -> None:
    """Longer than anything else may: what is measured anew all the while was found to be so."""
    world = reached("FRONTED", approvals=("SHIFT",), timings=replace(TIMINGS, observe_timeout_s=100))
    began = world.time

    def approves() -> None:
        if world.time - began > 900:
            world.beside.clear()
            asked(world, approve=("SHIFT",))

    world.beside.append(approves)
    outcome, why = world.driver("second").drive(resume=True)
    assert outcome is Outcome.REST, why


def until(world: Model, end: float) -> None:
    assert world.time < end, "it waits for ever"


def test_a_driver_that_follows_a_dead_one_keeps_at_once() -> None:
    world = reached("SHIFT", legacy=1)
    began = world.time
    world.on_write = lambda label: "after" if "EndpointSlice" in label else ""
    with pytest.raises(Killed):
        world.driver("second").drive(resume=True)
    # the lease of the driver, and not another one after it
    assert world.time - began < 1.5 * TIMINGS.lease_s
    assert holder(world) == "second"


@pytest.mark.parametrize(
    ("state", "condition"), [("BRIDGED", Condition.READY), ("SHIFT", Condition.READY), ("BAKING", Condition.STANDBY)]
)
def test_one_more_instance_waits_for_a_user(state: str, condition: Condition) -> None:
    world = reached(state)
    kept(world)
    new = LegacyContainer(id="c9" * 8, name="web-9", host="h1", address="10.99.0.9", port=18080)
    world.containers.append(new)
    for _ in range(5):
        world.sleep(1)
    assert "c9" not in standing(world)
    outcome, why = world.driver("second").drive(resume=True)
    assert (outcome, why.partition(":")[0]) == (Outcome.PAUSED, "cutover-legacy-changed")
    assert "c9" not in standing(world)
    assert "resume --replan" in why
    asked(world, resume=True)
    outcome, why = world.driver("third").drive()
    assert (outcome, why.partition(":")[0]) == (Outcome.PAUSED, "cutover-legacy-changed")
    asked(world, resume=True, replan=(f"container h1/{new.id}",))
    listed: dict[str, Any] = {}

    def on_write(label: str) -> str:
        if "c9" not in listed and "c9" in standing(world):
            listed.update(standing(world), label=label)
        return ""

    world.on_write = on_write
    finalized(world, "fourth")
    assert listed["c9"] == (18080, condition)
    # before the next pod gets callers, or any container is stopped
    assert listed["label"].startswith((f"{state}:", "FRONTED:"))
    assert (world.state, wrongs(world)) == ("FINALIZED", [])


# two probes, and the look and the node's time after them
PROBED_S = 2 * TIMINGS.keeper_s + 2


@pytest.mark.parametrize("legacy", [1, 2])
@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize(
    ("state", "condition"), [("FRONTED", Condition.READY), ("SHIFT", Condition.READY), ("BAKING", Condition.STANDBY)]
)
def test_one_in_place_of_another_is_called_though_nobody_drives(
    state: str, condition: Condition, paused: bool, legacy: int
) -> None:
    """As soon as it answers: without a cutover it would have served by then. A driver takes it in by itself."""
    world = reached(state, legacy=legacy)
    kept(world)
    if paused:
        asked(world, pause="a user")
        assert world.driver("second").drive()[0] is Outcome.PAUSED
        kept(world)
    world.replaced(port=18099)
    world.sleep(TIMINGS.keeper_s)
    # nothing is known of it yet
    assert "c9" not in standing(world)
    while world.time < max(world.died.values()) + PROBED_S:
        world.sleep(0.5)
    world.wrongs.clear()
    assert standing(world)["c9"] == (18099, condition)
    for _ in range(20):
        world.sleep(1)
    if paused:
        asked(world, resume=True)
    finalized(world, "third")
    entry = world.journal.read()
    assert entry is not None
    assert [each.name for each in entry.run.joined] == ["web-9"]
    assert (world.state, wrongs(world)) == ("FINALIZED", [])


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("trusting", [False, True])
@pytest.mark.parametrize("alone", [False, True])
def test_one_that_a_node_does_not_reach_gets_no_callers(alone: bool, silent: bool, trusting: bool) -> None:
    """Nor one of which nobody can say, unless such nodes are taken on trust: whether a driver keeps, or nobody else."""

    class Parted(Model):
        def ask(self, requests: Sequence[Request]) -> Mapping[str, tuple[Response, ...]]:
            answers = dict(super().ask(requests))
            cut = (Response(error="no route") if one.backend.address == "10.99.0.9" else None for one in requests)
            parted = tuple(own or one for own, one in zip(cut, answers.pop("node-b"), strict=True))
            return answers if silent else {**answers, "node-b": parted}

        def silent(self) -> Mapping[str, str]:
            return {"node-b": "no pod may be there"} if silent and self.state == "SHIFT" else {}

    world = Parted(pods=2, legacy=2)
    world.begin(accept_floor=trusting)
    brought(world, "SHIFT")
    world.replaced(within_s=30)
    called = False
    if alone:
        kept(world)
        called = "c9" in standing(world)
    else:
        driver = world.driver("second")
        for _ in driver.events():
            called = "c9" in standing(world)
            if called or world.time > max(world.died.values()) - 15:
                driver.let_go()
                break
    assert called == (silent and trusting)


@pytest.mark.parametrize("state", ["PREFLIGHT", "FRONTED", "SHIFT", "PROMOTED", "BAKING"])
def test_one_in_place_of_another_is_given_back_to_by_an_abort(state: str) -> None:
    world = reached(state, legacy=1)
    kept(world)
    world.replaced(port=18099)
    while world.time < max(world.died.values()) + PROBED_S:
        world.sleep(0.5)
    world.wrongs.clear()
    asked(world, abort=True)
    outcome, why = world.driver("second").drive()
    assert outcome is Outcome.ROLLED_BACK, why
    assert (world.state, wrongs(world)) == ("ROLLED_BACK", [])


def test_on_the_way_back_nothing_waits_for_a_newcomer_that_does_not_answer() -> None:
    world = reached("BAKING", legacy=2)
    world.replaced(answers=False)
    world.sleep(1)
    world.wrongs.clear()
    asked(world, abort=True)
    assert world.driver("second").drive()[0] is Outcome.ROLLED_BACK
    assert "c9" not in standing(world)


def test_one_that_dies_and_stays_dead_is_left_alone_where_another_stands_in_its_place() -> None:
    """Its engine still lists it: no abort starts it, so that as many run as before. If it runs again it is one more."""
    world = reached("SHIFT", legacy=2)
    old = world.containers[0]
    old.running = False
    world.died[Backend(old.address, old.port)] = world.time + 5
    world.containers.append(LegacyContainer(id="c9" * 8, name="web-9", host="h0", address="10.99.0.9", port=18080))
    once = deepcopy(world)
    kept(world)
    asked(world, abort=True)
    assert world.driver("second").drive()[0] is Outcome.ROLLED_BACK
    assert [each.running for each in world.containers] == [False, True, True]
    driver = once.driver("second")
    next(event for event in driver.events() if "in place of what is gone" in event.text)
    driver.let_go()
    once.containers[0].running = True
    outcome, why = once.driver("third").drive()
    assert (outcome, why.partition(":")[0]) == (Outcome.PAUSED, "cutover-legacy-changed")
    assert "3 run where 2 did" in why


@pytest.mark.parametrize("legacy", [1, 2])
def test_what_comes_while_containers_are_stopped_is_called_by_nobody_unasked(legacy: int) -> None:
    """One that the run stopped is not gone."""
    world = Model(pods=2, legacy=legacy)
    world.begin()
    world.on_write = lambda label: "after" if ": stop h" in label else ""
    with pytest.raises(Killed):
        world.driver("killed").drive()
    world.on_write = lambda _label: ""
    world.beside.append(world.lone_keeper().turn)
    world.containers.append(LegacyContainer(id="c9" * 8, name="web-9", host="h1", address="10.99.0.9", port=18080))
    for _ in range(40):
        world.sleep(1)
    assert holder(world) == "keeper"
    assert "c9" not in standing(world)
    outcome, why = world.driver("third").drive(resume=True)
    assert (outcome, why.partition(":")[0]) == (Outcome.PAUSED, "cutover-legacy-changed")
    assert f"{legacy + 1} run where {legacy} did" in why
    assert "c9" not in standing(world)


def test_what_is_taken_in_once_containers_are_drained_is_not_started_again_by_its_engine() -> None:
    world = reached("DRAINED")
    world.replaced(within_s=30)
    stop, stopped = world.stop, []

    def told(host: str, container: str, grace_s: float) -> None:
        stopped.append((container, world._container(container).restart["Name"]))
        stop(host, container, grace_s)

    world.stop = told  # type: ignore[method-assign]
    assert world.driver("second").drive()[0] is Outcome.REST
    assert sorted(stopped) == [("c0" * 8, "no"), ("c9" * 8, "no")]
    assert world.wrongs == []


def test_while_an_engine_is_silent_no_driver_goes_on() -> None:
    patience = replace(TIMINGS, ready_timeout_s=5)
    world = reached("SHIFT", timings=patience)
    world.unread = {"h0": "no answer"}
    state, writes = world.state, len(world.labels)
    outcome, why = world.driver("second").drive(resume=True)
    assert (outcome, world.state) == (Outcome.PAUSED, state)
    assert "engine h0 cannot be read" in why
    made = [each for each in world.labels[writes:] if "ConfigMap" not in each and "EndpointSlice" not in each]
    # but for its epoch
    assert {each.split(": ")[1] for each in made} <= {"patch Service/web", "patch Deployment/web"}


def test_on_the_way_back_a_container_that_stops_is_started_again() -> None:
    world = reached("BAKING")
    crashed = False

    def on_write(label: str) -> str:
        nonlocal crashed
        if label.startswith("ROLLING_BACK") and "Pod" in label and not crashed:
            crashed, world.containers[0].running = True, False
        return ""

    asked(world, abort=True)
    world.on_write = on_write
    outcome, why = world.driver("second").drive(resume=True)
    assert (outcome, crashed) == (Outcome.ROLLED_BACK, True), why
    assert [each.running for each in world.containers] == [True, True]
    assert any("start h0/c0" in each for each in world.labels)


# ---------------------------------------------------------------- with a driver that comes and goes


def detached(world: Model, name: str) -> LoneKeeper:
    lock = world.lock(name)
    driver = world.driver_of(lock)
    return world.lone_keeper(name, driver=lambda: driver if lock.attempt() else None)


def test_it_drives_where_nobody_does_and_lets_go_without_a_pause() -> None:
    world = Model(pods=2, legacy=1)
    world.begin()
    texts = []
    for event in detached(world, "one").events(lambda: world.state == "SHIFT"):
        texts.append(event.text)
    entry = world.journal.read()
    assert isinstance(entry, Entry)
    assert (entry.run.state.value, entry.run.paused) == ("SHIFT", "")
    assert ("Lease", f"cutover-{NAME}") not in world.store
    began = world.time
    list(detached(world, "two").events(lambda: world.state == "STOPPED" and world.time - began > 60))
    # it rests, and does not take the run over again and again
    entry = world.journal.read()
    assert entry is not None
    epoch = entry.run.epoch
    asked(world, finalize=True)
    list(detached(world, "three").events())
    entry = world.journal.read()
    assert entry is not None
    assert (entry.run.epoch - epoch, world.state, wrongs(world)) == (1, "FINALIZED", [])
    assert LEASE not in world.store


# ---------------------------------------------------------------- leases


def test_a_lease_lasts_as_long_as_what_is_done_under_it() -> None:
    world = Model()
    lock, other = world.lock("one"), world.lock("two")
    lock.acquire()
    assert lock.covers(5)
    assert not lock.covers(600)
    assert lock.renew(for_s=600)
    assert lock.covers(600)
    assert not other.attempt()
    world.sleep(601)
    assert not other.attempt()
    # as long as it says, seen by the other's own clock from its first look
    world.sleep(300)
    assert other.attempt()
    assert not lock.renew()
    assert not lock.held


def test_a_stop_is_told_under_leases_that_last_longer_than_the_call() -> None:
    """Not as long as the grace: nobody waits for that."""
    world = Model(pods=2, legacy=1)
    world.grace_s = 90
    world.begin()
    seen: list[tuple[str, float]] = []

    def on_write(label: str) -> str:
        if ": stop " in label:
            for (kind, name), each in world.store.items():
                if kind == "Lease":
                    seen.append((name, each["spec"]["leaseDurationSeconds"]))
        return ""

    world.on_write = on_write
    finalized(world)
    assert [name for name, _ in seen] == [f"cutover-{NAME}", LEASE[1]]
    assert all(CALL_S < lasts < world.grace_s for _, lasts in seen)


def test_epochs_of_a_lease_rise_while_it_stands() -> None:
    world = Model()
    one, two = world.lock("one"), world.lock("two")
    assert one.attempt()
    assert not two.attempt()
    assert two.attempt(heir_of="one")
    assert (one.epoch, two.epoch) == (1, 2)
    two.release(remove=False)
    assert one.attempt()
    assert one.epoch == 3
    one.release()
    assert ("Lease", f"cutover-{NAME}") not in world.store


def test_the_age_of_a_lease_goes_on_while_a_machine_sleeps() -> None:
    assert abs(SystemClock().boot() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1


def test_who_looks_at_services_sees_whom_the_keeper_took_from_callers() -> None:
    world = reached("SHIFT")
    lone = kept(world)
    world.containers[0].answers = False
    for _ in range(4):
        world.sleep(1)
    list(announced(lone.events(lambda: True), world, world.spec()))
    told = [each for (kind, _), each in world.store.items() if kind == "Event"]
    assert [each["type"] for each in told] == ["Warning"]
    assert "c0" * 8 in told[0]["message"]


def test_by_default_the_heartbeat_is_shorter_than_the_lease() -> None:
    for each in (Timings(), TIMINGS):
        assert 2 * each.keeper_s < each.heartbeat_s < each.lease_s


def test_a_keeper_alone_calls_the_legacy_side_back_when_pods_are_missing() -> None:
    """The driver is dead, and what is left of the pods would get all callers; it stands by again when they are back."""
    world = reached("BAKING")
    kept(world)
    assert {condition for _, condition in standing(world).values()} == {Condition.STANDBY}
    world.start_s = 6.0
    (pod, *_) = sorted(key for key in world.store if key[0] == "Pod")
    world.wrongs.clear()
    world._remove(pod)
    world.sleep(0.1)
    began = world.time
    while {condition for _, condition in standing(world).values()} != {Condition.READY}:
        assert world.time - began < 2 * TIMINGS.keeper_s
        world.sleep(0.5)
    world.sleep(8)
    assert {condition for _, condition in standing(world).values()} == {Condition.STANDBY}
    entry = world.journal.read()
    assert entry is not None
    assert set(entry.run.wanted.values()) == {Condition.STANDBY}, "it wrote slices, and no journal"


def leaving(legacy: int = 1) -> Model:
    """The last container is in no slice any more, and connections to it keep it from being stopped."""
    world = Model(pods=2, legacy=legacy)
    world.begin()
    driver = world.driver()
    next(event for event in driver.events() if event.state == "DRAINED" and "is in no slice" in event.text)
    driver.let_go()
    # somebody who knew it, just before
    world.held_open = True
    for each in world.containers:
        each.connections = 3
    return world


def a_pod_fails(world: Model) -> None:
    world.start_s = 6.0
    (pod, *_) = sorted(key for key in world.store if key[0] == "Pod")
    world._remove(pod)
    # until every node knows
    world.sleep(0.1)
    world.sleep(0.5)
    world.wrongs.clear()


def test_a_keeper_alone_calls_back_what_has_left_and_still_runs() -> None:
    world = leaving()
    kept(world)
    assert standing(world) == {}
    a_pod_fails(world)
    began = world.time
    while standing(world) != {"c0": (18080, Condition.READY)}:
        assert world.time - began < 2 * TIMINGS.keeper_s
        world.sleep(0.5)
    world.sleep(10)
    assert standing(world) == {}


@pytest.mark.parametrize("legacy", [1, 2])
def test_a_driver_calls_back_what_has_left_and_drains_it_again(legacy: int) -> None:
    world = leaving(legacy)
    driver = world.driver("second")
    seen: list[dict[str, Any]] = []
    for event in driver.events():
        if not seen and event.kind == "measure":
            a_pod_fails(world)
            seen.append(standing(world))
        elif len(seen) == 1 and "pods are missing" in event.text and event.kind == "wait":
            seen.append(standing(world))
        elif len(seen) == 2 and "is in no slice" in event.text:
            seen.append(standing(world))
            world.held_open = False
    assert driver.outcome is Outcome.REST
    assert {condition for _, condition in seen[1].values()} == {Condition.READY}
    assert len(seen[1]) == legacy
    assert len(seen[2]) == legacy - 1
    finalized(world, "third")
    assert (world.state, wrongs(world)) == ("FINALIZED", [])


def test_what_was_told_to_stop_is_not_called_back() -> None:
    world = reached("DRAINED")
    entry = world.journal.read()
    assert entry is not None
    spec, found, now = entry.spec, world.find(), world.time
    ready = dict.fromkeys(entry.run.wanted, Condition.READY)
    run = replace(entry.run, wanted=dict.fromkeys(ready, Condition.ABSENT))
    assert recalled(spec, entry.run, found, 2, now) == entry.run
    assert recalled(spec, entry.run, found, 1, now).wanted == ready
    assert recalled(spec, run, found, 1, now).wanted == ready
    back = entry.run.turned(spec)
    assert recalled(spec, back, found, 0, now) == back
    first, second = ready
    run = replace(run, since={**run.since, f"stop {first}": now, f"absent {first}": now, f"absent {second}": now})
    changed = recalled(spec, run, found, 0, now + 5)
    assert changed.wanted == {first: Condition.ABSENT, second: Condition.READY}
    # which is drained anew before it is stopped
    assert changed.since.keys() == run.since.keys() - {f"absent {second}"}
    # it should have stopped, and runs
    assert recalled(spec, run, found, 0, now + 60).wanted == ready
    world.containers[1].running = False
    assert recalled(spec, run, world.find(), 0, now + 5) == run
