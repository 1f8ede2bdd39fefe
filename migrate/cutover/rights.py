"""What a run does on the cluster, as verbs on resources: asked before a start, so that none is refused in its middle.
Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .preflight import Right

# group, plural, verbs
_ALWAYS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("", "configmaps", ("get", "list", "create", "patch", "delete")),
    ("coordination.k8s.io", "leases", ("get", "create", "patch", "delete")),
    ("", "services", ("get", "list", "create", "patch", "delete")),
    ("discovery.k8s.io", "endpointslices", ("list", "create", "patch", "delete")),
    ("apps", "deployments", ("get", "list", "patch")),
    ("apps", "replicasets", ("list",)),
    ("", "events", ("create",)),
)
# One is told to end before any takes callers, and watched until it has.
_PODS = ("get", "list", "patch", "delete")
# A probe is a pod of its own where the node has no command for it.
_PROBES = ("create",)
_LATER: dict[str, tuple[str, str]] = {
    "HorizontalPodAutoscaler": ("autoscaling", "horizontalpodautoscalers"),
    "PodDisruptionBudget": ("policy", "poddisruptionbudgets"),
    "Ingress": ("networking.k8s.io", "ingresses"),
    "HTTPRoute": ("gateway.networking.k8s.io", "httproutes"),
    "Endpoints": ("", "endpoints"),
}
_LATER_VERBS = ("get", "create", "patch", "delete")


def rights_of_a_run(namespace: str, *, kinds: Collection[str] = (), probes: bool = True) -> tuple[Right, ...]:
    """``kinds``: of the plan's objects; those that enter late need rights of their own, and so do Endpoints where
    Services are adopted. ``probes``: probe pods are made."""
    return tuple(dict.fromkeys(_rights(namespace, kinds, probes)))


def _rights(namespace: str, kinds: Collection[str], probes: bool) -> Iterator[Right]:
    rows = [*_ALWAYS, ("", "pods", (*_PODS, *(_PROBES if probes else ())))]
    rows += [("", "pods/log", ("get",))] if probes else []
    rows += [(*place, _LATER_VERBS) for kind, place in _LATER.items() if kind in kinds]
    for group, plural, verbs in rows:
        yield from (Right(verb=verb, group=group, plural=plural, namespace=namespace) for verb in verbs)
    yield Right(verb="list", group="", plural="nodes")
