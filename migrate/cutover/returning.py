"""The way back: only the legacy side answers again, whatever had been reached. Pure.

The good side is proven before the other one is left: legacy containers run and answer, then they are ready in the
slices, then that is seen on every node, and only then one write for each Service un-admits all pods at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..plan.objects import title
from .decision import Act, Action, Pause, Verb, Wait
from .endpoints import ADMITTED, gated_selector, instance_key
from .moment import Moment, Steps
from .run import Condition
from .stopping import may_stop


def back(m: Moment) -> Steps:
    """What is still to be done until only the legacy side answers and nothing of the run is left."""
    served = any(seen is not None for _, seen in m.services)
    if served:
        yield from _legacy_answers(m)
        for service, seen in m.services:
            if seen is not None and seen.selector != gated_selector(service, m.run.gate):
                yield m.select(seen, gated_selector(service, m.run.gate), "no pod is admitted any more")
        yield from m.observed()
    yield from _pods_go(m)
    yield from _legacy_as_it_was(m)
    if not m.run.fronted:
        yield from _unbridged(m)
    # a Service that callers hold stays the run's, and the next run takes it over
    yield from m.leave(m.controller(each) for each in m.spec.controllers)


def _legacy_answers(m: Moment) -> Steps:
    present = [key for key in m.keys if m.world.container(key) is not None]
    if not present:
        yield Pause(
            code="cutover-legacy-gone", reason="none of the legacy containers is there any more: pods keep serving"
        )
    for key in present:
        container = m.world.container(key)
        if container is not None and not container.running:
            yield Act(
                action=Action(verb=Verb.START, kind="Container", name=key), why="the legacy side is to serve again"
            )
    stopping = [key for key in present if _stopping(m, key)]
    if stopping:
        # meanwhile
        yield from _policies(m)
    running = tuple(key for each in m.running if (key := instance_key(each)) not in stopping)
    unproven = tuple(key for key in running if m.wanted(key) is not Condition.READY)
    # its port may be another one since it was started: it is asked where it is now
    yield from m.answers(unproven)
    yield from m.want(dict.fromkeys(running, Condition.READY), "the legacy side takes callers again")
    yield from m.follows()
    yield from m.observed(but_pods=True)
    for key in stopping:
        yield Wait(why=f"{m.name(key)} was told to stop; when it has, it is started again")


def _stopping(m: Moment, key: str) -> bool:
    container = m.world.container(key)
    return container is not None and may_stop(m.run, key, container, m.now)


def _pods_go(m: Moment) -> Steps:
    yield from _deleted(m, m.spec.later, "nothing is to be scaled or guarded")
    for pod in m.world.pods:
        if pod.admitted and not pod.ending:
            yield m.patch(pod, {"metadata": {"labels": {ADMITTED: None}}}, "an old gate's label")
    for planned in m.spec.controllers:
        seen = m.controller(planned)
        if seen is not None and (seen.replicas or seen.paused):
            yield m.patch(seen, {"spec": {"replicas": 0, "paused": False}}, "the pods end")
    if m.world.pods:
        yield Wait(why="the pods end", timeout_s=m.spec.timings.ready_timeout_s)


def _legacy_as_it_was(m: Moment) -> Steps:
    yield from _policies(m)
    if "begun freeze" in m.run.done and "unfreeze" not in m.run.done and m.spec.hooks.get("unfreeze"):
        yield m.hook("unfreeze", "the legacy scheduler looks after the workload again")


def _policies(m: Moment) -> Steps:
    for key in m.keys:
        container, original = m.world.container(key), m.original(key)
        if container is not None and _policy(container.restart) != _policy(original.restart):
            yield Act(
                action=Action(verb=Verb.RESTART, kind="Container", name=key, body=dict(original.restart)),
                why="its engine looks after it again",
            )


def _deleted(m: Moment, objects: Iterable[Mapping[str, Any]], why: str) -> Steps:
    for each in objects:
        if title(each) in m.world.later:
            action = Action(
                verb=Verb.DELETE, kind=each["kind"], api_version=each["apiVersion"], name=each["metadata"]["name"]
            )
            yield Act(action=action, why=why)


def _policy(said: object) -> tuple[str, int]:
    assert isinstance(said, dict)
    return str(said.get("Name") or "no"), int(said.get("MaximumRetryCount") or 0)


def _unbridged(m: Moment) -> Steps:
    """Nobody was led to the Services: they go, and the slices with them."""
    yield from _deleted(m, m.spec.fronts, "nobody is to be led to the Service")
    for _, seen in m.services:
        if seen is not None and seen.run == m.spec.id:
            action = Action(verb=Verb.DELETE, kind="Service", name=seen.name, uid=seen.uid, version=seen.version)
            yield Act(action=action, why="it was never callers' way")
    yield from m.want(dict.fromkeys(m.keys, Condition.ABSENT), "the slices go")
    yield from m.follows()
