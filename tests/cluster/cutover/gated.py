"""Runs whose pods are bad while the containers are good, under load: where each is caught, and what that costs.

with several(..., names=["web"], pods={"web": Pods(flags=["-errors=0.05"])}) as found:
    caught = driven(found["web"], {"gates": (ASKED,)}, Load(new=20))
    caught.share, caught.report.failed
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from migrate.cutover.driver import Outcome
from migrate.cutover.history import gates_of, share_of
from migrate.cutover.run import LAB
from migrate.cutover.states import State
from tests.cluster.served import Pods, Served
from tests.cluster.traffic import Load, Report, Traffic, on_host, pod_addresses

GATED = replace(LAB, window_s=5, min_samples=50, consecutive=3)
"""The gates ask as much as by default, in twelve times less time."""
GRACEFUL = ("-lag=2s",)
ASKED: Mapping[str, Any] = {"name": "probe", "probe": {"requests": [{"path": "/"}]}}
"""The application is asked, and not only its health."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """``pods``: what is wrong with them; ``settings``: the run's, as Served.cutover takes them; ``by``: what is to be
    said of it, one of these, none where nothing is seen; ``outcome``: how the run is to end; ``share``: that pods may
    have by then, at most."""

    name: str
    pods: Pods
    by: tuple[str, ...]
    outcome: Outcome
    share: float
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """``state``, ``share``, ``said``: where the run was when it turned or paused, the largest share that pods had until
    then, and why. Seconds from the first admitted pod to that, and to the run's end. ``windows``: of requests, and how
    many of them failed."""

    outcome: Outcome
    state: str
    share: float
    said: str
    caught_s: float
    ended_s: float
    report: Report
    windows: int
    failed_windows: int

    @property
    def figures(self) -> str:
        failed = ", ".join(f"{count} {why}" for why, count in self.report.reasons.most_common(3)) or "none"
        return (
            f"{self.outcome.value} from {self.state} at {self.share:.0%}, after {self.caught_s:.1f} s, "
            f"ended after {self.ended_s:.1f} s; {self.report.failed} of {self.report.sent:,} failed ({failed}), "
            f"{sum(kind.over_1_s for kind in self.report.kinds.values())} over 1 s: {self.said.splitlines()[0][:200]}"
        )


def driven(web: Served, settings: Mapping[str, Any], load: Load) -> Caught:
    """A run to where it ends by itself, with callers from when they may use the Service."""
    node = web.lab.nodes[0]
    cutover = web.cutover(on_drain_timeout="stop", **settings)
    events = cutover.run()
    for event in events:
        if event.kind == "state" and event.state == State.BRIDGED:
            break
    began = caught_at = 0.0
    state = said = ""
    with Traffic(on_host(node.host), web.address, replace(load, sources=pod_addresses(node))) as traffic:
        for event in events:
            if not began and "admit " in event.text:
                began = event.at
            if not said and (event.kind == "pause" or (event.kind == "note" and " failed: " in event.text)):
                caught_at, state, said = event.at, event.state, event.text
        ended_at = time.time()
        # what follows is to be good again, where the run went back
        time.sleep(2)
        report = traffic.stop()
    entry = web.attached().entry()
    shares = [share for at, share in share_of(entry.history) if not caught_at or at <= caught_at]
    windows = [each for each in gates_of(entry.history) if each.gate == ASKED["name"]]
    began = began or caught_at or ended_at
    return Caught(
        outcome=cutover.outcome,
        state=state or entry.run.state.value,
        share=max(shares, default=0.0),
        windows=len(windows),
        failed_windows=sum(each.result == "failed" for each in windows),
        said=said or cutover.why,
        caught_s=(caught_at or ended_at) - began,
        ended_s=ended_at - began,
        report=report,
    )
