"""A run whose journal somebody deleted: what it began from stands on its slices and its Services too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from converters.errors import PodliftError
from converters.objects.context import WORKLOAD

from .edges import Api
from .endpoints import SLICE_BY, SLICES_ARE_OURS, SPEC, slice_of
from .run import Condition, Run, Spec
from .states import State
from .stored import spec_in


def recovered(api: Api, namespace: str, workload: str) -> tuple[Spec, Run] | None:
    """Of the workload, by its name in Kubernetes; None where nothing of a run stands. Raises PodliftError as the
    cluster does, and ``bad-journal``.

    What is unknown is taken for the worse: callers hold the Service's address, and the scheduler keeps off. What stands
    in the slices is wanted there.
    """
    labels = f"{WORKLOAD}={workload}"
    slices = [
        each
        for each in api.list("discovery.k8s.io/v1", "EndpointSlice", namespace, labels=labels)
        if each["metadata"]["labels"].get(SLICE_BY) == SLICES_ARE_OURS
    ]
    spec = _spec((*slices, *api.list("v1", "Service", namespace, labels=labels)), namespace)
    if spec is None:
        return None
    stand = [one for each in slices for one in slice_of(each).endpoints if one.instance]
    wanted = {one.instance: one.condition or Condition.READY for one in stand}
    done = frozenset({"begun freeze"})
    return spec, Run(state=State.BRIDGED, gate=spec.id, fronted=True, done=done, wanted=wanted)


def _spec(found: Iterable[Mapping[str, Any]], namespace: str) -> Spec | None:
    """What somebody overwrote on one of them stands on another."""
    wrong: PodliftError | None = None
    for each in found:
        recorded = (each["metadata"].get("annotations") or {}).get(SPEC)
        if recorded:
            try:
                return spec_in(recorded, f"{each['kind']}/{each['metadata']['name']} in {namespace}", SPEC)
            except PodliftError as error:
                wrong = wrong or error
    if wrong is not None:
        raise wrong
    return None
