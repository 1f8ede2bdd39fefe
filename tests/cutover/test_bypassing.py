"""Clients that call the legacy side past the Service hold a run, until they stop or a user names them."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest

from migrate.cutover.bypassing import GAP_S, looked, missed
from migrate.cutover.driver import Outcome
from migrate.cutover.edges import Backend, Caller, Inside
from migrate.cutover.run import Run
from migrate.cutover.starting import new_run
from migrate.cutover.waiting import waiting_of
from tests.cutover.killing import asked, wrongs
from tests.cutover.model import DIRECT, NAME, SPACE, Killed, Model, error

QUIET_S = 2.0
"""The model's front_quiet."""


def driven(world: Model, *, until: Callable[[Model], bool], holder: str = "one") -> str:
    """What was told last before something came true."""
    if not world.begun:
        world.begin()
    driver = world.driver(holder)
    for event in driver.events(resume=True):
        if until(world):
            driver.let_go()
            return event.text
    raise AssertionError(f"it did not come: {driver.outcome} {driver.why}")


def ended(world: Model, holder: str = "one") -> tuple[Outcome, str]:
    if not world.begun:
        world.begin()
    return world.driver(holder).drive(resume=True)


def after(seconds: float) -> Callable[[Model], bool]:
    began: list[float] = []

    def over(world: Model) -> bool:
        began[:] = began or [world.time]
        return world.time - began[0] >= seconds

    return over


class Unled(Model):
    """The front hook changes nothing for the client."""

    def run(self, name: str, variables: dict[str, str]) -> None:  # type: ignore[override]
        before = dict(self.direct)
        super().run(name, variables)
        self.direct = before


class Returning(Model):
    """The client stops, and calls again when pods alone serve."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.begun and self.state == "BAKING" and self.direct[DIRECT] is not None:
            self.direct[DIRECT] = None


def run_of(world: Model) -> Run:
    entry = world.journal.read()
    assert entry is not None
    return entry.run


def test_who_calls_directly_holds_a_run_before_fronted() -> None:
    """For as long as it takes; the wait says who calls whom, how often, and what is to be done."""
    world = Unled()
    said = driven(world, until=after(700))
    assert world.state == "BRIDGED"
    assert said.startswith(f"{DIRECT}: {DIRECT} calls web-0 on h0 (")
    assert f"lead them to {NAME}.{SPACE}:80" in said
    assert f"podlift cutover approve {NAME} {DIRECT}" in said
    assert run_of(world).evidence["bypassed"] == f"web-0 on h0: {DIRECT}"
    entry = world.journal.read()
    assert entry is not None
    waiting = waiting_of(entry, world.time, driven=True)
    assert waiting is not None
    assert waiting.what.startswith(f"podlift cutover approve {NAME} {DIRECT}: {DIRECT} calls web-0 on h0 (")


def test_without_waiting_a_run_that_is_held_so_ends() -> None:
    world = Unled()
    world.begin()
    outcome, why = world.driver(no_wait=True).drive()
    assert (outcome, world.state) == (Outcome.APPROVAL, "BRIDGED")
    assert why.startswith(f"{DIRECT}: {DIRECT} calls ")
    asked(world, approve=(DIRECT,))
    assert world.driver(no_wait=True).drive()[0] is Outcome.REST


def test_fronted_comes_when_nobody_called_for_so_long() -> None:
    world = Unled()
    driven(world, until=after(20))
    world.direct[DIRECT] = gone = world.time
    driven(world, until=lambda one: one.state == "FRONTED", holder="two")
    # the new driver knows nothing of what the old one saw
    assert world.time - gone >= QUIET_S
    assert run_of(world).evidence["FRONTED"].startswith("no new direct connection was seen for 2 s; web: ")


def test_a_client_that_a_user_names_holds_nothing() -> None:
    """By its network as well. Others do."""
    world = Unled()
    driven(world, until=after(5))
    asked(world, approve=("203.0.113.0/24",))
    outcome, _ = ended(world)
    assert (outcome, world.state) == (Outcome.REST, "STOPPED")
    assert run_of(world).evidence["FRONTED"].partition("; ")[0].endswith(f"but from {DIRECT}, which a user accepted")
    other = Unled()
    other.direct["198.51.100.7"] = None
    driven(other, until=after(5))
    asked(other, approve=(DIRECT,))
    assert "198.51.100.7 calls" in driven(other, until=after(20))
    assert other.state == "BRIDGED"


def test_who_comes_back_during_the_bake_stops_the_run_before_anything_is_drained() -> None:
    world = Returning()
    outcome, why = ended(world)
    assert (outcome, world.state) == (Outcome.PAUSED, "BAKING")
    assert why.startswith(f"cutover-bypassed: {DIRECT} calls web-0 on h0")
    assert all(each.restart["Name"] == "always" for each in world.containers)
    # resume alone looks again for as long as it must, and stops again
    assert ended(world)[1].startswith("cutover-bypassed: ")
    asked(world, approve=(DIRECT,))
    assert ended(world)[0] is Outcome.REST
    assert world.state == "STOPPED"


def test_who_comes_back_before_standby_stops_the_run() -> None:
    world = Model()
    driven(world, until=lambda one: one.state == "PROMOTED")
    world.direct[DIRECT] = None
    outcome, why = ended(world)
    assert (outcome, world.state) == (Outcome.PAUSED, "PROMOTED")
    assert why.startswith("cutover-bypassed: ")
    world.direct[DIRECT] = world.time
    assert ended(world)[0] is Outcome.REST
    assert [each for each in wrongs_of(world) if "called it" in each] == []


def wrongs_of(world: Model) -> list[str]:
    asked(world, finalize=True)
    ended(world)
    return wrongs(world)


class Blind(Model):
    def callers(self, host: str, backend: Backend, *, but: Collection[str] = ()) -> frozenset[Caller] | None:  # noqa: ARG002
        return None


def test_where_nobody_can_look_a_user_says_that_standby_may_come() -> None:
    """Though the run's settings ask for no approval."""
    world = Blind()
    world.begin()
    outcome, why = world.driver(no_wait=True).drive()
    assert (outcome, world.state) == (Outcome.APPROVAL, "PROMOTED")
    assert why.startswith("STANDBY: no command can be run on the host of web-0 on h0")
    assert run_of(world).evidence["FRONTED"].startswith("who calls past the Service is unknown")
    asked(world, approve=("STANDBY",))
    assert world.driver(no_wait=True).drive()[0] is Outcome.REST


class Failing(Model):
    failing = True

    def callers(self, host: str, backend: Backend, *, but: Collection[str] = ()) -> frozenset[Caller] | None:
        if self.failing:
            raise error("ssh-failed", host)
        return super().callers(host, backend, but=but)


def test_a_host_that_gives_no_answer_is_waited_for() -> None:
    world = Failing()
    said = driven(world, until=after(60))
    assert (said, world.state) == ("who calls web-0 on h0 cannot be seen: h0: as made", "BRIDGED")
    world.failing = False
    driven(world, until=lambda one: one.state == "FRONTED")


def test_the_stop_is_what_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrate.cutover.bypassing.unbypassed", lambda _moment: iter(()))
    world = Returning()
    assert ended(world)[0] is Outcome.REST
    assert wrongs_of(world)[0].startswith(f"web-0 was stopped while {DIRECT} called it past the Service")


def test_what_an_earlier_run_left_is_taken_over() -> None:
    """Callers were led there already: nothing waits for them, and going back leaves it."""
    world = Model()
    driven(world, until=lambda one: one.state == "SHIFT")
    asked(world, abort=True)
    assert ended(world)[0] is Outcome.ROLLED_BACK
    old = world.get("v1", "Service", SPACE, NAME)
    assert old is not None
    spec = world.spec(id="run2", resolved_before=True, hooks={})
    world.journal.begin(spec, new_run(spec), at=world.time)
    driven(world, until=lambda one: one.state == "BRIDGED")
    asked(world, abort=True)
    assert ended(world)[0] is Outcome.ROLLED_BACK
    left = world.get("v1", "Service", SPACE, NAME)
    assert left is not None
    assert left["metadata"]["uid"] == old["metadata"]["uid"]
    assert left["metadata"]["annotations"]["podlift.dev/run"] == "run2"
    assert world.wrongs == []


# ---------------------------------------------------------------- looks


ONE, TWO = Caller("192.0.2.1", 40001), Caller("192.0.2.1", 40002)


def test_a_connection_counts_once_and_every_new_one_counts() -> None:
    first = looked(None, frozenset({ONE}), 100.0, keep_s=60)
    assert (first.since, first.direct) == (100.0, {"192.0.2.1": (100.0, 1)})
    second = looked(first, frozenset({ONE}), 105.0, keep_s=60)
    assert (second.since, second.direct) == (100.0, {"192.0.2.1": (100.0, 1)})
    # one that ended is remembered beside the new one, so numbers alone would tell nothing
    third = looked(second, frozenset({TWO}), 110.0, keep_s=60)
    assert third.direct == {"192.0.2.1": (110.0, 2)}
    assert looked(third, frozenset(), 115.0, keep_s=5).direct == {}


def test_a_look_that_was_missed_begins_it_anew() -> None:
    """The kernel forgets what was reset within 10 s."""
    first = looked(None, frozenset(), 100.0, keep_s=60)
    assert looked(first, frozenset(), 100.0 + GAP_S, keep_s=60).since == 100.0
    assert looked(first, frozenset(), 100.1 + GAP_S, keep_s=60).since == 100.1 + GAP_S
    failed = missed(first, "away", 104.0)
    assert (failed.at, failed.tried, failed.failed) == (100.0, 104.0, "away")
    assert looked(failed, frozenset(), 108.0, keep_s=60).failed == ""


def test_nodes_and_pods_are_inside() -> None:
    inside = Inside(addresses=frozenset({"10.0.0.9"}), networks=("10.244.0.0/16", "fd00:10::/64"))
    assert all(map(inside.holds, ("10.0.0.9", "10.244.3.4", "fd00:10::5")))
    assert not any(map(inside.holds, ("10.0.0.8", "10.245.0.1", "fd00:11::5")))


def test_callers_whom_a_name_leads_there_at_once_keep_the_service() -> None:
    """Where the name has an address in the cluster before, BRIDGED is FRONTED for who uses it: whoever is to hold that
    is asked before the Service is made, and going back leaves it."""
    world = Model()
    world.begin(captures=True, approvals=("FRONTED",))
    outcome, why = world.driver(no_wait=True).drive()
    assert (outcome, why.partition(": ")[0]) == (Outcome.APPROVAL, "FRONTED")
    assert ("Service", NAME) not in world.store
    asked(world, approve=("FRONTED",))
    world.on_write = lambda label: "after" if label == "PREFLIGHT: create Service/web" else ""
    with pytest.raises(Killed):
        world.driver("two").drive()
    world.on_write = lambda _label: ""
    asked(world, abort=True)
    assert world.driver("three").drive()[0] is Outcome.ROLLED_BACK
    assert (wrongs(world), ("Service", NAME) in world.store) == ([], True)
