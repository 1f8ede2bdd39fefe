"""Containers that came since a run began: who they are, which are within the plan, and the run with them. Pure.

One that stands in place of a known one that is gone, of an image that the legacy side had, is within the plan: the
legacy scheduler would have sent callers there, so the keeper does, as soon as it answers, and the driver takes it in.
While containers are being stopped none is, since nobody can say of what it is in place; nor is one beside all that the
run knew. Those wait for a user.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .edges import Container, Found
from .endpoints import instance_key
from .lost import given_up
from .run import Condition, Direction, Original, Run, Spec, run_json
from .states import State
from .stopping import was_told


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a Service of a run says of those that came and went. ``done``: of the run's, what is about them."""

    joined: tuple[Original, ...]
    done: frozenset[str]


def taken_up(token: str) -> str:
    """Among Run.done, where a user agreed to a thing outside the plan."""
    return f"replan {token}"


def of_container(key: str) -> str:
    """The token of an instance (HOST/ID)."""
    return f"container {key}"


def left(key: str) -> str:
    """Among Run.done: an instance is gone, and another one is in its place, or a user went on without it."""
    return f"left {key}"


def known(spec: Spec, run: Run) -> tuple[Original, ...]:
    """Those of which the run knows, and that it does not count as gone: one that runs again after all is new."""
    return tuple(each for each in (*spec.originals, *run.joined) if left(each.key) not in run.done)


def newcomers(spec: Spec, run: Run, found: Found) -> tuple[Container, ...]:
    """Those that run and of which the run does not know."""
    keys = {each.key for each in known(spec, run)}
    return tuple(each for each in found.containers if each.running and instance_key(each) not in keys)


def outside(spec: Spec, run: Run, found: Found) -> dict[str, str]:
    """Newcomers that are no part of the plan, by instance (HOST/ID): why not. What the run stopped, and what is where
    nobody can look, counts as if it ran."""
    images = {each.image for each in (*spec.originals, *run.joined)}
    there = {instance_key(each): each.running or was_told(run, instance_key(each)) for each in found.containers}
    unread = {each.key for each in known(spec, run) if each.host in found.unread and not given_up(run, each)}
    running, planned = sum(there.values()) + len(unread), len(spec.originals) + _more(run)
    made = {}
    for each in newcomers(spec, run, found):
        if "" not in images and each.image not in images:
            made[instance_key(each)] = f"its image is {each.image}, and not {', '.join(sorted(images))}"
        elif running > planned:
            made[instance_key(each)] = f"{running} run where {planned} did"
    return made


def _more(run: Run) -> int:
    """How many more were taken up already."""
    return sum(taken_up(of_container(each.key)) in run.done for each in run.joined)


def gone(spec: Spec, run: Run, found: Found) -> tuple[str, ...]:
    """Known instances that should run and do not, or did and were given up; those first whose containers are not even
    there."""
    there = {instance_key(each): each.running for each in found.containers}
    made = [
        each.key
        for each in known(spec, run)
        if not there.get(each.key)
        and (given_up(run, each) or (each.host not in found.unread and _should_run(run, each.key, each.key in there)))
    ]
    return tuple(sorted(made, key=lambda key: (key in there, key)))


def _should_run(run: Run, key: str, there: bool) -> bool:
    """What the run stopped it starts again on its way back, unless others removed it."""
    if run.direction is Direction.BACK and not there:
        return True
    return not was_told(run, key) and run.wanted.get(key) is not Condition.ABSENT


def within(spec: Spec, run: Run, found: Found) -> tuple[Container, ...]:
    """Newcomers that stand in place of others."""
    if _stops(spec, run):
        return ()
    refused = outside(spec, run, found)
    new = tuple(each for each in newcomers(spec, run, found) if instance_key(each) not in refused)
    return new if len(new) <= len(gone(spec, run, found)) else ()


def _stops(spec: Spec, run: Run) -> bool:
    if run.direction is Direction.BACK:
        return False
    absent = (each for each in known(spec, run) if run.wanted.get(each.key) is Condition.ABSENT)
    return not all(given_up(run, each) for each in absent) or run.state.reached >= State.STOPPED.reached


def as_others(run: Run) -> Condition | None:
    """How one is called that takes another's place; None: nobody is called, so that it is not either."""
    wanted = run.wanted.values()
    return next((each for each in (Condition.READY, Condition.STANDBY) if each in wanted), None)


def originals_of(containers: Iterable[Container]) -> tuple[Original, ...]:
    """What going back restores: of those that run."""
    return tuple(
        Original(
            host=each.host,
            id=each.id,
            name=each.name,
            restart=dict(each.restart),
            stop_s=each.stop_s,
            image=each.image,
        )
        for each in containers
        if each.running
    )


def taken_in(spec: Spec, run: Run, found: Found, new: Collection[Container], called: Condition | None) -> Run:
    """The run that knows them, each in place of one that is gone as far as there are any. ``called``: how they are;
    None: that is seen to later."""
    keys = {instance_key(each) for each in new}
    replaced = gone(spec, run, found)[: len(new)]
    ours = {each.key for each in (*spec.originals, *run.joined)}
    joined = (*run.joined, *originals_of(each for each in new if instance_key(each) not in ours))
    wanted = {key: each for key, each in run.wanted.items() if key not in keys}
    wanted |= dict.fromkeys(keys, called) if called is not None else {}
    run = replace(run, joined=joined, wanted=wanted, done=run.done - set(map(left, keys)))
    return without(run, replaced)


def without(run: Run, keys: Collection[str]) -> Run:
    """The run that goes on without these instances."""
    wanted = {key: each for key, each in run.wanted.items() if key not in keys}
    return replace(run, wanted=wanted, done=run.done | set(map(left, keys)))


def recorded(run: Run) -> str:
    """A Record's JSON; ``""``: nobody came or went."""
    done = sorted(each for each in run.done if each.startswith((left(""), taken_up(of_container("")))))
    if not run.joined and not done:
        return ""
    return json.dumps({"done": done, "joined": run_json(run)["joined"]}, sort_keys=True, separators=(",", ":"))


def remembered(run: Run, record: Mapping[str, Any]) -> Run:
    """The run with what ``recorded`` gave, read: a Record's JSON."""
    return replace(
        run, joined=tuple(Original(**each) for each in record["joined"]), done=run.done.union(record["done"])
    )
