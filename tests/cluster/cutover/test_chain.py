"""A real run whose process dies after each of its writes comes to its end, and no caller notices."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.cutover.killing import Chain, ridden
from tests.cluster.traffic import exactly_once
from tests.cutover.killing import straight_labels
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine


def test_a_kill_after_each_write(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path
) -> None:
    """Of a straight run's, as the model has them and, by test_replay.py, real runs too; and of those that only one who
    takes over writes."""
    expected = straight_labels()
    with ridden(lab_cluster, lab_engines["edge-a1"], space, tmp_path) as ride, ride.called() as report_of:
        ride.watch.fate = chain = Chain(expected)
        assert ride.to_the_end()[-1] == "ended"
        assert expected - set(chain.killed) == set()
        report = report_of()
        assert report is not None
        assert not report.failed, report.told()
        assert all(kind.sent for kind in report.kinds.values()), report.told()
        orders = exactly_once(report, ride.web.ledgers())
        assert orders.exact, orders
        assert orders.acknowledged > 100
        print(f"{len(chain.killed)} kills; {report.told()}")  # noqa: T201 - the figures are asked for with -s
