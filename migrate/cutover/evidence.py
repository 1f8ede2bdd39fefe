"""What has been measured, as far as it still holds. It lives in the driver's memory: after a restart all is measured
anew. Pure values; driver.py fills them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .edges import Backend, Caller, Ended, Peer
from .gates.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Fresh connections from every Ready node: whether just those answered who should. ``fingerprint``: the Service's,
    as it was just before and just after; ``everywhere``: who answered every one of these nodes, none where one could
    not be tried. ``trusted``: nodes that could not be tried, and that a user takes on trust; ``unready``: others, of
    which it was not seen either, since they are not Ready, with why."""

    fingerprint: str
    passed: bool
    said: str
    at: float
    everywhere: frozenset[Backend] = frozenset()
    trusted: frozenset[str] = frozenset()
    unready: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Whether somebody answered from every node; ``times``: in a row; ``trusted``: as in Drawn."""

    passed: bool
    said: str
    at: float
    times: int = 1
    trusted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Established connections of an instance. ``peers`` None: unknown. ``direct``: those of them that no Service
    leads."""

    peers: tuple[Peer, ...] | None
    at: float
    direct: tuple[Peer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Who opens connections to an instance past the Services, looked at again and again.

    tried   when it was looked at last; at: when it succeeded last
    since   since when no look was missed; None: none is possible, since no command can be run there
    failed  why the last one did not succeed; ``""``: it did
    seen    the direct connections of the last look
    direct  address to when the last new connection from there was seen, and how many have been
    gap_s   between the last two looks, where that was too long to have missed nobody; 0: it was not
    """

    tried: float
    at: float
    since: float | None
    failed: str = ""
    seen: frozenset[Caller] = frozenset()
    direct: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    gap_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Which flows of UDP to an instance have had datagrams, looked at again and again.

    at       when it was looked at last
    since    since when nothing was missed; None: ``unknown`` says why nobody knows
    lasts    flow to when the kernel will have forgotten it, as it was when its last datagram was noticed
    last     flow to its client's address, and when its last datagram was noticed
    direct   those of the clients' addresses that no Service leads
    """

    at: float
    since: float | None
    unknown: str = ""
    lasts: Mapping[str, float | None] = field(default_factory=dict)
    last: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    direct: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Whether pods on these nodes get to where containers connect to.

    failed  ``ADDRESS:PORT`` to node to why not; times: how often in a row something failed
    silent  nodes from which nothing could be tried, with why
    """

    nodes: tuple[str, ...]
    failed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)
    times: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What becomes of connections to a pod (UID) that is told to end. ``over``: how they ended; ``why``: why that will
    not be known; times: of all pods that were tried."""

    pod: str
    over: Ended | None = None
    why: str = ""
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An instance that this driver told to start or to stop: how often, and when last. ``refused``: why its engine did
    not do so then."""

    times: int
    at: float
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """``outcome``: passed, failed, inconclusive, or going: not decided yet. ``window``: what each gate said of the one
    that has just been closed. ``failures``: of the step that is judged, to how many of its windows failed;
    ``restarts``: pod (UID) to how often it did since it takes callers, without those that did not. ``began_s``,
    ``looked_s``: Evidence.looked_s at the first and at the last look at it."""

    outcome: str
    said: str
    window: tuple[Outcome, ...] = ()
    failures: Mapping[str, int] = field(default_factory=dict)
    restarts: Mapping[str, int] = field(default_factory=dict)
    began_s: float = 0
    looked_s: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """Whether the legacy scheduler leaves the workload alone. ``refused``: which hook says what, where it does not;
    ``""``: it does. ``at``: when that was asked last; ``since``: since when it was the answer, while the legacy side
    stayed as it is."""

    refused: str
    at: float
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    since     fingerprint of a Service, or of the legacy side, to when it was first seen (CLOCK_BOOTTIME)
    drawn     Service to the last draw
    replies   pod (UID) or instance (HOST/ID) to the last reply
    counted   instance to its connections
    watched   instance to who calls it past the Services
    heard     instance to its datagrams
    judged    what was analysed to the outcome
    looked_s  how long the gates have looked, one look soon after the other; looked_at  when last; None: not yet
    reached   where pods get to
    ending    how a pod ends
    stopping  instance that was told to stop
    starting  instance that was told to start
    frozen    whether the legacy scheduler leaves the workload alone; None: it was not asked yet
    """

    since: Mapping[str, float] = field(default_factory=dict)
    drawn: Mapping[str, Drawn] = field(default_factory=dict)
    replies: Mapping[str, Reply] = field(default_factory=dict)
    counted: Mapping[str, Counted] = field(default_factory=dict)
    watched: Mapping[str, Watched] = field(default_factory=dict)
    heard: Mapping[str, Heard] = field(default_factory=dict)
    judged: Mapping[str, Judged] = field(default_factory=dict)
    looked_s: float = 0
    looked_at: float | None = None
    reached: Tried | None = None
    ending: Ending | None = None
    stopping: Mapping[str, Told] = field(default_factory=dict)
    starting: Mapping[str, Told] = field(default_factory=dict)
    frozen: Frozen | None = None
