"""A real driver that is stopped right before a call to an engine, until another one has led the run to an end, does not
make that call when it goes on."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.cutover.breaking import on_containers
from tests.cluster.cutover.killing import KILL_TIMINGS, Ride, ridden
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

AWAY_S = 10.0
PATIENCE_S = 300.0
INTENT = "patch ConfigMap/cutover-web intent"
# What its driver has written last before the call, by what it is asked; and what the other one is asked. Its lease is
# made longer right before: for the 10 s that a call may take, and half as long again.
STOPS = (
    ("start", "BAKING: renew Lease/cutover-web for 15 s", "abort"),
    ("start", "DRAINED: renew Lease/cutover-web for 15 s", "abort"),
    ("abort", "ROLLING_BACK: renew Lease/cutover-web for 15 s", "resume"),
    ("abort", f"ROLLING_BACK: {INTENT} set-restart Container", "resume"),
    ("start", f"DRAINED: {INTENT} stop Container", "resume"),
)
# Leases, and how often one is renewed and looked for, as by default.
LASTING = replace(KILL_TIMINGS, lease_s=60, renew_s=15, keeper_s=5, heartbeat_s=30)
LONG_S = 120.0


@pytest.mark.prove
def test_before_each_call_to_an_engine(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path
) -> None:
    with ridden(lab_cluster, lab_engines["edge-a1"], space, tmp_path) as ride:
        wrong = [each for verb, label, other in STOPS for each in stood_still(ride, verb, label, other)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.prove
def test_for_two_minutes_with_leases_of_one(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path
) -> None:
    """Such a lease lasts for a call as it is: what it has written last is what it is about to do."""
    with ridden(lab_cluster, lab_engines["edge-a1"], space, tmp_path, timings=LASTING) as ride:
        wrong = stood_still(ride, "start", f"DRAINED: {INTENT} stop Container", "abort", for_s=LONG_S)
    assert not wrong, "\n".join(wrong)


@pytest.mark.prove
def test_without_an_api_server_right_before_each_call(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path
) -> None:
    """It goes after the driver has written what it is about to do. Nothing is done to a container until it is back."""
    server, left, outages = lab_cluster.daemons["kube-apiserver"], {label for _, label, _ in STOPS[:2]}, list[float]()

    def fate(label: str) -> str:
        if label in left:
            left.remove(label)
            server.stop()
            outages.append(time.time())
            threading.Timer(AWAY_S, server.start).start()
        return ""

    with ridden(lab_cluster, lab_engines["edge-a1"], space, tmp_path) as ride, ride.called() as report_of:
        ride.watch.leases, ride.watch.fate = True, fate
        assert ride.to_the_end()[-1] == "ended"
        report = report_of()
        assert (left, len(outages)) == (set(), 2)
        touched = [on_containers(ride.web, began, began + AWAY_S) for began in outages]
    assert report is not None
    row = ("API server away for 10 s before each call to an engine", f"{report.sent:,}", report.failed, 0)
    print(f"\n| {' | '.join(map(str, row))} | {report.seconds:.0f} |")  # noqa: T201 - the figures are asked for with -s
    assert touched == [[], []]
    assert not report.failed, report.told()


def stood_still(ride: Ride, verb: str, label: str, other: str, *, for_s: float = 0) -> list[str]:
    """What is wrong after it. ``for_s``: it does not go on before that, though the other one has ended the run."""
    ride.begin_anew()
    watch = ride.watch
    watch.leases = True
    with ride.called() as report_of, ThreadPoolExecutor() as pool:
        if verb == "abort":
            assert ride.drive("start").outcome == "rest"
        watch.fate = lambda written: "stopped" if written == label else ""
        first = pool.submit(ride.drive, verb)
        second = ride.web.attached()
        try:
            assert watch.stood.wait(PATIENCE_S), f"{label} did not come: {watch.labels[-5:]}"
            watch.fate = lambda _written: ""
            stopped = time.time()
            for _ in getattr(second, other)():
                pass
            time.sleep(max(0.0, stopped + for_s - time.time()))
            written, went_on = len(written_by(ride)), time.time()
        finally:
            # else nothing that waits for it would end
            watch.fate = lambda _written: ""
            watch.go_on()
        ended = first.result(60)
        report = report_of()
    assert report is not None
    touched = on_containers(ride.web, went_on, time.time())
    seconds = went_on - stopped
    row = (f"driver stopped after `{label}`, the other asked to {other}", f"{report.sent:,}", report.failed, 0)
    print(f"\n| {' | '.join(map(str, row))} | {seconds:.0f} |")  # noqa: T201 - the figures are asked for with -s
    said = {
        f"the first one ended as {ended}": ended.outcome == "lost",
        f"the other one ended as {second.outcome}: {second.why}": second.outcome.value in ("rolled-back", "rest"),
        f"it wrote {written_by(ride)[written:]}": len(written_by(ride)) == written,
        f"containers were touched: {touched}": not touched,
        f"it stood still for {seconds:.1f} s, shorter than its lease": seconds > ride.task.settings.timings.lease_s,
        f"callers were failed: {report.told()}": not report.failed,
        f"{ride.web.running()} run": bool(ride.web.running()) is (second.outcome.value == "rolled-back"),
    }
    return [f"{label}: {what}" for what, holds in said.items() if not holds]


def written_by(ride: Ride) -> list[str]:
    return [each for each in ride.watch.labels if " renew Lease/" not in each]
