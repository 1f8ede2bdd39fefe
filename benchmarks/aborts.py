"""How soon an abort is heard, and how soon the first write leads callers back, in each state, and while a container has
a grace of 30 s that it uses up.

As root, in a lab of its own, under a light load.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.cutover import standing, two_hosts
from migrate.cutover.driver import Outcome
from tests.cluster.cutover.aborting import POINTS, QUICK, STOPPING, STUBBORN, STUBBORN_S, aborted
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine


def main() -> None:
    with two_hosts() as (cluster, hosts):
        aborts(cluster, hosts)


def aborts(cluster: Cluster, hosts: Sequence[LabEngine]) -> None:
    print("| abort at | goes back | heard after, s | first write after, s | requests | failed |")
    print("|---|---|---|---|---|---|")
    for point in (*reversed(POINTS), STOPPING):
        stubborn: Mapping[str, Any] = {"flags": STUBBORN, "stop_s": STUBBORN_S} if point is STOPPING else {}
        with standing(cluster, hosts, name=point.name, timings=QUICK, **stubborn) as web:
            made = aborted(web, point)
        if made.outcome is not Outcome.ROLLED_BACK:
            sys.exit(f"{point.name}: it ended as {made.outcome}")
        who = "another process" if point.taken else "the one that drove"
        print(
            f"| {point.name} | {who} | {made.heard_s:.2f} | {made.restoring_s:.2f} | {made.report.sent:,} "
            f"| {made.report.failed} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
