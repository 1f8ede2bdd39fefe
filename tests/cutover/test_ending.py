"""What a run knows of connections that are used again, and claims: from one pod that is told to end."""

from __future__ import annotations

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.edges import Ended, Request
from migrate.cutover.ending import claim, judged
from migrate.cutover.run import Run, Spec
from migrate.cutover.states import State
from migrate.cutover.world import SeenPod
from tests.cutover.killing import asked, finished, wrongs
from tests.cutover.model import Model

DELETES = "FRONTED: delete Pod/web-pod"
CUT = Ended(answers=40, lost={"ended early": 2}, closed=2)


def run_of(world: Model) -> Run:
    entry = world.journal.read()
    assert entry is not None
    return entry.run


def test_one_pod_that_nobody_calls_is_told_to_end() -> None:
    """Once, before any is admitted; another one takes its place, and the run goes on with that."""
    world = Model(pods=2)
    finished(world, [])
    assert (wrongs(world), world.labels.count(DELETES), len(world.held)) == ([], 1, 1)
    first = next(n for n, label in enumerate(world.labels) if "patch Pod" in label)
    assert world.labels.index(DELETES) < first
    run = run_of(world)
    assert "graceful: yes" in run.done
    assert run.evidence["graceful"].startswith("a pod that was told to end gave 80 answers on 4 connections, told 4")


@pytest.mark.parametrize(
    ("seen", "what", "said"),
    [
        (Ended(answers=9, told=2, closed=2), "yes", "told 2 of them that it was the last one, and closed 2"),
        (CUT, "no", "cut 2 with a request under way (ended early)"),
        (Ended(answers=9, told=3, reset=1), "no", "cut 1 idle ones by a reset"),
        (Ended(answers=9, told=3, open=1), "unknown", "kept 1 open to the end"),
        (Ended(unopened={"refused": 4}), "unknown", "nobody was connected to a pod that was told to end: refused"),
    ],
)
def test_what_is_made_of_it(seen: Ended, what: str, said: str) -> None:
    assert judged(seen)[0] == what
    assert said in judged(seen)[1]


def test_zero_loss_is_claimed_only_where_it_was_seen() -> None:
    assert claim(frozenset(), "", drain_hook=True) == ""
    assert claim(frozenset({"graceful: yes"}), "as seen", drain_hook=False) == "zero loss is claimed: as seen"
    for what in ("no", "unknown"):
        done = frozenset({f"graceful: {what}", "freeze"})
        assert claim(done, "as seen", drain_hook=False) == "zero loss is not claimed: as seen"
        assert claim(done, "as seen", drain_hook=True).startswith("zero loss is claimed as far as the drain hook")


def test_who_has_containers_stopped_with_connections_is_asked_where_these_would_be_cut() -> None:
    """Nobody is by default, who waits until there are none, nor who has a drain hook."""
    world = Model()
    world.ends = CUT
    world.begin(on_drain_timeout="stop")
    outcome, why = world.driver(no_wait=True).drive()
    assert (outcome, world.state) == (Outcome.APPROVAL, State.BAKING)
    assert why.startswith("DRAINED: connections that stand when the drain's time is over would be cut: a pod that")
    asked(world, approve=("DRAINED",))
    assert world.driver("two").drive(resume=True)[0] is Outcome.REST
    for more in ({}, {"on_drain_timeout": "stop", "hooks": {"freeze": ("a",), "unfreeze": ("b",), "drain": ("c",)}}):
        other = Model()
        other.ends = CUT
        other.direct = {}
        other.begin(**more)
        assert other.driver(no_wait=True).drive()[0] is Outcome.REST


def test_a_pod_that_ended_too_early_is_followed_by_another_one_once() -> None:
    world = Model()
    world.ends = Ended(unopened={"refused": 4})
    finished(world, [])
    assert (wrongs(world), world.labels.count(DELETES)) == ([], 2)
    assert "graceful: unknown" in run_of(world).done


@pytest.mark.parametrize("check", [{"kind": "tcp"}, {"kind": "http", "path": "/", "port": 8080}])
def test_where_nobody_can_see_it_no_pod_is_deleted(check: dict[str, object]) -> None:
    class Blind(Model):
        def hold_to(self, spec: Spec, pod: SeenPod, request: Request) -> str:  # noqa: ARG002
            return "node-a: no probe is given for this node"

    world = Blind()
    world.begin(check=check)
    assert world.driver().drive()[0] is Outcome.REST
    assert DELETES not in world.labels
    assert "graceful: unknown" in run_of(world).done
