"""A plan of 300 workloads onto a real API server: seconds, requests, at which rate; and the same once more.

The lab's cluster, or that of PODLIFT_TEST_CONTEXT. Every workload runs on the legacy side and publishes a port: the
apply is gated, so that no pod starts, and its Services are withheld. Seconds are the command's own, from reading the
plan's files to the last answer, in a process that has its modules.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.live import NAMESPACE, a_cluster
from benchmarks.scale import ENGINE, INSTANCES, container, image
from converters.capture import Capture, HostDocuments
from converters.decisions import Decisions
from converters.target import Target
from converters.workload import Host
from migrate.apply import Applied, Stage, apply_plan, summary
from migrate.cluster import Cluster
from migrate.plan.directory import read_plan, write_plan
from migrate.plan.making import make_plan
from tests.lab.cluster import GivenCluster

SIZE = 300
# The command's own, and one that no API server of this size keeps up with.
RATES = (50.0, 2_000.0)
READS = frozenset({"get", "list", "watch"})


def estate() -> Capture:
    """Workloads of one running instance each, that publish a port each."""
    numbers = [n * INSTANCES for n in range(SIZE)]
    documents = HostDocuments(
        host=Host(name="host-1"),
        engine=ENGINE,
        containers=tuple(container(number) for number in numbers),
        images=tuple(image(number // INSTANCES) for number in numbers),
        read_at="2026-11-25T06:30:00Z",
    )
    return Capture(hosts=(documents,))


def main() -> None:
    print("| run | writes a second at most | s | objects | requests | of them write |")
    print("|---|---|---|---|---|---|")
    with a_cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        for rate in RATES:
            namespace = f"{NAMESPACE}-apply-{rate:.0f}"
            cluster.kubectl("create", "namespace", namespace)
            try:
                place = Path(folder) / namespace
                plan = make_plan(estate(), target=Target(namespace=namespace), decisions=Decisions())
                write_plan(plan, place)
                for name, how in _RUNS.items():
                    _run(cluster, place, rate, name, how)
            finally:
                cluster.kubectl("delete", "namespace", namespace, "--wait=false")


Run = Callable[[Path, Cluster], Applied]
_RUNS: Mapping[str, Run] = {
    "dry run by the client": lambda place, edge: apply_plan(read_plan(place, said=False), edge, dry_run="client"),
    "apply": lambda place, edge: apply_plan(read_plan(place, said=False), edge),
    "apply once more": lambda place, edge: apply_plan(read_plan(place, said=False), edge),
}


def _run(cluster: GivenCluster, place: Path, rate: float, name: str, run: Run) -> None:
    edge = Cluster(cluster.context, cluster.kubeconfig, writes_per_s=rate)
    began = time.perf_counter()
    applied = run(place, edge)
    took = time.perf_counter() - began
    if not applied.complete or set(applied.stages.values()) != {Stage.GATED}:
        sys.exit(f"{name}: {summary(applied)}")
    print(
        f"| {name} | {rate:,.0f} | {took:.1f} | {len(applied.outcomes)} | {_said(edge.requests)} "
        f"| {_writes(edge.requests)} |",
        flush=True,
    )
    edge.close()


def _said(requests: Counter[tuple[str, str]]) -> str:
    told = [f"{count} {verb} {plural}".rstrip() for (verb, plural), count in sorted(requests.items())]
    return f"{requests.total()}: {', '.join(told)}"


def _writes(requests: Counter[tuple[str, str]]) -> int:
    """To ask what one may do is no writing."""
    return sum(
        count
        for (verb, plural), count in requests.items()
        if verb not in READS and plural != "selfsubjectaccessreviews"
    )


if __name__ == "__main__":
    main()
