"""Leaves a run to a Deployment in the cluster: what that needs is looked at before anything is written."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from converters.errors import PodliftError

from .detached import (
    Detachment,
    check_reach,
    deployment,
    deployment_name,
    files_of,
    refusal,
    variables_of,
)
from .edges import Clock
from .endpoints import KEEPER_PART, LEASE, MANAGER, RUN, lease_name
from .journal import Journal
from .listing import holders
from .lock import Lock
from .rights import rights_of_a_run
from .run import Spec
from .settings import OTHER_NODES
from .states import ENDED

if TYPE_CHECKING:
    from ..cluster import Cluster

BEGINS_S = 120.0
"""How long the pod may take until it drives: a node pulls its image first."""
_POLL_S = 1.0
_LINES = 5


def check_detachment(cluster: Cluster, spec: Spec, by: Detachment) -> None:
    """It only reads. What this user may not read is left to the pod, which then says it. Raises PodliftError
    ``detach-refused`` and as the cluster does."""
    check_reach(spec, by, os.environ)
    for verb in ("create", "patch"):
        if not cluster.can(verb, "apps", "deployments", spec.namespace):
            step = "ask for the role podlift-apply in it (podlift explain --roles), or start without --detach"
            raise refusal(spec.namespace, f"you may not {verb} deployments.apps in this namespace", step)
    _check_secret(cluster, spec, by)
    _check_account(cluster, spec, by)


def _check_secret(cluster: Cluster, spec: Spec, by: Detachment) -> None:
    if not by.secret or not cluster.can("get", "", "secrets", spec.namespace):
        return
    live = cluster.get("v1", "Secret", spec.namespace, by.secret)
    subject = f"Secret/{by.secret} in {spec.namespace}"
    if live is None:
        raise refusal(subject, "it is not there", "kubectl create secret generic makes one from files")
    there = live.get("data") or {}
    missing = [key for key in (*files_of(spec), *variables_of(spec)) if key not in there]
    if missing:
        step = "add them: files under their names, variables under theirs"
        raise refusal(subject, f"it holds no {', '.join(missing)}, which the run needs", step)


def _check_account(cluster: Cluster, spec: Spec, by: Detachment) -> None:
    space = spec.namespace
    subject, step = f"ServiceAccount/{by.account} in {space}", "the page Grant rights says how it is made and bound"
    if cluster.can("get", "", "serviceaccounts", space) and not cluster.get("v1", "ServiceAccount", space, by.account):
        raise refusal(subject, "it is not there, and podlift's pod would be it", step)
    if not cluster.can("create", "authorization.k8s.io", "subjectaccessreviews"):
        return
    kinds = [each["kind"] for each in (*spec.fronts, *spec.later)]
    if spec.adopted:
        kinds.append("Endpoints")
    probes = bool(spec.nodes.get(OTHER_NODES, {}).get("image"))
    for right in rights_of_a_run(space, kinds=kinds, probes=probes):
        if not cluster.account_can((space, by.account), right.verb, right.group, right.plural, right.namespace):
            raise refusal(subject, f"it may not {right}: podlift's pod would be it", step)


def hand_over(cluster: Cluster, spec: Spec, by: Detachment, lock: Lock) -> None:
    """Makes the Deployment, or leads it to what is given now. The run's lock is held: whoever gives it back lets the
    pod begin. Raises PodliftError as the cluster does."""
    keeper = lock.of_keeper()
    # the Deployment is to go with the keeper's Lease, which is then to be there; the first keeper takes it
    if keeper.attempt():
        keeper.release(remove=False)
    lease = _keepers(cluster, spec)
    if lease is None:
        raise refusal(spec.workload, "the Lease of its keeper was deleted at this moment", "try again")
    cluster.apply(deployment(spec, by, lease), manager=MANAGER)


def taken_back(cluster: Cluster, spec: Spec, lock: Lock) -> None:
    """Of a run that does not begin: what goes with the keeper's Lease goes too."""
    keeper = lock.of_keeper()
    if _keepers(cluster, spec) is not None and keeper.attempt():
        keeper.release()


def _keepers(cluster: Cluster, spec: Spec) -> dict[str, Any] | None:
    """The Lease."""
    return cluster.get(LEASE, "Lease", spec.namespace, lease_name(spec.name, KEEPER_PART))


def awaited(cluster: Cluster, spec: Spec, clock: Clock, *, limit_s: float = BEGINS_S) -> str:
    """Who drives or keeps it there now, ``""`` where the run has ended meanwhile. Raises PodliftError
    ``detach-silent`` where nobody does in this time, and as the cluster does."""
    journal, end = Journal(cluster, spec.namespace, spec.name), clock.boot() + limit_s
    while True:
        for held in holders(cluster, spec, clock.now()):
            if held and not held.over and held.holder.partition("@")[2].startswith(deployment_name(spec)[:63]):
                return held.holder
        entry = journal.read()
        if entry is None or entry.run.state in ENDED:
            return ""
        if clock.boot() >= end:
            break
        clock.sleep(_POLL_S)
    raise PodliftError(
        code="detach-silent",
        phase="cutover",
        subject=f"Deployment/{deployment_name(spec)} in {spec.namespace}",
        reason=f"no pod of it drives the run after {limit_s:g} s: {_trouble(cluster, spec)}",
        next_step="mend that, and the pod begins by itself; podlift cutover resume drives the run from here instead, "
        "abort goes back",
    )


def _trouble(cluster: Cluster, spec: Spec) -> str:
    """What its newest pod shows."""
    pods = list(cluster.list("v1", "Pod", spec.namespace, labels=f"{RUN}={spec.id}"))
    if not pods:
        return "there is none; kubectl describe shows why"
    pod = max(pods, key=lambda each: str(each["metadata"].get("creationTimestamp")))
    status: dict[str, Any] = pod.get("status", {})
    for one in status.get("containerStatuses", ()):
        waiting = one.get("state", {}).get("waiting", {})
        if one.get("restartCount") or waiting.get("reason") == "CrashLoopBackOff":
            name = pod["metadata"]["name"]
            path = f"/api/v1/namespaces/{spec.namespace}/pods/{name}/log?previous=true&tailLines={_LINES}"
            with suppress(PodliftError):
                return "; ".join((cluster.raw(path) or "it ends, and its log may not be read").strip().splitlines())
        if waiting:
            return ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
    unmet = [each for each in status.get("conditions", ()) if each["status"] != "True" and each.get("message")]
    return unmet[0]["message"] if unmet else f"it is {status.get('phase', 'Pending')}"
