"""A plan held against a cluster: lists by pages, then the same local comparison that a dump gets.

Needs to get and list, nothing more. What is ours is listed by its labels, a kind and namespace at a time; only where
something is missing the whole kind is listed there, for whoever took our labels away took no object.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from converters.errors import PodliftError
from converters.objects.context import ESTATE, MANAGED_BY, label_value

from ..plan.model import Plan
from ..plan.objects import Item, Key, autoscaled, key_of, title
from ..report.table import count
from .comparison import Comparison, Leg, ObjectDifference, State
from .dump import Dump
from .gates import with_gates
from .holding import hold, told_apart, without_number
from .live import without_server_fields
from .selector import selects
from .walk import changes

if TYPE_CHECKING:
    from ..cluster import Cluster

Event = Callable[[str, int, int], None]
Place = tuple[str, str, str]
"""API version, kind and namespace."""

LISTS_AT_ONCE = 8
DRY_RUNS_AT_ONCE = 8

# The kinds that podlift makes: of each there may be objects of ours that the plan no longer has.
_KINDS: Mapping[str, str] = {
    "ServiceAccount": "v1",
    "ConfigMap": "v1",
    "Secret": "v1",
    "PersistentVolumeClaim": "v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Service": "v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
    "Ingress": "networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
}


@dataclass(slots=True)
class _Listed:
    """What the lists gave. ``absent``: kind to why none of it was found; ``unread``: kinds that may not be listed."""

    objects: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def compare_cluster(
    plan: Plan,
    cluster: Cluster,
    chosen: Collection[str] = (),
    *,
    server: bool = False,
    labels: str = "",
    key: bytes = b"",
    on_event: Event | None = None,
) -> Comparison:
    """Raises PodliftError ``wrong-cluster`` and the like as check_target does, and as the cluster's methods do."""
    from ..cluster.promises import check_target

    unchecked: list[str] = []
    check_target(plan, cluster, on_unread=unchecked.append)
    items = _wanted(plan.objects, chosen, labels)
    with_values = bool(plan.secrets) and bool(key)
    secrets = _wanted(plan.secrets, chosen, labels) if with_values else []
    listed = _list(plan, cluster, [*items, *secrets], labels, on_event)
    if "Secret" in listed.unread:
        secrets = []
    dump = Dump(name=cluster.name, objects=listed.objects, namespace=cluster.namespace)
    held = hold(
        plan,
        dump,
        items,
        chosen=chosen,
        secrets=secrets,
        key=key,
        absent=listed.absent,
        narrowed=bool(labels),
    )
    objects = with_gates(plan, dump, _without_namespace(cluster, listed, items, held.objects))
    if server:
        objects = _by_server(cluster, dump, items, objects, autoscaled(plan), on_event)
    return Comparison(
        leg=Leg.CLUSTER,
        against=f"cluster {cluster.name}",
        cluster=cluster.name,
        version=cluster.version(),
        objects=objects,
        compared=held.compared,
        uncompared=(
            *_secrets(_expected(plan, chosen, items if labels else None), secrets, with_values, listed),
            *_unlooked(listed),
            *(f"what the target promises: {each}" for each in unchecked),
        ),
    )


def _wanted(items: Iterable[Item], chosen: Collection[str], labels: str) -> list[Item]:
    return [
        (workload, each)
        for workload, each in items
        if (not chosen or workload in chosen) and (not labels or selects(labels, each["metadata"].get("labels") or {}))
    ]


def _expected(plan: Plan, chosen: Collection[str], selected: Sequence[Item] | None) -> int:
    """How many Secrets were asked about: those of the workloads meant; where a selector narrows, of which it finds
    something."""
    found = None if selected is None else {workload for workload, _ in selected}
    return sum(
        len(entry["secrets"])
        for entry in plan.workloads
        if (not chosen or entry["name"] in chosen) and (found is None or entry["name"] in found)
    )


def _secrets(expected: int, compared: Sequence[Item], with_values: bool, listed: _Listed) -> tuple[str, ...]:
    number = expected - len(compared)
    if number <= 0:
        return ()
    why = listed.unread.get("Secret", "") if with_values else ""
    reason = why or "their values are in secrets/ of a plan, with the key in .podlift/hmac.key"
    return (f"{count(number, 'Secret')}: {reason}",)


def _unlooked(listed: _Listed) -> tuple[str, ...]:
    """Kinds of which objects of ours beyond the plan may be there unseen."""
    return tuple(f"{kind} that the plan has not: {why}" for kind, why in sorted(listed.unread.items()))


def _list(plan: Plan, cluster: Cluster, items: Sequence[Item], labels: str, on_event: Event | None) -> _Listed:
    wanted: dict[Place, set[Key]] = defaultdict(set)
    namespaces: set[str] = set()
    for _, each in items:
        place = _place(cluster, each)
        wanted[place].add((each["kind"], place[2], each["metadata"]["name"]))
        if place[2]:
            namespaces.add(place[2])
    beyond = {
        (version, kind, namespace)
        for kind, version in _KINDS.items()
        for namespace in namespaces
        if (version, kind, namespace) not in wanted
    }
    ours = f"{MANAGED_BY}=podlift,{ESTATE}={label_value(plan.estate)}"
    selector = f"{ours},{labels}" if labels else ours
    made = _Listed()
    places = [*wanted, *sorted(beyond)]

    def listing(place: Place) -> tuple[Place, list[dict[str, Any]], PodliftError | None]:
        version, kind, namespace = place
        try:
            found = list(cluster.list(version, kind, namespace or None, labels=selector))
            if wanted.get(place, set()) - {key_of(each) for each in found}:
                others = cluster.list(version, kind, namespace or None)
                # of others' objects only those that stand where the plan's would
                found = [each for each in others if key_of(each) in wanted[place] or _is(each, ours, labels)]
        except PodliftError as error:
            if error.code not in ("kind-not-served", "cluster-forbidden"):
                raise
            return place, [], error
        return place, found, None

    with ThreadPoolExecutor(max_workers=LISTS_AT_ONCE) as pool:
        for n, (place, found, error) in enumerate(pool.map(listing, places), 1):
            if error is not None:
                _failed(made, place, error, needed=place in wanted)
            for each in found:
                made.objects[key_of(each)] = each
            if on_event is not None:
                on_event("list", n, len(places))
    return made


def _failed(made: _Listed, place: Place, error: PodliftError, *, needed: bool) -> None:
    kind = place[1]
    if error.code == "kind-not-served":
        if needed:
            made.absent[kind] = f"{error.subject}: {error.reason}"
    elif needed and kind != "Secret":
        raise error
    else:
        made.unread[kind] = error.reason


def _without_namespace(
    cluster: Cluster, listed: _Listed, items: Sequence[Item], objects: Sequence[ObjectDifference]
) -> tuple[ObjectDifference, ...]:
    """Says of what is missing with its whole namespace that this is why. Asked only where nothing was found."""
    full = {namespace for _, namespace, _ in listed.objects}
    made = {each["metadata"]["name"] for _, each in items if each["kind"] == "Namespace"}
    empty: dict[str, bool] = {}

    def told(each: ObjectDifference) -> ObjectDifference:
        space = each.namespace or cluster.namespace
        namespaced = each.name.partition("/")[0] in _KINDS
        if each.state is not State.ADDED or each.note or not namespaced or space in full | made:
            return each
        if space not in empty:
            empty[space] = _is_absent(cluster, space)
        return replace(each, note=f"the cluster has no namespace {space}") if empty[space] else each

    return tuple(map(told, objects))


def _is_absent(cluster: Cluster, namespace: str) -> bool:
    """False too where that may not be read."""
    try:
        return cluster.get("v1", "Namespace", "", namespace) is None
    except PodliftError as error:
        if error.code != "cluster-forbidden":
            raise
        return False


def _place(cluster: Cluster, each: Mapping[str, Any]) -> Place:
    """Where an object lies; nowhere in particular for a kind that the cluster does not know."""
    version, kind = each["apiVersion"], each["kind"]
    known = _KINDS.get(kind) == version or cluster.resource(version, kind).namespaced
    return version, kind, (each["metadata"].get("namespace") or cluster.namespace) if known else ""


def _is(each: Mapping[str, Any], ours: str, labels: str) -> bool:
    found = each["metadata"].get("labels") or {}
    return selects(f"{ours},{labels}" if labels else ours, found)


def _by_server(
    cluster: Cluster,
    dump: Dump,
    items: Sequence[Item],
    objects: Sequence[ObjectDifference],
    scaled: Collection[Key],
    on_event: Event | None,
) -> tuple[ObjectDifference, ...]:
    """What differs as the server's own dry run says it; what a gate holds back is known to differ."""
    planned = {(title(each), _space(each)): each for _, each in items}
    asked = [
        (n, planned[each.name, each.namespace])
        for n, each in enumerate(objects)
        if each.state is not State.REMOVED and not each.gated and (each.name, each.namespace) in planned
    ]
    made: list[ObjectDifference | None] = list(objects)

    def answer(item: tuple[int, Mapping[str, Any]]) -> tuple[int, ObjectDifference | None]:
        n, each = item
        return n, _asked(cluster, dump, objects[n], each, scaled=key_of(each) in scaled)

    with ThreadPoolExecutor(max_workers=DRY_RUNS_AT_ONCE) as pool:
        for done, (n, told) in enumerate(pool.map(answer, asked), 1):
            made[n] = told
            if on_event is not None:
                on_event("dry-run", done, len(asked))
    return tuple(each for each in made if each is not None)


_REFUSALS = frozenset({
    "object-refused", "object-denied", "object-immutable", "object-too-large", "apply-conflict", "namespace-missing",
    "namespace-ending", "kind-not-served", "webhook-failed",
})  # fmt: skip


def _asked(
    cluster: Cluster, dump: Dump, local: ObjectDifference, each: Mapping[str, Any], *, scaled: bool
) -> ObjectDifference | None:
    try:
        stored = cluster.apply(each, dry_run=True)
    except PodliftError as error:
        if error.code not in _REFUSALS:
            raise
        # The server's words: what must be recreated, who owns the field, what it denies.
        return replace(local, note=f"the server refuses: {error.reason}")
    found = dump.find(*key_of(each))
    if found is None:
        return replace(local, new=without_server_fields(stored, each))
    old, new = without_server_fields(found[1], each), without_server_fields(stored, each)
    if scaled:
        # the dry run resets a number that the plan leaves to its autoscaler; apply hands it over first
        without_number(old, new)
    return told_apart(local.workload, key_of(each), changes(old, new), found[1], old=old, new=new)


def _space(each: Mapping[str, Any]) -> str:
    return str(each["metadata"].get("namespace", ""))
