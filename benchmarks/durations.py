"""How long a whole cutover takes, by state: with the lab's short timings and with the default ones, beside what preview
says it takes at least.

As root, in a lab of its own: two instances on two hosts, under a light load from BRIDGED on. The default timings take
more than an hour.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.cutover import standing, two_hosts
from migrate.cutover.driver import Event, Outcome
from migrate.cutover.run import LAB, Timings
from migrate.cutover.states import State
from tests.cluster.traffic import Load, Traffic, on_host, pod_addresses
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

TIMINGS: Mapping[str, Timings] = {"lab": LAB, "default": Timings()}
LOAD = Load(new=50, keep=10, keep_rate=1, poll=2, post=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasted:
    """Seconds until each state was reached, from the one before it; ``least``: as preview has them."""

    seconds: Mapping[str, float]
    least: Mapping[str, float]
    sent: int
    failed: int


def main() -> None:
    with two_hosts() as (cluster, hosts):
        found = {name: lasted(cluster, hosts, timings) for name, timings in TIMINGS.items()}
    print(f"| until | {' | '.join(f'{name}, s | at least' for name in found)} |")
    print("|---" * (1 + 2 * len(found)) + "|")
    for state in found["lab"].seconds:
        row(state, [(each.seconds[state], each.least.get(state, 0)) for each in found.values()])
    row("all of it", [(sum(each.seconds.values()), sum(each.least.values())) for each in found.values()])
    for name, each in found.items():
        print(f"\n{name}: {each.sent:,} requests, {each.failed} failed")


def lasted(cluster: Cluster, hosts: Sequence[LabEngine], timings: Timings) -> Lasted:
    with standing(cluster, hosts, timings=timings) as web:
        cutover = web.cutover(on_drain_timeout="stop")
        least = cutover.preview(probe=False).durations
        reached = reaching(cutover.run())
        seconds = dict([next(reached)])
        load = replace(LOAD, sources=pod_addresses(web.lab.nodes[0], 1))
        with Traffic(on_host(web.lab.nodes[0].host), web.address, load) as traffic:
            seconds |= reached
            if cutover.outcome is not Outcome.REST:
                sys.exit(f"the cutover did not go through: {cutover.why}")
            report = traffic.stop()
        for _ in web.attached().finalize():
            pass
    if report.failed:
        print(report.told(), file=sys.stderr)
    return Lasted(seconds=seconds, least=least, sent=report.sent, failed=report.failed)


def reaching(events: Iterator[Event]) -> Iterator[tuple[str, float]]:
    """Each state from BRIDGED on, and the seconds since the one before it; BRIDGED: since the beginning."""
    began = time.monotonic()
    for event in events:
        if event.kind == "state" and State(event.state).reached >= State.BRIDGED.reached:
            now = time.monotonic()
            print(f"{event.state} after {now - began:.1f} s", file=sys.stderr, flush=True)
            yield event.state, now - began
            began = now


def row(state: str, cells: Sequence[tuple[float, float]]) -> None:
    print(f"| {state} | {' | '.join(f'{seconds:.0f} | {least:.0f}' for seconds, least in cells)} |", flush=True)


if __name__ == "__main__":
    main()
