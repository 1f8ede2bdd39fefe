"""Before a legacy container is stopped: its engine does not start it again, and nobody is connected any more. Pure."""

from __future__ import annotations

from dataclasses import replace

from . import datagrams, groups
from .decision import Act, Action, Commit, Measure, Pause, Question, Verb, Wait
from .moment import Moment, Steps
from .peers import by_address
from .run import COUNT_AGE_S


def unrevived(m: Moment) -> Steps:
    """``restart: always`` revives a stopped container when its engine starts (Docker, "Start containers
    automatically")."""
    for key in m.keys:
        container = m.world.container(key)
        if container is not None and container.running and container.restart.get("Name", "no") not in ("", "no"):
            yield Act(
                action=Action(verb=Verb.RESTART, kind="Container", name=key, body={"Name": "no"}),
                why="its engine is not to start it again",
            )


def drained(m: Moment, key: str) -> Steps:
    began = m.run.since.get("drain")
    if began is None:
        yield Commit(run=replace(m.run, since={**m.run.since, "drain": m.now}), why="draining begins")
        return
    yield from _unconnected(m, key, m.now - began >= m.spec.timings.drain_timeout_s)
    yield from datagrams.drained(m, key)


def _unconnected(m: Moment, key: str, over: bool) -> Steps:
    counted = m.evidence.counted.get(key)
    stale = tuple(
        each for each in m.keys if (seen := m.evidence.counted.get(each)) is None or m.boot - seen.at >= COUNT_AGE_S
    )
    if counted is None or key in stale:
        # all at once: else what was counted first is too old by when the last one is
        patience_s = m.spec.timings.ready_timeout_s
        yield Measure(
            question=Question.COUNT, of=stale, why="who is connected to the legacy side", timeout_s=patience_s
        )
        return
    if counted.peers == ():
        return
    if counted.peers is None:
        # a user approved STANDBY knowing this; but for others of the group, the time alone is what is left
        if not over:
            yield Wait(why=f"the connections of {m.name(key)} are unknown: it is given its time")
        yield from groups.uncounted(m, key)
        return
    said = by_address(counted.peers, "connections")
    if not over:
        yield Measure(question=Question.COUNT, of=(key,), why=f"{m.name(key)} holds {said}")
    elif m.spec.on_drain_timeout != "stop":
        yield Pause(code="cutover-not-drained", reason=f"{m.name(key)} still holds {said}")
    elif holding := groups.holding(m, counted.direct):
        yield Pause(code="cutover-not-drained", reason=f"{m.name(key)} still holds {holding}")


def left(m: Moment) -> str:
    """What DRAINED rests on: who is still connected, where the drain's time alone ended it."""
    said, heard = list[str](), list[str]()
    for key in m.keys:
        peers = m.evidence.counted[key].peers
        if known := datagrams.left(m, key):
            heard.append(f"; {m.name(key)}: {known}")
        if peers is None:
            said.append(f"the connections of {m.name(key)} are unknown")
        elif peers:
            said.append(f"{m.name(key)} still holds {by_address(peers, 'connections')}")
    if not said:
        return f"nobody is connected to the legacy side{''.join(heard)}"
    return f"after {m.spec.timings.drain_timeout_s:g} s {'; '.join(said)}{''.join(heard)}"


def stopped_with(m: Moment, key: str) -> str:
    """Who was connected to an instance that ``drained`` lets be stopped."""
    peers, known = m.evidence.counted[key].peers, datagrams.left(m, key)
    said = "connections that are unknown" if peers is None else "no connection"
    if peers:
        said = by_address(peers, "connections")
    return f"stopped with {said}" + (f", {known}" if known else "")
