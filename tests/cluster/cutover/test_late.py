"""A write that its driver has sent and the network holds back until another driver has taken over does nothing when it
arrives: what it was to change bears the other's epoch by then."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from migrate.cutover.endpoints import EPOCH
from tests.cluster.cutover.killing import Ride, ridden
from tests.cutover.killing import straight_labels
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

PATIENCE_S = 120.0
CHANGED = 409
# As the pods are to be started, to take all callers, and to be alone with them; and a word of the journal's.
LATE = (
    "FRONTED: patch Deployment/web",
    "SHIFT: patch Service/web",
    "PROMOTED: patch EndpointSlice/web-legacy",
    "SHIFT: patch ConfigMap/cutover-web state",
)


@pytest.mark.prove
def test_after_a_take_over(lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path) -> None:
    assert set(LATE) <= straight_labels()
    with ridden(lab_cluster, lab_engines["edge-a1"], space, tmp_path) as ride:
        wrong = [each for label in LATE for each in came_late(ride, label)]
    assert not wrong, "\n".join(wrong)


def came_late(ride: Ride, label: str) -> list[str]:
    """What is wrong after it."""
    ride.begin_anew()
    watch, second = ride.watch, ride.web.attached()
    watch.fate = lambda written: "late" if written == label else ""
    with ride.called() as report_of, ThreadPoolExecutor() as pool:
        first = pool.submit(ride.drive, "start")
        try:
            assert watch.held.wait(PATIENCE_S), f"{label} did not come: {watch.labels[-5:]}"
            watch.fate = lambda _written: ""
            began, written = time.time(), len(watch.writes)
            events = second.resume(take_over=True)
            for _ in events:
                if taken_over(ride, label):
                    break
            held_s = time.time() - began
        finally:
            watch.let_through()
        ended = first.result(60)
        late = [(each.label, each.status) for each in watch.writes[written:]]
        for _ in events:
            pass
        outcome, why, running = second.outcome.value, second.why, ride.web.running()
        # all the way back, for the next one
        for _ in second.abort():
            pass
        report = report_of()
    assert report is not None
    row = (f"`{label}` held back until another driver had taken over", f"{report.sent:,}", report.failed, 0)
    print(f"\n| {' | '.join(map(str, row))} | {held_s:.1f} |")  # noqa: T201 - the figures are asked for with -s
    said = {
        f"what it wrote from then on: {late}": late == [(label, CHANGED)],
        f"the first one ended as {ended}": ended.outcome == "lost",
        f"the other one ended as {outcome}: {why}": outcome == "rest",
        f"{running} run then": not running,
        f"it led back as {second.outcome}: {second.why}": second.outcome.value == "rolled-back",
        f"callers were failed: {report.told()}": not report.failed,
    }
    return [f"{label}: {what}" for what, holds in said.items() if not holds]


def taken_over(ride: Ride, label: str) -> bool:
    """Whether what the late write is about is another driver's."""
    entry = ride.entry()
    assert entry is not None
    kind, _, name = label.split(" ")[2].partition("/")
    if kind == "ConfigMap":
        return entry.run.epoch > 1
    found = ride.web.lab.get(kind, "-n", ride.web.space)["items"]
    (one,) = [each for each in found if each["metadata"]["name"].startswith(name)]
    return int(one["metadata"]["annotations"][EPOCH]) > 1
