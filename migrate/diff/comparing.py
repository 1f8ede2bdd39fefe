"""``diff_plan``: a plan against an earlier plan, a dump, a cluster, or the legacy side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from converters.capture import Capture

from ..plan.model import Plan, no_workload
from ..report.table import count
from .comparison import Comparison, Leg
from .dump import Dump
from .holding import hold
from .plans import compare_plans
from .sides import Runtime

if TYPE_CHECKING:
    from converters.sources.mapping import Mapping

    from ..cluster import Cluster

Event = Callable[[str, int, int], None]


def diff_plan(
    plan: Plan,
    against: Plan | Dump | Cluster | Capture | Runtime,
    *,
    workloads: Sequence[str] = (),
    server: bool = False,
    labels: str = "",
    mapping: Mapping | None = None,
    hmac_key: bytes = b"",
    on_event: Event | None = None,
) -> Comparison:
    """What differs between a plan and an earlier one, a dump, a cluster, the legacy side as a capture has it, or the
    containers that run there (Runtime).

    workloads  only these; shared objects are left out then
    server     a cluster: its server's dry run decides of what differs, in place of the local guess (needs to patch)
    labels     a cluster: only objects that this selector finds
    mapping    the legacy side: as the plan was made with it
    hmac_key   by which Secret values are compared, where the plan has them; none: they are not compared

    Raises PodliftError ``no-workload`` for a name that neither side knows, and what reading the other side raises.
    """
    _refuse_unknown(plan, against, workloads)
    chosen = frozenset(workloads)
    if isinstance(against, Plan):
        return compare_plans(plan, against, chosen)
    if isinstance(against, Dump):
        return _with_dump(plan, against, chosen)
    if isinstance(against, Capture):
        from .legacy import compare_legacy

        return compare_legacy(plan, against, chosen, mapping=mapping, key=hmac_key, on_event=on_event)
    if isinstance(against, Runtime):
        from .runtime import compare_runtime

        return compare_runtime(plan, against, chosen, key=hmac_key, on_event=on_event)
    from .clusters import compare_cluster

    return compare_cluster(plan, against, chosen, server=server, labels=labels, key=hmac_key, on_event=on_event)


def _refuse_unknown(plan: Plan, against: object, workloads: Sequence[str]) -> None:
    if not workloads:
        return
    known = {w["name"] for w in plan.workloads}
    if isinstance(against, Plan):
        known |= {w["name"] for w in against.workloads}
    for name in workloads:
        if name not in known:
            raise no_workload(name, phase="diff")


def _with_dump(plan: Plan, dump: Dump, chosen: frozenset[str]) -> Comparison:
    items = [(workload, each) for workload, each in plan.objects if not chosen or workload in chosen]
    held = hold(plan, dump, items, chosen=chosen)
    secrets = sum(len(entry["secrets"]) for entry in plan.workloads if not chosen or entry["name"] in chosen)
    return Comparison(
        leg=Leg.DUMP,
        against=f"dump {dump.name}",
        objects=held.objects,
        compared=held.compared,
        uncompared=(f"{count(secrets, 'Secret')}: a plan holds no secret values",) if secrets else (),
    )
