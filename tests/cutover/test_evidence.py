"""The journal says what each state rests on."""

from __future__ import annotations

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.edges import Peer
from tests.cutover.killing import finished
from tests.cutover.model import Killed, Model


def test_each_state_rests_on_what_was_seen_on_every_node() -> None:
    entry = finished(Model(pods=2, legacy=1), []).journal.read()
    assert entry is not None
    evidence = entry.run.evidence
    assert {"BRIDGED", "SHIFT", "PROMOTED", "STANDBY", "STOPPED"} <= evidence.keys()
    for state in ("BRIDGED", "SHIFT", "PROMOTED", "STANDBY", "STOPPED"):
        assert "connections from 2 nodes" in evidence[state], state
    assert "keep off" in evidence["STOPPED"]
    # nothing has been drawn before there was a Service
    assert "PREFLIGHT" not in evidence


def test_a_stop_with_connections_says_whose_and_how_many() -> None:
    """In what is journaled before it, and in what both states rest on; whoever drives at the end."""
    world = Model(pods=2, legacy=1)
    hold(world, [Peer("10.0.0.1", 5), Peer("10.0.0.2", 2), Peer("10.0.0.1", 2)])
    world.begin(on_drain_timeout="stop")
    driver = world.driver()
    for _ in driver.events():
        if not world.containers[0].running:
            driver.let_go()
            break
    assert world.driver("two").drive()[0] is Outcome.REST
    entry = world.journal.read()
    assert entry is not None
    held = "9 connections: 7 of 10.0.0.1, 2 of 10.0.0.2"
    assert entry.run.evidence["DRAINED"].startswith(f"after 10 s web-0 on h0 still holds {held}")
    assert entry.run.evidence["STOPPED"].startswith(f"web-0 on h0: stopped with {held}")
    intent = next(line["text"] for line in entry.history if line["text"].startswith("stop Container/"))
    assert intent.endswith(f": nobody new reaches it; stopped with {held}")


def test_a_stop_with_connections_of_one_or_of_whom_nobody_knows() -> None:
    for peers, said in (([Peer("10.0.0.1", 7)], "7 connections of 10.0.0.1"), (None, "connections that are unknown")):
        world = Model(pods=2, legacy=1)
        hold(world, peers)
        world.begin(on_drain_timeout="stop")
        assert world.driver().drive()[0] is Outcome.REST
        entry = world.journal.read()
        assert entry is not None
        assert entry.run.evidence["STOPPED"].startswith(f"web-0 on h0: stopped with {said}; ")


def test_a_stop_that_is_told_again_keeps_who_was_connected_first() -> None:
    """They may have gone because it was told."""
    world = Model(pods=2, legacy=1)
    world.begin(on_drain_timeout="stop")
    hold(world, [Peer("10.0.0.1", 3)])
    world.grace_s = world.stop_s = 60.0
    world.on_write = lambda label: "after" if ": stop h0" in label else ""
    with pytest.raises(Killed):
        world.driver().drive()
    world.on_write = lambda _label: ""
    hold(world, [])
    assert world.driver("two").drive()[0] is Outcome.REST
    assert sum(": stop h0" in label for label in world.labels) == 2
    entry = world.journal.read()
    assert entry is not None
    said = "web-0 on h0: stopped with 3 connections of 10.0.0.1, told again: stopped with no connection; "
    assert entry.run.evidence["STOPPED"].startswith(said)


def test_a_stop_without_any_says_so() -> None:
    entry = finished(Model(pods=2, legacy=2), []).journal.read()
    assert entry is not None
    assert entry.run.evidence["DRAINED"].startswith("nobody is connected to the legacy side; ")
    said = "web-0 on h0: stopped with no connection; web-1 on h1: stopped with no connection; "
    assert entry.run.evidence["STOPPED"].startswith(said)


def test_nodes_that_are_taken_on_trust_are_named_wherever_a_state_rests_on_it() -> None:
    world = Model(pods=2, legacy=1)
    draw, ask = world.draw, world.ask
    world.silent = lambda: {"node-b": "no pod may be there"}  # type: ignore[method-assign]
    world.draw = lambda *of: {"node-a": draw(*of)["node-a"]}  # type: ignore[method-assign]
    world.ask = lambda of: {"node-a": ask(of)["node-a"]}  # type: ignore[method-assign, assignment]
    world.begin(accept_floor=True)
    assert world.driver().drive()[0] is Outcome.REST
    entry = world.journal.read()
    assert entry is not None
    for state in ("BRIDGED", "FRONTED", "DEPLOYED", "SHIFT", "PROMOTED", "STANDBY", "DRAINED", "STOPPED"):
        said = entry.run.evidence[state]
        assert "connections from 1 nodes; accepted on trust: node-b (accept_floor, 1 s)" in said, state


def hold(world: Model, peers: list[Peer] | None) -> None:
    """Connections that stay until the container is stopped."""
    world.established = lambda *_of: None if peers is None else tuple(peers)  # type: ignore[method-assign]
