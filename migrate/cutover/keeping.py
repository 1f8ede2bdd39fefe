"""What the legacy slices are to be: as the journal wants it, as far as the engines and the probes allow. Pure.

A container that does not run is in no slice, whatever is wanted. A probe that fails lowers an endpoint, but never the
last one, nor more than half at once: then it is rather our own way there that is broken. One that stands in place of
another is called like it as soon as its probes pass from every node, whether or not anybody drives.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .edges import Backend, Container, Found
from .endpoints import Endpoint, Slice, arrange, instance_key
from .newcomers import as_others, known, within
from .run import Condition, Direction, Run, Spec
from .states import State
from .stopping import absent, may_stop

_MOST = 2
_LAST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The last probes of an instance, the newest last: at most three. ``everywhere``: how many of them in a row every
    node passed."""

    passed: tuple[bool, ...] = ()
    everywhere: int = 0

    def seen(self, passed: bool, *, everywhere: bool) -> Health:
        return Health(passed=(*self.passed, passed)[-_LAST:], everywhere=self.everywhere + 1 if everywhere else 0)

    @property
    def failing(self) -> bool:
        return self.passed.count(False) >= _MOST

    @property
    def well(self) -> bool:
        return self.passed.count(True) >= _MOST

    @property
    def reached(self) -> bool:
        """By every node: callers may be sent there who were not."""
        return self.everywhere >= _MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """``low``: instances that nobody is sent to, since their probes fail. ``suspicious``: those whose probes fail and
    that are left as they are, since it would be too many."""

    slices: tuple[Slice, ...]
    low: tuple[str, ...] = ()
    suspicious: tuple[str, ...] = ()


def kept(
    spec: Spec, run: Run, found: Found, standing: Sequence[Slice], health: Mapping[str, Health] | None = None
) -> Kept:
    """Those that come out empty are to be deleted."""
    stand = {one.instance for each in standing for one in each.endpoints}
    listed = listed_of(spec, run, found)
    listed += _come(spec, run, found, stand, health or {}, alone=not listed and run.state.reached < State.SHIFT.reached)
    stands_low = {one.instance for each in standing for one in each.endpoints if one.condition is None}
    keys = {*(instance_key(each) for each, _ in listed), *blind_of(standing, found)}
    low, suspicious = _lowered(sorted(keys), stands_low, health or {})
    conditions: list[tuple[Container, Condition | None]] = [
        (each, None if instance_key(each) in low else wanted) for each, wanted in listed
    ]
    made: list[Slice] = []
    for service in spec.services:
        of = [each for each in standing if each.service == service["metadata"]["name"]]
        made += _with_unread(arrange(service, conditions, of), of, found, run, low)
    return Kept(slices=tuple(made), low=tuple(sorted(low)), suspicious=suspicious)


def stands_by(run: Run) -> bool:
    """Whether legacy instances stand by or have left, while pods take all callers."""
    only = {Condition.STANDBY, Condition.ABSENT}
    return run.direction is Direction.FORWARD and not only.isdisjoint(run.wanted.values())


def recalled(spec: Spec, run: Run, found: Found, ready: int, now: float) -> Run:
    """The run with all that runs wanted ready, where fewer pods are ready than the plan asks for: proxies would call it
    by themselves only once no pod is left, and never what has left. It is the one thing that a keeper gives without
    being asked. ``now``: seconds since 1970."""
    if not stands_by(run) or ready >= sum(each.count for each in spec.controllers):
        return run
    return back_in_callers(run, found, now)


def back_in_callers(run: Run, found: Found, now: float) -> Run:
    """The run with all that runs wanted ready, but for what was told to stop and may have by the next moment. What had
    left the slices and is to leave them again is drained anew then."""
    keys = {
        key
        for each in found.containers
        if each.running and (key := instance_key(each)) in run.wanted and not may_stop(run, key, each, now)
    }
    if all(run.wanted[key] is Condition.READY for key in keys):
        return run
    since = {name: at for name, at in run.since.items() if name not in set(map(absent, keys))}
    return replace(run, wanted={**run.wanted, **dict.fromkeys(keys, Condition.READY)}, since=since)


def listed_of(spec: Spec, run: Run, found: Found) -> list[tuple[Container, Condition]]:
    """The run's instances that run and are wanted in slices. One that the journal does not know is none of them."""
    keys = {each.key for each in known(spec, run)}
    return [
        (each, wanted)
        for each in found.containers
        if each.running
        and instance_key(each) in keys
        and (wanted := run.wanted.get(instance_key(each), Condition.ABSENT)) is not Condition.ABSENT
    ]


def asked_of(spec: Spec, run: Run, found: Found) -> list[Container]:
    """Those whose health matters: what is listed, and what is to be listed if it is well."""
    come = within(spec, run, found) if as_others(run) is not None else ()
    return [*(each for each, _ in listed_of(spec, run, found)), *come]


def _come(
    spec: Spec, run: Run, found: Found, stand: Collection[str], health: Mapping[str, Health], *, alone: bool
) -> list[tuple[Container, Condition]]:
    """In place of others, with how they are called. What stands stays: of it probes that fail tell no more than of
    others. ``alone``: nobody else takes callers, so that a node that does not get there loses none by it."""
    called, unknown = as_others(run), Health()
    return [
        (each, called)
        for each in within(spec, run, found)
        if called is not None
        and (
            (key := instance_key(each)) in stand or (seen := health.get(key, unknown)).reached or (alone and seen.well)
        )
    ]


def _lowered(
    keys: Sequence[str], stands_low: Collection[str], health: Mapping[str, Health]
) -> tuple[frozenset[str], tuple[str, ...]]:
    """What is low stays so until its probes pass again, whoever lowered it."""
    unknown = Health()
    stay = frozenset(key for key in keys if key in stands_low and not health.get(key, unknown).well)
    new = [key for key in keys if key not in stay and health.get(key, unknown).failing]
    if (len(stay) + len(new)) * 2 > len(keys):
        return stay, tuple(new)
    return stay | frozenset(new), ()


def blind_of(standing: Iterable[Slice], found: Found) -> dict[str, Backend]:
    """Instances that stand in slices and whose hosts cannot be read, but where another container is known to answer;
    each with where it is called."""
    return {
        one.instance: Backend(one.address, each.ports[0][2])
        for each in standing
        for one in each.endpoints
        if each.ports
        and one.instance.split("/", 1)[0] in found.unread
        and not any(Backend(one.address, port) in found.strangers for _, _, port in each.ports)
    }


def _with_unread(
    made: Iterable[Slice], standing: Sequence[Slice], found: Found, run: Run, low: Collection[str]
) -> list[Slice]:
    """What stands of hosts that cannot be read stays as it is, as far as it answers; what may stand of one too."""
    result = {each.name: each for each in made}
    for each in standing:
        keys = {*blind_of([each], found), *([""] if found.unread else [])}
        blind = [one for one in each.endpoints if one.instance in keys]
        if blind:
            stay = [replace(one, condition=_blindly(one, run, low)) for one in blind]
            result[each.name] = replace(result[each.name], endpoints=_merged(result[each.name].endpoints, stay))
    return list(result.values())


def _blindly(one: Endpoint, run: Run, low: Collection[str]) -> Condition | None:
    if one.instance in low:
        return None
    if not one.instance:
        # nobody knows which it is, and so nobody asks it
        return one.condition
    # it was low, and answers again
    return one.condition or run.wanted.get(one.instance, Condition.READY)


def _merged(seen: Sequence[Endpoint], blind: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    merged = {each.address: each for each in (*blind, *seen)}
    return tuple(sorted(merged.values(), key=lambda one: (one.instance, one.address)))


def in_order(wanted: Iterable[Slice], standing: Mapping[str, Slice]) -> list[Slice]:
    """Slices that give more first, so that every prefix of the writes leaves somebody who answers."""
    return sorted(wanted, key=lambda each: (_takes_away(each, standing.get(each.name)), each.name))


def _takes_away(wanted: Slice, stands: Slice | None) -> bool:
    if stands is None:
        return False
    ready = {each.address for each in wanted.endpoints if each.condition is Condition.READY}
    return any(each.condition is Condition.READY and each.address not in ready for each in stands.endpoints)


def service_named(spec: Spec, name: str) -> Mapping[str, Any]:
    return next(each for each in spec.services if each["metadata"]["name"] == name)
