"""A run whose journal somebody deleted: what it began from stands on its slices and its Services too."""

from __future__ import annotations

import json

from converters.objects.context import WORKLOAD

from .edges import Api
from .endpoints import SPEC
from .run import Run, Spec, spec_of
from .states import State

_BEARERS = (("discovery.k8s.io/v1", "EndpointSlice"), ("v1", "Service"))


def recorded_spec(api: Api, namespace: str, workload: str) -> Spec | None:
    """Of the workload's run, by its name in Kubernetes; None where nothing of one stands. Raises PodliftError as the
    cluster does."""
    for api_version, kind in _BEARERS:
        for each in api.list(api_version, kind, namespace, labels=f"{WORKLOAD}={workload}"):
            recorded = (each["metadata"].get("annotations") or {}).get(SPEC)
            if recorded:
                return spec_of(json.loads(recorded))
    return None


def recovered_run(spec: Spec) -> Run:
    """What is unknown is taken for the worse: callers hold the Service's address, and the scheduler keeps off."""
    return Run(state=State.BRIDGED, gate=spec.id, fronted=True, done=frozenset({"begun freeze"}))
