"""A workload whose pods took the Services' callers before the run: it is taken over, and given back to them. Pure.

Its selectors stay wide from the beginning to the end, so that no pod ever loses its callers. Containers come beside the
pods, and leave again: going forward for good, going back for those who call them directly, as before the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from . import returning
from .decision import Act, Approve, Commit, Wait
from .endpoints import marks, wide_selector
from .moment import Moment, Steps
from .run import FAILED, Condition, Direction, Run, Spec
from .states import State
from .world import SeenService

ALONE = "pods alone"
"""Among Run.done, on the way back: pods were seen to answer, and the legacy side leaves the slices."""


def awaits(m: Moment, planned: Mapping[str, Any], seen: SeenService) -> bool:
    """Whether a Service stands as it did before the run, and is to be taken over."""
    return m.spec.served_before and not seen.run and seen.selector == wide_selector(planned)


def taken(m: Moment, seen: SeenService) -> Act:
    """Its callers have the legacy side's slices beside the pods by then."""
    change = {"metadata": {"annotations": marks(m.spec, m.run.epoch)}}
    return m.patch(seen, change, "the run takes the Service over, and pods keep their callers")


def held_back(spec: Spec, run: Run) -> bool:
    """Whether a gate sent it back, to the very pods that it failed: a user says whether they are to be alone."""
    sent = run.direction is Direction.BACK and FAILED in run.evidence
    return spec.served_before and sent and not {ALONE, f"approve:{State.ROLLED_BACK}"} & run.done


def back(m: Moment) -> Steps:
    """What is still to be done until pods alone answer behind the Services, containers run as they did, and nothing of
    the run is left. The legacy side takes callers as well until pods are seen to answer on every node: who was led to
    the Services meanwhile has them alone then."""
    yield from returning.services_stand(m)
    # before that the run had sent nobody anywhere
    begun = bool(m.run.wanted) or m.run.state.reached >= State.BRIDGED.reached
    if ALONE not in m.run.done:
        if begun:
            yield from returning.legacy_answers(m)
            yield from _pods_answer(m)
        run = replace(m.run, wanted=dict.fromkeys(m.keys, Condition.ABSENT), done=m.run.done | {ALONE})
        yield Commit(run=run, why="pods take callers alone, as before the run")
    yield from m.follows()
    yield from returning.unmade(m)
    for planned in m.spec.controllers:
        controller = m.controller(planned)
        if controller is not None and controller.paused:
            yield m.patch(controller, {"spec": {"paused": False}}, "rollouts may go on")
    yield from returning.legacy_as_it_was(m)
    yield from m.leave([*(seen for _, seen in m.services), *(m.controller(each) for each in m.spec.controllers)])


def _pods_answer(m: Moment) -> Steps:
    """As many as are to, on every node; those that a gate failed, with a user's word."""
    for service, seen in m.services:
        if seen is not None and seen.selector != wide_selector(service):
            yield m.select(seen, wide_selector(service), "its pods take callers, as before the run")
    if held_back(m.spec, m.run):
        said = f"{m.run.evidence[FAILED]}: until then the legacy side takes callers beside these pods"
        yield Approve(state=State.ROLLED_BACK.value, why=said)
    ready = sum(each.ready and not each.ending for each in m.world.pods)
    if ready < m.count:
        yield Wait(
            why=f"{ready} of {m.count} pods are ready: until all are, the legacy side takes callers too",
            timeout_s=m.spec.timings.ready_timeout_s,
        )
    yield from m.observed()
