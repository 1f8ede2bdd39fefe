"""Whether datagrams of UDP still come to an instance. Pure.

There is no end of a flow that could be seen, so what counts is a window in which no datagram came, of either side.
While an instance stands by, proxies leave its flows with it. When it has left the slices, they forget those by which a
Service led there, so that the next datagram goes to a pod (kube-proxy, pkg/proxy/conntrack/cleanup.go). So datagrams
that stand alone are waited for from then on, and sessions before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from . import groups
from .bypassing import GAP_S
from .decision import Pause, Wait
from .edges import Backend, Container, Flow, Flows, Peer
from .evidence import Heard
from .moment import Moment, Steps
from .peers import by_address
from .run import CUT, SESSIONS, Condition, Spec

SLACK_S = 2.0
"""So long a flow may go on after a datagram was noticed until another one is: the kernel tells whole seconds, and some
time after the clock was read."""


def heard(before: Heard | None, found: Iterable[Flows], now: float, *, keep_s: float) -> Heard:
    """After another look. ``found``: of each port; ``keep_s``: for how long it counts that a datagram came."""
    looks = tuple(found)
    kept_s = min([GAP_S, *(each.kept_s for each in looks)])
    # what came and was forgotten between two looks was not seen
    whole = before is not None and before.since is not None and now - before.at <= kept_s
    lasts, last = dict[str, float | None](), dict[str, tuple[str, float]]()
    if before is not None:
        last = {ends: each for ends, each in before.last.items() if now - each[1] < keep_s}
    for flow in (flow for each in looks for flow in each.flows):
        known = before.lasts.get(flow.ends) if before is not None else None
        if _came(known, flow):
            lasts[flow.ends], last[flow.ends] = flow.lasts_s, (flow.address, now)
        else:
            lasts[flow.ends] = known
    since = before.since if before is not None and whole else now
    return Heard(at=now, since=since, lasts=lasts, last=last)


def _came(known: float | None, flow: Flow) -> bool:
    """Whether one of the flow's datagrams did since it was ``known`` how long it lasts."""
    return known is None or flow.lasts_s is None or abs(flow.lasts_s - known) > SLACK_S


def targets(spec: Spec, container: Container) -> Mapping[Backend, tuple[Backend, ...]]:
    """Each port at which it takes datagrams that matter, to where it does within its engine's networks."""
    if not spec.udp:
        return {}
    made: dict[Backend, tuple[Backend, ...]] = {}
    for port, backend in container.ports.items():
        number, _, protocol = port.partition("/")
        if protocol == "udp":
            made[backend] = tuple(Backend(each, int(number)) for each in container.addresses)
    return made


def drained(m: Moment, key: str) -> Steps:
    """Before an instance is stopped, and for sessions before it leaves the slices too."""
    container = m.world.container(key)
    if m.spec.udp in ("", CUT) or container is None or not targets(m.spec, container):
        return
    if m.spec.udp != SESSIONS and m.wanted(key) is not Condition.ABSENT:
        return
    seen, quiet_s = m.evidence.heard.get(key), m.spec.timings.udp_quiet_s
    over = m.now - m.run.since["drain"] >= m.spec.timings.drain_timeout_s
    stops = m.spec.on_drain_timeout == "stop"
    if seen is not None and seen.unknown:
        said = f"whether datagrams come to {m.name(key)} is unknown: {seen.unknown}"
        if not over:
            yield Wait(why=f"{said}; it is given its time")
        elif not stops:
            yield Pause(code="cutover-not-drained", reason=said)
        yield from groups.uncounted(m, key)
        return
    # a driver that has just begun has heard nothing yet, however long the drain goes on
    if seen is None or m.boot - seen.at > GAP_S or seen.at - (seen.since or seen.at) < quiet_s + SLACK_S:
        yield Wait(why=f"datagrams to {m.name(key)} are looked at for {quiet_s:g} s")
        return
    talking = _talking(m, seen)
    if not talking:
        return
    said = f"{m.name(key)} had datagrams within {quiet_s:g} s, in {by_address(talking, 'flows')}"
    if not over:
        yield Wait(why=said)
    elif not stops:
        yield Pause(code="cutover-not-drained", reason=said)
    elif holding := groups.holding(m, [each for each in talking if each.address in seen.direct]):
        yield Pause(code="cutover-not-drained", reason=f"{m.name(key)} still has datagrams of {holding}")


def beside(m: Moment, key: str) -> tuple[str, ...]:
    """Those that leave the slices with an instance. A proxy tells by the address alone to whom a flow leads: as long as
    another one there is in the slices, it would leave the flows of what was stopped where they end (kube-proxy,
    CleanStaleEntries)."""
    if not m.spec.udp:
        return (key,)
    host = m.original(key).host
    return tuple(each for each in m.keys if m.original(each).host == host)


def left(m: Moment, key: str) -> str:
    """What is known of an instance's datagrams when it is let go; ``""``: it takes none that matter."""
    container, seen = m.world.container(key), m.evidence.heard.get(key)
    if container is None or not targets(m.spec, container):
        return ""
    if m.spec.udp == CUT:
        return "flows of UDP may be cut"
    if seen is None or seen.unknown:
        return "datagrams that are unknown"
    if talking := _talking(m, seen):
        return f"datagrams in {by_address(talking, 'flows')}"
    return f"no datagram for {m.spec.timings.udp_quiet_s:g} s by conntrack"


def _talking(m: Moment, seen: Heard) -> tuple[Peer, ...]:
    window_s = m.spec.timings.udp_quiet_s + SLACK_S
    counts = Counter(address for address, at in seen.last.values() if seen.at - at < window_s)
    return tuple(sorted(Peer(address, count) for address, count in counts.items()))
