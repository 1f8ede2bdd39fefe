"""``apply_plan``: a plan onto a cluster, by server-side apply, in order, sending only what differs.

What is there already is read first and compared locally: so an unchanged plan sends nothing, what cannot be done is
known before anything is sent, and a run that was interrupted is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from converters.errors import PodliftError

from ..diff.selector import selects
from ..plan.model import Plan
from ..plan.objects import Item, autoscaled, key_of, title
from ..plan.stages import FINALIZED, Stage, Staged, stage_plan
from .applied import Applied, Waiting
from .deciding import Step, decide
from .journaled import cutover_states
from .moved import refuse_moved
from .refusing import refuse_forbidden, refuse_namespaces, refuse_running, refuse_without_secrets
from .sending import OnEvent, Sender
from .standing import Standing
from .waiting import wait_for

if TYPE_CHECKING:
    from converters.capture import Capture
    from converters.sources.mapping import Mapping as ConfigMapping

    from ..cluster import Cluster


def apply_plan(
    plan: Plan,
    cluster: Cluster,
    *,
    workloads: Collection[str] = (),
    labels: str = "",
    stage: Stage | str | None = None,
    never_cut_over: Collection[str] = (),
    dry_run: str = "",
    wait: bool = False,
    timeout_s: float = 300,
    force_conflicts: bool = False,
    legacy: Capture | None = None,
    mapping: ConfigMapping | None = None,
    on_event: OnEvent | None = None,
    on_trouble: Callable[[str], None] | None = None,
) -> Applied:
    """Puts a plan onto the cluster that it was made for.

    workloads        only these, and what they share with others; empty: all
    labels           only workloads of which this label selector finds an object; each is applied whole
    stage            ``gated`` or ``final``; None: as :func:`stage_plan` says
    never_cut_over   workloads that go to ``final`` though they still run on the legacy side
    dry_run          ``client`` compares and sends nothing; ``server`` has the server check what it would be sent
    wait, timeout_s  waits until controllers are ready, so long at most
    force_conflicts  takes over fields, and objects, that are others'
    legacy, mapping  what the engines say now, and with what their configs are read: workloads that changed since the
                     plan are refused, but for those whose cutover is finalized
    on_event         told ``("apply", sent, of how many)`` and ``("wait", ready, of how many)``; of a server's dry run
                     ``("dry-run", asked, of how many)``
    on_trouble       told, while waiting, what keeps pods from being ready

    An object that is refused is an outcome, and what comes after it of its workload is not sent. Raises PodliftError
    for what is wrong before anything is sent: stages.py, moved.py, refusing.py, promises.py, and what the
    cluster raises.
    """
    from ..cluster.promises import check_target

    workloads = _chosen(plan, workloads, labels)
    version = cluster.version()
    check_target(plan, cluster)
    states = cutover_states(plan, cluster, workloads)
    staged = stage_plan(
        plan,
        workloads=workloads,
        stage=None if stage is None else Stage(stage),
        states=states,
        never_cut_over=never_cut_over,
    )
    if legacy is not None:
        refuse_moved(plan, legacy, [each for each in staged.stages if states.get(each) != FINALIZED], mapping=mapping)
    items = [*staged.objects, *_secrets(plan, staged)]
    standing = Standing(cluster, items, _needed(plan, staged, cluster.namespace))
    refuse_namespaces(cluster, items, standing)
    refuse_running(staged, standing)
    refuse_without_secrets(plan, staged, standing, cluster.namespace)
    steps = _steps(plan, items, standing, force=force_conflicts)
    if dry_run != "client":
        refuse_forbidden(cluster, steps)
    sender = Sender(cluster, plan, dry_run=dry_run, force=force_conflicts, on_event=on_event)
    outcomes = sender.send(steps)
    waiting: tuple[Waiting, ...] = ()
    if wait and not dry_run:
        sent = {(each.namespace, each.name) for each in outcomes if each.stands}
        there = [step.item for step in steps if (step.namespace, title(step.item[1])) in sent]
        waiting = tuple(wait_for(cluster, there, timeout_s, on_event, on_trouble))
    return Applied(
        plan=plan.hash,
        cluster=cluster.name,
        version=version,
        dry_run=dry_run,
        stages=staged.stages,
        outcomes=tuple(outcomes),
        withheld=staged.withheld,
        undecided=staged.undecided,
        waiting=waiting,
    )


def _chosen(plan: Plan, workloads: Collection[str], labels: str) -> Collection[str]:
    """Half a workload would be without its configuration or its account: one object of it stands for all."""
    if not labels:
        return workloads
    found = {owner for owner, each in plan.objects if owner and selects(labels, each["metadata"].get("labels") or {})}
    known = {entry["name"] for entry in plan.workloads}
    chosen = [each for each in workloads if each in found or each not in known] if workloads else sorted(found)
    if not chosen:
        raise PodliftError(
            code="no-workload",
            phase="apply",
            subject=labels,
            reason="this label selector finds no object of the plan's workloads",
            next_step="their labels stand in PLAN/manifests, podlift.dev/workload among them",
        )
    return chosen


def _secrets(plan: Plan, staged: Staged) -> list[Item]:
    return [(workload, each) for workload, each in plan.secrets if not workload or workload in staged.stages]


def _needed(plan: Plan, staged: Staged, default: str) -> set[tuple[str, str]]:
    """Namespace and name of the Secrets that the staged workloads' pods need."""
    return {
        (entry["namespace"] or default, secret["name"])
        for entry in plan.workloads
        if entry["name"] in staged.stages
        for secret in entry["secrets"]
    }


def _steps(plan: Plan, items: list[Item], standing: Standing, *, force: bool) -> list[Step]:
    counts = {
        (entry["namespace"], name): count for entry in plan.workloads for name, count in entry["replicas"].items()
    }
    scaled = autoscaled(plan)
    return [
        decide(
            item,
            standing.find(item[1]),
            namespace=standing.namespace_of(item[1]),
            # a gated controller says its number itself
            autoscaled=key_of(item[1]) in scaled and "replicas" not in item[1]["spec"],
            count=counts.get((item[1]["metadata"].get("namespace", ""), item[1]["metadata"]["name"]), 1),
            force=force,
        )
        for item in items
    ]
