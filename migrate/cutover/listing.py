"""All runs of a namespace at one look: by their journals and leases, without engines and without what else is there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from converters.errors import PodliftError
from converters.objects.context import WORKLOAD

from ..plan.objects import JOURNAL
from .edges import Api
from .endpoints import KEEPER_PART, LEASE, lease_name
from .journal import journal_name, journaled
from .run import Spec
from .status import Held, Status, held_by, status_of
from .stored import CODE


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A run whose journal is none. ``name``: the workload's in Kubernetes, by its label; ``error``: ``bad-journal``."""

    name: str
    namespace: str
    error: PodliftError


def listed(api: Api, namespace: str, now: float, names: Collection[str] = ()) -> tuple[Status | Unreadable, ...]:
    """By name in Kubernetes; ``names``: of these alone, none: all. What rests on cluster and engines is empty.

    Raises PodliftError as the cluster does.
    """
    wanted = {journal_name(name) for name in names}
    live = api.list("v1", "ConfigMap", namespace, labels=JOURNAL)
    found = [_seen(api, namespace, now, each) for each in live if not wanted or each["metadata"]["name"] in wanted]
    return tuple(sorted(found, key=lambda each: each.name))


def _seen(api: Api, namespace: str, now: float, live: Mapping[str, Any]) -> Status | Unreadable:
    try:
        entry = journaled(live)
    except PodliftError as error:
        if error.code != CODE:
            raise
        metadata = live["metadata"]
        return Unreadable(name=metadata["labels"].get(WORKLOAD, metadata["name"]), namespace=namespace, error=error)
    driver, keeper = holders(api, entry.spec, now)
    return status_of(entry, None, now=now, lock=driver, keeper=keeper)


def holders(api: Api, spec: Spec, now: float) -> tuple[Held | None, Held | None]:
    """Who drives the run, and who keeps its slices."""
    driver, keeper = (
        held_by(api.get(LEASE, "Lease", spec.namespace, lease_name(spec.name, part)), now) for part in ("", KEEPER_PART)
    )
    return driver, keeper
