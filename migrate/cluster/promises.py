"""Whether a cluster is the one that a plan was made for, and still has what the plan's target promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from converters.errors import PodliftError

from ..plan.model import Plan
from .inventory import GATES, GATEWAYS, LEVEL_LABEL, LEVELS, gates_on, version_of
from .refusals import refusal

if TYPE_CHECKING:
    from .edge import Cluster

OnUnread = Callable[[str], None]


def check_target(plan: Plan, cluster: Cluster, *, on_unread: OnUnread | None = None) -> bool:
    """True: this is the cluster that the target names; False: the target names none. ``on_unread`` is told what could
    not be checked, for want of rights.

    Raises PodliftError ``wrong-cluster`` for another one, ``target-unmet`` for one that lacks what the target
    promises, each thing named, and what :class:`Cluster` raises.
    """
    target = plan.target
    promised = str(target.get("identity", ""))
    if promised:
        _same(promised, cluster)
    unmet = [each for check in _CHECKS for each in _readable(check, plan, cluster, on_unread)]
    if unmet:
        raise refusal(
            "target-unmet",
            f"context {cluster.name}",
            f"the cluster lacks what the plan's target promises: {'; '.join(unmet)}",
            "mend the cluster, or correct target.yaml (podlift init --context writes one anew) and plan again",
        )
    return bool(promised)


def _same(promised: str, cluster: Cluster) -> None:
    found = cluster.identity()
    if not found:
        raise refusal(
            "cluster-forbidden",
            f"context {cluster.name}",
            "whether this is the plan's cluster is told by the UID of its namespace kube-system, which this user may "
            "not get",
            "bind a role that may: podlift-target of podlift explain --roles does",
        )
    if found != promised:
        raise refusal(
            "wrong-cluster",
            f"context {cluster.name}",
            f"{cluster.server} is another cluster ({found}) than the plan was made for ({promised})",
            "give the --context of that one, or plan for this one with a target.yaml of its own",
        )


Check = Callable[[Plan, "Cluster"], Iterator[str]]


def _readable(check: Check, plan: Plan, cluster: Cluster, on_unread: OnUnread | None) -> list[str]:
    try:
        return list(check(plan, cluster))
    except PodliftError as error:
        if error.code != "cluster-forbidden":
            raise
        if on_unread is not None:
            on_unread(error.reason)
        return []


def _version(plan: Plan, cluster: Cluster) -> Iterator[str]:
    promised = tuple(plan.target.get("version", ()))
    if promised and version_of(cluster.version()) < promised:
        yield f"Kubernetes {'.'.join(map(str, promised))}: it is {cluster.version()}"


def _groups(plan: Plan, cluster: Cluster) -> Iterator[str]:
    promised = plan.target.get("crds", ())
    served = cluster.groups() if promised else {}
    yield from (f"API group {each}" for each in promised if each not in served)


def _gates(plan: Plan, cluster: Cluster) -> Iterator[str]:
    promised = [each for each in plan.target.get("gates", ()) if each in GATES]
    if not promised:
        return
    metrics = cluster.raw("/metrics")
    if metrics is None:
        reason = "may not get /metrics, where feature gates stand"
        raise refusal(
            "cluster-forbidden", f"context {cluster.name}", reason, "bind podlift-target of podlift explain --roles"
        )
    on = gates_on(metrics)
    yield from (f"feature gate {each}" for each in promised if each not in on)


def _storage(plan: Plan, cluster: Cluster) -> Iterator[str]:
    promised = [each["name"] for each in plan.target.get("storage_classes", ())]
    yield from _missing("storage class", "storage.k8s.io/v1", "StorageClass", promised, cluster)


def _routes(plan: Plan, cluster: Cluster) -> Iterator[str]:
    ingress = plan.target.get("ingress_class")
    yield from _missing("ingress class", "networking.k8s.io/v1", "IngressClass", [ingress] if ingress else [], cluster)
    namespace, _, name = str(plan.target.get("gateway", "")).partition("/")
    # a group that is not served was named above
    if name and GATEWAYS in cluster.groups() and cluster.get(f"{GATEWAYS}/v1", "Gateway", namespace, name) is None:
        yield f"Gateway {namespace}/{name}"


def _runtimes(plan: Plan, cluster: Cluster) -> Iterator[str]:
    promised = sorted(set(plan.target.get("runtime_classes", {}).values()))
    yield from _missing("RuntimeClass", "node.k8s.io/v1", "RuntimeClass", promised, cluster)


def _nodes(plan: Plan, cluster: Cluster) -> Iterator[str]:
    names = sorted(set(plan.target.get("nodes", {}).values()))
    sites: list[Mapping[str, Any]] = plan.target.get("sites", [])
    if not names and not sites:
        return
    nodes = {each["metadata"]["name"]: each["metadata"].get("labels", {}) for each in cluster.list("v1", "Node")}
    yield from (f"node {each}" for each in names if each not in nodes)
    for site in sites:
        wanted = site.get("node_labels", {}).items()
        if not any(wanted <= labels.items() for labels in nodes.values()):
            yield f"a node of site {site['name']} ({', '.join(f'{key}={value}' for key, value in wanted)})"


def _pod_security(plan: Plan, cluster: Cluster) -> Iterator[str]:
    """A namespace that enforces more than the target says would refuse pods."""
    promised = LEVELS.index(plan.target.get("pod_security", LEVELS[0]))
    if promised == len(LEVELS) - 1:
        return
    for name in sorted(_namespaces(plan, cluster)):
        found = cluster.get("v1", "Namespace", "", name)
        level = (found or {"metadata": {}})["metadata"].get("labels", {}).get(LEVEL_LABEL)
        if level in LEVELS and LEVELS.index(level) > promised:
            yield f"pod security {LEVELS[promised]}: namespace {name} enforces {level}"


def _namespaces(plan: Plan, cluster: Cluster) -> set[str]:
    """Where the plan's pods go; a namespace that the plan writes itself has the level that it says there."""
    written = {each["metadata"]["name"] for _, each in plan.objects if each["kind"] == "Namespace"}
    return {str(entry["namespace"] or cluster.namespace) for entry in plan.workloads} - written


def _missing(what: str, api_version: str, kind: str, names: list[str], cluster: Cluster) -> Iterator[str]:
    found = {each["metadata"]["name"] for each in cluster.list(api_version, kind)} if names else set()
    yield from (f"{what} {each}" for each in names if each not in found)


_CHECKS: tuple[Check, ...] = (_version, _groups, _gates, _storage, _routes, _runtimes, _nodes, _pod_security)
