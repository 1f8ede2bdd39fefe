"""What a real run does to its world, step by step, is what it does to the model's: so the model may be trusted.

Two runs at once, each with an engine and a namespace of its own: one to the end, and one that is killed when its
containers are stopped, and goes all the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from migrate.cutover.outbound import Outbound
from tests.cluster.cutover.killing import Ride, ridden
from tests.cutover.killing import Kill, finished
from tests.cutover.model import NAME, SPACE, Model
from tests.cutover.traces import Picture, differences, picture
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

Trace = list[tuple[str, Picture]]
LAST = "DRAINED: patch ConfigMap/cutover-web state"


def test_real_runs_go_as_the_models(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], spaces: Callable[[], str], tmp_path: Path
) -> None:
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        one, two = (
            stack.enter_context(ridden(lab_cluster, lab_engines[name], spaces(), tmp_path))
            for name in ("edge-a1", "edge-b1")
        )
        straight, back = pool.submit(real, one, []), pool.submit(real, two, [Kill(LAST, 1, "after", abort=True)])
        for trace, kills in ((straight, []), (back, [Kill(LAST, 1, "after", abort=True)])):
            found = trace.result()
            assert len(found) > 60
            assert differences(found, modelled(kills)) == []
    assert _forward(straight.result()) == _forward(back.result())


def real(ride: Ride, kills: Sequence[Kill]) -> Trace:
    seen: Trace = []
    ride.watch.arriving = lambda label: seen.append((label, ride.picture()))
    ride.watch.fate = lambda label: "after" if label in {each.label for each in kills} else ""
    ride.to_the_end(abort=bool(kills))
    seen.append(("end", ride.picture()))
    statuses = [each.status for each in ride.watch.writes] + [200]
    return _counted(seen, statuses)


def modelled(kills: Sequence[Kill]) -> Trace:
    world = Model(pods=2, legacy=1)
    world.direct = {}
    seen: Trace = []

    def look(label: str) -> None:
        containers = {f"{each.host}/{each.id[:2]}": (each.running, each.restart["Name"]) for each in world.containers}
        taken = picture(world, SPACE, NAME, run="run1", containers=containers, frozen=world.frozen)
        seen.append((label, taken))

    world.arriving = look
    world.begin(later=(), resolved_before=False, outbound=Outbound(), check={"kind": "tcp"})
    finished(world, kills)
    look("end")
    return _counted(seen, [200] * len(seen))


def _forward(trace: Trace) -> list[str]:
    """Its writes up to where one of the two turns."""
    labels = [label for label, _ in trace]
    return labels[: labels.index(LAST) + 1]


def _counted(seen: Trace, statuses: Sequence[int]) -> Trace:
    """Without what users ask, without what gates saw, of which there is as much as there is time, and without intents
    of what was not done at once: refused, since an object had changed, or not sent."""
    kept: Trace = []
    for each, status in zip(seen, statuses, strict=True):
        if status >= 300 or (kept and " intent " in each[0] and kept[-1][0] == each[0]):
            assert " intent " in kept.pop()[0]
        if status < 300 and not each[0].endswith((" ask", " gate")):
            kept.append(each)
    return kept
