"""What stops a run before anything of it is sent: once it is under way, half of it would stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from converters.errors import PodliftError
from converters.objects.configuration import REQUIRED_KEYS

from ..plan.model import Plan
from ..plan.objects import Item, title
from ..plan.stages import Stage, Staged, at_work
from .applied import Action
from .deciding import Step
from .standing import READERS, Standing

if TYPE_CHECKING:
    from ..cluster import Cluster


def refuse_namespaces(cluster: Cluster, items: Sequence[Item], standing: Standing) -> None:
    """Raises PodliftError ``namespace-missing`` or ``namespace-ending``. Who may not read namespaces learns it from
    the first object instead."""
    made = {each["metadata"]["name"] for _, each in items if each["kind"] == "Namespace"}
    needed = {standing.namespace_of(each) for _, each in items} - made - {""}
    for name in sorted(needed):
        try:
            found = cluster.get("v1", "Namespace", "", name)
        except PodliftError as error:
            if error.code == "cluster-forbidden":
                return
            raise
        if found is None:
            raise PodliftError(
                code="namespace-missing",
                phase="apply",
                subject=name,
                reason="there is no such namespace on the cluster",
                next_step=f"kubectl create namespace {name}, or say writeNamespaces: true in target.yaml and plan "
                "again",
            )
        if found["metadata"].get("deletionTimestamp"):
            raise PodliftError(
                code="namespace-ending",
                phase="apply",
                subject=name,
                reason="the namespace is being deleted, and takes nothing new",
                next_step="wait until it is gone, make it again, and run it again",
            )


def refuse_running(staged: Staged, standing: Standing) -> None:
    """Raises PodliftError ``already-running``: ``gated`` would stop what already runs on the cluster."""
    for workload, each in staged.objects:
        if staged.stages.get(workload) is not Stage.GATED:
            continue
        found = standing.find(each)
        what = "" if found is None else at_work(found)
        if what:
            raise PodliftError(
                code="already-running",
                phase="apply",
                subject=workload,
                reason=f"{title(each)} {what} on the cluster, and it is to be applied gated, which would stop it",
                next_step=f"say --never-cut-over {workload}, and no --stage, if it is not to be cut over; else scale "
                "it to 0 or suspend it first",
            )


def refuse_without_secrets(plan: Plan, staged: Staged, standing: Standing, default: str) -> None:
    """Raises PodliftError ``secret-missing``: a pod that names a Secret, or a key of one, which is nowhere would wait
    for it forever. ``default``: the namespace of what names none."""
    brought = {
        (each["metadata"].get("namespace") or default, each["metadata"]["name"]): each for _, each in plan.secrets
    }
    for entry in plan.workloads:
        namespace = entry["namespace"] or default
        for secret in entry["secrets"] if entry["name"] in staged.stages else ():
            place = namespace, secret["name"]
            ours, theirs = brought.get(place), standing.secret(*place)
            there = {key for each in (ours, theirs) if each for key in each.get("data") or {}}
            lacking = sorted({*secret["keys"], *_required(ours)} - there)
            if lacking or (ours is None and theirs is None):
                keys = f"the keys {', '.join(lacking)} of " if lacking else ""
                raise PodliftError(
                    code="secret-missing",
                    phase="apply",
                    subject=entry["name"],
                    reason=f"{keys}its Secret {namespace}/{secret['name']} stand neither on the cluster nor in the "
                    "plan's secrets/",
                    next_step="apply from where the plan was made (git does not keep secrets/), or create the Secret "
                    "first",
                )


def _required(secret: Mapping[str, Any] | None) -> list[str]:
    said = ((secret or {}).get("metadata", {}).get("annotations") or {}).get(REQUIRED_KEYS, "")
    return said.split(",") if said else []


def refuse_forbidden(cluster: Cluster, steps: Iterable[Step]) -> None:
    """Raises PodliftError ``cluster-forbidden`` with all that the user may not write of what is to be written."""
    asked: dict[tuple[str, str, str, str], None] = {}
    for step in steps:
        if not step.writes:
            continue
        _, each = step.item
        resource = cluster.resource(each["apiVersion"], each["kind"])
        # server-side apply patches; what is not there it creates
        for verb in ("patch", "create") if step.action is Action.CREATED else ("patch",):
            asked[(verb, resource.group, resource.plural, step.namespace)] = None
    with ThreadPoolExecutor(READERS) as pool:
        allowed = list(pool.map(lambda one: cluster.can(*one), asked))
    lacking = [one for one, may in zip(asked, allowed, strict=True) if not may]
    if lacking:
        raise PodliftError(
            code="cluster-forbidden",
            phase="apply",
            subject=f"context {cluster.name}",
            reason=f"this user may not {'; '.join(_said(lacking))}",
            next_step="bind a role that may (podlift-apply of podlift explain --roles does) and run it again: nothing "
            "was sent",
        )


def _said(lacking: Sequence[tuple[str, str, str, str]]) -> list[str]:
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for verb, *what in lacking:
        verbs.setdefault((what[0], what[1], what[2]), []).append(verb)
    return [
        f"{' or '.join(said)} {plural}{f'.{group}' if group else ''} "
        + (f"in namespace {namespace}" if namespace else "(of the whole cluster)")
        for (group, plural, namespace), said in verbs.items()
    ]
