"""A served workload is moved from a real engine to real pods under load, and back; no request is lost."""

from __future__ import annotations

from pathlib import Path

from migrate.cutover.driver import Outcome
from tests.cluster.served import served
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine


def test_straight(lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path) -> None:
    with served(lab_cluster, lab_engines["edge-a1"], space, tmp_path) as web:
        cutover = web.cutover()
        states = [event.state for event in cutover.run() if event.kind == "state"]
        assert states[-1] == "STOPPED"
        assert cutover.outcome is Outcome.REST, cutover.why
