"""A real run is killed before and after each of its acts and goes back, through a kill after each write of the way back
too: what was there before is there again, and no caller notices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cluster.cutover.killing import Chain, Ride, ridden
from tests.cutover.killing import straight_labels
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

Point = tuple[str, str]
SAMPLE: Sequence[Point] = (
    ("after", "PROMOTED: patch EndpointSlice/web-legacy"),
    ("before", "SHIFT: patch Service/web"),
    ("after", "DEPLOYED: patch Pod/web-pod"),
)


def test_back_from_some_acts(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], spaces: Callable[[], str], tmp_path: Path
) -> None:
    assert {label for _, label in SAMPLE} <= straight_labels()
    assert failures(SAMPLE, lab_cluster, lab_engines, spaces, tmp_path) == []


@pytest.mark.prove
def test_back_from_each_act(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], spaces: Callable[[], str], tmp_path: Path
) -> None:
    acts = sorted(label for label in straight_labels() if "ConfigMap" not in label)
    points = [(fate, label) for label in acts for fate in ("before", "after")]
    assert len(points) >= 36
    assert failures(points, lab_cluster, lab_engines, spaces, tmp_path) == []


def failures(
    points: Sequence[Point],
    cluster: Cluster,
    engines: dict[str, LabEngine],
    spaces: Callable[[], str],
    folder: Path,
) -> list[str]:
    """Several workloads at once, one on each engine; a workload serves for many points, until one of them fails."""
    left = list(points)
    found: list[str] = []
    kills: list[int] = []

    def work(engine: LabEngine) -> None:
        while left:
            with ridden(cluster, engine, spaces(), folder) as ride:
                wrong: list[str] = []
                while left and not wrong:
                    point = left.pop(0)
                    wrong = _wrongs(ride, point, kills)
                    found.extend(f"{' '.join(point)}: {each}" for each in wrong)

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(work, engine) for engine in engines.values()]:
            done.result()
    print(f"{len(points)} points, {sum(kills)} kills")  # noqa: T201 - the figures are asked for with -s
    return found


def _wrongs(ride: Ride, point: Point, kills: list[int]) -> list[str]:
    fate, at = point
    ride.begin_anew()
    before = ride.picture()
    chain = Chain(only="ROLLING_BACK")
    with ride.called() as report_of:
        ride.watch.fate = lambda label: fate if label == at and not chain.killed else chain(label)
        try:
            outcomes = ride.to_the_end(abort=True)
        except AssertionError as error:
            return [f"{error}; {[f'{verb} {ended.outcome}' for verb, ended, _ in ride.steps]}"]
        report = report_of()
    kills.append(outcomes.count(""))
    now = ride.picture()
    fronted = now["selector"] is not None
    entry = ride.entry()
    assert entry is not None
    # where callers were led to the Service it stays for them, and the legacy side behind it
    kept = {"selector", "legacy endpoints", "slices go with the Service"} if fronted else set()
    said = {
        f"it ended as {outcomes[-1]}": outcomes[-1] == "rolled-back",
        f"{len(chain.killed)} kills on the way back": len(chain.killed) >= 4,
        f"the Service stays, and the run was fronted: {entry.run.fronted}": fronted == entry.run.fronted,
        f"the legacy side is not called: {now['legacy endpoints']}": not fronted or len(now["legacy endpoints"]) == 1,
        f"pods are there: {ride.web.pods()}": not ride.web.pods(),
        "callers were failed: " + (report.told() if report else ""): report is None or not report.failed,
    }
    said |= {f"{key} is {now[key]}, and was {before[key]}": now[key] == before[key] for key in before.keys() - kept}
    return [each for each, holds in said.items() if not holds]
