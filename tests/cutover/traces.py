"""What a run's world is like at each of its writes, in a form that the model's and a real one share.

Equal traces of the same run are why the model may be trusted: who is admitted, which endpoints stand with which
conditions, what controllers are told and how containers are, before each write and at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from converters.objects.context import WORKLOAD
from migrate.cutover.edges import Api
from migrate.cutover.endpoints import ADMITTED, SLICE_BY, SLICE_OF, SLICES_ARE_OURS

Picture = Mapping[str, Any]
_CONDITIONS = ("ready", "serving", "terminating")


def picture(
    api: Api, space: str, name: str, *, run: str, containers: Mapping[str, tuple[bool, str]], frozen: bool
) -> Picture:
    """``run``: its ID, which stands in gates; ``containers``: ``h0/c0`` to whether it runs and its restart policy."""
    service = api.get("v1", "Service", space, name)
    deployment = api.get("apps/v1", "Deployment", space, name)
    assert deployment is not None
    slices = list(api.list("discovery.k8s.io/v1", "EndpointSlice", space, labels=f"{SLICE_OF}={name}"))
    pods = api.list("v1", "Pod", space, labels=f"{WORKLOAD}={name}")
    ours = [each for each in slices if each["metadata"]["labels"].get(SLICE_BY) == SLICES_ARE_OURS]
    gates = [each["metadata"]["labels"].get(ADMITTED, "") for each in pods if _stays(each)]
    return {
        "selector": _steady(service["spec"]["selector"], run) if service else None,
        "legacy endpoints": sorted(_conditions(ours)),
        "slices go with the Service": [bool(each["metadata"].get("ownerReferences")) for each in ours],
        "pods' endpoints": sorted(_conditions(each for each in slices if each not in ours)),
        "replicas": deployment["spec"]["replicas"],
        "paused": bool(deployment["spec"].get("paused")),
        "admitted": sorted(gate.replace(run, "RUN") for gate in gates if gate),
        "containers": dict(containers),
        "frozen": frozen,
    }


def differences(one: Sequence[tuple[str, Picture]], other: Sequence[tuple[str, Picture]]) -> list[str]:
    """Step by step: which write, and what is different before it."""
    found: list[str] = []
    for number, ((label, seen), (of, made)) in enumerate(zip(one, other, strict=False)):
        if label != of:
            return [*found, f"write {number}: {label}, and {of}"]
        found += [
            f"before write {number}, {label}: {key} is {seen[key]}, and {made[key]}"
            for key in seen
            if seen[key] != made[key]
        ]
    if len(one) != len(other):
        found.append(f"{len(one)} writes, and {len(other)}")
    return found


def _stays(pod: Mapping[str, Any]) -> bool:
    return not pod["metadata"].get("deletionTimestamp")


def _steady(selector: Mapping[str, str], run: str) -> dict[str, str]:
    """Without what only says whose workload it is."""
    return {key: value.replace(run, "RUN") for key, value in selector.items() if key == ADMITTED}


def _conditions(slices: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for each in slices:
        for endpoint in each.get("endpoints") or ():
            said = endpoint.get("conditions") or {}
            yield ", ".join(f"{name} {bool(said.get(name))}" for name in _CONDITIONS)
