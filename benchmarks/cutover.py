"""A cutover under load beside the same load without one: new connections at a fixed rate, and the other kinds beside.

As root, in a lab of its own, with its short timings; pairs take turns in who comes first.
"""

from __future__ import annotations

import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from migrate.cutover.driver import Outcome
from migrate.cutover.states import State
from tests.cluster.cutover.aborting import GRACEFUL
from tests.cluster.served import LEDGER, Served, several
from tests.cluster.traffic import Load, Report, Traffic, exactly_once, on_host, pod_addresses
from tests.lab import packages
from tests.lab.cluster import Cluster
from tests.lab.engine import Lab, LabEngine

PAIRS = 3
RATE = 1000
# Each source address has ports for 200 new connections a second, as Load says.
SOURCES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """``seconds``: from BRIDGED to FINALIZED, or what the same load without a cutover lasted."""

    seconds: float
    report: Report


def main() -> None:
    with two_hosts() as (cluster, hosts):
        pairs(cluster, hosts)


@contextmanager
def two_hosts() -> Iterator[tuple[Cluster, Sequence[LabEngine]]]:
    """A lab of its own."""
    packages.ensure(lambda line: print(line, file=sys.stderr))
    with Lab() as lab:
        lab.registry()
        yield lab.cluster(), [lab.engine("edge-a1"), lab.engine("edge-b1")]


def pairs(cluster: Cluster, hosts: Sequence[LabEngine]) -> None:
    print("| load | s | requests | failed | orders | p50, ms | p99 | p99.9 | longest | over 1 s | its own lag, p99 |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    seconds = 90.0
    for number in range(PAIRS):
        for cut in (True, False) if number % 2 == 0 else (False, True):
            with standing(cluster, hosts) as web:
                made = moved(web) if cut else still(web, seconds)
            seconds = made.seconds
            row("with a cutover" if cut else "without", made)


@contextmanager
def standing(cluster: Cluster, hosts: Sequence[LabEngine], *, name: str = "web", **settings: Any) -> Iterator[Served]:
    """A workload of two instances on two hosts, applied and held, in a namespace of its own."""
    space = f"bench-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", space)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            several(
                cluster,
                hosts,
                space,
                Path(folder),
                names=[name],
                environment={"LEDGER": LEDGER},
                **{"flags": GRACEFUL, **settings},
            ) as found,
        ):
            yield found[name]
    finally:
        cluster.kubectl("delete", "namespace", space, "--wait=false")


def moved(web: Served) -> Measured:
    """All the way, finalize too, under load from BRIDGED on."""
    cutover = web.cutover(on_drain_timeout="stop")
    events = cutover.run()
    next(event for event in events if event.state == State.BRIDGED)
    began = time.monotonic()
    with load_on(web) as traffic:
        for _ in events:
            pass
        if cutover.outcome is not Outcome.REST:
            sys.exit(f"the cutover did not go through: {cutover.why}")
        for _ in web.attached().finalize():
            pass
        seconds = time.monotonic() - began
        return measured(web, traffic, seconds)


def still(web: Served, seconds: float) -> Measured:
    """The same load on the Service before the legacy side, with nothing moved."""
    cutover = web.cutover(approvals=(State.FRONTED.value,))
    for _ in cutover.run(no_wait=True):
        pass
    with load_on(web) as traffic:
        time.sleep(seconds)
        made = measured(web, traffic, seconds)
    for _ in web.attached().abort():
        pass
    return made


def load_on(web: Served) -> Traffic:
    node = web.lab.nodes[0]
    load = Load(new=RATE, keep=50, keep_rate=2, poll=5, post=50, sources=pod_addresses(node, SOURCES))
    return Traffic(on_host(node.host), web.address, load)


def measured(web: Served, traffic: Traffic, seconds: float) -> Measured:
    report = traffic.stop()
    orders = exactly_once(report, web.ledgers())
    if not orders.exact:
        sys.exit(f"orders were lost or doubled: {orders}")
    if report.failed:
        print(report.told(), file=sys.stderr)
    return Measured(seconds=seconds, report=report)


def row(name: str, made: Measured) -> None:
    new, over = made.report.kinds["new"], sum(each.over_1_s for each in made.report.kinds.values())
    print(
        f"| {name} | {made.seconds:.0f} | {made.report.sent:,} | {made.report.failed} "
        f"| {len(made.report.acknowledged):,} | {new.from_due.p50:.1f} | {new.from_due.p99:.1f} "
        f"| {new.from_due.p999:.1f} | {new.from_due.max:.0f} | {over} | {new.lag.p99:.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
