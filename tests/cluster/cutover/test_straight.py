"""A served workload is moved from real engines to real pods under load, to the very end; no request is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cutover import RATE, moved
from migrate import diff_plan
from migrate.apply import Action, apply_plan
from migrate.cutover.driver import Event, Outcome
from migrate.cutover.endpoints import instance_key
from migrate.cutover.journal import FINALIZER, journal_name
from migrate.cutover.run import LAB
from migrate.cutover.states import State
from tests.cluster.cutover.leftovers import AFTER_FINALIZE, scene, undeclared
from tests.cluster.served import LEDGER, Served, several
from tests.cluster.traffic import Load, Report, Traffic, exactly_once, on_host, pod_addresses
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

# After SIGTERM it says to each connection that it was the last answer, for as long as any of them takes to ask again.
GRACEFUL = ("-lag=2s",)
# Less than that, and a test of what many requests meet would be one of few.
ENOUGH = 10_000
MANY = 100_000
# A bake of this length makes it so many.
BAKE_S = 30


@contextmanager
def web_on(lab: Cluster, engines: dict[str, LabEngine], space: str, folder: Path, **settings: Any) -> Iterator[Served]:
    hosts = [engines["edge-a1"], engines["edge-b1"]]
    environment = {"LEDGER": LEDGER}
    with several(
        lab, hosts, space, folder, names=["web"], flags=GRACEFUL, environment=environment, **settings
    ) as found:
        yield found["web"]


def load_on(web: Served) -> Traffic:
    """From the pods' network of a node, to the Service's address."""
    node = web.lab.nodes[0]
    load = Load(new=150, keep=20, keep_rate=2, poll=2, post=10, sources=pod_addresses(node, 2))
    return Traffic(on_host(node.host), web.address, load)


def test_to_the_end(lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path) -> None:
    with web_on(lab_cluster, lab_engines, space, tmp_path, scaled=True) as web:
        before = scene(web)
        cutover = web.cutover(on_drain_timeout="stop")
        events = cutover.run()
        states = list(until(events, State.BRIDGED))
        with load_on(web) as traffic:
            states += states_of(events)
            assert cutover.outcome is Outcome.REST, cutover.why
            assert states[-1] == State.STOPPED
            attached = web.attached()
            assert states_of(attached.finalize())[-1] == State.FINALIZED
            assert attached.outcome is Outcome.ENDED, attached.why
            stands_alone(web)
            assert undeclared(before, web, AFTER_FINALIZE) == []
            applied_takes_over(web)
            report = traffic.stop()
        nothing_lost(web, report)


@pytest.mark.prove
def test_at_a_thousand_new_connections_a_second(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path
) -> None:
    """With connections that stay, long polls and orders beside; the load is the benchmark's."""
    with web_on(lab_cluster, lab_engines, space, tmp_path, timings=replace(LAB, bake_s=BAKE_S)) as web:
        report = moved(web).report
        nothing_lost(web, report)
    row = (f"{RATE:,} new connections a second", f"{report.sent:,}", report.failed, 0, f"{report.seconds:.0f}")
    print(f"\n| {' | '.join(map(str, row))} |\n{report.told()}")  # noqa: T201 - the figures are asked for with -s
    assert report.sent >= MANY
    # it was that load, and not one that fell behind
    assert report.kinds["new"].sent > 0.99 * RATE * report.seconds


def test_held_by_connections_that_stay(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path
) -> None:
    """By default nobody is cut off: the run stands and names who is still connected, and goes on when they are gone.
    Then its containers are removed."""
    with web_on(lab_cluster, lab_engines, space, tmp_path) as web:
        cutover = web.cutover()
        events = cutover.run()
        states = list(until(events, State.BRIDGED))
        with load_on(web) as traffic:
            states += states_of(events)
            assert states[-1] == State.BAKING
            assert cutover.outcome is Outcome.PAUSED
            assert cutover.why.startswith("cutover-not-drained: "), cutover.why
            assert any(address in cutover.why for address in pod_addresses(web.lab.nodes[0], 2)), cutover.why
            assert web.running() == sorted(web.containers)
            report = traffic.stop()
        attached = web.attached()
        assert states_of(attached.resume())[-1] == State.STOPPED, attached.why
        assert web.running() == []
        nothing_lost(web, report)
        going = attached.removable()
        assert sorted(each.name for each in going) == sorted(web.containers)
        assert states_of(attached.finalize(remove=map(instance_key, going)))[-1] == State.FINALIZED
        for engine in web.containers.values():
            assert engine.client.containers.list(all=True, filters={"name": web.name}) == []


def until(events: Iterator[Event], state: State) -> Iterator[str]:
    """The states of a run up to this one."""
    for event in events:
        if event.kind == "state":
            yield event.state
            if event.state == state:
                return


def states_of(events: Iterator[Event]) -> list[str]:
    return [event.state for event in events if event.kind == "state"]


def nothing_lost(web: Served, report: Report) -> None:
    assert not report.failed, report.told()
    assert report.sent > ENOUGH
    assert all(kind.sent for kind in report.kinds.values()), report.told()
    orders = exactly_once(report, web.ledgers())
    assert orders.exact, orders
    assert orders.acknowledged > 100
    assert not orders.unacknowledged


def stands_alone(web: Served) -> None:
    """Pods serve, by the plan's own objects; containers are stopped and stay so; nothing else of the run is left."""
    lab, place = web.lab, ("-n", web.space)
    planned = {(each["kind"], each["metadata"]["name"]): each for _, each in web.plan.objects}
    service = lab.get("service", web.name, *place)
    assert service["spec"]["selector"] == planned["Service", web.name]["spec"]["selector"]
    slices = lab.get("endpointslices", "-l", f"kubernetes.io/service-name={web.name}", *place)["items"]
    makers = {each["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] for each in slices}
    assert makers == {"endpointslice-controller.k8s.io"}
    assert web.running() == []
    assert {each["HostConfig"]["RestartPolicy"]["Name"] for each in web.inspected().values()} == {"no"}
    journal = lab.get("configmap", journal_name(web.name), *place)
    assert journal["data"]["state"] == State.FINALIZED
    assert FINALIZER not in journal["metadata"].get("finalizers", ())
    pods = lab.get("pods", "-l", f"podlift.dev/workload={web.name}", *place)["items"]
    assert len(pods) == 2
    assert not [pod for pod in pods if "podlift.dev/admitted" in pod["metadata"]["labels"]]
    assert {"HorizontalPodAutoscaler", "PodDisruptionBudget"} <= {kind for kind, _ in planned}
    for kind, name in planned:
        lab.get(kind, name, *place)


def applied_takes_over(web: Served) -> None:
    """The plan goes over what the run left, and changes nothing that serves."""
    before = _serving(web)
    asked = apply_plan(web.plan, web.edge, dry_run="server")
    assert asked.complete, asked
    done = apply_plan(web.plan, web.edge)
    assert done.complete, done
    assert _serving(web) == before
    assert apply_plan(web.plan, web.edge).counts.keys() == {Action.UNCHANGED}
    assert diff_plan(web.plan, web.edge).objects == ()


def _serving(web: Served) -> tuple[Any, ...]:
    lab, place = web.lab, ("-n", web.space)
    service, deployment = lab.get("service", web.name, *place), lab.get("deployment", web.name, *place)
    return (
        service["metadata"]["uid"],
        service["spec"]["selector"],
        service["spec"]["clusterIP"],
        deployment["metadata"]["uid"],
        deployment["spec"]["replicas"],
        deployment["spec"]["template"],
        sorted(web.pods()),
    )
