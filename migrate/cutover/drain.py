"""Before a legacy container is stopped: its engine does not start it again, and nobody is connected any more. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from . import groups
from .decision import Act, Action, Commit, Measure, Pause, Question, Verb, Wait
from .edges import Peer
from .moment import Moment, Steps
from .run import COUNT_AGE_S

_SHOWN = 10


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
    counted = m.evidence.counted.get(key)
    began = m.run.since.get("drain")
    if began is None:
        yield Commit(run=replace(m.run, since={**m.run.since, "drain": m.now}), why="draining begins")
        return
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
    over = m.now - began >= m.spec.timings.drain_timeout_s
    if counted.peers is None:
        # a user approved STANDBY knowing this; but for others of the group, the time alone is what is left
        if not over:
            yield Wait(why=f"the connections of {m.name(key)} are unknown: it is given its time")
        yield from groups.uncounted(m, key)
        return
    said = _held(counted.peers)
    if not over:
        yield Measure(question=Question.COUNT, of=(key,), why=f"{m.name(key)} holds {said}")
    elif m.spec.on_drain_timeout != "stop":
        yield Pause(code="cutover-not-drained", reason=f"{m.name(key)} still holds {said}")
    elif holding := groups.holding(m, counted):
        yield Pause(code="cutover-not-drained", reason=f"{m.name(key)} still holds {holding}")


def left(m: Moment) -> str:
    """What DRAINED rests on: who is still connected, where the drain's time alone ended it."""
    said = []
    for key in m.keys:
        peers = m.evidence.counted[key].peers
        if peers is None:
            said.append(f"the connections of {m.name(key)} are unknown")
        elif peers:
            said.append(f"{m.name(key)} still holds {_held(peers)}")
    if not said:
        return "nobody is connected to the legacy side"
    return f"after {m.spec.timings.drain_timeout_s:g} s {'; '.join(said)}"


def stopped_with(m: Moment, key: str) -> str:
    """Who was connected to an instance that ``drained`` lets be stopped."""
    peers = m.evidence.counted[key].peers
    if peers is None:
        return "stopped with connections that are unknown"
    return f"stopped with {_held(peers)}" if peers else "stopped with no connection"


def _held(peers: Iterable[Peer]) -> str:
    """
    >>> _held([Peer("10.0.0.1", 5), Peer("10.0.0.2", 2), Peer("10.0.0.1", 2)])
    '9 connections: 7 of 10.0.0.1, 2 of 10.0.0.2'
    """
    counts = Counter[str]()
    for each in peers:
        counts[each.address] += each.count
    said = [f"{count} of {address}" for address, count in counts.most_common(_SHOWN)]
    if len(counts) > _SHOWN:
        said.append(f"{sum(counts.values()) - sum(dict(counts.most_common(_SHOWN)).values())} of others")
    if len(counts) == 1:
        return " connections of ".join(said[0].split(" of ", 1))
    return f"{sum(counts.values())} connections: {', '.join(said)}"
