"""What has been measured, as far as it still holds. It lives in the driver's memory: after a restart all is measured
anew. Pure values; driver.py fills them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .edges import Peer
from .gates.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Fresh connections from every node: whether just those answered who should. ``fingerprint``: the Service's, as it
    was just before and just after."""

    fingerprint: str
    passed: bool
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Whether somebody answered from every node; ``times``: in a row."""

    passed: bool
    said: str
    at: float
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Established connections of an instance. ``peers`` None: unknown. ``quiet_since``: since when there were none."""

    peers: tuple[Peer, ...] | None
    at: float
    quiet_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """``outcome``: passed, failed, inconclusive, or going: not decided yet. ``window``: what each gate said of the one
    that has just been closed."""

    outcome: str
    said: str
    window: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    since     fingerprint of a Service to when it was first seen (CLOCK_BOOTTIME)
    drawn     Service to the last draw
    replies   pod (UID) or instance (HOST/ID) to the last reply
    counted   instance to its connections
    judged    what was analysed to the outcome
    frozen    since when the legacy scheduler is known to leave the workload alone; None: it is not known
    """

    since: Mapping[str, float] = field(default_factory=dict)
    drawn: Mapping[str, Drawn] = field(default_factory=dict)
    replies: Mapping[str, Reply] = field(default_factory=dict)
    counted: Mapping[str, Counted] = field(default_factory=dict)
    judged: Mapping[str, Judged] = field(default_factory=dict)
    frozen: float | None = None
