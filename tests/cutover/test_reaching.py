"""No pod is admitted that does not get to where containers were seen to connect to."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.edges import Backend, Reached
from migrate.cutover.outbound import Outbound, Remote
from migrate.cutover.run import Run, Spec
from migrate.cutover.states import State
from tests.cutover.killing import asked, finished, wrongs
from tests.cutover.model import DATABASE, Model


def reached(world: Model) -> tuple[Run, str]:
    entry = world.journal.read()
    assert entry is not None
    return entry.run, entry.run.evidence.get("reached", "")


def test_it_is_journaled_what_pods_get_to() -> None:
    world = Model()
    world.begin(
        outbound=Outbound(
            looked=("web-0",),
            unseen={"web-1 on h1": "no command can be run there"},
            remotes=(DATABASE, Remote(address="172.17.0.9", port=6379, inside="cache")),
            more=2,
        )
    )
    asked(world, approve=("SHIFT",))
    finished(world, [])
    assert (wrongs(world), world.tried) == ([], {*world.nodes})
    assert reached(world)[1] == (
        "pods get to the 1 place where containers connect to; not tried: 172.17.0.9:6379 of cache; "
        "unknown of web-1 on h1; 2 more are not tried, as a user accepted"
    )


def test_a_place_that_pods_do_not_get_to_pauses_before_any_is_admitted() -> None:
    """By its address, the nodes, and what to do; when the way is open, the run goes on."""
    world = Model()
    world.unreached = {"10.0.0.5:5432": "timed out"}
    world.begin()
    outcome, why = world.driver().drive()
    assert outcome is Outcome.PAUSED
    assert why.startswith("cutover-unreached: ")
    for said in ("10.0.0.5:5432 from a pod on node-", "timed out", "NetworkPolicy", "approve web 10.0.0.5:5432"):
        assert said in why
    assert world.state == State.FRONTED
    assert not any("admitted" in label for label in world.labels if "Pod" in label)
    world.unreached = {}
    assert world.driver("two").drive(resume=True)[0] is Outcome.REST
    assert reached(world)[1].startswith("pods get to the 1 place")


def test_a_user_may_say_that_it_is_not_needed() -> None:
    world = Model()
    world.unreached = {"10.0.0.5:5432": "refused"}
    world.begin()
    assert world.driver().drive()[0] is Outcome.PAUSED
    asked(world, approve=("10.0.0.5:5432",))
    assert world.driver("two").drive(resume=True)[0] is Outcome.REST


def test_one_that_failed_by_chance_is_tried_again() -> None:

    class Once(Model):
        looks = 0

        def reach(self, spec: Spec, nodes: Collection[str], remotes: Sequence[Backend]) -> Reached:
            Once.looks += 1
            self.unreached = {"10.0.0.5:5432": "timed out"} if Once.looks == 1 else {}
            return super().reach(spec, nodes, remotes)

    world = Once()
    world.begin()
    assert world.driver().drive()[0] is Outcome.REST
    assert Once.looks == 2


def test_where_nobody_can_try_a_user_says_that_it_may_go_on() -> None:
    """Even where the first step was approved beforehand."""

    class Blind(Model):
        def reach(self, spec: Spec, nodes: Collection[str], remotes: Sequence[Backend]) -> Reached:
            super().reach(spec, nodes, remotes)
            return Reached(silent=dict.fromkeys(nodes, "no image"))

    world = Blind()
    world.begin()
    outcome, why = world.driver(no_wait=True).drive()
    assert (outcome, why.partition(": ")[0]) == (Outcome.APPROVAL, "SHIFT")
    assert "whether pods get to 10.0.0.5:5432 is unknown: node-" in why
    asked(world, approve=("SHIFT",))
    assert world.driver("two").drive(resume=True)[0] is Outcome.REST
    assert "unknown, as a user accepted" in reached(world)[1]


@pytest.mark.parametrize("remotes", [(DATABASE,), ()])
def test_what_is_not_tried_holds_until_a_user_says_that_it_may_go_on(remotes: tuple[Remote, ...]) -> None:
    world = Model()
    world.begin(outbound=Outbound(looked=("web-0",), remotes=remotes, more=2))
    outcome, why = world.driver(no_wait=True).drive()
    assert (outcome, why) == (Outcome.APPROVAL, "SHIFT: containers connect to 2 more places than are tried")
    assert world.state == State.FRONTED
    asked(world, approve=("SHIFT",))
    assert world.driver("two").drive(resume=True)[0] is Outcome.REST


def test_without_anything_to_get_to_nobody_tries() -> None:
    world = Model()
    world.begin(outbound=Outbound(remotes=(DATABASE,), unneeded=("10.0.0.0/24",)))
    assert world.driver().drive()[0] is Outcome.REST
    assert (world.tried, reached(world)[1]) == (set(), "")
