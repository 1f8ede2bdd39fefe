"""All runs of a namespace at one look: by their journals and leases, without engines and without what else is there."""

from __future__ import annotations

from collections.abc import Collection

from ..plan.objects import JOURNAL
from .edges import Api
from .endpoints import KEEPER_PART, LEASE, lease_name
from .journal import journal_name, journaled
from .run import Spec
from .status import Held, Status, held_by, status_of


def listed(api: Api, namespace: str, now: float, names: Collection[str] = ()) -> tuple[Status, ...]:
    """By name in Kubernetes; ``names``: of these alone, none: all. What rests on cluster and engines is empty.

    Raises PodliftError as the cluster does, and ``bad-journal``.
    """
    wanted = {journal_name(name) for name in names}
    live = api.list("v1", "ConfigMap", namespace, labels=JOURNAL)
    entries = [journaled(each) for each in live if not wanted or each["metadata"]["name"] in wanted]
    found = []
    for entry in sorted(entries, key=lambda each: each.spec.name):
        driver, keeper = holders(api, entry.spec, now)
        found.append(status_of(entry, None, now=now, lock=driver, keeper=keeper))
    return tuple(found)


def holders(api: Api, spec: Spec, now: float) -> tuple[Held | None, Held | None]:
    """Who drives the run, and who keeps its slices."""
    driver, keeper = (
        held_by(api.get(LEASE, "Lease", spec.namespace, lease_name(spec.name, part)), now) for part in ("", KEEPER_PART)
    )
    return driver, keeper
