"""Who calls the legacy side past the Services, and whether a run may go on all the same. Pure.

What a Service leads comes to a legacy host from nodes and pods; every other connection is direct, and its client is
refused once the container stops. New ones are told from old ones by their client's port, at every look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from .decision import Approve, Commit, Pause, Wait
from .edges import Caller, in_networks
from .evidence import Watched
from .moment import Moment, Steps
from .run import CUT, Direction
from .states import State

LOOK_S = 5.0
GAP_S = 10.0
"""The kernel forgets a connection that was reset so soon: who looks more seldom may miss some."""
BYPASSED = "bypassed"
"""Under this name in Run.evidence stands who calls directly."""
_SHOWN = 10


def looked(
    before: Watched | None, seen: frozenset[Caller], now: float, *, keep_s: float, heard: Iterable[str] = ()
) -> Watched:
    """After another look. ``seen``: the direct connections; ``keep_s``: who was not seen for so long is forgotten;
    ``heard``: the client of each direct flow of UDP that had a datagram since, which is as good as a new connection."""
    gap_s = now - before.at if before is not None and before.since is not None else 0.0
    whole = before is not None and before.since is not None and gap_s <= GAP_S
    direct = {address: each for address, each in before.direct.items() if now - each[0] < keep_s} if before else {}
    new = seen - before.seen if before else seen
    for address, count in Counter([*(each.address for each in new), *heard]).items():
        direct[address] = (now, direct.get(address, (now, 0))[1] + count)
    since = before.since if before is not None and whole else now
    return Watched(tried=now, at=now, since=since, seen=seen, direct=direct, gap_s=gap_s if gap_s > GAP_S else 0.0)


def missed(before: Watched | None, why: str, now: float) -> Watched:
    """After a look that failed."""
    if before is None:
        return Watched(tried=now, at=now, since=now, failed=why)
    return replace(before, tried=now, failed=why)


def due(m: Moment) -> tuple[str, ...]:
    """The instances at which to look now: all, where one was not looked at lately."""
    if m.run.direction is Direction.BACK or not State.BRIDGED.reached <= m.run.state.reached < State.STOPPED.reached:
        return ()
    keys = _keys(m)
    interval = min(LOOK_S, m.spec.timings.front_quiet_s / 2)
    found = [m.evidence.watched.get(key) for key in keys]
    return keys if any(each is None or m.boot - each.tried >= interval for each in found) else ()


def quiet(m: Moment) -> Steps:
    """Before FRONTED: nobody calls directly any more. Where that cannot be known, STANDBY asks for a user's word."""
    yield from _journaled(m)
    if failed := _failed(m):
        yield Wait(why=failed)
    if direct := _unaccepted(m):
        said = f"{_told(m, direct)}; {_way_on(m, direct)}"
        # who calls after so long a look will hardly stop by itself
        yield Wait(why=said) if _unlooked(m) else Approve(state=_first(direct), why=said)
    if _unlooked(m):
        quiet_s = m.spec.timings.front_quiet_s
        yield Wait(why=f"no new connection is to go past the Service for {quiet_s:g} s{_gaps(m)}")
    rests = {**m.run.evidence, State.FRONTED.value: _rests_on(m)}
    if rests != dict(m.run.evidence):
        yield Commit(run=replace(m.run, evidence=rests), why=rests[State.FRONTED.value])


def unbypassed(m: Moment) -> Steps:
    """Before the legacy side takes less: nobody calls directly but those whom a user accepted by their address."""
    yield from _journaled(m)
    if failed := _failed(m):
        yield Wait(why=failed, timeout_s=m.spec.timings.ready_timeout_s)
    direct, looking = _unaccepted(m), _unlooked(m)
    if direct and not looking:
        yield Pause(code="cutover-bypassed", reason=f"{_told(m, direct)}; {_way_on(m, direct)}; then resume")
    if looking:
        said = f" ({_told(m, direct)})" if direct else ""
        quiet_s = m.spec.timings.front_quiet_s
        yield Wait(why=f"who calls past the Service is looked at for {quiet_s:g} s{said}{_gaps(m)}")


def unknown(m: Moment) -> Steps:
    """Before STANDBY: of hosts where nobody can look, a user says that the run may go on."""
    blind = [key for key in _keys(m) if (each := m.evidence.watched.get(key)) is not None and each.since is None]
    if blind and f"approve:{State.STANDBY}" not in m.run.done:
        yield Approve(
            state=State.STANDBY.value,
            why=f"no command can be run on the host of {m.name(blind[0])}: who calls past the Service is unknown",
        )
    for key in _keys(m) if m.spec.udp != CUT else ():
        if (heard := _unheard(m, key)) and f"approve:{State.STANDBY}" not in m.run.done:
            why = f"who sends datagrams to {m.name(key)} past the Service is unknown: {heard}"
            yield Approve(state=State.STANDBY.value, why=why)


def accepted(m: Moment, address: str) -> bool:
    """Whether a user named this client, or its network, as one that may be cut off."""
    return in_networks(address, (each.removeprefix("approve:") for each in m.run.done if each.startswith("approve:")))


def client(m: Moment, address: str) -> str:
    """Its address, and which members of the group run there."""
    of = sorted(each.name for each in m.members.values() if address in each.addresses)
    return f"{address} (where {', '.join(of)} runs)" if of else address


def _keys(m: Moment) -> tuple[str, ...]:
    """Of those that run."""
    return tuple(key for key in m.keys if (found := m.world.container(key)) is not None and found.running)


def _unheard(m: Moment, key: str) -> str:
    """Why nobody knows of its datagrams; ``""``: they are known, or it takes none."""
    return heard.unknown if (heard := m.evidence.heard.get(key)) is not None else ""


def _failed(m: Moment) -> str:
    for key in _keys(m):
        if (each := m.evidence.watched.get(key)) is not None and each.failed:
            return f"who calls {m.name(key)} cannot be seen: {each.failed}"
    return ""


def _unlooked(m: Moment) -> bool:
    """Whether it has not been looked at long enough, and without a gap until now."""
    found = [m.evidence.watched.get(key) for key in _keys(m)]
    return any(
        each is None
        or (each.since is not None and each.at - each.since < m.spec.timings.front_quiet_s)
        or (each.since is not None and m.boot - each.at > GAP_S)
        for each in found
    )


def _gaps(m: Moment) -> str:
    """Why that may never have been long enough: hosts or engines that take long."""
    longest = max((each.gap_s for key in _keys(m) if (each := m.evidence.watched.get(key)) is not None), default=0.0)
    return f"; {longest:.0f} s were between the last two looks, where {GAP_S:g} are the most" if longest else ""


def _late(m: Moment) -> dict[str, dict[str, int]]:
    """Instance to its direct callers of late, and how many connections each has opened."""
    return {
        key: {
            address: count
            for address, (last, count) in each.direct.items()
            if each.at - last < m.spec.timings.front_quiet_s
        }
        for key in _keys(m)
        if (each := m.evidence.watched.get(key)) is not None
    }


def _unaccepted(m: Moment) -> dict[str, dict[str, int]]:
    """Those of them that no user accepted."""
    made = {
        key: {address: count for address, count in of.items() if not accepted(m, address)}
        for key, of in _late(m).items()
    }
    return {key: of for key, of in made.items() if of}


def _told(m: Moment, direct: Mapping[str, Mapping[str, int]]) -> str:
    calls = [(count, address, key) for key, of in direct.items() for address, count in of.items()]
    shown = sorted(calls, reverse=True)[:_SHOWN]
    said = [f"{client(m, address)} calls {m.name(key)} ({count} new connections)" for count, address, key in shown]
    if len(calls) > _SHOWN:
        said.append(f"{len(calls) - _SHOWN} more")
    return ", ".join(said) + " past the Service"


def _way_on(m: Moment, direct: Mapping[str, Mapping[str, int]]) -> str:
    ways = [
        f"{each['metadata']['name']}.{m.spec.namespace}:{each['spec']['ports'][0]['port']}" for each in m.spec.services
    ]
    return (
        f"lead them to {' or '.join(ways)}, or accept that they are cut off: "
        f"podlift cutover approve {m.spec.name} {_first(direct)}"
    )


def _first(direct: Mapping[str, Mapping[str, int]]) -> str:
    return next(iter(next(iter(direct.values()))))


def _rests_on(m: Moment) -> str:
    if any(each.since is None for each in m.evidence.watched.values()):
        return "who calls past the Service is unknown"
    late = sorted({address for of in _late(m).values() for address in of})
    but = f", but from {', '.join(late)}, which a user accepted" if late else ""
    unheard = "".join(f"; who sends datagrams to {m.name(key)} is unknown" for key in _keys(m) if _unheard(m, key))
    return f"no new direct connection was seen for {m.spec.timings.front_quiet_s:g} s{but}{unheard}"


def _journaled(m: Moment) -> Steps:
    """Who bypasses stands in the journal, for status."""
    direct = _unaccepted(m)
    said = "; ".join(
        f"{m.name(key)}: {', '.join(sorted(of)[:_SHOWN])}{' and more' if len(of) > _SHOWN else ''}"
        for key, of in direct.items()
    )
    if said != m.run.evidence.get(BYPASSED, ""):
        evidence = {name: each for name, each in m.run.evidence.items() if name != BYPASSED}
        evidence |= {BYPASSED: said} if said else {}
        yield Commit(run=replace(m.run, evidence=evidence), why=f"direct callers: {said or 'none'}")
