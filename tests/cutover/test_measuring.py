"""What is measured of many instances is of one moment."""

from __future__ import annotations

import threading

from migrate.cutover.decision import Measure, Question
from migrate.cutover.edges import Backend, Peer
from migrate.cutover.evidence import Evidence
from tests.cutover.model import Model

AT_ONCE = 8


def test_connections_are_counted_at_several_hosts_at_once() -> None:
    world = Model(legacy=AT_ONCE)
    world.begin()
    together, own = threading.Barrier(AT_ONCE), world.established

    def established(host: str, backend: Backend) -> tuple[Peer, ...] | None:
        # one after the other, nobody would come to the first
        together.wait(10)
        return own(host, backend)

    world.established = established  # type: ignore[method-assign]
    keys = tuple(each.key for each in world.spec().originals)
    wanted = Measure(question=Question.COUNT, of=keys, why="who is connected")
    counted = world.measuring().measure(wanted, world.spec(), world.seen(), Evidence()).counted
    assert [*counted] == [*keys]
    assert all(each.peers for each in counted.values())
