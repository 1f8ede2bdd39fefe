"""Waiting for controllers, and saying what keeps their pods."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from converters.errors import PodliftError

from ..plan.objects import Item, Key, title
from .applied import Waiting
from .readiness import WATCHED, runs, troubles, unready

if TYPE_CHECKING:
    from ..cluster import Cluster

_POLL_S = 2.0


def wait_for(
    cluster: Cluster,
    items: Sequence[Item],
    timeout_s: float,
    on_event: Callable[[str, int, int], None] | None,
    on_trouble: Callable[[str], None] | None,
) -> Iterator[Waiting]:
    """What is not ready after ``timeout_s`` seconds; ``on_trouble`` is told each trouble once, as it shows.

    Ready is what two looks in a row found so: a container that ends at once is ready for a moment too.

    A cluster that fails meanwhile ends the wait: then nobody knows of those that were not ready yet.
    """
    pending = [(item, "nobody has looked yet") for item in items if item[1]["kind"] in WATCHED]
    total = len(pending)
    end = time.monotonic() + timeout_s
    told: set[str] = set()
    once: set[int] = set()
    said: Mapping[int, Sequence[str]] = {}
    try:
        while True:
            pending = _pending(cluster, [item for item, _ in pending], once)
            if on_event:
                on_event("wait", total - len(pending), total)
            if not pending:
                return
            said = _troubles(cluster, [item for item, _ in pending])
            for line in (line for lines in said.values() for line in lines):
                if on_trouble and line not in told:
                    on_trouble(line)
                told.add(line)
            if time.monotonic() + _POLL_S > end:
                break
            time.sleep(_POLL_S)
    except PodliftError as error:
        pending = [(item, f"not known: {error.reason}") for item, _ in pending]
        said = {}
    for item, why in pending:
        words = "; ".join([why, *said.get(id(item), ())])
        yield Waiting(workload=item[0], name=title(item[1]), namespace=_namespace(cluster, item), why=words)


def _namespace(cluster: Cluster, item: Item) -> str:
    return item[1]["metadata"].get("namespace") or cluster.namespace


def _pending(cluster: Cluster, watched: Sequence[Item], once: set[int]) -> list[tuple[Item, str]]:
    """What is not ready, and why. ``once``: what the last look found ready, by the item's identity."""
    places = {(each["apiVersion"], each["kind"], _namespace(cluster, (name, each))) for name, each in watched}
    live: dict[Key, Mapping[str, Any]] = {
        (kind, namespace, each["metadata"]["name"]): each
        for api_version, kind, namespace in sorted(places)
        for each in cluster.list(api_version, kind, namespace)
    }
    made = []
    for item in watched:
        found = live.get((item[1]["kind"], _namespace(cluster, item), item[1]["metadata"]["name"]))
        why = "it is gone" if found is None else unready(found)
        if why:
            once.discard(id(item))
            made.append((item, why))
        elif found is not None and id(item) not in once and runs(found):
            once.add(id(item))
            made.append((item, "ready only since a moment ago"))
    return made


def _troubles(cluster: Cluster, pending: Sequence[Item]) -> dict[int, list[str]]:
    """What keeps each, by the item's identity. Pods and warnings are read once a namespace."""
    made = {}
    for namespace in sorted({_namespace(cluster, item) for item in pending}):
        pods = _readable(lambda: cluster.list("v1", "Pod", namespace))  # noqa: B023 - called at once
        warnings = _readable(lambda: cluster.list("v1", "Event", namespace, fields="type=Warning"))  # noqa: B023
        for item in pending:
            if _namespace(cluster, item) == namespace:
                made[id(item)] = troubles(item[1], pods, warnings)
    return made


def _readable(read: Callable[[], Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What may be read: who may apply may not always see pods or events, and waits all the same."""
    try:
        return list(read())
    except PodliftError as error:
        if error.code != "cluster-forbidden":
            raise
        return []
