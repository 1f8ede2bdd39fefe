"""Wherever a run stands, it can be led back, by who drives it or by another; no caller notices, and nothing stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from converters.errors import PodliftError
from migrate.apply import Action, apply_plan
from migrate.cutover.driver import Event, Outcome
from migrate.cutover.journal import journal_name
from migrate.cutover.states import State
from tests.cluster.cutover.aborting import (
    GRACEFUL,
    POINTS,
    QUICK,
    STOPPING,
    STUBBORN,
    STUBBORN_S,
    WRITES,
    Aborted,
    Point,
    aborted,
)
from tests.cluster.cutover.leftovers import AFTER_ABORT, scene, undeclared
from tests.cluster.served import Served, served, several
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

ACKNOWLEDGED_S = 2.0
RESTORING_S = 5.0
AT_ONCE = 4


def test_in_each_state(lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path) -> None:
    hosts = [lab_engines["edge-a1"], lab_engines["edge-b1"]]
    names = [point.name for point in POINTS]
    with ExitStack() as stack:
        found = stack.enter_context(
            several(lab_cluster, hosts, space, tmp_path, names=names, flags=GRACEFUL, timings=QUICK)
        )
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=AT_ONCE))
        running = {point: pool.submit(aborted, found[point.name], point) for point in POINTS}
        wrong = {point.name: [*wrongs(found[point.name], point, of.result())] for point, of in running.items()}
    assert not any(wrong.values()), "\n".join(f"{name}: {each}" for name, of in wrong.items() for each in of)


@pytest.mark.prove
def test_while_a_container_has_its_grace(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path
) -> None:
    """The engine is not waited for; the container is started again when it has stopped."""
    hosts = [lab_engines["edge-a1"], lab_engines["edge-b1"]]
    with several(
        lab_cluster, hosts, space, tmp_path, names=["web"], flags=STUBBORN, stop_s=STUBBORN_S, timings=QUICK
    ) as found:
        made = aborted(found["web"], STOPPING)
        print(f"heard after {made.heard_s:.2f} s, first write after {made.restoring_s:.2f} s: {made.first}")  # noqa: T201 - figures
        assert [*wrongs(found["web"], STOPPING, made)] == []
        told, started = (
            next(each["at"] for each in found["web"].attached().entry().history if each["text"].startswith(said))
            for said in ("stop Container", "start Container")
        )
        assert started - told >= STUBBORN_S - 1


def wrongs(web: Served, point: Point, made: Aborted) -> Iterator[str]:
    """What is not as it was before the run, or took too long."""
    entry = web.attached().entry()
    if made.outcome is not Outcome.ROLLED_BACK or entry.run.state is not State.ROLLED_BACK:
        yield f"it ended as {made.outcome}, {entry.run.state}: {entry.run.paused}"
    if made.report.failed:
        yield made.report.told()
    if made.heard_s > ACKNOWLEDGED_S or made.restoring_s > RESTORING_S:
        yield f"heard after {made.heard_s:.2f} s, first write after {made.restoring_s:.2f} s: {made.first}"
    short = {each["Id"][:12] for each in web.inspected().values()}
    last = [name for second in made.report.series[-3:-1] for kind in second.values() for name in kind["backends"]]
    if not last or not all(name.split("/")[0] in short for name in last):
        yield f"at last {sorted(set(last))} answered"
    if web.running() != sorted(web.containers):
        yield f"only {web.running()} run"
    policies = {each["HostConfig"]["RestartPolicy"]["Name"] for each in web.inspected().values()}
    if policies != {"always"}:
        yield f"restart policies are {policies}"
    if Path(web.settings.hooks["freeze"][-1]).exists():
        yield "the scheduler is frozen"
    yield from _left(web, point)


def _left(web: Served, point: Point) -> Iterator[str]:
    lab, place = web.lab, ("-n", web.space)

    def there(kind: str, name: str) -> bool:
        return bool(lab.kubectl("get", kind, name, *place, "--ignore-not-found", "-o", "name").strip())

    if pods := web.pods():
        yield f"pods are there: {pods}"
    if there("lease", journal_name(web.name)):
        yield "somebody holds the lock"
    if there("poddisruptionbudget", web.name):
        yield "its PodDisruptionBudget is there"
    if lab.get("configmap", journal_name(web.name), *place)["metadata"].get("finalizers"):
        yield "the journal has a finalizer"
    if there("service", web.name) == (point.state is State.BRIDGED):
        yield "the Service is not as callers need it"
    slices = lab.get("endpointslices", "-l", f"kubernetes.io/service-name={web.name}", *place)["items"]
    ready = [one for each in slices for one in each["endpoints"] or () if one["conditions"]["ready"]]
    if len(ready) != (0 if point.state is State.BRIDGED else len(web.containers)):
        yield f"ready endpoints: {ready}"
    if (again := apply_plan(web.plan, web.edge, workloads=[web.name])).counts.keys() != {Action.UNCHANGED}:
        yield f"an apply is not done: {[each for each in again.outcomes if each.action is not Action.UNCHANGED]}"


def test_interrupted_then_two_operators(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path
) -> None:
    """An interrupt pauses and gives the lock back. While one drives, another is refused, or takes it over for good."""
    with served(lab_cluster, lab_engines["edge-a1"], space, tmp_path, timings=QUICK) as web:
        before = scene(web)
        stop = threading.Event()
        cutover = web.cutover()
        for event in cutover.run(interrupted=stop.is_set):
            if event.state == State.FRONTED:
                stop.set()
        assert (cutover.outcome, cutover.why.partition(":")[0]) == (Outcome.PAUSED, "interrupted")
        assert not _lease(web)

        first, told, driving = web.attached(), list[Event](), threading.Event()

        def drive() -> None:
            for event in first.resume():
                told.append(event)
                if event.state == State.SHIFT:
                    driving.set()

        thread = threading.Thread(target=drive)
        thread.start()
        try:
            assert driving.wait(60), told
            with pytest.raises(PodliftError, match="drives its cutover") as refused:
                list(web.attached().resume())
            assert refused.value.code == "cutover-locked"
            second, went_on = web.attached(), list[Event]()
            end = threading.Event()
            for event in second.resume(take_over=True, interrupted=end.is_set):
                went_on.append(event)
                if event.state == State.PROMOTED:
                    end.set()
        finally:
            thread.join(60)
        assert first.outcome is Outcome.LOST, first.why
        taken_at = next(event.at for event in went_on if event.kind == "take-over")
        assert [event for event in told if event.at > taken_at and event.kind in WRITES] == []
        assert went_on[-1].state == State.PROMOTED
        assert list(second.abort())
        assert second.outcome is Outcome.ROLLED_BACK, second.why
        assert undeclared(before, web, AFTER_ABORT) == []


def _lease(web: Served) -> str:
    return web.lab.kubectl("get", "lease", journal_name(web.name), "-n", web.space, "--ignore-not-found", "-o", "name")
