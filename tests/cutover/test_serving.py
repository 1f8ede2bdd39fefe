"""Pods that took the Service's callers before the run keep them all the time, and going back leads to them alone,
whatever is killed on the way; on a model of the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.endpoints import ADMITTED, MARKS
from migrate.cutover.evidence import Judged
from migrate.cutover.serving import ALONE
from migrate.cutover.starting import new_run
from migrate.cutover.states import State
from migrate.cutover.waiting import approvals_of, waiting_of
from tests.cutover.killing import Kill, abort_without_journal, asked, brought, chained, failures, finished, points
from tests.cutover.killing import wrongs as wrongs_of_any
from tests.cutover.model import NAME, Model, Pass, copied

SERVICE, DEPLOYMENT = ("Service", NAME), ("Deployment", NAME)


class Serving(Model):
    """Its pods serve, as applied to the end without a cutover. That one of them lost its callers is a wrong."""

    def __init__(self, *, legacy: int = 1, dynamic: bool = False) -> None:
        super().__init__(pods=2, legacy=legacy)
        self.pods: frozenset[Any] = frozenset()
        for each in self.containers:
            each.dynamic = dynamic
        self.store[DEPLOYMENT]["spec"]["replicas"] = self.count
        self._put(copied(self.spec().services[0]))
        for _ in range(3):
            self.sleep(2)
        # before it had settled
        self.wrongs.clear()
        self.before = copied(self.store[SERVICE]), copied(self.store[DEPLOYMENT]["spec"])
        self.pods = frozenset(self.takers("node-a"))
        assert len(self.pods) == self.count

    def begin(self, **more: Any) -> None:
        spec = self.spec(**{"served_before": True, "steps": (self.count,), **more})
        self.journal.begin(spec, new_run(spec), at=self.time)

    def _check(self, when: str) -> None:
        super()._check(when)
        for node in self.nodes:
            if self.pods - {*self._view(node)}:
                self.wrongs.append(f"{when}: a pod lost its callers on {node}")


def small() -> Model:
    return Serving()


def larger() -> Model:
    """Two instances, whose ports are others after a start."""
    return Serving(legacy=2, dynamic=True)


def wrongs(world: Model) -> list[str]:
    if world.state != "ROLLED_BACK":
        return wrongs_of_any(world)
    assert isinstance(world, Serving)
    service, deployment = world.store[SERVICE], world.store[DEPLOYMENT]
    stood, stood_deployment = world.before
    annotations = {**service["metadata"].get("annotations", {}), **deployment["metadata"]["annotations"]}
    lasting = {
        "the Service is as it stood": service["spec"] == stood["spec"],
        "it is the same one": service["metadata"]["uid"] == stood["metadata"]["uid"],
        "no mark is left": not {*MARKS} & annotations.keys(),
        "no slice of ours is left": not [key for key in world.store if "legacy" in key[1]],
        "pods alone take callers": {*world.takers("node-a")} == world.pods,
        "the Deployment is as it stood": {**deployment["spec"], "paused": False}
        == {**stood_deployment, "paused": False}
        and not deployment["spec"].get("paused"),
        "there is no HPA": ("HorizontalPodAutoscaler", NAME) not in world.store,
        "the containers run": all(each.running for each in world.containers),
        "the engines look after them": all(each.restart["Name"] == "always" for each in world.containers),
        "the scheduler looks after it": not world.frozen,
        "nobody holds the lock": ("Lease", f"cutover-{NAME}") not in world.store,
    }
    return world.wrongs + [f"not so: {said}" for said, holds in lasting.items() if not holds]


@pytest.mark.parametrize("make", [small, larger])
def test_to_the_end(make: Callable[[], Model]) -> None:
    """By all states; no pod is labelled, none is ended, and no selector is written."""
    world = finished(make(), [])
    assert (world.state, wrongs(world)) == ("FINALIZED", [])
    assert isinstance(world, Serving)
    assert {*world.takers("node-a")} == world.pods
    states = {label.split(": ")[0] for label in world.labels}
    assert {"BRIDGED", "FRONTED", "DEPLOYED", "SHIFT", "PROMOTED", "STANDBY", "STOPPED"} <= states
    assert not [each for each in world.labels if "Pod/" in each or "create Service" in each]
    assert world.store[SERVICE]["spec"] == world.before[0]["spec"]


# As in test_kill: what takes long is left to `make prove`.
SHORT = ((small, "after"), (small, "late"))


@pytest.mark.parametrize("abort", [False, True])
@pytest.mark.parametrize(
    ("make", "fate"),
    [
        pytest.param(make, fate, marks=() if (make, fate) in SHORT else pytest.mark.prove)
        for make in (small, larger)
        for fate in ("before", "after", "late", "last")
    ],
)
def test_a_kill_at_every_write(make: Callable[[], Model], fate: str, abort: bool) -> None:
    kills = [[Kill(label, nth, fate, abort)] for label, nth in points(make)]
    assert len(kills) > 40
    assert failures(make, kills, wrongs) == []


@pytest.mark.parametrize(
    "fate", [*(pytest.param(each, marks=pytest.mark.prove) for each in ("before", "last", "late")), "after"]
)
def test_a_kill_at_every_write_of_the_way_back(fate: str) -> None:
    """From the end, where most is to be taken back."""
    label, nth = next(each for each in reversed(points(larger)) if " stop " in each[0])
    abort = Kill(label, nth, "after", abort=True)
    back = [each for each in points(larger, abort_at=abort) if each[0].startswith("ROLLING_BACK")]
    assert len(back) > 10
    assert failures(larger, [[abort, Kill(*each, fate)] for each in back], wrongs) == []


def test_one_run_through_a_kill_after_every_write() -> None:
    world, killed = chained(small())
    assert {label for label, _ in points(small)} <= killed
    assert wrongs(world) == []


def test_pods_that_are_missing_are_not_left_alone() -> None:
    """On the way back the legacy side takes callers until all pods do again."""
    world = Serving()
    world.begin()
    brought(world, "STANDBY")
    world.pods = frozenset()
    world.store[DEPLOYMENT]["spec"]["replicas"] = 1
    for _ in range(2):
        world.sleep(2)
    world.wrongs.clear()
    asked(world, abort=True)
    driver = world.driver("two")
    outcome, why = driver.drive()
    assert (outcome, "1 of 2 pods are ready" in why) == (Outcome.PAUSED, True), why
    assert {each.source for each in world.seen().services[NAME].takers} == {"legacy", "pod"}
    world.store[DEPLOYMENT]["spec"]["replicas"] = 2
    assert world.driver("three").drive(resume=True)[0] is Outcome.ROLLED_BACK
    assert world.wrongs == []
    assert {each.source for each in world.seen().services[NAME].takers} == {"pod"}


@pytest.mark.parametrize("state", ["SHIFT", "STANDBY"])
def test_what_gates_fail_is_not_left_alone(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    """Going back would lead to those very pods: the legacy side takes callers beside them until a user agrees."""
    bad = {"SHIFT": "shift-0", "STANDBY": "standby-0"}[state]

    def judge(_self: Pass, what: str, spec: Any, world: Any) -> Judged:  # noqa: ARG001
        return Judged(outcome="failed" if what == bad else "passed", said="too many errors")

    monkeypatch.setattr(Pass, "judge", judge)
    world = Serving()
    world.begin()
    outcome, why = world.driver("one", no_wait=True).drive()
    assert (outcome, why.startswith("ROLLED_BACK: too many errors")) == (Outcome.APPROVAL, True), why
    assert {each.source for each in world.seen().services[NAME].takers} == {"legacy", "pod"}
    entry = world.journal.read()
    assert entry is not None
    assert approvals_of(entry) == [State.ROLLED_BACK]
    waiting = waiting_of(entry, world.time, driven=True)
    assert waiting is not None
    assert waiting.what.startswith("podlift cutover approve web ROLLED_BACK: too many errors: until then")
    asked(world, approve=("ROLLED_BACK",))
    assert world.driver("two").drive(resume=True)[0] is Outcome.ROLLED_BACK
    assert wrongs(world) == []


@pytest.mark.parametrize("state", ["BRIDGED", "PROMOTED", "STANDBY", "STOPPED"])
def test_an_abort_without_the_journal_leads_to_pods_too(state: str) -> None:
    world = Serving(legacy=2)
    world.begin()
    brought(world, state)
    abort_without_journal(world)
    assert world.driver("two").drive()[0] is Outcome.ROLLED_BACK
    world.sleep(3)
    assert wrongs(world) == []


def test_a_selector_that_is_not_the_plans_pauses_and_is_put_back() -> None:
    world = Serving()
    world.begin()
    brought(world, "PROMOTED")
    world.store[SERVICE]["spec"]["selector"] = {"podlift.dev/workload": NAME, ADMITTED: "run1"}
    world.pods = frozenset()
    world._controllers()
    outcome, why = world.driver("two").drive()
    assert (outcome, why.startswith("cutover-selector: ")) == (Outcome.PAUSED, True), why
    asked(world, abort=True)
    assert world.driver("three").drive(resume=True)[0] is Outcome.ROLLED_BACK
    world.pods = frozenset(world.takers("node-a"))
    assert wrongs(world) == []


def test_more_pods_than_planned_are_not_ended() -> None:
    world = Serving()
    world.begin()
    brought(world, "FRONTED")
    world.store[DEPLOYMENT]["spec"]["replicas"] = 3
    world._controllers()
    world.sleep(2)
    brought(world, "PROMOTED")
    assert world.store[DEPLOYMENT]["spec"]["replicas"] == 3


def test_another_template_is_refused_while_pods_take_callers() -> None:
    world = Serving()
    world.begin()
    brought(world, "DEPLOYED")
    world.store[DEPLOYMENT]["spec"]["template"]["spec"]["image"] = "web:2"
    outcome, why = world.driver("two").drive()
    assert (outcome, "abort: pods take callers" in why) == (Outcome.PAUSED, True), why


def test_an_abort_before_anything_was_done_does_nothing() -> None:
    world = Serving()
    world.begin()
    before = len(world.labels)
    asked(world, abort=True)
    assert world.driver("one").drive(resume=True)[0] is Outcome.ROLLED_BACK
    assert wrongs(world) == []
    written = [each for each in world.labels[before:] if "ConfigMap" not in each]
    assert not [each for each in written if "EndpointSlice" in each], written
    entry = world.journal.read()
    assert entry is not None
    assert ALONE in entry.run.done


def test_containers_that_are_gone_hold_no_way_back_up() -> None:
    """Pods serve without them, as before the run."""
    world = Serving()
    world.begin()
    brought(world, "STANDBY")
    world.containers.clear()
    asked(world, abort=True)
    assert world.driver("two").drive()[0] is Outcome.ROLLED_BACK
    assert wrongs(world) == []


def test_what_guarded_the_pods_before_stays_after_an_abort() -> None:
    world = Serving()
    (later,) = world.spec().later
    world._put(copied(later))
    world.begin()
    brought(world, "DRAINED")
    asked(world, abort=True)
    assert world.driver("two").drive()[0] is Outcome.ROLLED_BACK
    assert (later["kind"], NAME) in world.store
