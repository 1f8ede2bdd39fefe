"""The keeper: it alone writes the legacy slices, so that they say what the engines show and the journal wants.

It holds a Lease of its own and has an epoch of its own, which it first writes onto the slices: what a keeper before it
still has under way then fails. A driver has one in it that keeps while nobody else does; keep.py runs one alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from converters.errors import PodliftError
from converters.objects.context import WORKLOAD

from .checks import answered, request_of
from .clock import rfc3339
from .edges import Api, Aside, Backend, Begun, Clock, Found, Nodes, Request, Response
from .endpoints import (
    EPOCH,
    KEEPER,
    MANAGER,
    SLICE_BY,
    SLICE_OF,
    SLICES_ARE_OURS,
    Slice,
    instance_key,
    overwritten,
    slice_object,
    slice_of,
)
from .keeping import Health, asked_of, blind_of, in_order, kept, recalled, service_named, stands_by
from .lock import Lock
from .run import Run, Spec
from .world import port_of, ready_pods

_API = "discovery.k8s.io/v1"
STALE_S = 10.0
"""What was seen so long ago, or half a lease if that is longer, was seen before a stop."""
# Probing takes this part of the time at most: where it needs a pod of its own each time, it is done less often.
_PROBING_SHARE = 0.2
# A look from all nodes takes no longer, as a rule, and is over in the same turn then.
_PROMPT_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Probing:
    """A look from every node at what answers: of these instances, in the order of its requests. ``begun`` gives who
    answered, by node, whether every node that matters could be tried, and when that was over."""

    keys: tuple[str, ...]
    at: float
    begun: Begun[tuple[Mapping[str, Sequence[Response]], bool, float]]


class Keeper:
    """``turn`` may be called at any time and as often as one likes: what stands already is not written again. It does
    not wait for nodes that take long to answer.

    heir_of   the holder whom this process has followed as driver: it is gone, and its Lease is not waited for
    """

    def __init__(self, api: Api, clock: Clock, nodes: Nodes, lock: Lock, aside: Aside, *, heir_of: str = "") -> None:
        self._api = api
        self._clock = clock
        self._nodes = nodes
        self._lock = lock
        self._aside = aside
        self._heir_of = heir_of
        self._health: dict[str, Health] = {}
        self._where: dict[str, Backend] = {}
        self._blind: dict[str, Backend] = {}
        self._probe_at = 0.0
        self._probing: _Probing | None = None
        self._said: frozenset[str] = frozenset()
        self._news: list[str] = []

    @property
    def keeps(self) -> bool:
        return self._lock.held

    @property
    def other(self) -> str:
        """Who else keeps, as far as was seen."""
        return self._lock.other

    @property
    def silent_s(self) -> float:
        """How long another one that keeps was not heard of."""
        return self._lock.silent_s

    @property
    def inherited_s(self) -> float:
        """How long another one may be silent until its Lease is ours."""
        return self._lock.other_lasts_s

    def news(self) -> list[str]:
        """What it has to tell since the last time: whom it took from callers by itself, what it could not follow."""
        news, self._news = self._news, []
        return news

    def turn(self, spec: Spec, run: Run, found: Found, *, at: float) -> int:
        """Writes what differs, what adds before what takes away; how many writes that were; none where another keeps.

        ``at``: when reading of what is given began, by the clock's ``boot``. Raises PodliftError as the cluster does;
        ``object-changed`` where somebody else wrote in between: look again.
        """
        if not self._holds(spec.timings.keeper_s):
            return 0
        if self._probing is not None:
            self._probed(self._probing)
        run, missing = self._recalled(spec, run, found)
        writes = self._follow(spec, run, found, at, missing)
        if not writes and self._probing is None and self._clock.boot() >= self._probe_at:
            self._probe(spec, run, found)
        return writes

    def hold(self, seconds: float) -> None:
        """For so long there will be no turn."""
        if self.keeps and not self._lock.covers(seconds):
            self._lock.renew(for_s=seconds)

    def release(self, *, ended: bool) -> None:
        """Another may keep. ``ended``: nobody needs to, and nothing of it is left. Where the server is away, the Lease
        runs out by itself."""
        self._aside.end()
        self._probing = None
        with suppress(PodliftError):
            self._lock.release(remove=ended)

    def _holds(self, keeper_s: float) -> bool:
        """The renewal is the heartbeat that others see."""
        note = "; ".join(sorted(self._said))
        if self.keeps and self._lock.age_s < keeper_s and self._lock.note == note:
            return True
        self._lock.note = note
        if self.keeps and self._lock.renew():
            return True
        return self._lock.attempt(heir_of=self._heir_of)

    def _recalled(self, spec: Spec, run: Run, found: Found) -> tuple[Run, str]:
        """The run as it is to be followed, and which pods are missing."""
        if not stands_by(run):
            return run, ""
        ready = ready_pods(self._api.list("v1", "Pod", spec.namespace, labels=f"{WORKLOAD}={spec.name}"))
        changed = recalled(spec, run, found, ready, self._clock.now())
        told = f"only {ready} pods are ready: the legacy side takes callers again" if changed is not run else ""
        return changed, told

    def _follow(self, spec: Spec, run: Run, found: Found, at: float, missing: str) -> int:
        live = self._slices(spec)
        standing = {name: slice_of(each) for name, each in live.items()}
        self._blind = blind_of(standing.values(), found)
        result = kept(spec, run, found, tuple(standing.values()), self._health)
        self._tell(_said(result.low, result.suspicious, found.unread) | ({missing} if missing else frozenset()))
        owners: dict[str, Mapping[str, Any] | None] = {}
        writes = 0
        for each in in_order(result.slices, standing):
            if each.service not in owners:
                owners[each.service] = self._api.get("v1", "Service", spec.namespace, each.service)
            half = spec.timings.lease_s / 2
            if not self._lock.covers(half) or self._clock.boot() - at >= max(half, STALE_S):
                # this process stood still meanwhile: what it knows is of then
                break
            writes += self._write(spec, run, each, live.get(each.name), owners[each.service])
        return writes

    def _probe(self, spec: Spec, run: Run, found: Found) -> None:
        """From every node that can be tried. An instance fails where most of them say so; one that is new has to answer
        all."""
        began = self._clock.boot()
        where = {
            instance_key(each): backend
            for each in asked_of(spec, run, found)
            if (backend := port_of(spec, each)) is not None
        }
        # with its engine silent, one is asked where it was asked before; else whether its port is open is all to ask
        closer = {key: self._where[key] for key in self._blind if key in self._where}
        where |= closer
        requests = {key: request_of(spec.check, backend) for key, backend in where.items()}
        requests |= {key: request_of({}, at) for key, at in self._blind.items() if key not in closer}
        # what was seen at another port was another process
        health = {key: seen for key, seen in self._health.items() if where.get(key) == self._where.get(key)}
        self._health, self._where = {key: seen for key, seen in health.items() if key in requests}, where
        begun = self._aside.begin(lambda: self._asked(tuple(requests.values()), trusting=spec.accept_floor))
        self._probe_at = began + spec.timings.keeper_s
        self._probing = _Probing(keys=tuple(requests), at=began, begun=begun)
        self._probed(self._probing, wait_s=_PROMPT_S)

    def _asked(
        self, requests: Sequence[Request], *, trusting: bool
    ) -> tuple[Mapping[str, Sequence[Response]], bool, float]:
        """``trusting``: a user takes nodes that cannot be tried on trust."""
        answers: Mapping[str, Sequence[Response]] = {}
        whole = False
        if requests:
            # nobody could be asked: that is no evidence
            with suppress(PodliftError):
                answers = self._nodes.ask(requests)
                whole = trusting or not self._nodes.silent()
        return answers, whole, self._clock.boot()

    def _probed(self, probing: _Probing, *, wait_s: float = 0) -> None:
        """Takes what it tells, once it is over."""
        if not probing.begun.over(wait_s):
            return
        self._probing = None
        answers, whole, ended = probing.begun.result()
        for number, key in enumerate(probing.keys):
            passed = [answered(of[number]) for of in answers.values()]
            if passed:
                fails = 2 * passed.count(False) > len(passed)
                everywhere = whole and all(passed)
                self._health[key] = self._health.get(key, Health()).seen(not fails, everywhere=everywhere)
        self._probe_at = max(self._probe_at, probing.at + (ended - probing.at) / _PROBING_SHARE)

    def _tell(self, said: frozenset[str]) -> None:
        self._news += sorted(said - self._said)
        self._news += [f"no more: {each}" for each in sorted(self._said - said)]
        self._said = said

    def _slices(self, spec: Spec) -> dict[str, dict[str, Any]]:
        names = ",".join(each["metadata"]["name"] for each in spec.services)
        labels = f"{SLICE_OF} in ({names}),{SLICE_BY}={SLICES_ARE_OURS}"
        found = self._api.list(_API, "EndpointSlice", spec.namespace, labels=labels)
        return {each["metadata"]["name"]: each for each in found}

    def _write(
        self, spec: Spec, run: Run, wanted: Slice, live: dict[str, Any] | None, owner: Mapping[str, Any] | None
    ) -> int:
        if not wanted.endpoints:
            if live is None:
                return 0
            metadata = live["metadata"]
            self._api.delete(
                _API,
                "EndpointSlice",
                spec.namespace,
                wanted.name,
                uid=metadata["uid"],
                # it may have become what everything rests on by the time a late request arrives
                version=metadata["resourceVersion"],
            )
            return 1
        at = rfc3339(self._clock.now())
        service = service_named(spec, wanted.service)
        epochs = run.epoch, self._lock.epoch
        written = str(epochs[0]), str(epochs[1])
        made = slice_object(wanted, spec, service, epoch=epochs[0], keeper=epochs[1], at=at, owner=owner)
        if live is None:
            self._api.create(made, manager=MANAGER)
            return 1
        if slice_of(live) == wanted and _epochs(live) == written and _owner(live) == _owner(made):
            return 0
        if overwritten(live):
            self._news.append(f"somebody overwrote which instances stand in {wanted.name}: it is written anew")
        metadata = {**made["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
        metadata.setdefault("ownerReferences", None)
        body = {"metadata": metadata, "endpoints": made["endpoints"], "ports": made["ports"]}
        self._api.patch(_API, "EndpointSlice", spec.namespace, wanted.name, body, manager=MANAGER)
        return 1


def _said(low: Collection[str], suspicious: Collection[str], unread: Mapping[str, str]) -> frozenset[str]:
    said = {f"{key} does not answer, and nobody is sent there" for key in low}
    if suspicious:
        said.add(
            f"suspicious: {', '.join(sorted(suspicious))} do not answer; that is too many at once, rather is the way "
            "there broken: callers are sent there as before"
        )
    return frozenset(said | {f"engine {host} cannot be read: its endpoints stay as they are" for host in unread})


def _epochs(live: Mapping[str, Any]) -> tuple[str, str]:
    said = live["metadata"].get("annotations") or {}
    return said.get(EPOCH, ""), said.get(KEEPER, "")


def _owner(each: Mapping[str, Any]) -> str:
    owners = each["metadata"].get("ownerReferences") or ()
    return str(owners[0]["uid"]) if owners else ""
