"""A run whose journal somebody deleted: what it began from stands on its slices and its Services too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from converters.errors import PodliftError
from converters.objects.context import WORKLOAD

from ..plan.objects import title
from .decision import made
from .edges import Api
from .endpoints import JOINED, RUN, SLICE_BY, SLICES_ARE_OURS, SPEC, epoch_of, slice_of
from .newcomers import Record, known, remembered
from .run import Condition, Run, Spec
from .states import State
from .stopping import unseen
from .stored import part_in, spec_in


def recovered(api: Api, namespace: str, workload: str, *, now: float) -> tuple[Spec, Run] | None:
    """Of the workload, by its name in Kubernetes; None where nothing of a run stands. ``now``: seconds since 1970.
    Raises PodliftError as the cluster does, and ``bad-journal``.

    What is unknown is taken for the worse: callers hold the Service's address, the scheduler keeps off, and what stands
    in no slice was told to stop a moment ago. What stands in the slices is wanted there. Who came since the run began
    stands on its Services. Who made what comes later is told by its field manager alone. Its epochs go on from the
    highest that stands, so that the next driver's is a new one.
    """
    labels = f"{WORKLOAD}={workload}"
    slices = [
        each
        for each in api.list("discovery.k8s.io/v1", "EndpointSlice", namespace, labels=labels)
        if each["metadata"]["labels"].get(SLICE_BY) == SLICES_ARE_OURS
    ]
    services = list(api.list("v1", "Service", namespace, labels=labels))
    spec = _spec((*slices, *services), namespace)
    if spec is None:
        return None
    stand = [one for each in slices for one in slice_of(each).endpoints if one.instance]
    wanted = {one.instance: one.condition or Condition.READY for one in stand}
    done = frozenset({"begun freeze", *(made(title(each)) for each in spec.later)})
    epoch = max(map(epoch_of, (*slices, *services)))
    run = Run(state=State.BRIDGED, epoch=epoch, gate=spec.id, fronted=True, done=done, wanted=wanted)
    for each in services:
        if _annotations(each).get(RUN) == spec.id:
            run = _remembered(run, each, namespace)
    return spec, replace(run, since={unseen(each.key): now for each in known(spec, run) if each.key not in wanted})


def _spec(found: Iterable[Mapping[str, Any]], namespace: str) -> Spec | None:
    """What somebody overwrote on one of them stands on another."""
    wrong: PodliftError | None = None
    for each in found:
        recorded = _annotations(each).get(SPEC)
        if recorded:
            try:
                return spec_in(recorded, _where(each, namespace), SPEC)
            except PodliftError as error:
                wrong = wrong or error
    if wrong is not None:
        raise wrong
    return None


def _remembered(run: Run, service: Mapping[str, Any], namespace: str) -> Run:
    """As it is where nothing is recorded, or not as podlift writes it: who stands in the slices is found by that."""
    try:
        return remembered(run, part_in(_annotations(service).get(JOINED), Record, _where(service, namespace), JOINED))
    except PodliftError:
        return run


def _annotations(live: Mapping[str, Any]) -> Mapping[str, str]:
    return live["metadata"].get("annotations") or {}


def _where(live: Mapping[str, Any], namespace: str) -> str:
    return f"{live['kind']}/{live['metadata']['name']} in {namespace}"
