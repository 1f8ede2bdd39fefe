"""The machine: from what a run is and what is seen, the one thing to do next. Pure, and the same after every restart.

A state is reached when nothing is left of what leads to it: each ``_to_STATE`` yields the first thing that is not yet
as it must be. Nothing is remembered of how far an earlier process came, but for what the journal says and what is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from . import (
    adopting,
    bypassing,
    conditions,
    datagrams,
    drain,
    ending,
    freezing,
    groups,
    lost,
    reaching,
    replanning,
    serving,
)
from .decision import Act, Action, Commit, Decision, Pause, Question, Rest, Verb, Wait
from .endpoints import ADMITTED, JOINED, gated_selector, instance_key, marks, wide_selector
from .moment import Moment, Steps
from .newcomers import newcomers, outside, recorded
from .removal import removed
from .returning import back
from .run import Condition, Controller, Direction, grace_of
from .states import ENDED, State, after
from .stopping import UNSTOPPED, absent, grace_said, lasts, until_stopped
from .world import UNTRIED, SeenController, ports_asked

_MOST_STOPS = 3


def decide(moment: Moment) -> Decision:
    """The next thing. A paused run has none: the driver does not ask."""
    run = moment.run
    if run.state in ENDED:
        return Rest(why=f"the run is {run.state}")
    if run.direction is Direction.BACK:
        way = serving.back if moment.spec.served_before else back
        decision = next(_guards_back(moment), None) or next(way(moment), None)
        kept = adopting.kept(moment)
        stays = f"; {', '.join(kept)} stays the run's, since what it led to is not there any more" if kept else ""
        why = "pods alone answer, as before" if moment.spec.served_before else f"only the legacy side answers{stays}"
        return decision or Commit(run=run.at(State.ROLLED_BACK, moment.now), why=why)
    decision = next(_guards(moment), None) or next(_WAYS[run.state](moment), None)
    return decision or Commit(run=run.at(after(run.state), moment.now), why=f"{run.state} is behind")


def _guards_back(m: Moment) -> Steps:
    yield from m.claims()
    yield from replanning.in_place(m)


def _guards(m: Moment) -> Steps:
    """What must hold at every step forward."""
    yield from _readable(m)
    yield from m.claims()
    yield from replanning.in_place(m)
    if m.run.state.reached < State.BRIDGED.reached:
        return
    for service, seen in m.services:
        name = service["metadata"]["name"]
        if seen is None:
            yield from _restored(m, name)
            continue
        if seen.ports != ports_asked(service):
            yield from _set_back(m, f"somebody changed the ports of {name}")
            told = ", ".join("/".join(map(str, each)) for each in seen.ports)
            yield Pause(code="cutover-ports", reason=f"the ports of {name} are not the plan's: {told}")
        wide, served = seen.selector == wide_selector(service), m.spec.served_before
        if not wide and (served or seen.selector != gated_selector(service, m.run.gate)):
            yield from _set_back(m, f"somebody changed the selector of {name}")
            yield Pause(
                code="cutover-selector", reason=f"the selector of {name} is not the run's: {dict(seen.selector)}"
            )
        if wide and not served and m.run.state.reached < State.PROMOTED.reached and m.run.step < len(m.spec.steps):
            yield from _set_back(m, f"somebody widened the selector of {name}")
            yield Pause(code="cutover-selector", reason=f"somebody widened the selector of {name}: pods serve unasked")
        if not wide and m.run.state.reached >= State.PROMOTED.reached:
            yield from _set_back(m, f"the selector of {name} lets no pod in")
            yield Pause(code="cutover-selector", reason=f"somebody narrowed the selector of {name}")
    yield from _legacy_as_known(m)


def _set_back(m: Moment, why: str) -> Steps:
    """Until PROMOTED it never left. What GitOps set back is watched anew, once somebody has seen to it."""
    if conditions.WATCHED in m.run.since and m.run.state is State.BRIDGED:
        since = {what: at for what, at in m.run.since.items() if what != conditions.WATCHED}
        yield Commit(run=replace(m.run, since=since), why=f"{why}: it is to be watched anew")
    if m.run.state.reached >= State.PROMOTED.reached:
        yield from conditions.called_back(m, why)


def _readable(m: Moment) -> Steps:
    for host, why in sorted(m.world.found.unread.items()):
        yield Wait(why=f"engine {host} cannot be read: {why}", timeout_s=m.spec.timings.ready_timeout_s)


def _restored(m: Moment, name: str) -> Steps:
    """A Service that others deleted is made again, at its address, for clients that know it."""
    yield from m.follows()
    planned = next(each for each in m.spec.services if each["metadata"]["name"] == name)
    wide = m.spec.served_before or m.run.state.reached >= State.PROMOTED.reached
    yield m.serve(planned, gate=m.run.gate, wide=wide)


def _legacy_as_known(m: Moment) -> Steps:
    """The containers are those of which the run knows, and those that are to serve run."""
    refused = outside(m.spec, m.run, m.world.found)
    for each in newcomers(m.spec, m.run, m.world.found):
        why = refused.get(instance_key(each), "")
        then = f"outside the plan: {why}; resume --replan takes it in" if why else "resume takes it in"
        yield Pause(
            code="cutover-legacy-changed",
            reason=f"{each.name} on {each.host} was started since the run began{', ' if why else '; '}{then}",
        )
    for key in m.keys:
        container = m.world.container(key)
        if m.wanted(key) is not Condition.ABSENT and (container is None or not container.running):
            if lost.accepted(m, key):
                yield from m.want({key: Condition.ABSENT}, f"{m.name(key)} is lost, as a user accepted")
            then = "resume goes on without it" if container is None else lost.ways_on(m, [key])
            yield Wait(
                why=f"{m.name(key)} cannot be called: {lost.ended(m, key)}; {then}",
                timeout_s=m.spec.timings.observe_timeout_s,
                code="cutover-legacy-down",
            )
    joined = tuple(instance_key(each) for each in m.running if instance_key(each) not in m.run.wanted)
    if joined and m.run.state.reached < State.STOPPED.reached:
        stands_by = m.run.state.reached >= State.STANDBY.reached
        yield from m.answers(joined)
        wanted = dict.fromkeys(joined, Condition.STANDBY if stands_by else Condition.READY)
        yield from m.want(wanted, "containers that were taken in are called like the others")


# ---------------------------------------------------------------- the way forward


def _to_preflight(m: Moment) -> Steps:
    missing = [key for key in m.keys if (found := m.world.container(key)) is None or not found.running]
    for key in missing:
        yield Pause(code="cutover-legacy-changed", reason=f"{m.name(key)} does not run")


def _to_bridged(m: Moment) -> Steps:
    yield from m.answers(m.keys)
    if m.spec.frozen:
        yield from freezing.told(m)
    yield from m.want(dict.fromkeys(m.keys, Condition.READY), "the legacy side takes all callers")
    yield from m.follows()
    for service, seen in m.services:
        if seen is None and m.spec.captures:
            yield from _fronted(m)
        if seen is None:
            yield m.serve(service, gate=m.run.gate, wide=m.spec.served_before)
        elif adopting.waits(m, seen):
            yield from adopting.taken(m, service, seen)
        elif serving.awaits(m, service, seen):
            yield serving.taken(m, seen)
        elif seen.run != m.spec.id:
            if not seen.run or ADMITTED not in seen.selector:
                reason = f"a Service {seen.name} is there that is not this run's"
                yield Pause(code="cutover-service-taken", reason=reason)
            change = {
                "metadata": {"annotations": {**marks(m.spec, m.run.epoch), JOINED: recorded(m.run) or None}},
                "spec": {"selector": gated_selector(service, m.run.gate)},
            }
            yield m.patch(seen, change, "an earlier run left the Service, and no pod behind it")
    stand = [seen for _, seen in m.services if seen is not None]
    addresses = {seen.name: seen.address for seen in stand}
    node_ports = {seen.name: seen.node_ports for seen in stand if seen.node_ports}
    if addresses != dict(m.run.addresses) or node_ports != dict(m.run.node_ports):
        run = replace(m.run, addresses=addresses, node_ports=node_ports)
        yield Commit(run=run, why="the Service's address")
    yield from adopting.former_gone(m)
    yield from m.observed()


def _to_fronted(m: Moment) -> Steps:
    yield from _fronted(m)
    yield from conditions.created(m, m.spec.fronts, "callers from outside are led to the Service")
    if m.spec.hooks.get("front") and "front" not in m.run.done:
        yield m.hook("front", "callers are led to the Service")
    yield from m.observed()
    if m.spec.watch_s:
        yield from conditions.elapsed(m, conditions.WATCHED, m.spec.watch_s, "GitOps is to leave the Services alone")
    if not m.spec.resolved_before:
        yield from bypassing.quiet(m)


def _fronted(m: Moment) -> Steps:
    if not m.spec.resolved_before:
        yield from conditions.approved(m, State.FRONTED, "callers are to use the Service from now on")
    if not m.run.fronted:
        yield Commit(run=replace(m.run, fronted=True), why="callers may hold the Service's address from now on")


def _to_deployed(m: Moment) -> Steps:
    yield from groups.to_deployed(m)
    for planned in m.spec.controllers:
        seen = m.controller(planned)
        if seen is None:
            yield Pause(code="cutover-not-applied", reason=f"there is no {planned.kind} {planned.name}")
            return
        if not seen.observed or not seen.template:
            yield Wait(why=f"{planned.kind} {planned.name} is looked at", timeout_s=m.spec.timings.observe_timeout_s)
        yield from _of_one_template(m, planned, seen)
        # of pods that take callers none is ended
        count = max(planned.count, seen.replicas) if m.spec.served_before else planned.count
        if seen.replicas != count or not seen.paused:
            change = {"spec": {"replicas": count, "paused": True}}
            yield m.patch(seen, change, f"start {count} pods of {planned.name}, and no other template")
    yield from conditions.pods_available(m)
    yield from m.answers(tuple(each.uid for each in m.admissible), times=m.spec.timings.consecutive)
    templates = {each.name: each.template for each in m.world.controllers.values()}
    if templates != dict(m.run.templates):
        yield Commit(run=replace(m.run, templates=templates), why="the template that was tested")
    if m.spec.parity:
        yield from conditions.judged(m, "parity", Question.PARITY)
    yield from reaching.reaches(m, [each.node for each in m.admissible])
    yield from ending.tried(m)


def _of_one_template(m: Moment, planned: Controller, seen: SeenController) -> Steps:
    """One that was taken up replaces the one before as a whole, while no pod takes callers: a Deployment that is paused
    makes no pods of it."""
    yield from replanning.same_template(m)
    former = f"pods of {planned.name}'s former template end"
    if seen.template == UNTRIED and seen.paused:
        yield m.patch(seen, {"spec": {"replicas": 0, "paused": False}}, former)
    others = [each for each in m.world.pods if each.controller == planned.name and each.template != seen.template]
    if seen.template == UNTRIED or others:
        yield Wait(why=former, timeout_s=m.spec.timings.ready_timeout_s)


def _to_shift_or_promoted(m: Moment) -> Steps:
    """One step of SHIFT after the other; when all are done, PROMOTED."""
    yield from replanning.same_template(m)
    if m.run.step == len(m.spec.steps):
        yield from _to_promoted(m)
        return
    if m.run.step == 0:
        yield from freezing.lasts(m)
        yield from conditions.approved(m, State.SHIFT, _first_step(m))
    wanted = m.spec.steps[m.run.step]
    admitted = m.world.admitted(m.run.gate)
    if len(admitted) < wanted and not m.spec.served_before:
        free = [each for each in m.admissible if each.admitted != m.run.gate]
        if not free:
            yield Wait(why="no more pods are available", timeout_s=m.spec.timings.ready_timeout_s)
            return
        yield from m.answers((free[0].uid,))
        yield from reaching.reaches(m, [free[0].node])
        yield m.admit(free[0])
    yield from conditions.observed(m, f"shift-{m.run.step}")
    yield from conditions.judged(m, f"shift-{m.run.step}")
    yield from conditions.elapsed(m, f"shift-{m.run.step}", m.spec.timings.step_pause_s, "a step of its own time")
    yield Commit(
        run=replace(m.run.at(State.SHIFT, m.now), step=m.run.step + 1),
        why=f"{wanted} of {m.count} pods take callers",
    )


def _first_step(m: Moment) -> str:
    if m.spec.served_before:
        return "the gates are to look at pods that take callers already"
    return "the first pods are to take callers"


def _to_promoted(m: Moment) -> Steps:
    yield from conditions.pods_available(m)
    for service, seen in m.services:
        if seen is not None and seen.selector != wide_selector(service):
            yield m.select(seen, wide_selector(service), "every pod of the workload takes callers")
    yield from conditions.observed(m, "promoted")
    for planned in m.spec.controllers:
        controller = m.controller(planned)
        if controller is not None and controller.paused:
            yield m.patch(controller, {"spec": {"paused": False}}, "rollouts may go on")
    yield from conditions.judged(m, "promoted")


def _to_standby(m: Moment) -> Steps:
    yield from conditions.enough_pods(m)
    yield from bypassing.unbypassed(m)
    yield from bypassing.unknown(m)
    yield from conditions.approved(m, State.STANDBY, "the legacy side is to take no new callers")
    for number, key in enumerate(m.keys):
        if m.wanted(key) is Condition.READY:
            yield from m.want({key: Condition.STANDBY}, f"{m.name(key)} takes no new callers")
        if m.wanted(key) is Condition.STANDBY:
            yield from m.follows()
            yield from conditions.observed(m, f"standby-{number}")
            yield from conditions.judged(m, f"standby-{number}")


def _to_baking(m: Moment) -> Steps:
    if not m.spec.frozen:
        yield Rest(why="no freeze hook is given: the legacy scheduler would start again what the run stops")
    yield from conditions.enough_pods(m)


def _to_drained(m: Moment) -> Steps:
    yield from conditions.enough_pods(m)
    yield from conditions.baked(m)
    yield from groups.to_stop(m)
    yield from bypassing.unbypassed(m)
    yield from conditions.created(m, m.spec.later, "pods alone have served through the bake")
    yield from ending.unsafe(m)
    yield from conditions.approved(m, State.DRAINED, "the legacy containers are to be drained and stopped")
    yield from freezing.keeps_off(m)
    yield from drain.unrevived(m)
    if m.spec.hooks.get("drain") and "drain" not in m.run.done:
        yield m.hook("drain", "the application is asked to close what is idle")
    for key in m.keys:
        yield from drain.drained(m, key)
    evidence = {**m.run.evidence, State.DRAINED.value: drain.left(m)}
    yield Commit(run=replace(m.run.at(State.DRAINED, m.now), evidence=evidence), why=f"{m.run.state} is behind")


def _to_stopped(m: Moment) -> Steps:
    yield from conditions.enough_pods(m)
    yield from groups.to_stop(m)
    # one may have been taken in since
    yield from drain.unrevived(m)
    for key in m.keys:
        container = m.world.container(key)
        yield from m.want(dict.fromkeys(datagrams.beside(m, key), Condition.ABSENT), f"{m.name(key)} leaves the slices")
        yield from m.follows()
        yield from m.observed()
        if container is not None and container.running:
            told = m.evidence.stopping.get(key)
            if told is not None and m.boot - told.at < lasts(container):
                why = f"{m.name(key)} stops, for which it has {grace_said(container)}"
                yield until_stopped(container, why, m.spec.timings.ready_timeout_s)
            if told is not None and told.times >= _MOST_STOPS:
                yield Pause(
                    code=UNSTOPPED,
                    reason=f"{m.name(key)} was told to stop {told.times} times, with {grace_said(container)} for each, "
                    "and runs; no caller is sent to it",
                )
            if m.run.since.get(absent(key)) is None:
                # what was drained may have been called since by those who go past the Service
                since = {**m.run.since, absent(key): m.now, "drain": m.now}
                yield Commit(run=replace(m.run, since=since), why=f"{m.name(key)} is in no slice")
            yield from bypassing.unbypassed(m)
            yield from freezing.keeps_off(m)
            yield from drain.drained(m, key)
            grace = grace_of(container.stop_s)
            known = drain.stopped_with(m, key)
            yield Act(
                action=Action(verb=Verb.STOP, kind="Container", name=key, grace_s=grace),
                why=f"nobody new reaches it; {known}",
                known=known,
            )
    yield from conditions.elapsed(m, "soak", m.spec.timings.soak_s, "pods alone serve for a while")
    yield from conditions.judged(m, "stopped")
    stops = "; ".join(f"{m.name(key)}: {m.run.stops[key]}" for key in m.keys if key in m.run.stops)
    evidence = {**m.run.evidence, State.STOPPED.value: stops or "every container had stopped by itself"}
    yield Commit(run=replace(m.run.at(State.STOPPED, m.now), evidence=evidence), why=f"{m.run.state} is behind")


def _to_finalized(m: Moment) -> Steps:
    if "finalize" not in m.run.done:
        yield Rest(why="all is stopped; podlift cutover finalize ends the run")
    yield from removed(m)
    yield from m.follows()
    for pod in m.world.pods:
        if pod.admitted:
            yield m.patch(pod, {"metadata": {"labels": {ADMITTED: None}}}, "the gate is gone")
    yield from m.leave([*(seen for _, seen in m.services), *(m.controller(each) for each in m.spec.controllers)])


_WAYS: Mapping[State, Callable[[Moment], Steps]] = {
    State.PLANNED: _to_preflight,
    State.PREFLIGHT: _to_bridged,
    State.BRIDGED: _to_fronted,
    State.FRONTED: _to_deployed,
    State.DEPLOYED: _to_shift_or_promoted,
    State.SHIFT: _to_shift_or_promoted,
    State.PROMOTED: _to_standby,
    State.STANDBY: _to_baking,
    State.BAKING: _to_drained,
    State.DRAINED: _to_stopped,
    State.STOPPED: _to_finalized,
}
