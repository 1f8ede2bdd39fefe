"""Planned objects held against live ones: the comparison that a dump and a cluster share.

Local and semantic: the planned side gets the server's defaults and the live side loses what the server writes; what
others set beside the plan's fields is told with its owner and is no difference. Equal objects cost one copy and one
walk of each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from converters.objects.context import ESTATE, MANAGED_BY, WORKLOAD, label_value

from ..plan.model import Plan
from ..plan.objects import JOURNAL, Item, Key, autoscaled, key_of
from .comparison import Extra, ObjectDifference, State
from .defaults import with_defaults
from .dump import Dump
from .hiding import hidden, hidden_changes, hidden_extras
from .immutable import with_recreation
from .live import Owners, ours, without_server_fields
from .secret_values import sealed
from .walk import Change, Op, changes, in_a_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What came of it. ``compared``: objects looked at; ``uncompared``: what could not be, with the reason."""

    objects: tuple[ObjectDifference, ...] = ()
    compared: int = 0
    uncompared: tuple[str, ...] = ()


def hold(
    plan: Plan,
    dump: Dump,
    items: Iterable[Item],
    *,
    chosen: Collection[str] = (),
    secrets: Collection[Item] = (),
    key: bytes = b"",
    absent: Mapping[str, str] | None = None,
    narrowed: bool = False,
) -> Held:
    """
    items     the plan's objects to look at
    chosen    workloads to which extra objects are narrowed; empty: all
    secrets   Secrets with their values, which are compared by the hash that ``key`` makes
    absent    kinds that were looked for in vain, to the reason; None: nobody looked, the dump is what it is
    narrowed  the dump holds a selection only: what it holds beyond the plan is not told
    """
    scaled = autoscaled(plan)
    kinds = {key[0] for key in dump.objects}
    differences: list[ObjectDifference] = []
    seen: set[Key] = set()
    compared = 0
    for workload, each in items:
        kind, namespace, name = place = key_of(each)
        compared += 1
        found = dump.find(kind, namespace, name)
        if found is None:
            note = (absent or {}).get(kind, "")
            if absent is None and kind not in kinds:
                note = f"the dump has no {kind} at all: was this kind dumped?"
            differences.append(difference(workload, place, State.ADDED, new=each, note=note))
            continue
        seen.add(found[0])
        made = compare(workload, place, each, found[1], scaled=place in scaled)
        if made is not None:
            differences.append(made)
    for workload, each in secrets:
        place = key_of(each)
        found = dump.find(*place)
        compared += 1
        if found is not None:
            seen.add(found[0])
        made = _secret(
            workload, place, each, None if found is None else found[1], key, (absent or {}).get("Secret", "")
        )
        if made is not None:
            differences.append(made)
    if not narrowed:
        differences += _beyond(plan, dump, seen, chosen)
    return Held(objects=tuple(differences), compared=compared)


def compare(
    workload: str, place: Key, planned: Mapping[str, Any], live: Mapping[str, Any], *, scaled: bool = False
) -> ObjectDifference | None:
    """A planned object against the live one; ``scaled``: an autoscaler owns its number. None: nothing to tell."""
    new = with_defaults(planned)
    old = without_server_fields(live, planned)
    if scaled:
        without_number(old, new)
    found = tuple(changes(old, new))
    if not found:
        return None
    # What neither side says is no difference: a dump need not come from a server, kubectl kustomize prints one too.
    unsaid = {change.path for change in changes(planned, new) if change.op is Op.ADDED}
    told = [change for change in found if change.op is not Op.ADDED or change.path not in unsaid]
    return told_apart(workload, place, told, live, old=old, new=new)


def without_number(*sides: dict[str, Any]) -> None:
    """Takes the number of replicas out: it is an autoscaler's."""
    for each in sides:
        each.get("spec", {}).pop("replicas", None)


def told_apart(
    workload: str,
    place: Key,
    found: Iterable[Change],
    live: Mapping[str, Any],
    *,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
) -> ObjectDifference | None:
    """What of the changes is a difference, and what others set beside the plan's fields."""
    owners = Owners(live)
    differing: list[Change] = []
    extras: list[tuple[Change, str]] = []
    for change in found:
        owner = owners.of(change.trail) if change.op is not Op.ADDED else ""
        if change.op is Op.REMOVED and not ours(owner) and not in_a_whole(change.trail):
            extras.append((change, owner))
        elif owner and not ours(owner):
            differing.append(replace(change, owner=owner))
        else:
            differing.append(change)
    if not differing and not extras:
        return None
    return difference(
        workload,
        place,
        State.CHANGED if differing else State.EXTRA,
        hidden_changes(with_recreation(place[0], differing, live)),
        hidden_extras(extras),
        old=hidden(old),
        new=new,
    )


def _secret(
    workload: str, place: Key, planned: Mapping[str, Any], live: Mapping[str, Any] | None, key: bytes, note: str
) -> ObjectDifference | None:
    new = sealed(planned, key)
    if live is None:
        return difference(workload, place, State.ADDED, new=hidden(new), note=note)
    return compare(workload, place, new, sealed(live, key))


def _beyond(plan: Plan, dump: Dump, seen: set[Key], chosen: Collection[str]) -> Iterator[ObjectDifference]:
    """Live objects that are ours by their labels and that the plan does not have."""
    names = {entry["kubernetesName"]: entry["name"] for entry in plan.workloads}
    secrets = {secret["name"] for entry in plan.workloads for secret in entry["secrets"]}
    # those that were not looked at are no extras either
    seen = seen | {found[0] for _, each in plan.objects if (found := dump.find(*key_of(each))) is not None}
    claims = _claims(plan)
    estate = label_value(plan.estate)
    for key, live in dump.objects.items():
        kind, _, name = key
        labels = live["metadata"].get("labels") or {}
        if key in seen or labels.get(MANAGED_BY) != "podlift" or labels.get(ESTATE) != estate or JOURNAL in labels:
            continue
        if kind == "Secret" and name in secrets:
            continue
        # Pods, ReplicaSets and the like are made by controllers and carry their template's labels; so are claims.
        if live["metadata"].get("ownerReferences") or (
            kind == "PersistentVolumeClaim" and name.rstrip("0123456789") in claims
        ):
            continue
        workload = names.get(labels.get(WORKLOAD, ""), labels.get(WORKLOAD, ""))
        if not chosen or workload in chosen:
            yield difference(workload, key, State.REMOVED, old=hidden(without_server_fields(live, {})))


def _claims(plan: Plan) -> frozenset[str]:
    """What the names of claims begin with that StatefulSets of the plan make for their pods."""
    return frozenset(
        f"{claim['metadata']['name']}-{each['metadata']['name']}-"
        for _, each in plan.objects
        if each["kind"] == "StatefulSet"
        for claim in each["spec"].get("volumeClaimTemplates", ())
    )


def difference(
    workload: str,
    key: Key,
    state: State,
    found: tuple[Change, ...] = (),
    extras: tuple[Extra, ...] = (),
    *,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    note: str = "",
) -> ObjectDifference:
    kind, namespace, name = key
    return ObjectDifference(
        workload=workload,
        name=f"{kind}/{name}",
        namespace=namespace,
        state=state,
        changes=found,
        extras=extras,
        old=old,
        new=new,
        note=note,
    )
