"""The way back: only the legacy side answers again, whatever had been reached. Pure.

The good side is proven before the other one is left: legacy containers run and answer, each is ready in the slices as
soon as it does, then that is seen on every node, and only then one write for each Service un-admits all pods at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..plan.objects import title
from . import adopting, lost
from .decision import Act, Action, Measure, Pause, Question, Verb, Wait, made
from .endpoints import ADMITTED, gated_selector, instance_key, ports_of
from .moment import Moment, Steps
from .run import Condition
from .states import State
from .stopping import may_stop, until_stopped, was_told

_DOWN = "cutover-legacy-down"
_MOST_STARTS = 10


def back(m: Moment) -> Steps:
    """What is still to be done until only the legacy side answers and nothing of the run is left."""
    if m.run.fronted or any(seen is not None for _, seen in m.services):
        yield from services_stand(m)
        if not adopting.stand(m):
            yield from legacy_answers(m)
            yield from _ungated(m)
            # pods end once no node sends callers there; where none was ever admitted, nobody loses anything
            yield from m.observed(but_pods=m.run.state.reached < State.DEPLOYED.reached)
    yield from _pods_go(m)
    yield from legacy_as_it_was(m)
    if m.spec.adopted:
        yield from adopting.given_back(m)
    elif not m.run.fronted:
        yield from _unbridged(m)
    # a Service that callers hold stays the run's, and the next run takes it over
    yield from m.leave(m.controller(each) for each in m.spec.controllers)


def services_stand(m: Moment) -> Steps:
    """A Service that callers hold and that others deleted is made again, for whoever it led to: pods lose no caller
    before the legacy side answers."""
    for service, seen in m.services:
        if seen is None and m.run.fronted and service["metadata"]["name"] in m.run.addresses:
            # the gate is the run's first one, by which pods were admitted
            wide = m.spec.served_before or m.run.state.reached >= State.PROMOTED.reached
            yield m.serve(service, gate=m.spec.id, wide=wide)


def _ungated(m: Moment) -> Steps:
    for service, seen in m.services:
        if seen is not None and seen.name in m.spec.adopted:
            yield from adopting.regated(m, service, seen)
        elif seen is not None and seen.selector != gated_selector(service, m.run.gate):
            yield m.select(seen, gated_selector(service, m.run.gate), "no pod is admitted any more")


def legacy_answers(m: Moment) -> Steps:
    """What answers is called at once. Pods keep callers until all do that are to."""
    yield from _started(m)
    stopping = [key for key in m.keys if _stopping(m, key)]
    if stopping:
        # meanwhile
        yield from _policies(m)
    running = tuple(key for each in m.running if (key := instance_key(each)) not in stopping)
    # the port of one that was started may be another one: it is asked where it is now
    proven = [key for key in running if m.wanted(key) is Condition.READY or m.answered(key)]
    yield from m.want(dict.fromkeys(proven, Condition.READY), "the legacy side takes callers again")
    yield from m.follows(but_low=True)
    silent = {key: why for key in m.keys if key not in stopping and (why := _silent(m, key))}
    given_up = [key for key in silent if lost.accepted(m, key)]
    # what a user gave up may answer all the same
    yield from m.answers(tuple(key for key in given_up if key in running and key not in m.evidence.replies))
    unwanted = [key for key in given_up if m.wanted(key) is Condition.STANDBY]
    yield from m.want(dict.fromkeys(unwanted, Condition.ABSENT), "callers are led back without it, as a user accepted")
    yield from _awaited(m, {key: why for key, why in silent.items() if key not in given_up}, running)
    for _, seen in m.services:
        if seen is None or stopping or m.spec.served_before:
            continue
        if not any(each.source == "legacy" for each in seen.takers):
            reason = f"none of the legacy containers answers behind {seen.name}: pods keep serving"
            yield Pause(code="cutover-legacy-gone", reason=reason)
    yield from m.observed(but_pods=True)
    for key in stopping:
        told = "was told to stop" if was_told(m.run, key) else "is in no slice and may have been told to stop"
        why, container = f"{m.name(key)} {told}; when it has, it is started again", m.world.container(key)
        assert container is not None
        yield until_stopped(container, why, m.spec.timings.ready_timeout_s)


def _started(m: Moment) -> Steps:
    """Containers that stopped run again. One that ends again has twice the time until it is started once more."""
    for key in m.keys:
        container, told = m.world.container(key), m.evidence.starting.get(key)
        if container is None or container.running or lost.accepted(m, key):
            continue
        if told is None or (told.times < _MOST_STARTS and m.boot - told.at >= 2 ** (told.times - 1)):
            yield from m.want({key: Condition.ABSENT}, f"{m.name(key)} is called again when it answers")
            yield Act(
                action=Action(verb=Verb.START, kind="Container", name=key), why="the legacy side is to serve again"
            )


def _stopping(m: Moment, key: str) -> bool:
    container = m.world.container(key)
    return container is not None and may_stop(m.run, key, container, m.now)


def _silent(m: Moment, key: str) -> str:
    """Why an instance does not take callers; ``""``: it does, or it is gone and can take none."""
    container, blind = m.world.container(key), m.blind(key)
    if container is None and not blind:
        return ""
    if container is not None and not container.running:
        return lost.ended(m, key)
    stands = [
        m.standing(service["metadata"]["name"]).get(key, Condition.ABSENT)
        for service, _ in m.services
        if container is None or ports_of(service, container) is not None
    ]
    if all(each is Condition.READY for each in stands):
        return ""
    if blind:
        host = m.original(key).host
        return f"engine {host} cannot be read: {m.world.found.unread[host]}"
    reply = m.evidence.replies.get(key)
    if reply is not None and not reply.passed:
        return reply.said
    return "its probe fails" if None in stands else "it has not answered yet"


def _awaited(m: Moment, silent: Mapping[str, str], running: Collection[str]) -> Steps:
    """Those that are to take callers do."""
    if not silent:
        return
    names = ", ".join(m.name(key) for key in silent)
    said = "; ".join(f"{m.name(key)}: {why}" for key, why in silent.items())
    why = f"to lead callers back, {names} has to answer ({said}); {lost.ways_on(m, silent)}"
    for key in silent:
        container, told = m.world.container(key), m.evidence.starting.get(key)
        if container is not None and not container.running and told is not None and told.times >= _MOST_STARTS:
            yield Pause(code=_DOWN, reason=why)
    asked = tuple(key for key in silent if key in running)
    patience_s = m.spec.timings.ready_timeout_s
    if asked:
        yield Measure(question=Question.ASK, of=asked, why=why, timeout_s=patience_s, code=_DOWN)
    yield Wait(why=why, timeout_s=patience_s, code=_DOWN)


def _pods_go(m: Moment) -> Steps:
    yield from unmade(m)
    for pod in m.world.pods:
        if pod.admitted and not pod.ending:
            yield m.patch(pod, {"metadata": {"labels": {ADMITTED: None}}}, "an old gate's label")
    for planned in m.spec.controllers:
        seen = m.controller(planned)
        if seen is not None and (seen.replicas or seen.paused):
            yield m.patch(seen, {"spec": {"replicas": 0, "paused": False}}, "the pods end")
    if m.world.pods:
        yield Wait(why="the pods end", timeout_s=m.spec.timings.ready_timeout_s)


def legacy_as_it_was(m: Moment) -> Steps:
    yield from _policies(m)
    unread = {key: m.original(key).host for key in m.keys if m.blind(key) and not lost.accepted(m, key)}
    if unread:
        said = "; ".join(f"engine {host}: {m.world.found.unread[host]}" for host in sorted({*unread.values()}))
        why = f"what cannot be read is to be as it was ({said}); {lost.ways_on(m, unread)}"
        yield Wait(why=why, timeout_s=m.spec.timings.ready_timeout_s, code=_DOWN)
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


def unmade(m: Moment) -> Steps:
    """What the run made to scale and guard pods goes; what bore the name before is somebody's."""
    for each in m.spec.later:
        if title(each) in m.world.made and made(title(each)) in m.run.done:
            action = Action(
                verb=Verb.DELETE, kind=each["kind"], api_version=each["apiVersion"], name=each["metadata"]["name"]
            )
            yield Act(action=action, why="nothing is to be scaled or guarded")


def _policy(said: object) -> tuple[str, int]:
    assert isinstance(said, dict)
    return str(said.get("Name") or "no"), int(said.get("MaximumRetryCount") or 0)


def _unbridged(m: Moment) -> Steps:
    """Nobody was led to the Services: they go, and the slices with them. No front has been made by then."""
    for _, seen in m.services:
        if seen is not None and seen.run == m.spec.id:
            action = Action(verb=Verb.DELETE, kind="Service", name=seen.name, uid=seen.uid, version=seen.version)
            yield Act(action=action, why="it was never callers' way")
    yield from m.want(dict.fromkeys(m.keys, Condition.ABSENT), "the slices go")
    yield from m.follows()
