"""Runs that are led back at a point, under load, by who drives them or by another; and how long that took.

made = aborted(web, POINTS[0])
made.heard_s, made.restoring_s
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace

from converters.errors import PodliftError
from migrate.cutover.driver import Event, Outcome
from migrate.cutover.journal import Entry
from migrate.cutover.run import LAB
from migrate.cutover.states import State
from tests.cluster.served import Served
from tests.cluster.traffic import Load, Report, Traffic, on_host, pod_addresses

# What is looked at is the way back; how well a way forward is watched is for test_straight.
QUICK = replace(LAB, window_s=1, interval_s=0.5, bake_s=2, drain_timeout_s=3)
GRACEFUL = ("-lag=2s",)
# As one that ignores SIGTERM: it is killed when its grace is over.
STUBBORN = ("-lag=90s",)
STUBBORN_S = 30
WRITES = frozenset({"intent", "done", "note", "state"})
# What changes nothing for callers: a new driver's epoch.
_CLAIMS = "take the "


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where a run is aborted: when it has told an event of this kind, state and text. ``taken``: its driver is
    interrupted first, and another goes the way back; else the driver that lives does."""

    name: str
    state: State
    kind: str = "state"
    said: str = ""
    taken: bool = False

    def reached(self, event: Event) -> bool:
        return (event.kind, event.state) == (self.kind, self.state) and event.text.startswith(self.said)


# The longest way first, since they go side by side.
POINTS = (
    Point(name="stopped", state=State.STOPPED, taken=True),
    Point(name="one-stopped", state=State.DRAINED, kind="done", said="stop Container"),
    Point(name="drained", state=State.DRAINED, taken=True),
    Point(name="baking", state=State.BAKING),
    Point(name="standby", state=State.STANDBY, taken=True),
    Point(name="promoted", state=State.PROMOTED),
    Point(name="shift", state=State.SHIFT, taken=True),
    Point(name="deployed", state=State.DEPLOYED),
    Point(name="fronted", state=State.FRONTED, taken=True),
    # it would not stay there for long enough to be asked
    Point(name="bridged", state=State.BRIDGED, kind="approval"),
)
# While the first of two containers that are STUBBORN has its grace.
STOPPING = Point(name="stopping", state=State.DRAINED, kind="done", said="stop Container")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aborted:
    """``outcome``: of the driver that went back. Seconds after a user asked: until the journal has it, and until the
    first write that leads callers back is about to be made; ``first``: what it was."""

    outcome: Outcome
    report: Report
    heard_s: float
    restoring_s: float
    first: str


def aborted(web: Served, point: Point) -> Aborted:
    """A run under load up to a point, and back."""
    stop, attached = threading.Event(), web.attached()
    held = (State.FRONTED.value,) if point.kind == "approval" else ()
    cutover = web.cutover(on_drain_timeout="stop", approvals=held)
    asking = threading.Thread(target=_ask, args=[web])
    asked_at = 0.0
    with ExitStack() as stack:
        traffic: Traffic | None = None
        for event in cutover.run(interrupted=stop.is_set):
            if traffic is None and event.state == State.BRIDGED:
                traffic = stack.enter_context(_load(web, point))
            if not asked_at and point.reached(event):
                asked_at = time.time()
                if point.taken:
                    stop.set()
                else:
                    asking.start()
        assert traffic is not None
        outcome = cutover.outcome
        if point.taken:
            assert outcome is Outcome.PAUSED, cutover.why
            asked_at = time.time()
            for _ in attached.abort():
                pass
            outcome = attached.outcome
        else:
            asking.join()
        # whole seconds in which nobody but the legacy side may answer
        time.sleep(3)
        heard_s, restoring_s, first = _times(attached.entry(), asked_at)
        return Aborted(outcome=outcome, report=traffic.stop(), heard_s=heard_s, restoring_s=restoring_s, first=first)


def _times(entry: Entry, asked_at: float) -> tuple[float, float, str]:
    lines = list(entry.history)
    heard = next(n for n, line in enumerate(lines) if line["event"] == "request" and "abort" in line["text"])
    write = next(
        line
        for line in lines[heard + 1 :]
        if line["event"] in WRITES and not line["text"].partition(": ")[2].startswith(_CLAIMS)
    )
    return lines[heard]["at"] - asked_at, write["at"] - asked_at, write["text"]


def _ask(web: Served) -> None:
    """From another terminal, which is told that the run is driven."""
    try:
        for _ in web.attached().abort():
            pass
    except PodliftError as error:
        if error.code != "cutover-locked":
            raise


def _load(web: Served, point: Point) -> Traffic:
    node = web.lab.nodes[0]
    load = Load(new=20, keep=4, keep_rate=2, post=2, poll=0.5, poll_for_s=2, sources=pod_addresses(node))
    # nobody is led to a Service before FRONTED, and it goes again
    (first, engine), *_ = web.containers.items()
    port = web.inspected()[first]["NetworkSettings"]["Ports"]["8080/tcp"][0]["HostPort"]
    to = f"{engine.address}:{port}" if point.state is State.BRIDGED else web.address
    return Traffic(on_host(node.host), to, load)
