"""Workloads come from a scheduler that starts again what stops: a run ends it only where that scheduler keeps off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.run import LAB
from migrate.cutover.states import State
from tests.cluster.cutover.scheduler import Scheduler
from tests.cluster.served import Served, served
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

Engines = dict[str, LabEngine]
Scheduled = Callable[..., AbstractContextManager[tuple[Served, Scheduler]]]


@pytest.fixture
def scheduled(lab_cluster: Cluster, lab_engines: Engines, space: str, tmp_path: Path) -> Scheduled:
    """A workload, served as what is given says, and the scheduler that its containers come from."""

    @contextmanager
    def made(**more: Any) -> Iterator[tuple[Served, Scheduler]]:
        with (
            served(lab_cluster, lab_engines["edge-a1"], space, tmp_path, **more) as web,
            Scheduler(web, tmp_path) as scheduler,
        ):
            yield web, scheduler

    return made


def states_of(web: Served, **settings: Any) -> tuple[list[str], Outcome, str]:
    cutover = web.cutover(**settings)
    states = [event.state for event in cutover.run() if event.kind == "state"]
    return states, cutover.outcome, cutover.why


def test_a_scheduler_that_keeps_off_is_left_by_its_workload(scheduled: Scheduled) -> None:
    with scheduled(dynamic=True) as (web, scheduler):
        scheduler.look()
        cutover = web.cutover(hooks=scheduler.hooks)
        for event in cutover.run():
            if event.kind == "state" and event.state == State.SHIFT:
                # its callers go elsewhere, and it would rather have fewer
                scheduler.count = 1
        assert cutover.outcome is Outcome.REST, cutover.why
        assert web.running() == []
        scheduler.look()
        assert (scheduler.started, scheduler.removed) == ([], [])


def test_a_scheduler_that_does_not_listen_keeps_its_containers(scheduled: Scheduled) -> None:
    """The hook says that it was told, and it goes on: nothing is stopped, and nobody is led anywhere."""
    with scheduled(dynamic=True) as (web, scheduler):
        deaf = {**scheduler.hooks, "freeze": ("true",)}
        states, outcome, why = states_of(web, hooks=deaf, timings=replace(LAB, ready_timeout_s=8))
        assert outcome is Outcome.PAUSED
        assert why.startswith("cutover-timeout: the legacy scheduler is to leave the workload alone"), why
        assert states == [State.PREFLIGHT]
        assert web.running() == sorted(web.containers)
        list(web.attached().abort())
        assert web.running() == sorted(web.containers)


@pytest.mark.prove
def test_a_scheduler_that_forgets_what_it_was_told_keeps_its_containers(scheduled: Scheduled) -> None:
    """When pods serve already: nothing is stopped, and its engine looks after it as before."""
    with scheduled(dynamic=True) as (web, scheduler):
        cutover = web.cutover(hooks=scheduler.hooks)
        for event in cutover.run():
            if event.kind == "state" and event.state == State.PROMOTED:
                scheduler.thaw()
        assert cutover.outcome is Outcome.PAUSED
        assert cutover.why.startswith("cutover-not-frozen: "), cutover.why
        assert "hook frozen (test): it ended with 1" in cutover.why
        assert web.running() == sorted(web.containers)
        list(web.attached().abort())
        assert web.running() == sorted(web.containers)


def test_without_a_word_to_the_scheduler_the_run_ends_at_standby(scheduled: Scheduled) -> None:
    with scheduled(hooks=False) as (web, scheduler):
        states, outcome, why = states_of(web)
        assert (states[-1], outcome) == (State.STANDBY, Outcome.REST), why
        assert "no freeze hook" in why
        assert web.running() == sorted(web.containers)
        # what would come of it: whoever stops a container has another one a moment later
        web.engine.client.containers.get(min(web.containers)).stop()
        scheduler.look()
        assert len(scheduler.started) == 1
