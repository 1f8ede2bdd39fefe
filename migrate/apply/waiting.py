"""Waiting for controllers, and saying what keeps their pods."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from converters.objects.context import WORKLOAD

from .applied import Waiting
from .ordering import Item
from .readiness import WATCHED, troubles, unready
from .stages import key_of

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
    """What is not ready after ``timeout_s`` seconds; ``on_trouble`` is told each trouble once, as it shows."""
    watched = [item for item in items if item[1]["kind"] in WATCHED]
    end = time.monotonic() + timeout_s
    told: set[str] = set()
    while True:
        pending = _pending(cluster, watched)
        if on_event:
            on_event("wait", len(watched) - len(pending), len(watched))
        if not pending:
            return
        said = {id(item): _troubles(cluster, item) for item, _ in pending}
        for lines in said.values():
            for line in lines:
                if on_trouble and line not in told:
                    on_trouble(line)
                told.add(line)
        if time.monotonic() + _POLL_S > end:
            for item, why in pending:
                kind, namespace, name = key_of(item[1])
                words = "; ".join([why, *said[id(item)]])
                yield Waiting(workload=item[0], name=f"{kind}/{name}", namespace=namespace, why=words)
            return
        time.sleep(_POLL_S)


def _pending(cluster: Cluster, watched: Sequence[Item]) -> list[tuple[Item, str]]:
    places = {(i["apiVersion"], i["kind"], i["metadata"].get("namespace") or cluster.namespace) for _, i in watched}
    live = {
        (kind, namespace, each["metadata"]["name"]): each
        for api_version, kind, namespace in sorted(places)
        for each in cluster.list(api_version, kind, namespace)
    }
    made = []
    for item in watched:
        kind, namespace, name = key_of(item[1])
        found = live.get((kind, namespace or cluster.namespace, name))
        why = "it is gone" if found is None else unready(found)
        if why:
            made.append((item, why))
    return made


def _troubles(cluster: Cluster, item: Item) -> list[str]:
    each = item[1]
    namespace = each["metadata"].get("namespace") or cluster.namespace
    label = each["spec"]["template"]["metadata"]["labels"][WORKLOAD]
    pods = list(cluster.list("v1", "Pod", namespace, labels=f"{WORKLOAD}={label}"))
    return troubles(pods, cluster.list("v1", "Event", namespace)) if pods else []
