"""What changed outside the plan since a run began, and what of it is taken up where a user says so. Pure.

A run rests on what was looked at when it began: which containers serve, and which pods were tested. What differs since
pauses it, and is one of three things:

- A container in place of one that is gone, of an image that the legacy side had: within the plan. The run takes it in
  by itself, but for while containers are being stopped: then ``resume`` does.
- Containers of another image, or more of them than there were: outside the plan. Only ``resume --replan`` takes them
  in, each of which is named; they are called like the others, go with them, and are restored by an abort.
- A template of a controller that is not the one whose pods were tested. ``resume --replan`` takes it up while no pod
  takes callers: the run is FRONTED again, the pods of the template before end, those of the new one are started, tested
  and compared, and SHIFT is to be approved anew. Once pods were admitted it is refused, since callers would meet two
  versions of which one was judged by the other: abort leads them back first.

What is taken up is exactly what was shown: of a template that changes once more meanwhile, nothing is. The plan's other
objects are not read again: an apply holds them back while a run is under way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .decision import Commit, Pause
from .endpoints import instance_key
from .moment import Moment, Steps
from .newcomers import as_others, of_container, outside, taken_in, taken_up, within
from .run import Direction, Run, Spec
from .states import State
from .world import UNTRIED, SeenController, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing outside the plan. ``token``: what names it, as it is now, in a request; ``said``: for people."""

    token: str
    said: str


def changes(spec: Spec, run: Run, world: World) -> tuple[Change, ...]:
    """All that ``resume --replan`` would take up now; on the way back there is nothing."""
    if run.direction is Direction.BACK:
        return ()
    found = outside(spec, run, world.found)
    made = [
        Change(token=of_container(key), said=f"the container {each.name} on {each.host}: {found[key]}")
        for each in world.found.containers
        if (key := instance_key(each)) in found
    ]
    made += [
        Change(token=_template(seen), said=f"the template of {seen.kind} {seen.name} as it is now ({seen.digest})")
        for seen in differing(spec, run, world)
    ]
    return tuple(made)


def refused(spec: Spec, run: Run, world: World) -> str:
    """Why a template that differs cannot be taken up; ``""``: it can, or none differs."""
    admitted = spec.steps[-1] if spec.served_before else len(world.admitted(run.gate))
    if (admitted or run.step) and differing(spec, run, world):
        return f"{admitted} pods of the template that was tested take callers"
    return ""


def differing(spec: Spec, run: Run, world: World) -> tuple[SeenController, ...]:
    """Controllers whose template is neither the one that was tested nor, before one was, the one to be tested. Once all
    of the workload's pods take callers, rollouts are free."""
    if not State.FRONTED.reached <= run.state.reached < State.PROMOTED.reached:
        return ()
    found = (world.controllers.get(each.name) for each in spec.controllers)
    return tuple(seen for seen in found if seen is not None and seen.template and _differs(run, seen))


def _differs(run: Run, seen: SeenController) -> bool:
    tested = run.templates.get(seen.name)
    if tested is not None:
        return seen.template != tested
    if agreed(run, seen):
        return False
    another = taken_up(f"template {seen.name} ")
    return (seen.template == UNTRIED and seen.paused) or any(each.startswith(another) for each in run.done)


def in_place(m: Moment) -> Steps:
    """What stands in place of others is taken in once it has answered. On the way back nothing waits for one that does
    not, as long as others run."""
    new = within(m.spec, m.run, m.world.found)
    if m.run.direction is Direction.BACK and m.running:
        stand = {one.instance for each in m.world.slices for one in each.endpoints}
        new = tuple(each for each in new if instance_key(each) in stand)
    if new:
        yield from m.answers(tuple(map(instance_key, new)))
        names = ", ".join(f"{each.name} on {each.host}" for each in new)
        run = taken_in(m.spec, m.run, m.world.found, new, as_others(m.run))
        yield Commit(run=run, why=f"in place of what is gone: {names}")


def same_template(m: Moment) -> Steps:
    """Pods are of the template that was tested; another one is tested anew where a user took it up."""
    taken = refused(m.spec, m.run, m.world)
    for seen in differing(m.spec, m.run, m.world):
        if agreed(m.run, seen) and not taken:
            done = m.run.done - {f"approve:{State.SHIFT}"}
            again = replace(m.run.at(State.FRONTED, m.now), templates={}, done=done)
            yield Commit(run=again, why=f"the template of {seen.name} is taken up: its pods are to be tested")
        then = "abort: pods take callers" if taken else "resume --replan takes it up"
        reason = f"the template of {seen.name} is not the one that was tested; put that back and resume, or {then}"
        yield Pause(code="cutover-template", reason=reason)


def agreed(run: Run, seen: SeenController) -> bool:
    """Whether a user took up the very template that it has now."""
    return taken_up(_template(seen)) in run.done


def _template(seen: SeenController) -> str:
    return f"template {seen.name} {seen.digest}"
