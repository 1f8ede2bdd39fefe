"""A run: one cutover of one workload, as its journal has it. All of it is JSON; no Secret's data is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from .outbound import Outbound, outbound_of
from .states import State


class Condition(StrEnum):
    """What a legacy endpoint is to be in its slice. ``standby``: not ready, serving and terminating, which proxies use
    only where no endpoint is ready (KEP-1669)."""

    READY = "ready"
    STANDBY = "standby"
    ABSENT = "absent"


LEAVE = "leave"
"""Among Run.done, where the run has begun to take its marks off: objects without an epoch are not claimed any more."""

FAILED = "failed"
"""Under this name in Run.evidence stands what a gate said that sent the run back."""

COUNT_AGE_S = 10.0
"""How long it counts that nobody was connected. It spans a look at slow engines, and every write begins it anew."""


CUT, DATAGRAMS, SESSIONS = UDP = ("cut", "datagrams", "sessions")
"""What a user may say of flows of UDP: they may be cut; each datagram stands alone, so that another instance may take
the next one; those of a flow belong together, so that it is let end."""


class Direction(StrEnum):
    FORWARD = "forward"
    BACK = "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds, but for counts. Defaults are for production; knowledge of what they are is in docs/reference."""

    settle_floor_s: float = 10
    interval_s: float = 30
    window_s: float = 60
    min_samples: int = 50
    consecutive: int = 3
    failures: int = 2
    errors: int = 4
    step_pause_s: float = 60
    bake_s: float = 1800
    drain_timeout_s: float = 300
    udp_quiet_s: float = 120
    soak_s: float = 60
    front_quiet_s: float = 600
    scheduler_interval_s: float = 30
    ready_timeout_s: float = 600
    observe_timeout_s: float = 120
    hook_timeout_s: float = 30
    lease_s: float = 60
    renew_s: float = 15
    keeper_s: float = 5
    heartbeat_s: float = 30
    poll_s: float = 1


LAB = Timings(
    settle_floor_s=1,
    interval_s=1,
    window_s=2,
    min_samples=10,
    consecutive=2,
    step_pause_s=1,
    bake_s=5,
    drain_timeout_s=10,
    udp_quiet_s=3,
    soak_s=1,
    front_quiet_s=2,
    scheduler_interval_s=1,
    ready_timeout_s=60,
    observe_timeout_s=30,
    hook_timeout_s=4,
    lease_s=6,
    renew_s=2,
    keeper_s=1,
    heartbeat_s=3,
    poll_s=0.2,
)
"""Short timings, for a lab: they give no time to see anything go wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A legacy container as it was when the run began: what going back restores. ``image``: as its engine calls it;
    ``""``: an earlier podlift wrote it."""

    host: str
    id: str
    name: str
    restart: Mapping[str, Any] = field(default_factory=dict)
    stop_s: float | None = None
    image: str = ""

    @property
    def key(self) -> str:
        """The instance's, as ``endpoints.instance_key`` gives it for the container."""
        return f"{self.host}/{self.id}"


FOR_EVER_S = 31_536_000.0
"""A year: what stands for a grace without an end."""


def grace_of(stop_s: float | None) -> float:
    """Seconds that a container is given to stop: its own, and ten at least. Its own of -1 has no end (Docker, "docker
    container create --stop-timeout")."""
    return FOR_EVER_S if stop_s is not None and stop_s < 0 else max(stop_s or 10.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """``count``: replicas by the plan."""

    kind: str
    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is about to be done; ``nonce`` counts up in the run."""

    nonce: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What does not change while a run lasts.

    services     the plan's Services of the workload that take callers, as objects
    controllers  the workload's controllers
    fronts       Ingresses and routes, which are made when callers are led to the Services
    later        HPAs and PDBs, which are made when pods alone have served through the bake
    hosts        name to {url, address, …}: how engines are reached; credentials stay where they are
    check        how an instance is asked whether it answers: {kind, path, scheme, timeout_s, port (container's)}
    steps        how many pods are admitted after each step of SHIFT
    approvals    states before which the run waits for an approval
    hooks        name to argv
    frozen       whether the freeze hook is there; without it the run ends at STANDBY
    resolved_before  the Services stood before the run, so that callers were led there by their names as soon as it
                 bridged them. An earlier run left them, or they are adopted: one that is another's is refused
    served_before  the Services led to the plan's pods before the run, with no gate: these keep their callers all the
                 time, and going back leads to them alone. Then ``steps`` is all pods at once
    watch_s      seconds for which Services are to stand as they were made before FRONTED: two intervals of the GitOps
                 that has objects of the workload; 0: none has
    adopted      Services that stood before the run, without a selector, by Endpoints or slices of hand: name to what is
                 put back, as adopting.recorded makes it
    captures     the Services' names had addresses in the cluster before: pods that use them come as soon as they stand
    outbound     where the originals connected to when the run began: pods must get there too
    group        NAMESPACE/NAME of all workloads that are moved together, in order; none: it is moved alone
    group_id     of this moving together
    at_once      how many of them may be between FRONTED and STANDBY at a time; 0: all
    udp          what becomes of flows of UDP: ``cut``, ``datagrams``, ``sessions`` (datagrams.py); ``""``: it has none
    """

    id: str
    workload: str
    name: str
    namespace: str
    plan: str
    services: tuple[Mapping[str, Any], ...]
    controllers: tuple[Controller, ...]
    originals: tuple[Original, ...]
    steps: tuple[int, ...]
    grouping_key: str = ""
    fronts: tuple[Mapping[str, Any], ...] = ()
    later: tuple[Mapping[str, Any], ...] = ()
    hosts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    check: Mapping[str, Any] = field(default_factory=dict)
    approvals: tuple[str, ...] = ()
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gates: tuple[Mapping[str, Any], ...] = ()
    parity: Mapping[str, Any] = field(default_factory=dict)
    timings: Timings = field(default_factory=Timings)
    accept_floor: bool = False
    on_drain_timeout: str = "hold"
    resolved_before: bool = False
    served_before: bool = False
    watch_s: float = 0.0
    adopted: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    captures: bool = False
    outbound: Outbound = field(default_factory=Outbound)
    group: tuple[str, ...] = ()
    group_id: str = ""
    at_once: int = 0
    udp: str = ""

    @property
    def frozen(self) -> bool:
        return bool(self.hooks.get("freeze"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Another workload of the group. ``state``: as its journal calls it; None: its run has not begun. ``addresses``: of
    the hosts on which its instances are."""

    name: str
    state: State | None
    addresses: frozenset[str] = frozenset()

    @property
    def back(self) -> bool:
        return self.state in (State.ROLLING_BACK, State.ROLLED_BACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What changes.

    gate       the value of the label by which pods are admitted now; another one un-admits all of them
    step       how many steps of SHIFT are done
    wanted     instance (``HOST/ID``) to the condition that the keeper shall give it
    done       hooks and once-only acts that are behind: ``freeze``, ``front``, …
    since      state, and whatever else is timed, to when (seconds since 1970)
    paused     why the run stands; ``""``: it goes on
    evidence   what each reached state rests on
    fronted    callers may hold the Services' addresses: they are never deleted any more
    addresses  Service to its clusterIP; node_ports  Service to its ports' names to their nodePorts, where it has any
    templates  controller to the hash of the template that was tested
    joined     containers that came after the beginning and that were taken in
    failures   the step that is judged to how many of its windows failed; restarts  pod (UID) to how often it did
               since it takes callers
    baked_s    how long the gates have looked at the bake, in so many analyses: bakes
    stops      instance to who was connected when it was told to stop
    """

    state: State = State.PLANNED
    direction: Direction = Direction.FORWARD
    epoch: int = 0
    gate: str = ""
    step: int = 0
    paused: str = ""
    wanted: Mapping[str, Condition] = field(default_factory=dict)
    done: frozenset[str] = frozenset()
    since: Mapping[str, float] = field(default_factory=dict)
    intent: Intent | None = None
    nonce: int = 0
    evidence: Mapping[str, str] = field(default_factory=dict)
    fronted: bool = False
    addresses: Mapping[str, str] = field(default_factory=dict)
    node_ports: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)
    joined: tuple[Original, ...] = ()
    failures: Mapping[str, int] = field(default_factory=dict)
    restarts: Mapping[str, int] = field(default_factory=dict)
    baked_s: float = 0
    bakes: int = 0
    stops: Mapping[str, str] = field(default_factory=dict)

    def at(self, state: State, now: float) -> Run:
        """The same run, having reached a state."""
        return replace(self, state=state, since={**self.since, state.value: now}, intent=None)

    def turned(self, spec: Spec) -> Run:
        """The same run on its way back: by another gate no pod is admitted any more, once Services ask for it."""
        gate = f"{spec.id}-back-{self.nonce}"
        return replace(self, direction=Direction.BACK, gate=gate, paused="", done=self.done - {LEAVE})


def spec_json(spec: Spec) -> dict[str, Any]:
    made: dict[str, Any] = _plain(spec)
    return made


def spec_of(body: Mapping[str, Any]) -> Spec:
    given = dict(body)
    given["controllers"] = tuple(Controller(**each) for each in given["controllers"])
    given["originals"] = tuple(Original(**each) for each in given["originals"])
    given["timings"] = Timings(**given.get("timings", {}))
    given["outbound"] = outbound_of(given.get("outbound", {}))
    given["hooks"] = {name: tuple(argv) for name, argv in given.get("hooks", {}).items()}
    for name in ("services", "steps", "fronts", "later", "approvals", "gates", "group"):
        given[name] = tuple(given.get(name, ()))
    return Spec(**given)


def run_json(run: Run) -> dict[str, Any]:
    made: dict[str, Any] = _plain(run)
    return made


def run_of(body: Mapping[str, Any]) -> Run:
    given = dict(body)
    given["state"] = State(given["state"])
    given["direction"] = Direction(given["direction"])
    given["wanted"] = {name: Condition(value) for name, value in given["wanted"].items()}
    given["done"] = frozenset(given["done"])
    given["joined"] = tuple(Original(**each) for each in given.get("joined", ()))
    given["intent"] = Intent(**given["intent"]) if given.get("intent") else None
    return Run(**given)


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if hasattr(value, "__dataclass_fields__"):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return value
