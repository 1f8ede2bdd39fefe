"""Reads what a run's world is now: a handful of LISTs and GETs, and the engines. It writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.objects.context import WORKLOAD

from .edges import Api, Clock, Legacy
from .endpoints import BESIDE, SLICE_OF
from .run import Spec
from .world import World, world_of


def observe(api: Api, legacy: Legacy, spec: Spec, clock: Clock) -> World:
    """Raises PodliftError as the cluster does; an engine that does not answer is in ``found.unread``."""
    space, label = spec.namespace, f"{WORKLOAD}={spec.name}"
    names = [each["metadata"]["name"] for each in spec.services]
    services = [live for name in names if (live := api.get("v1", "Service", space, name)) is not None]
    selector = f"{SLICE_OF} in ({','.join(names)})"
    return world_of(
        spec,
        services=services,
        slices=list(api.list("discovery.k8s.io/v1", "EndpointSlice", space, labels=selector)),
        controllers=[
            live for each in spec.controllers if (live := api.get("apps/v1", each.kind, space, each.name)) is not None
        ],
        sets=list(api.list("apps/v1", "ReplicaSet", space, labels=label)),
        pods=[each for each in api.list("v1", "Pod", space, labels=label) if BESIDE not in each["metadata"]["labels"]],
        later=[live for each in (*spec.fronts, *spec.later) if (live := _get(api, space, each)) is not None],
        found=legacy.find(),
        now=clock.now(),
        endpoints=[live for name in spec.adopted if (live := api.get("v1", "Endpoints", space, name)) is not None],
    )


def _get(api: Api, space: str, each: Mapping[str, Any]) -> dict[str, Any] | None:
    return api.get(each["apiVersion"], each["kind"], space, each["metadata"]["name"])
