"""A run as people see it: what its journal says, and beside it what the cluster and the engines show now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .edges import Container
from .ending import GRACEFUL, claim
from .endpoints import ADMITTED, KEEPER, Member, gated_selector, instance_key, wide_selector
from .history import GateLine, Span, gates_of, pauses_of, share_of, spans_of
from .journal import Entry, state_of
from .run import Condition, Direction, Original, Run, Spec
from .schedule import shares
from .states import ENDED, State
from .waiting import Waiting, approvals_of, waiting_of
from .world import SeenService, World

KEEPER_STALE_S = 30.0
"""A keeper that was not heard of for so long is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A Lease: who holds it, how long ago it was renewed, by this machine's clock, and what its holder has to tell."""

    holder: str
    age_s: float
    lease_s: float
    note: str = ""

    @property
    def over(self) -> bool:
        return self.age_s > self.lease_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """An endpoint in the merged view of a Service's slices.

    source     ``legacy``, ``hand`` or ``pod``; ``of``: the pod, or the container and its host
    condition  ``ready``, ``standby``, or ``down``: nobody is sent there
    share      of the Service's new connections, 0 to 1
    """

    source: str
    backend: str
    of: str
    condition: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """``selects``: ``admitted`` pods, ``all`` pods, ``other`` where somebody changed it, ``""`` where it is not
    there."""

    name: str
    address: str = ""
    selects: str = ""
    takers: tuple[Taker, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PodStatus:
    name: str
    node: str
    ready: bool
    admitted: bool
    ending: bool
    restarts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStatus:
    """``state``: running, stopped, gone, or unknown: its engine could not be read. ``known``: it is of the run.
    ``restart``: its restart policy now, ``original`` as it was."""

    host: str
    name: str
    state: str
    wanted: str
    restart: str
    original: str
    known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the schedule: ``pods`` admitted, ``standing_by`` legacy instances that take no new callers, and the
    share of new connections that pods get by that."""

    pods: int
    standing_by: int
    share: float
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Times are seconds since 1970.

    state      as the journal calls it: on the way back it is ROLLING_BACK
    paused     why it stands, ``""``: it does not
    waiting    None: the run has ended
    approvals  states before which it will still wait for a word
    act        the last write that was journaled; whether it was done, a driver finds out
    lock, keeper  None: nobody holds it
    seen       whether cluster and engines were read; else what rests on them is empty. ``unread``: engine to why not
    left       what of the run is still there; None: not looked at
    spans, share, pauses, gates, history  what was, the newest last; ``cut``: older lines are gone; ``torn``: so many
               cannot be read
    """

    workload: str
    name: str
    namespace: str
    run: str
    plan: str
    now: float
    state: str
    direction: str
    epoch: int
    paused: str
    waiting: Waiting | None
    approvals: tuple[str, ...]
    act: str
    lock: Held | None
    keeper: Held | None
    keeper_needed: bool
    seen: bool
    unread: Mapping[str, str]
    services: tuple[ServiceStatus, ...]
    pods: tuple[PodStatus, ...]
    containers: tuple[ContainerStatus, ...]
    steps: tuple[Step, ...]
    evidence: Mapping[str, str]
    claim: str
    gates: tuple[GateLine, ...]
    left: tuple[str, ...] | None
    spans: tuple[Span, ...]
    share: tuple[tuple[float, float], ...]
    pauses: tuple[Span, ...]
    history: tuple[Mapping[str, Any], ...]
    cut: bool
    torn: int

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def keeper_away(self) -> bool:
        """Nobody keeps the legacy slices true, though callers depend on them."""
        return self.keeper_needed and (self.keeper is None or self.keeper.age_s > KEEPER_STALE_S)

    @property
    def pods_share(self) -> float | None:
        """Of new connections now: of the first Service as it is seen, else as the journal knew it last."""
        for service in self.services:
            if service.takers:
                return sum(each.share for each in service.takers if each.source == "pod")
        return self.share[-1][1] if self.share else None


def status_of(
    entry: Entry, world: World | None, *, now: float, lock: Held | None = None, keeper: Held | None = None
) -> Status:
    """``world`` None: nothing but the journal could be read."""
    spec, run = entry.spec, entry.run
    known = (*spec.originals, *run.joined)
    names = {each.key: f"{each.name} on {each.host}" for each in known}
    state = state_of(run)
    return Status(
        workload=spec.workload,
        name=spec.name,
        namespace=spec.namespace,
        run=spec.id,
        plan=spec.plan,
        now=now,
        state=state.value,
        direction=run.direction.value,
        epoch=run.epoch,
        paused=run.paused,
        waiting=waiting_of(entry, now, driven=lock is not None and not lock.over),
        approvals=tuple(each.value for each in approvals_of(entry)),
        act=run.intent.what if run.intent else "",
        lock=lock,
        keeper=keeper,
        keeper_needed=state not in ENDED and bool(run.wanted),
        seen=world is not None,
        unread=dict(world.found.unread) if world else {},
        services=tuple(_services(spec, run, world, names)) if world else (),
        pods=tuple(_pods(spec, run, world)) if world else (),
        containers=tuple(_containers(run, world, known)) if world else (),
        steps=tuple(_steps(spec, run, len(known))),
        evidence=dict(run.evidence),
        claim=claim(run.done, run.evidence.get(GRACEFUL, ""), drain_hook=bool(spec.hooks.get("drain"))),
        gates=tuple(gates_of(entry.history)),
        left=tuple(_left(spec, run, world)) if world else None,
        spans=tuple(spans_of(entry)),
        share=tuple(share_of(entry.history)),
        pauses=tuple(pauses_of(entry.history)),
        history=entry.history,
        cut=bool(entry.history) and entry.history[0]["event"] != "begin",
        torn=len(entry.torn),
    )


def held_by(lease: Mapping[str, Any] | None, now: float) -> Held | None:
    """A Lease as the API server gives it; None where there is none, or nobody holds it."""
    spec = (lease or {}).get("spec") or {}
    if not spec.get("holderIdentity"):
        return None
    annotations = (lease or {}).get("metadata", {}).get("annotations") or {}
    renewed = datetime.fromisoformat(spec["renewTime"]).timestamp() if spec.get("renewTime") else 0.0
    return Held(
        holder=spec["holderIdentity"],
        age_s=max(0.0, now - renewed),
        lease_s=float(spec.get("leaseDurationSeconds") or 0),
        note=annotations.get(KEEPER, ""),
    )


# ---------------------------------------------------------------- what is there


def _services(spec: Spec, run: Run, world: World, names: Mapping[str, str]) -> Iterator[ServiceStatus]:
    for planned in spec.services:
        seen = world.services.get(planned["metadata"]["name"])
        if seen is None:
            yield ServiceStatus(name=planned["metadata"]["name"])
            continue
        yield ServiceStatus(
            name=seen.name,
            address=f"{seen.address}:{seen.port}" if seen.address else "",
            selects=_selects(seen, planned, run),
            takers=tuple(_takers(seen, names)),
        )


def _selects(seen: SeenService, planned: Mapping[str, Any], run: Run) -> str:
    if seen.selector == wide_selector(planned):
        return "all"
    return "admitted" if seen.selector == gated_selector(planned, run.gate) else "other"


def _takers(seen: SeenService, names: Mapping[str, str]) -> Iterator[Taker]:
    taking = seen.takers
    for each in seen.members:
        yield Taker(
            source=each.source,
            backend=str(each.backend),
            of=names.get(each.of, each.of),
            condition=_condition(each),
            share=1 / len(taking) if each in taking else 0.0,
        )


def _condition(each: Member) -> str:
    if each.ready:
        return "ready"
    return "standby" if each.serving and each.terminating else "down"


def _pods(spec: Spec, run: Run, world: World) -> Iterator[PodStatus]:
    wide = spec.served_before or (run.direction is Direction.FORWARD and run.state.reached >= State.PROMOTED.reached)
    for each in world.pods:
        yield PodStatus(
            name=each.name,
            node=each.node,
            ready=each.ready,
            admitted=wide or each.admitted == run.gate != "",
            ending=each.ending,
            restarts=each.restarts,
        )


def _containers(run: Run, world: World, known: Iterable[Original]) -> Iterator[ContainerStatus]:
    listed = set()
    for each in known:
        key = each.key
        listed.add(key)
        found = world.container(key)
        yield ContainerStatus(
            host=each.host,
            name=each.name,
            state=_container_state(found, each.host in world.found.unread),
            wanted=run.wanted.get(key, Condition.ABSENT).value,
            restart=_policy(found.restart) if found else "",
            original=_policy(each.restart),
        )
    for new in world.running:
        if instance_key(new) not in listed:
            policy = _policy(new.restart)
            yield ContainerStatus(
                host=new.host,
                name=new.name,
                state="running",
                wanted=Condition.ABSENT.value,
                restart=policy,
                original=policy,
                known=False,
            )


def _container_state(found: Container | None, unread: bool) -> str:
    if found is None:
        return "unknown" if unread else "gone"
    return "running" if found.running else "stopped"


def _policy(restart: Mapping[str, Any]) -> str:
    name = str(restart.get("Name") or "no")
    most = restart.get("MaximumRetryCount")
    return f"{name}:{most}" if name == "on-failure" and most else name


def _left(spec: Spec, run: Run, world: World) -> Iterator[str]:
    """What of a run is still there, a line each; of one that has ended this is what it leaves."""
    for name, seen in sorted(world.services.items()):
        planned = next(each for each in spec.services if each["metadata"]["name"] == name)
        selects = {"all": "every pod", "admitted": "admitted pods only"}.get(_selects(seen, planned, run), "other pods")
        yield f"Service {name}: it selects {selects}"
    for each in world.slices:
        yield f"EndpointSlice {each.name}: {len(each.endpoints)} legacy endpoints"
    if labelled := [each.name for each in world.pods if each.admitted]:
        yield f"label {ADMITTED} on {len(labelled)} pods: {', '.join(labelled)}"
    for one in world.found.containers:
        policy = _policy(one.restart)
        yield f"container {one.name} on {one.host}: {'runs' if one.running else 'stopped'}, restart policy {policy}"
    yield f"journal ConfigMap cutover-{spec.name}: {'free to go' if run.state in ENDED else 'held by a finalizer'}"


# ---------------------------------------------------------------- how far


def _steps(spec: Spec, run: Run, legacy: int) -> Iterator[Step]:
    if not spec.steps or not spec.steps[-1]:
        return
    forward = run.direction is Direction.FORWARD
    promoted = forward and run.state.reached >= State.PROMOTED.reached
    standing_by = sum(each is not Condition.READY for each in run.wanted.values()) if promoted else 0
    for number, share in enumerate(shares(spec.steps, legacy)):
        beyond = number - len(spec.steps) + 1
        yield Step(
            pods=spec.steps[min(number, len(spec.steps) - 1)],
            standing_by=max(0, beyond),
            share=share,
            done=standing_by >= beyond if beyond > 0 else promoted or (forward and number < run.step),
        )
