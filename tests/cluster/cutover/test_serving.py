"""A workload that was applied to the end beside its containers, so that its pods serve: it is cut over where it stands,
under load, and led back to its pods; no request is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from migrate.apply import Action, apply_plan
from migrate.cutover.driver import Event, Outcome
from migrate.cutover.states import State
from tests.cluster.cutover.aborting import GRACEFUL, QUICK
from tests.cluster.cutover.leftovers import scene, undeclared
from tests.cluster.served import Served, served
from tests.cluster.traffic import Load, Traffic, on_host, pod_addresses
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

# The Service and its pods stood before: the journal stays, and what the Deployment's controller copies for good.
AFTER_ABORT = ("ConfigMap/cutover-{name}: added", r"ReplicaSet/{name}: metadata\.annotations\[podlift\.dev/epoch\]")


@contextmanager
def serving(lab: Cluster, engine: LabEngine, space: str, folder: Path) -> Iterator[Served]:
    with served(lab, engine, space, folder, flags=GRACEFUL, timings=QUICK) as web:
        applied = apply_plan(web.plan, web.edge, never_cut_over=[web.name], wait=True)
        assert applied.complete, applied
        yield web


def load_on(web: Served) -> Traffic:
    node = web.lab.nodes[0]
    load = Load(new=20, keep=4, keep_rate=2, post=2, poll=0.5, poll_for_s=2, sources=pod_addresses(node))
    return Traffic(on_host(node.host), web.address, load)


def until(events: Iterator[Event], state: State) -> None:
    next(event for event in events if (event.kind, event.state) == ("state", state))


@pytest.mark.prove
def test_to_the_end(lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path) -> None:
    with serving(lab_cluster, lab_engines["edge-a1"], space, tmp_path) as web:
        service, pods = lab_cluster.get("service", web.name, "-n", space), web.pods()
        with load_on(web) as traffic:
            cutover = web.cutover(on_drain_timeout="stop")
            for _ in cutover.run():
                assert sorted(web.pods()) == sorted(pods)
            assert cutover.outcome is Outcome.REST, cutover.why
            assert web.running() == []
            attached = web.attached()
            for _ in attached.finalize():
                pass
            assert attached.outcome is Outcome.ENDED, attached.why
            report = traffic.stop()
        assert not report.failed, report.told()
        after = lab_cluster.get("service", web.name, "-n", space)
        assert (after["metadata"]["uid"], after["spec"]) == (service["metadata"]["uid"], service["spec"])
        assert apply_plan(web.plan, web.edge).counts.keys() == {Action.UNCHANGED}


@pytest.mark.parametrize(
    "state", [*(pytest.param(each, marks=pytest.mark.prove) for each in (State.BRIDGED, State.PROMOTED)), State.STOPPED]
)
def test_back_to_its_pods(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path, state: State
) -> None:
    with serving(lab_cluster, lab_engines["edge-a1"], space, tmp_path) as web:
        before = scene(web)
        with load_on(web) as traffic:
            events = web.cutover(on_drain_timeout="stop").run()
            until(events, state)
            events.close()  # type: ignore[attr-defined]
            attached = web.attached()
            for _ in attached.abort():
                pass
            assert attached.outcome is Outcome.ROLLED_BACK, attached.why
            report = traffic.stop()
        assert not report.failed, report.told()
        assert web.running() == sorted(web.containers)
        assert undeclared(before, web, AFTER_ABORT) == []
        assert apply_plan(web.plan, web.edge, never_cut_over=[web.name]).counts.keys() == {Action.UNCHANGED}
