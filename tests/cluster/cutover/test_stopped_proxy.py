"""A node's proxy stands still when a container is to leave the slices: no stop comes before that node was seen to
follow, however long that takes, and none of its callers is cut off.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from migrate.cutover.driver import Event, Outcome
from migrate.cutover.states import State
from tests.cluster.cutover.gated import GRACEFUL
from tests.cluster.served import several
from tests.cluster.traffic import Load, Traffic, on_host, pod_addresses
from tests.lab.cluster import Cluster
from tests.lab.daemon import Daemon
from tests.lab.engine import LabEngine

HELD_S = 8.0


@pytest.mark.prove
def test_a_stop_waits_for_every_node(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path
) -> None:
    """At each removal another node's, for longer than anything else takes."""
    hosts = [lab_engines["edge-a1"], lab_engines["edge-b1"]]
    nodes = lab_cluster.nodes
    stopped: Daemon | None = None
    held: list[tuple[float, float]] = []
    stops: list[float] = []
    unseen: set[str] = set()
    with several(lab_cluster, hosts, space, tmp_path, names=["web"], flags=GRACEFUL) as found:
        web = found["web"]
        cutover = web.cutover(on_drain_timeout="stop")
        events = cutover.run()
        for event in events:
            if event.kind == "state" and event.state == State.BRIDGED:
                break
        with Traffic(
            on_host(nodes[0].host), web.address, Load(new=40, keep=4, sources=pod_addresses(nodes[0]))
        ) as traffic:
            try:
                for event in events:
                    if event.kind == "note" and event.text.endswith("leaves the slices"):
                        stopped = nodes[len(held) % len(nodes)].daemons["kube-proxy"]
                        stopped.pause()
                        held.append((time.monotonic(), 0.0))
                    if stopped is not None and time.monotonic() - held[-1][0] >= HELD_S:
                        stopped.go_on()
                        stopped = None
                        held[-1] = (held[-1][0], time.monotonic())
                    if stopped is not None and "is to reach" in event.text:
                        unseen.add(event.text)
                    if _stops(event):
                        assert stopped is None, f"{event.text} before {held}"
                        stops.append(time.monotonic())
            finally:
                if stopped is not None:
                    stopped.go_on()
            report = traffic.stop()
        assert cutover.outcome is Outcome.REST, cutover.why
        assert web.running() == []
        assert len(held) == len(stops) == len(web.containers)
        assert all(ended < stop for (_, ended), stop in zip(held, stops, strict=True))
        assert unseen, "no node was ever behind"
        assert not report.failed, report.told()
    print(  # noqa: T201 - the figures are asked for with -s
        f"{len(stops)} removals with one kube-proxy stopped for {HELD_S:g} s: the stop came "
        + ", ".join(f"{stop - ended:.1f} s" for (_, ended), stop in zip(held, stops, strict=True))
        + f" after it went on; {report.failed} of {report.sent:,} requests failed"
    )


def _stops(event: Event) -> bool:
    return event.kind == "intent" and event.text.startswith("stop Container")
