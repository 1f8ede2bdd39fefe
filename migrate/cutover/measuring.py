"""Measures what the machine asks for, and adds it to the evidence. It changes nothing outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from converters.errors import PodliftError

from ..aside import carried
from . import datagrams
from .acting import variables
from .bypassing import looked, missed
from .checks import answered, request_of
from .decision import Measure, Question
from .edges import (
    Backend,
    Caller,
    Clock,
    Connections,
    Draw,
    Endings,
    Flows,
    Hooks,
    Inside,
    Legacy,
    Nodes,
    Peer,
    PodNetwork,
)
from .evidence import Counted, Drawn, Ending, Evidence, Frozen, Heard, Judged, Reply, Tried, Watched
from .propagation import draws_needed
from .run import Spec
from .world import SeenService, World, port_of

T = TypeVar("T")
# Hosts that are asked at once.
_AT_ONCE = 8
# Looks of the gates between which no more time lies are one after the other, engines being slow; a machine that slept,
# or a driver that was busy with something else, did not look.
_LOOKING_S = 60.0


class Gates(Protocol):
    def judge(self, what: str, spec: Spec, world: World) -> Judged:
        """One look at what lets a run go on; ``going`` as long as there is not enough of it."""

    def compare(self, spec: Spec, world: World) -> Judged:
        """Response parity."""

    def forget(self) -> None:
        """What was gathered does not count any more."""

    def recall(self, failures: Mapping[str, int], restarts: Mapping[str, int]) -> None:
        """What an earlier driver of the run saw, as Judged has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """The edges that only look. ``inside`` is asked again each time, since nodes come and go."""

    nodes: Nodes
    pods: PodNetwork
    endings: Endings
    connections: Connections
    inside: Callable[[], Inside]
    hooks: Hooks
    gates: Gates
    legacy: Legacy
    clock: Clock

    def measure(self, wanted: Measure, spec: Spec, world: World, evidence: Evidence) -> Evidence:
        if wanted.question is Question.DRAW:
            drawn = {name: self._draw(world.services[name], spec) for name in wanted.of}
            return replace(evidence, drawn={**evidence.drawn, **drawn})
        if wanted.question is Question.ASK:
            return replace(evidence, replies={**evidence.replies, **self._ask(wanted.of, spec, world, evidence)})
        if wanted.question is Question.COUNT:
            found = _of_each(partial(self._count, world=world, inside=self.inside()), wanted.of)
            return replace(evidence, counted={**evidence.counted, **found})
        if wanted.question is Question.END:
            return replace(evidence, ending=self._end(wanted.of[0], spec, world, evidence.ending))
        if wanted.question is Question.REACH:
            return replace(evidence, reached=self._reach(wanted.of, spec, evidence.reached))
        if wanted.question is Question.FROZEN:
            return replace(evidence, frozen=self._frozen(spec, world, evidence))
        if wanted.question is Question.PARITY:
            compared = dict.fromkeys(wanted.of, self.gates.compare(spec, world))
            return replace(evidence, judged={**evidence.judged, **compared})
        judged = {what: self.gates.judge(what, spec, world) for what in wanted.of}
        return looking(evidence, judged, self.clock.boot())

    def watch(self, keys: Sequence[str], spec: Spec, world: World, evidence: Evidence) -> Evidence:
        """Another look at who calls instances past the Services. A host that gives no answer is told, not raised."""
        if not keys:
            return evidence
        inside = self.inside()
        found = _of_each(partial(self._direct, world=world, spec=spec, inside=inside), keys)
        now, watched, heard = self.clock.boot(), dict(evidence.watched), dict(evidence.heard)
        for key, seen in found.items():
            before, told = watched.get(key), list[str]()
            if isinstance(seen, PodliftError):
                watched[key] = missed(before, f"{seen.subject}: {seen.reason}", now)
                continue
            callers, flows = seen
            if flows:
                heard[key], told = self._heard(heard.get(key), flows, now, spec, inside)
            if callers is None:
                watched[key] = Watched(tried=now, at=now, since=None)
            else:
                watched[key] = looked(before, callers, now, keep_s=2 * spec.timings.front_quiet_s, heard=told)
        return replace(evidence, watched=watched, heard=heard)

    def _direct(
        self, key: str, world: World, spec: Spec, inside: Inside
    ) -> tuple[frozenset[Caller] | None, tuple[Flows | str, ...]] | PodliftError:
        """The direct connections; and the flows of each port that takes datagrams."""
        container = world.container(key)
        assert container is not None
        found: set[Caller] | None = set()
        try:
            for backend in container.published("tcp"):
                callers = self.connections.callers(container.host, backend, but=inside.addresses)
                found = None if found is None or callers is None else found | callers
            flows = tuple(
                "it is in its host's network"
                if container.shares_host
                else self.connections.flows(container.host, backend, within)
                for backend, within in datagrams.targets(spec, container).items()
            )
        except PodliftError as error:
            return error
        direct = {each for each in {one.address for one in found or ()} if not inside.holds(each)}
        return None if found is None else frozenset(each for each in found if each.address in direct), flows

    def _heard(
        self, before: Heard | None, flows: tuple[Flows | str, ...], now: float, spec: Spec, inside: Inside
    ) -> tuple[Heard, list[str]]:
        """With the client of each direct flow that has just had a datagram, or may have."""
        known = [each for each in flows if isinstance(each, Flows)]
        if len(known) < len(flows):
            return Heard(at=now, since=None, unknown=next(each for each in flows if isinstance(each, str))), []
        made = datagrams.heard(before, known, now, keep_s=2 * spec.timings.udp_quiet_s)
        direct = frozenset(each for each in {address for address, _ in made.last.values()} if not inside.holds(each))
        new = [address for address, at in made.last.values() if now - at <= datagrams.SLACK_S and address in direct]
        return replace(made, direct=direct), new

    def _frozen(self, spec: Spec, world: World, evidence: Evidence) -> Frozen | None:
        refused = self.hooks.refuses("frozen", variables(spec)) if self.hooks.has("frozen") else ""
        now, before = self.clock.boot(), evidence.frozen
        if refused is None:
            return before
        same = before is not None and before.refused == refused == ""
        if before is None or not same or before.since < evidence.since.get(world.legacy_side, now):
            return Frozen(refused=refused, at=now, since=now)
        return replace(before, at=now)

    def _draw(self, service: SeenService, spec: Spec) -> Drawn:
        expected = frozenset(each.backend for each in service.takers)
        target = Backend(service.address, service.port)
        # enough that each of all that may still take connections would show
        possible = len(service.members) + len(spec.originals) + sum(each.count for each in spec.controllers)
        drawn = self.nodes.draw(target, draws_needed(possible))
        found = {node: each for node, each in drawn.items() if each.ready}
        others = {node: each for node, each in drawn.items() if not each.ready}
        unready = {node: said for node, each in others.items() if (said := _differing({node: each}, expected))}
        silent, trusted = self._untried(spec)
        if spec.accept_floor:
            trusted |= {node for node in unready if not drawn[node].backends}
            unready = {node: said for node, said in unready.items() if node not in trusted}
        said = _differing(found, expected) or silent
        if not found and not spec.accept_floor:
            said = said or "no node could be tried"
        reached = [frozenset(each.backends) for each in found.values()]
        return Drawn(
            fingerprint=service.fingerprint,
            passed=not said,
            said=said or _told({node: each for node, each in drawn.items() if node not in {*unready, *trusted}}),
            at=self.clock.boot(),
            everywhere=frozenset.intersection(*reached) if reached and not silent else frozenset(),
            trusted=trusted,
            unready=unready,
        )

    def _ask(self, keys: tuple[str, ...], spec: Spec, world: World, evidence: Evidence) -> dict[str, Reply]:
        where = {key: backend for key in keys if (backend := _backend(key, spec, world)) is not None}
        requests = tuple(request_of(spec.check, backend) for backend in where.values())
        answers = self.nodes.ask(requests) if requests else {}
        silent, trusted = self._untried(spec)
        now, made = self.clock.boot(), {}
        for key in keys:
            if key not in where:
                made[key] = Reply(passed=False, said=f"{key} answers nowhere", at=now)
                continue
            number = list(where).index(key)
            wrong = silent or next(
                (
                    f"{where[key]} from {node}: {one.error or f'status {one.status}'}"
                    for node, of in answers.items()
                    if not answered(one := of[number])
                ),
                "",
            )
            wrong = wrong or ("" if answers else "no node could be tried")
            before = evidence.replies.get(key)
            times = before.times + 1 if before is not None and before.passed else 1
            made[key] = Reply(passed=not wrong, said=wrong or "answers", at=now, times=times, trusted=trusted)
        return made

    def _untried(self, spec: Spec) -> tuple[str, frozenset[str]]:
        """Why nodes could not be tried where that matters, and which a user takes on trust."""
        silent = self.nodes.silent()
        if spec.accept_floor:
            return "", frozenset(silent)
        return "; ".join(f"{node} cannot be tried: {why}" for node, why in sorted(silent.items())), frozenset()

    def _end(self, uid: str, spec: Spec, world: World, before: Ending | None) -> Ending:
        """Begins with a pod that was not watched yet, and looks whether it is over for one that is."""
        if before is not None and before.pod == uid and before.over is None:
            over = self.endings.ended(uid)
            if isinstance(over, str):
                return replace(before, why=over)
            return replace(before, over=over)
        pod = next(each for each in world.pods if each.uid == uid)
        backend = _backend(uid, spec, world)
        why = (
            "it has no address" if backend is None else self.endings.hold_to(spec, pod, request_of(spec.check, backend))
        )
        return Ending(pod=uid, why=why, times=before.times + 1 if before is not None else 1)

    def _reach(self, nodes: tuple[str, ...], spec: Spec, before: Tried | None) -> Tried:
        seen = self.pods.reach(spec, nodes, [each.backend for each in spec.outbound.needed])
        times = (before.times if before is not None else 0) + 1
        return Tried(nodes=nodes, failed=seen.failed, silent=seen.silent, times=times if seen.failed else 0)

    def _count(self, key: str, world: World, inside: Inside) -> Counted:
        container, now = world.container(key), self.clock.boot()
        if container is None:
            return Counted(peers=(), at=now)
        found = [self.connections.established(container.host, backend) for backend in container.published("tcp")]
        if any(each is None for each in found):
            return Counted(peers=None, at=now)
        peers: tuple[Peer, ...] = tuple(peer for each in found for peer in each or ())
        return Counted(peers=peers, at=now, direct=tuple(each for each in peers if not inside.holds(each.address)))


def _of_each(look: Callable[[str], T], keys: Sequence[str]) -> dict[str, T]:
    """At hosts, several at once: one after the other, what is told first is too old by when the last one answers.
    Raises what a look does."""
    with ThreadPoolExecutor(min(_AT_ONCE, len(keys))) as pool:
        return dict(zip(keys, pool.map(carried(look), keys), strict=True))


def looking(evidence: Evidence, judged: Mapping[str, Judged], now: float) -> Evidence:
    """After another look of the gates."""
    gap_s = 0.0 if evidence.looked_at is None else now - evidence.looked_at
    looked_s = evidence.looked_s + (gap_s if gap_s <= _LOOKING_S else 0)
    made = {
        what: replace(each, looked_s=looked_s, began_s=before.began_s if before is not None else looked_s)
        for what, each in judged.items()
        for before in (evidence.judged.get(what),)
    }
    return replace(evidence, judged={**evidence.judged, **made}, looked_s=looked_s, looked_at=now)


def _backend(key: str, spec: Spec, world: World) -> Backend | None:
    for pod in world.pods:
        if pod.uid == key and pod.address:
            port = spec.check.get("port") or spec.services[0]["spec"]["ports"][0]["targetPort"]
            return Backend(pod.address, int(port))
    container = world.container(key)
    return port_of(spec, container) if container is not None and container.running else None


def _differing(found: Mapping[str, Draw], expected: frozenset[Backend]) -> str:
    for node, draw in sorted(found.items()):
        if draw.untried:
            return f"{node} cannot be tried: {draw.untried}"
        if draw.failed:
            return f"from {node}: " + ", ".join(f"{count} {why}" for why, count in sorted(draw.failed.items()))
        if frozenset(draw.backends) != expected:
            more = ", ".join(sorted(str(each) for each in frozenset(draw.backends) - expected))
            less = ", ".join(sorted(str(each) for each in expected - frozenset(draw.backends)))
            return f"from {node}: " + "; ".join(
                part for part in (more and f"{more} still answers", less and f"{less} does not answer") if part
            )
    return ""


def _told(found: Mapping[str, Draw]) -> str:
    if not found:
        return "no node could be tried"
    total = sum(sum(each.backends.values()) for each in found.values())
    return f"{total} connections from {len(found)} nodes"
