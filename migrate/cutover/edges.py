"""What a cutover needs of the world outside, as protocols: the real edges keep them, and the tests' model does too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from .run import Spec
    from .world import SeenPod

T = TypeVar("T")
Made_co = TypeVar("Made_co", covariant=True)


@dataclass(frozen=True, slots=True, order=True)
class Backend:
    """Where a connection ends: an address and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Api(Protocol):
    """The API server, as migrate.cluster.Cluster speaks to it; every failure is a PodliftError."""

    def list(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> Iterator[dict[str, Any]]: ...

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any] | None: ...

    def create(self, obj: Mapping[str, Any], *, manager: str = ...) -> dict[str, Any]: ...

    def patch(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        name: str,
        body: Any,
        *,
        content_type: str = ...,
        manager: str = ...,
    ) -> dict[str, Any]: ...

    def delete(
        self, api_version: str, kind: str, namespace: str, name: str, *, uid: str | None = None, version: str = ""
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of the workload as its engine shows it now.

    ports          container port and protocol (``8080/tcp``) to where it answers from outside: the host's address and
                   the published port, or the container port itself in the host's network
    restart        HostConfig.RestartPolicy as it is
    stop_s         Config.StopTimeout, None where nobody said
    running        State.Running; paused ones do not run
    auto_remove    --rm
    health         State.Health.Status, ``""`` without a check
    volumes        of the engine's, as ``NAME at PATH``; they outlive the container
    addresses      its own in the engine's networks
    shares_host    it is in its host's network
    """

    host: str
    id: str
    name: str
    image: str
    running: bool
    ports: Mapping[str, Backend] = field(default_factory=dict)
    restart: Mapping[str, Any] = field(default_factory=dict)
    stop_s: float | None = None
    auto_remove: bool = False
    health: str = ""
    exit_code: int | None = None
    volumes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    shares_host: bool = False

    def published(self, protocol: str) -> tuple[Backend, ...]:
        """Where its ports of a protocol (``tcp``) answer from outside, each once."""
        return tuple(sorted({each for port, each in self.ports.items() if port.endswith(f"/{protocol}")}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The workload's containers on all hosts. ``unread``: host to why it could not be read now. ``strangers``: where
    the other containers of the hosts answer, as (host, backend) to the container's ID: a port that was the workload's
    may be another's now."""

    containers: tuple[Container, ...]
    unread: Mapping[str, str] = field(default_factory=dict)
    strangers: Mapping[Backend, str] = field(default_factory=dict)


class Legacy(Protocol):
    """The engines. Each call but ``find`` and ``under_way`` is one write; it returns when that is done, or soon: then
    the engine works at it still. Asked again meanwhile, nothing more is sent; what went wrong is raised now or then, as
    PodliftError (``engine-…``, ``container-gone``)."""

    def find(self) -> Found: ...

    def set_restart(self, host: str, container: str, policy: Mapping[str, Any]) -> None: ...

    def stop(self, host: str, container: str, grace_s: float) -> None:
        """It has its grace; harmless where it has stopped."""

    def start(self, host: str, container: str) -> None:
        """Harmless where it runs."""

    def remove(self, host: str, container: str) -> None:
        """Harmless where it is gone; refused (``engine-refused``) where it runs. No volume goes with it."""

    def under_way(self) -> Collection[tuple[str, str, str]]:
        """What engines still work at: the verb as ``decision.Verb`` has it, host, and container."""

    def close(self) -> None:
        """Lets go of all engines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Fresh connections from one node to one address: which backend took how many, and how many failed, why.

    ready    whether the node is Ready. One that is not may still send callers on: where its kubelet alone is gone its
             proxy lives
    untried  why nothing is known of one that is not
    """

    backends: Mapping[Backend, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    ready: bool = True
    untried: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of HTTP, or with ``kind`` tcp one connection, which is opened and closed."""

    backend: Backend
    kind: str = "http"
    scheme: str = "http"
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """``error``: why there is no answer; then status is 0. ``body``: its first 64 KiB, as text where it is any."""

    status: int = 0
    seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    body_sha256: str = ""
    error: str = ""


class Nodes(Protocol):
    """The cluster's nodes, from each of which the same is tried. A Ready node where it cannot be tried has no entry in
    the result, and is named in ``silent``. One that is not Ready is asked by ``draw`` alone, and has an entry there."""

    def silent(self) -> Mapping[str, str]:
        """Ready nodes from which nothing could be tried the last time: name to why."""

    def draw(self, target: Backend, times: int) -> Mapping[str, Draw]: ...

    def ask(self, requests: Sequence[Request]) -> Mapping[str, tuple[Response, ...]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """``failed``: ``ADDRESS:PORT`` to node to why a pod there does not get to it; ``silent``: nodes from which nothing
    could be tried, with why."""

    failed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingPods:
    """Pods that call a workload, as policies tell them from others."""

    namespace: str
    labels: Mapping[str, str]

    def __str__(self) -> str:
        return (
            f"pods of {self.namespace} with {', '.join(f'{key}={each}' for key, each in sorted(self.labels.items()))}"
        )


class PodNetwork(Protocol):
    """The network as pods have it: what is tried there is tried with their labels."""

    def reach(self, spec: Spec, nodes: Collection[str], remotes: Sequence[Backend]) -> Reached:
        """A connection of TCP from each node to each of them. It raises nothing that a node does."""

    def call(self, callers: Sequence[CallingPods], remotes: Sequence[Backend]) -> tuple[Mapping[str, str] | str, ...]:
        """A connection of TCP to each of them, as each of the callers. Of each, in order: ``ADDRESS:PORT`` to why they
        do not get there; or why it could not be tried. It raises nothing that a node or the cluster does."""

    def resolve(self, namespace: str, names: Sequence[str]) -> Mapping[str, tuple[str, ...]] | None:
        """Each name's addresses for a caller there, none where nobody knows it; None: it could not be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How connections to a pod ended that were used again and again, each counted once; ``answers``: of all of them.

    lost      a request was sent, and no whole answer came, by why; unopened: there was no connection, by why
    told      an answer said that it was the last one
    closed    by the pod, with no request under way; reset: the same, by a reset
    open      it did not end in its time
    """

    answers: int = 0
    lost: Mapping[str, int] = field(default_factory=dict)
    told: int = 0
    closed: int = 0
    reset: int = 0
    open: int = 0
    unopened: Mapping[str, int] = field(default_factory=dict)


class Endings(Protocol):
    def hold_to(self, spec: Spec, pod: SeenPod, request: Request) -> str:
        """Connections are held to a pod from now on, until each has ended; why that cannot be, ``""`` where it is."""

    def ended(self, uid: str) -> Ended | str | None:
        """How they ended, or why that is not known; None while some stand."""


@dataclass(frozen=True, slots=True, order=True)
class Peer:
    """Who holds an established connection to a legacy port: its address and how many."""

    address: str
    count: int


@dataclass(frozen=True, slots=True, order=True)
class Caller:
    """One connection to a legacy port, by where it comes from."""

    address: str
    port: int


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """Datagrams between a client and a legacy port, which the kernel holds together by their two ends.

    ends     both, in a way that tells one flow from another
    address  the client's
    lasts_s  when the kernel forgets it unless another datagram comes, in seconds since the host was started; None: not
             told, since datagrams go past what would tell (a flow table)
    """

    ends: str
    address: str
    lasts_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """``kept_s``: for how long, at least, the kernel remembers a flow after its last datagram."""

    flows: frozenset[Flow]
    kept_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """Where connections come from that a Service leads: the addresses of nodes, and the networks of pods."""

    addresses: frozenset[str] = frozenset()
    networks: tuple[str, ...] = ()

    def holds(self, address: str) -> bool:
        return address in self.addresses or in_networks(address, self.networks)


def in_networks(address: str, networks: Iterable[str]) -> bool:
    """``networks``: in CIDR notation, or single addresses; what is neither holds nothing."""
    made = ip_address(address)
    for each in networks:
        with suppress(ValueError):
            if made in ip_network(each, strict=False):
                return True
    return False


class Connections(Protocol):
    def established(self, host: str, backend: Backend) -> tuple[Peer, ...] | None:
        """The connections that a host counts to a port of its own, from the first to a client; None: unknown, since
        no command can be run there."""

    def callers(self, host: str, backend: Backend, *, but: Collection[str] = ()) -> frozenset[Caller] | None:
        """The same in any state, without those from the addresses ``but``: also connections that ended lately, which
        the kernel remembers for 10 s where they were reset and for 120 s else."""

    def flows(self, host: str, backend: Backend, within: Collection[Backend]) -> Flows | str:
        """The flows of UDP that a host's kernel knows to a published port, or to where its container answers within the
        engine's networks; or why nobody knows."""


class Hooks(Protocol):
    """Commands of the user's. ``run`` is one write and raises PodliftError ``hook-failed``."""

    def has(self, name: str) -> bool: ...

    def run(self, name: str, variables: Mapping[str, str]) -> None: ...

    def refuses(self, name: str, variables: Mapping[str, str]) -> str | None:
        """The same for a hook that only looks: ``""`` where it ended with 0, else which hook says what. None: it looks
        still, and says when it is asked again."""


class Begun(Protocol[Made_co]):
    def over(self, wait_s: float = ...) -> bool:
        """Whether it has ended, for which so many seconds are waited."""

    def result(self) -> Made_co:
        """Of what is over; raises what the work raised."""

    def give_up(self) -> None:
        """Nobody wants it any more: it is told to end, and not waited for."""


class Aside(Protocol):
    """Does what may take long, while who began it can turn to something else."""

    def begin(self, work: Callable[[], T]) -> Begun[T]: ...

    def end(self) -> None:
        """Gives up all that goes on, and waits a while until it has ended, and has taken away what it made."""


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970."""

    def boot(self) -> float:
        """Seconds that go on while the machine sleeps: CLOCK_BOOTTIME."""

    def sleep(self, seconds: float) -> None: ...
