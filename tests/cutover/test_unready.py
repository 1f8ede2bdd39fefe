"""A node that is not Ready may still send callers on: where its kubelet alone is away, its proxy lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.edges import Backend, Draw, Request, Response
from migrate.cutover.run import Run
from tests.cutover.killing import asked, brought
from tests.cutover.model import TIMINGS, Model

NODE, WAYS = "node-b", "podlift cutover approve web node/node-b"
QUICK = replace(TIMINGS, observe_timeout_s=10)


class Unready(Model):
    """``away``: the node's kubelet is; ``command``: it can be tried by one; ``stale``: its proxy does not follow."""

    away = False
    command = False
    stale = False

    def draw(self, target: Backend, times: int) -> Mapping[str, Draw]:
        made = dict(super().draw(target, times))
        if self.stale:
            made[NODE] = replace(made[NODE], backends={Backend("10.99.0.2", 18080): times})
        if self.away:
            made[NODE] = replace(made[NODE], ready=False) if self.command else Draw(ready=False, untried="no command")
        return made

    def ask(self, requests: Sequence[Request]) -> Mapping[str, tuple[Response, ...]]:
        return {node: each for node, each in super().ask(requests).items() if node != NODE or not self.away}

    @property
    def of_run(self) -> Run:
        entry = self.journal.read()
        assert entry is not None
        return entry.run


def lost_in(state: str, **more: object) -> Unready:
    world = Unready(pods=2, legacy=1, timings=QUICK)
    world.begin(timings=QUICK, **more)
    brought(world, state)
    world.away = True
    return world


@pytest.mark.parametrize("state", ["SHIFT", "PROMOTED", "STANDBY", "DRAINED"])
def test_nothing_is_taken_away_before_its_proxy_is_seen_to_follow(state: str) -> None:
    """The run says which node it is; what is taken on trust by its name is said where a state rests on it."""
    world = lost_in(state)
    before = {key: each.value for key, each in world.of_run.wanted.items()}
    outcome, why = world.driver("two").drive()
    assert (outcome, why.partition(": ")[0]) == (Outcome.PAUSED, "cutover-timeout")
    assert f"{NODE} is not Ready: {NODE} cannot be tried: no command; mend it" in why
    assert WAYS in why
    assert all(each.running for each in world.containers)
    # where pods were seen from there before, what rests on that
    after = {key: each.value for key, each in world.of_run.wanted.items()}
    assert after == (dict.fromkeys(before, "standby") if state == "PROMOTED" else before)
    asked(world, approve=(f"node/{NODE}",))
    assert world.driver("three").drive(resume=True)[0] is Outcome.REST
    assert (world.state, world.wrongs) == ("STOPPED", [])
    assert f"not seen, since they are not Ready: {NODE}" in world.of_run.evidence["STOPPED"]


@pytest.mark.parametrize("stale", [True, False])
def test_by_a_command_it_is_tried_like_others(stale: bool) -> None:
    world = lost_in("SHIFT")
    world.command, world.stale = True, stale
    outcome, why = world.driver("two").drive()
    if not stale:
        assert (outcome, world.state) == (Outcome.REST, "STOPPED")
        return
    assert outcome is Outcome.PAUSED
    assert f"{NODE} is not Ready: from {NODE}: " in why
    world.stale = False
    assert world.driver("three").drive(resume=True)[0] is Outcome.REST


def test_who_takes_time_for_evidence_takes_it_on_trust() -> None:
    """But not what is seen to be otherwise."""
    world = lost_in("SHIFT", accept_floor=True)
    assert world.driver("two").drive()[0] is Outcome.REST
    assert f"accepted on trust: {NODE} (accept_floor, 1 s)" in world.of_run.evidence["STOPPED"]
    stale = lost_in("SHIFT", accept_floor=True)
    stale.command = stale.stale = True
    assert stale.driver("two").drive()[0] is Outcome.PAUSED


@pytest.mark.parametrize("state", ["SHIFT", "PROMOTED", "STANDBY", "DRAINED"])
def test_callers_are_led_back_without_it_and_pods_end_when_it_is_known(state: str) -> None:
    world = lost_in(state)
    asked(world, abort=True)
    outcome, why = world.driver("two").drive()
    assert (outcome, WAYS in why) == (Outcome.PAUSED, True)
    assert [str(each) for each in world.takers("node-a")] == ["10.99.0.2:18080"]
    assert [kind for kind, _ in world.store].count("Pod") == 2
    world.away = False
    assert world.driver("three").drive(resume=True)[0] is Outcome.ROLLED_BACK
    assert ([kind for kind, _ in world.store].count("Pod"), world.wrongs) == (0, [])


@pytest.mark.parametrize("state", ["BRIDGED", "FRONTED"])
def test_an_abort_waits_for_it_only_where_pods_took_callers(state: str) -> None:
    world = lost_in(state)
    asked(world, abort=True)
    assert world.driver("two").drive()[0] is Outcome.ROLLED_BACK
    assert world.wrongs == []
