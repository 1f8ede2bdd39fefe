"""A plan against the cluster that holds it, unchanged: ``podlift diff`` beside ``kubectl diff`` in the same run.

A real API server (the lab's, or the cluster of PODLIFT_TEST_CONTEXT). Its workloads have no replicas, since what is
compared are objects. The floor is one LIST of them by kubectl, which prints and compares nothing. Each number is the
wall time of a command, the best of three; the slow ones run once.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.scale import ENGINE, INSTANCES, container, image
from converters.capture import Capture, HostDocuments
from converters.decisions import Decisions
from converters.target import Target
from converters.workload import Host
from migrate.apply import apply_plan
from migrate.cluster import Cluster
from migrate.plan.directory import write_plan
from migrate.plan.making import make_plan
from tests.lab.cluster import GivenCluster, given_cluster

SIZES = (300, 2_000)
NAMESPACE = "podlift-benchmark"


def workloads(count: int) -> Capture:
    """Workloads of one instance each, stopped by hand: their Deployments have no replicas."""
    numbers = [n * INSTANCES for n in range(count)]
    return Capture(
        hosts=(
            HostDocuments(
                host=Host(name="host-1"),
                engine=ENGINE,
                containers=tuple(_stopped(number) for number in numbers),
                images=tuple(image(number // INSTANCES) for number in numbers),
                read_at="2026-11-25T06:30:00Z",
            ),
        )
    )


def _stopped(number: int) -> dict[str, Any]:
    made = container(number)
    made["State"] |= {"Status": "exited", "Running": False, "Pid": 0}
    # no port: each workload is a Deployment and its ServiceAccount
    made["HostConfig"]["PortBindings"] = {}
    made["Config"]["ExposedPorts"] = {}
    made["NetworkSettings"]["Ports"] = {}
    return made


@contextmanager
def a_cluster() -> Iterator[GivenCluster]:
    """The lab's own, or the user's by PODLIFT_TEST_CONTEXT."""
    given = given_cluster()
    if given is not None:
        yield given
        return
    from tests.lab import packages
    from tests.lab.engine import Lab, say

    packages.ensure(say)
    with Lab() as lab:
        yield lab.cluster()


def _seconds(*command: str, times: int = 3) -> float:
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        best = min(best, time.perf_counter() - began)
        # kubectl diff has told a difference here once (1) where there was none; its time counts all the same
        if done.returncode > (command[0] != sys.executable):
            sys.exit(f"{' '.join(command)} ended with {done.returncode}, with nothing changed:\n{done.stderr[-2000:]}")
    return best


def main() -> None:
    print("| Deployments | one LIST by kubectl, s | podlift diff, s | of the LIST | kubectl diff, s | ratio "
          "| kubectl diff --server-side --concurrency 8, s | ratio |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    with a_cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        reach = (
            f"--context={cluster.context}",
            *([f"--kubeconfig={cluster.kubeconfig}"] if cluster.kubeconfig else []),
        )
        kubectl = (cluster.program, *reach)
        for size in SIZES:
            place = Path(folder) / f"plan-{size}"
            namespace = f"{NAMESPACE}-{size}"
            cluster.kubectl("create", "namespace", namespace)
            try:
                plan = make_plan(workloads(size), target=Target(namespace=namespace), decisions=Decisions())
                write_plan(plan, place)
                destination = Cluster(cluster.context, cluster.kubeconfig, writes_per_s=500)
                names = [entry["name"] for entry in plan.workloads]
                apply_plan(plan, destination, stage="final", never_cut_over=names)
                floor = _seconds(*kubectl, "get", "deployments,serviceaccounts", "-n", namespace, "-o", "json")
                ours = _seconds(sys.executable, "-m", "migrate.cli.main", "diff", str(place), *reach, "-q")
                manifests = str(place / "manifests")
                client = _seconds(*kubectl, "diff", "-f", manifests, times=1)
                server = _seconds(
                    *kubectl, "diff", "--server-side", "--field-manager=podlift", "--concurrency=8", "-f", manifests,
                    times=1,
                )  # fmt: skip
            finally:
                cluster.kubectl("delete", "namespace", namespace, "--wait=false")
            print(
                f"| {size:,} | {floor:.2f} | {ours:.2f} | {ours / floor:.1f}x | {client:.1f} | {client / ours:.0f}x "
                f"| {server:.1f} | {server / ours:.0f}x |",
                flush=True,
            )


if __name__ == "__main__":
    main()
