"""The keeper: it alone writes the legacy slices, so that they say what the engines show and the journal wants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .edges import Api, Clock, Found
from .endpoints import EPOCH, MANAGER, SLICE_BY, SLICE_OF, SLICES_ARE_OURS, Slice, slice_object, slice_of
from .keeping import Health, in_order, kept, service_named
from .run import Run, Spec

_API = "discovery.k8s.io/v1"


class Keeper:
    """``follow`` may be called at any time and as often as one likes: what stands already is not written again."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self.suspicious: tuple[str, ...] = ()

    def follow(self, spec: Spec, run: Run, found: Found, health: Mapping[str, Health] | None = None) -> int:
        """Writes what differs, what adds before what takes away; how many writes that were. Raises PodliftError as the
        cluster does; ``object-changed`` where somebody else wrote in between: look again."""
        live = self._slices(spec)
        standing = {name: slice_of(each) for name, each in live.items()}
        result = kept(spec, run, found, tuple(standing.values()), health)
        self.suspicious = result.suspicious
        owners: dict[str, Mapping[str, Any] | None] = {}
        writes = 0
        for each in in_order(result.slices, standing):
            if each.service not in owners:
                owners[each.service] = self._api.get("v1", "Service", spec.namespace, each.service)
            writes += self._write(spec, run, each, live.get(each.name), owners[each.service])
        return writes

    def _slices(self, spec: Spec) -> dict[str, dict[str, Any]]:
        names = ",".join(each["metadata"]["name"] for each in spec.services)
        labels = f"{SLICE_OF} in ({names}),{SLICE_BY}={SLICES_ARE_OURS}"
        found = self._api.list(_API, "EndpointSlice", spec.namespace, labels=labels)
        return {each["metadata"]["name"]: each for each in found}

    def _write(
        self, spec: Spec, run: Run, wanted: Slice, live: dict[str, Any] | None, owner: Mapping[str, Any] | None
    ) -> int:
        if not wanted.endpoints:
            if live is None:
                return 0
            metadata = live["metadata"]
            self._api.delete(
                _API,
                "EndpointSlice",
                spec.namespace,
                wanted.name,
                uid=metadata["uid"],
                # it may have become what everything rests on by the time a late request arrives
                version=metadata["resourceVersion"],
            )
            return 1
        at = datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        service = service_named(spec, wanted.service)
        made = slice_object(wanted, spec, service, epoch=run.epoch, at=at, owner=owner)
        if live is None:
            self._api.create(made, manager=MANAGER)
            return 1
        if slice_of(live) == wanted and _epoch(live) == run.epoch and _owner(live) == _owner(made):
            return 0
        metadata = {**made["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
        metadata.setdefault("ownerReferences", None)
        body = {"metadata": metadata, "endpoints": made["endpoints"], "ports": made["ports"]}
        self._api.patch(_API, "EndpointSlice", spec.namespace, wanted.name, body, manager=MANAGER)
        return 1


def _epoch(live: Mapping[str, Any]) -> int:
    return int(live["metadata"]["annotations"].get(EPOCH, "0"))


def _owner(each: Mapping[str, Any]) -> str:
    owners = each["metadata"].get("ownerReferences") or ()
    return str(owners[0]["uid"]) if owners else ""
