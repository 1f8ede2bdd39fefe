"""Reads how far the other workloads of a group are, from their journals."""

from __future__ import annotations

from collections.abc import Mapping

from converters.objects.context import WORKLOAD

from ..plan.objects import JOURNAL
from .edges import Api
from .groups import others
from .journal import Entry, journaled, state_of
from .run import Member, Spec


def members_of(api: Api, spec: Spec) -> Mapping[str, Member]:
    """By name. One LIST for each namespace; a journal of another moving counts as none. Raises PodliftError as the
    cluster does, and ``bad-journal``."""
    wanted = others(spec)
    found = {name: Member(name=name, state=None) for name in wanted}
    for namespace in sorted({name.partition("/")[0] for name in wanted}):
        for live in api.list("v1", "ConfigMap", namespace, labels=JOURNAL):
            name = f"{namespace}/{live['metadata']['labels'].get(WORKLOAD, '')}"
            if name in wanted and (entry := journaled(live)).spec.group_id == spec.group_id:
                found[name] = Member(name=name, state=state_of(entry.run), addresses=_addresses(entry))
    return found


def _addresses(entry: Entry) -> frozenset[str]:
    hosts = {each.host for each in (*entry.spec.originals, *entry.run.joined)}
    said = entry.spec.hosts.items()
    return frozenset(str(each["address"]) for name, each in said if name in hosts and each.get("address"))
