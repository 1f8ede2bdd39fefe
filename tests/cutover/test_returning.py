"""The way back while something of the legacy side, or of the Service, is not as it was: what answers is called at once,
and pods keep their callers until all does that is to."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from itertools import pairwise

import pytest

from migrate.cutover.driver import Driver, Outcome
from migrate.cutover.endpoints import MANAGER
from migrate.cutover.journal import Entry
from migrate.cutover.run import FOR_EVER_S, Condition
from tests.cutover.killing import asked, brought, wrongs
from tests.cutover.model import NAME, Model, error
from tests.cutover.test_recovery import aborted

SERVICE = ("Service", NAME)
FIRST, SECOND = "h0/" + "c0" * 8, "h1/" + "c1" * 8


@cache
def _reached(state: str, legacy: int) -> Model:
    world = Model(pods=2, legacy=legacy)
    world.begin()
    brought(world, state)
    return world


def reached(state: str, legacy: int = 2) -> Model:
    """Nobody drives it from there, and a user wants it back."""
    world = deepcopy(_reached(state, legacy))
    asked(world, abort=True)
    return world


def entry(world: Model) -> Entry:
    made = world.journal.read()
    assert made is not None
    return made


def starts(world: Model, key: str) -> list[float]:
    """When it was told to start."""
    return [each["at"] for each in entry(world).history if each["text"].startswith(f"start Container/{key}")]


def serving(world: Model) -> set[str]:
    """The pods that take callers."""
    return {each.of for each in world.seen().services[NAME].takers if each.source == "pod"}


def driven(world: Model, name: str = "two", most: int = 2000) -> Driver:
    """As far as it goes, which has an end."""
    driver = world.driver(name)
    for number, _ in enumerate(driver.events()):
        assert number < most, "it does not end"
    return driver


def refusing(world: Model) -> None:
    world.containers[0].answers = False


def unread(world: Model) -> None:
    world.unread = {"h0": "connection refused"}


def crashing(world: Model) -> None:
    """It runs for less than a look takes."""
    world.containers[0].running, world.containers[0].exit_code = False, 1
    start = world.start

    def crash(host: str, container: str) -> None:
        start(host, container)
        if container == world.containers[0].id:
            world.containers[0].running = False

    world.start = crash  # type: ignore[method-assign]


def flapping(world: Model) -> None:
    """It runs for longer than a look takes, and answers."""
    world.containers[0].running, world.containers[0].exit_code = False, 137
    start, ends = world.start, [0.0]

    def run(host: str, container: str) -> None:
        start(host, container)
        if container == world.containers[0].id:
            ends[0] = world.time + 0.7

    def end() -> None:
        if world.time >= ends[0]:
            world.containers[0].running = False

    world.start = run  # type: ignore[method-assign]
    world.beside.append(end)


def unstartable(world: Model) -> None:
    world.containers[0].running = False
    start = world.start

    def refuse(host: str, container: str) -> None:
        if container == world.containers[0].id:
            raise error("engine-refused", host)
        start(host, container)

    world.start = refuse  # type: ignore[method-assign]


# ---------------------------------------------------------------- the Service


@pytest.mark.parametrize("state", ["FRONTED", "SHIFT", "PROMOTED", "BAKING", "STOPPED"])
def test_a_service_that_is_gone_is_made_again(state: str) -> None:
    world = reached(state)
    address = world.store[SERVICE]["spec"]["clusterIP"]
    world._remove(SERVICE)
    world._controllers()
    driver = driven(world)
    assert (driver.outcome, wrongs(world)) == (Outcome.ROLLED_BACK, [])
    assert world.store[SERVICE]["spec"]["clusterIP"] == address


@pytest.mark.parametrize(
    "after", ["start Container/h0", "patch Service/web: no pod is", "patch Deployment/web: the pods"]
)
def test_a_service_that_goes_on_the_way_back_is_made_again(after: str) -> None:
    world = reached("STOPPED")
    gone = False
    driver = world.driver("two")
    for event in driver.events():
        if event.text.startswith(after) and not gone:
            gone = True
            world._remove(SERVICE)
            world._controllers()
    assert gone
    assert (driver.outcome, wrongs(world)) == (Outcome.ROLLED_BACK, [])


@pytest.mark.parametrize("abort", [False, True])
def test_a_service_that_is_made_again_has_the_node_port_that_it_had(abort: bool) -> None:
    world = Model(pods=2, legacy=1)
    (planned,) = world.spec().services
    world.begin(services=({**planned, "spec": {**planned["spec"], "type": "NodePort"}},))
    brought(world, "SHIFT")
    before = deepcopy(world.store[SERVICE])
    world._remove(SERVICE)
    world.version += 1
    world._controllers()
    asked(world, abort=abort)
    assert driven(world).outcome is (Outcome.ROLLED_BACK if abort else Outcome.REST)
    after = world.store[SERVICE]
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert before["spec"]["ports"][0]["nodePort"] >= 30_000
    assert [after["spec"][key] for key in ("clusterIP", "ports")] == [
        before["spec"][key] for key in ("clusterIP", "ports")
    ]


def test_a_service_that_nobody_held_is_not_made_again() -> None:
    world = Model(pods=2, legacy=1)
    world.begin(resolved_before=False, approvals=("FRONTED",))
    assert world.driver(no_wait=True).drive()[0] is Outcome.APPROVAL
    world._remove(SERVICE)
    world._controllers()
    asked(world, abort=True)
    assert driven(world).outcome is Outcome.ROLLED_BACK
    assert SERVICE not in world.store


# ---------------------------------------------------------------- what stood before


@pytest.mark.parametrize("state", ["BRIDGED", "BAKING", "STOPPED"])
@pytest.mark.parametrize("journal", [True, False])
def test_what_stood_before_the_run_stays(state: str, journal: bool) -> None:
    """Whoever made it, and where the journal is gone as long as no cutover did."""
    world = Model(pods=2, legacy=1)
    ingress, budget = (
        world.create({"kind": kind, "apiVersion": "x/v1", "metadata": {"name": NAME}}, manager=manager)
        for kind, manager in (("Ingress", MANAGER), ("PodDisruptionBudget", MANAGER if journal else "somebody"))
    )
    world.begin(fronts=(ingress,), later=(*world.spec().later, budget), resolved_before=False)
    brought(world, state)
    assert (("HorizontalPodAutoscaler", NAME) in world.store) == (state == "STOPPED")
    if journal:
        asked(world, abort=True)
        assert driven(world).outcome is Outcome.ROLLED_BACK
    else:
        del world.store["ConfigMap", f"cutover-{NAME}"]
        aborted(world)
    assert wrongs(world) == []
    for each in (ingress, budget):
        assert world.store[each["kind"], NAME] == each


# ---------------------------------------------------------------- containers


BROKEN = [
    ("SHIFT", refusing, "refused"),
    ("SHIFT", crashing, "it ended with exit code 1, after 6 starts"),
    ("SHIFT", flapping, "it ended with exit code 137, after "),
    ("BAKING", refusing, "refused"),
    ("BAKING", unread, "engine h0 cannot be read: connection refused"),
    ("BAKING", crashing, "it ended with exit code 1, after 6 starts"),
    ("STOPPED", refusing, "refused"),
    ("STOPPED", unread, "engine h0 cannot be read: connection refused"),
    ("STOPPED", crashing, "it ended with exit code 1, after 6 starts"),
    ("STOPPED", flapping, "it ended with exit code 137, after "),
    ("STOPPED", unstartable, "it cannot be started: h0: as made"),
]


@pytest.mark.parametrize(("state", "breaks", "said"), BROKEN)
def test_one_that_is_broken_keeps_no_other_from_callers(state: str, breaks: Callable[[Model], None], said: str) -> None:
    world = reached(state)
    began, pods = world.time, serving(world)
    breaks(world)
    called = None
    driver = world.driver("two")
    for number, _ in enumerate(driver.events()):
        assert number < 2000, "it does not end"
        if called is None and entry(world).run.wanted.get(SECOND) is Condition.READY:
            called = world.time - began
    assert serving(world) == pods != set()
    assert [each for each in world.wrongs if "10.99.0.2" not in each] == []
    assert called is not None
    assert called <= 5
    assert (driver.outcome, driver.why.partition(":")[0]) == (Outcome.PAUSED, "cutover-legacy-down")
    assert "web-0 on h0" in driver.why
    assert "web-1" not in driver.why
    assert said in driver.why
    assert f"podlift cutover approve web {FIRST[:15]}" in driver.why
    assert {each.of for each in world.seen().services[NAME].takers} >= {SECOND}
    assert len(starts(world, FIRST)) <= 10


@pytest.mark.parametrize(("state", "breaks", "said"), BROKEN)
def test_a_user_can_give_one_up(state: str, breaks: Callable[[Model], None], said: str) -> None:  # noqa: ARG001
    world = reached(state)
    breaks(world)
    driven(world)
    asked(world, approve=(FIRST[:15],), resume=True)
    before = len(world.labels)
    assert driven(world, "three").outcome is Outcome.ROLLED_BACK
    assert not [each for each in world.labels[before:] if ": start h0" in each]
    assert {each.of for each in world.seen().services[NAME].takers} == {SECOND}
    assert [each for each in world.wrongs if "10.99.0.2" not in each] == []


@pytest.mark.parametrize("breaks", [refusing, unread, crashing, unstartable])
def test_one_that_is_mended_is_waited_for(breaks: Callable[[Model], None]) -> None:
    world = reached("STOPPED")
    start = world.start
    breaks(world)
    driven(world)
    world.containers[0].answers, world.unread, world.start = True, {}, start  # type: ignore[method-assign]
    asked(world, resume=True)
    assert driven(world, "three").outcome is Outcome.ROLLED_BACK
    assert wrongs(world) == []


def test_one_whose_user_removes_it_is_not_waited_for() -> None:
    world = reached("STOPPED")
    crashing(world)
    driven(world)
    del world.containers[0]
    asked(world, resume=True)
    assert driven(world, "three").outcome is Outcome.ROLLED_BACK
    assert wrongs(world) == []


def test_one_that_ends_again_and_again_is_started_more_and_more_seldom() -> None:
    world = reached("STOPPED")
    crashing(world)
    driven(world)
    made = starts(world, FIRST)
    between = [later - earlier for earlier, later in pairwise(made)]
    assert len(between) >= 4
    assert all(after >= 1.8 * before for before, after in pairwise(between))
    assert len(entry(world).history) < 100


def test_where_all_are_given_up_pods_keep_their_callers() -> None:
    world = reached("STOPPED")
    asked(world, approve=(FIRST, SECOND))
    driver = driven(world)
    assert (driver.outcome, driver.why.partition(":")[0]) == (Outcome.PAUSED, "cutover-legacy-gone")
    assert len(serving(world)) == 2


def test_one_that_answers_while_its_engine_cannot_be_read_is_called_as_before() -> None:
    """Callers are led back; its host is waited for where something there is to be as it was."""
    world = reached("SHIFT")
    unread(world)
    driver = driven(world)
    assert (driver.outcome, driver.why.partition(":")[0]) == (Outcome.PAUSED, "cutover-legacy-down")
    assert {each.of for each in world.seen().services[NAME].takers} == {FIRST, SECOND}
    assert not [each for kind, each in world.store if kind == "Pod"]
    world.unread = {}
    asked(world, resume=True)
    assert driven(world, "three").outcome is Outcome.ROLLED_BACK
    assert wrongs(world) == []


# ---------------------------------------------------------------- on the way forward


def test_a_container_that_never_stops_is_told_of() -> None:
    world = deepcopy(_reached("BAKING", 1))
    stop, tries = world.stop, []
    world.stop = lambda host, container, grace_s: tries.append((host, container, grace_s))  # type: ignore[method-assign]
    driver = driven(world)
    assert (driver.outcome, driver.why.partition(":")[0]) == (Outcome.PAUSED, "cutover-legacy-unstopped")
    assert len(tries) == 3
    assert world.wrongs == []
    world.stop = stop  # type: ignore[method-assign]
    asked(world, resume=True)
    assert driven(world, "three").outcome is Outcome.REST


@pytest.mark.parametrize("way", ["resume", "abort"])
def test_one_whose_stop_has_no_limit_is_never_killed(way: str) -> None:
    """A user sees to one that does not end by itself: whether the run goes on or back."""
    world = deepcopy(_reached("BAKING", 1))
    world.grace_s, world.stop_s = -1, math.inf
    stop, graces = world.stop, []

    def told(host: str, container: str, grace_s: float) -> None:
        graces.append(grace_s)
        stop(host, container, grace_s)

    world.stop = told  # type: ignore[method-assign]
    driver = driven(world)
    assert (driver.outcome, driver.why.partition(":")[0]) == (Outcome.PAUSED, "cutover-legacy-unstopped")
    assert driver.why.endswith("stops, for which it has no limit")
    assert graces == [FOR_EVER_S]
    asked(world, **{way: True})
    if way == "abort":
        driver = driven(world)
        assert (driver.outcome, driver.why.partition(":")[0]) == (Outcome.PAUSED, "cutover-legacy-unstopped")
        asked(world, resume=True)
    world.containers[0].ends = world.time
    outcome = Outcome.REST if way == "resume" else Outcome.ROLLED_BACK
    assert (driven(world).outcome, world.wrongs) == (outcome, [])


def test_one_that_ended_while_it_stood_by_can_be_given_up() -> None:
    world = deepcopy(_reached("BAKING", 2))
    world.containers[0].running, world.containers[0].exit_code = False, 137
    driver = driven(world)
    assert (driver.outcome, driver.why.partition(":")[0]) == (Outcome.PAUSED, "cutover-legacy-down")
    assert "web-0 on h0 cannot be called: it ended with exit code 137" in driver.why
    assert f"podlift cutover approve web {FIRST[:15]}" in driver.why
    asked(world, resume=True)
    assert driven(world, "three").outcome is Outcome.PAUSED
    asked(world, approve=(FIRST[:15],), resume=True)
    assert driven(world, "four").outcome is Outcome.REST
    assert (world.state, world.wrongs) == ("STOPPED", [])


def test_another_one_is_not_given_up_with_it() -> None:
    world = deepcopy(_reached("BAKING", 2))
    world.containers[0].running = world.containers[1].running = False
    asked(world, approve=(FIRST[:15], "h1/c1c1"))
    driver = driven(world)
    assert driver.why.startswith("cutover-legacy-down: web-1 on h1 cannot be called")
