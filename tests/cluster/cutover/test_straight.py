"""A served workload is moved from a real engine to real pods under load, and back; no request is lost."""

from __future__ import annotations

from pathlib import Path

from migrate.cutover.driver import Outcome
from tests.cluster.served import served
from tests.cluster.traffic import Load, Traffic, on_host, pod_addresses
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine


def test_straight(lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path) -> None:
    with served(lab_cluster, lab_engines["edge-a1"], space, tmp_path) as web:
        cutover = web.cutover()
        for event in cutover.run():
            print(f"{event.at:.2f} {event.kind} {event.state} {event.text}")
        assert cutover.outcome is Outcome.REST, cutover.why
