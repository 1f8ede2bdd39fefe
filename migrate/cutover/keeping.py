"""What the legacy slices are to be: as the journal wants it, as far as the engines and the probes allow. Pure.

A container that does not run is in no slice, whatever is wanted. A probe that fails lowers an endpoint, but never the
last one, nor more than half at once: then it is rather our own way there that is broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .edges import Container, Found
from .endpoints import Endpoint, Slice, arrange, instance_key
from .run import Condition, Run, Spec

_FAILING = 2
_LAST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The last probes of an instance, the newest last: at most three."""

    passed: tuple[bool, ...] = ()

    def seen(self, passed: bool) -> Health:
        return Health(passed=(*self.passed, passed)[-_LAST:])

    @property
    def failing(self) -> bool:
        return self.passed.count(False) >= _FAILING


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """``suspicious``: instances whose probes fail and that are left as they are, since it would be too many."""

    slices: tuple[Slice, ...]
    suspicious: tuple[str, ...] = ()


def kept(
    spec: Spec, run: Run, found: Found, standing: Sequence[Slice], health: Mapping[str, Health] | None = None
) -> Kept:
    """Those that come out empty are to be deleted."""
    known = {f"{each.host}/{each.id}" for each in (*spec.originals, *run.joined)}
    containers = [each for each in found.containers if instance_key(each) in known and each.running]
    listed = [
        (each, wanted)
        for each in containers
        if (wanted := run.wanted.get(instance_key(each), Condition.ABSENT)) is not Condition.ABSENT
    ]
    low, suspicious = _lowered(listed, health or {})
    conditions: list[tuple[Container, Condition | None]] = [
        (each, None if instance_key(each) in low else wanted) for each, wanted in listed
    ]
    made: list[Slice] = []
    for service in spec.services:
        of = [each for each in standing if each.service == service["metadata"]["name"]]
        made += _with_unread(arrange(service, conditions, of), of, found)
    return Kept(slices=tuple(made), suspicious=suspicious)


def _lowered(
    listed: Sequence[tuple[Container, Condition]], health: Mapping[str, Health]
) -> tuple[frozenset[str], tuple[str, ...]]:
    keys = [instance_key(each) for each, _ in listed]
    failing = [key for key in keys if (seen := health.get(key)) is not None and seen.failing]
    if failing and (len(failing) == len(keys) or len(failing) * 2 > len(keys)):
        return frozenset(), tuple(failing)
    return frozenset(failing), ()


def _with_unread(made: Iterable[Slice], standing: Sequence[Slice], found: Found) -> list[Slice]:
    """What stands of hosts that cannot be read stays as it is."""
    result = {each.name: each for each in made}
    for each in standing:
        blind = tuple(one for one in each.endpoints if one.instance.split("/", 1)[0] in found.unread)
        if blind:
            result[each.name] = replace(result[each.name], endpoints=_merged(result[each.name].endpoints, blind))
    return list(result.values())


def _merged(seen: Sequence[Endpoint], blind: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    return tuple(sorted({each.instance: each for each in (*seen, *blind)}.values(), key=lambda one: one.instance))


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
