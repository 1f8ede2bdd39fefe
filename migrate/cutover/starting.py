"""What a run is to be, from a plan, the settings and the containers that are there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from converters.errors import PodliftError

from ..plan.model import Plan, no_workload
from .edges import Container
from .newcomers import originals_of
from .outbound import outbound_of
from .preflight.seen import is_headless
from .run import Condition, Controller, Run, Spec
from .schedule import steps_for
from .settings import Settings, counts

# What lets callers in from outside, and what scales and guards: they come when the run has come so far.
_FRONTS = frozenset({"Ingress", "HTTPRoute"})
_LATER = frozenset({"HorizontalPodAutoscaler", "PodDisruptionBudget"})


def entry_of(plan: Plan, workload: str) -> Mapping[str, Any]:
    """plan.json's entry. Raises PodliftError ``no-workload``."""
    entry = next((each for each in plan.workloads if each["name"] == workload), None)
    if entry is None:
        raise no_workload(workload, phase="cutover")
    return entry


def make_spec(
    plan: Plan,
    workload: str,
    *,
    run: str,
    namespace: str,
    settings: Settings,
    containers: Iterable[Container] = (),
    hosts: Mapping[str, Mapping[str, Any]],
    nodes: Mapping[str, Mapping[str, Any]],
) -> Spec:
    """
    run         the run's ID, which is the gate's first value
    namespace   where objects go that name none
    containers  the workload's, as engines show them; those that run are the legacy side

    Raises PodliftError ``no-workload``, ``bad-schedule``.
    """
    entry = entry_of(plan, workload)
    space = str(entry["namespace"] or namespace)
    objects = [_placed(each, space) for owner, each in plan.objects if owner == workload]
    planned = {name: int(count) for name, count in entry["replicas"].items()}
    controllers = tuple(
        Controller(kind=each["kind"], name=each["metadata"]["name"], count=planned[each["metadata"]["name"]])
        for each in objects
        if each["kind"] in ("Deployment", "StatefulSet")
    )
    count = sum(each.count for each in controllers)
    return Spec(
        id=run,
        workload=workload,
        name=str(entry["kubernetesName"]),
        namespace=space,
        plan=plan.hash,
        services=tuple(each for each in objects if _takes_callers(each)),
        controllers=controllers,
        originals=originals_of(containers),
        steps=_steps(workload, settings, count),
        grouping_key=str(entry["groupingKey"]),
        fronts=tuple(each for each in objects if each["kind"] in _FRONTS),
        later=tuple(_held(each, planned) for each in objects if each["kind"] in _LATER),
        hosts=hosts,
        nodes=nodes,
        check=_check(entry),
        approvals=settings.approvals,
        hooks=settings.hooks,
        gates=settings.gates,
        parity=settings.parity,
        timings=settings.timings,
        accept_floor=settings.accept_floor,
        on_drain_timeout=settings.on_drain_timeout,
        outbound=outbound_of(settings.outbound),
        udp=settings.udp if any(_takes_udp(each) for each in objects if _takes_callers(each)) else "",
    )


def new_run(spec: Spec) -> Run:
    """How a run begins. Where an earlier one left Services, callers depend on its slices already; where others lead to
    the legacy side, nobody needs those before they are proven. Where they lead to pods, callers hold their addresses.
    """
    left = spec.resolved_before and not spec.adopted
    keys = [each.key for each in spec.originals] if left else []
    addresses = {name: stood["address"] for name, stood in spec.adopted.items()}
    wanted = dict.fromkeys(keys, Condition.READY)
    fronted = spec.resolved_before or spec.served_before
    return Run(gate=spec.id, fronted=fronted, wanted=wanted, addresses=addresses)


def _placed(each: Mapping[str, Any], space: str) -> dict[str, Any]:
    made = deepcopy(dict(each))
    made["metadata"].setdefault("namespace", space)
    return made


def _takes_callers(each: Mapping[str, Any]) -> bool:
    """Headless ones carry names of pods, and no caller's connection is balanced by them."""
    return each["kind"] == "Service" and bool(each["spec"].get("selector")) and not is_headless(each)


def _takes_udp(service: Mapping[str, Any]) -> bool:
    return any(port.get("protocol") == "UDP" for port in service["spec"].get("ports") or ())


def _held(each: Mapping[str, Any], planned: Mapping[str, int]) -> dict[str, Any]:
    """An autoscaler may not go below the planned number before all is over; the plan's own comes by apply then."""
    made = dict(each)
    if each["kind"] == "HorizontalPodAutoscaler":
        least = planned.get(each["spec"]["scaleTargetRef"]["name"], 1)
        made["spec"] = {**each["spec"], "minReplicas": max(least, each["spec"].get("minReplicas", 1))}
        made["spec"]["maxReplicas"] = max(made["spec"]["maxReplicas"], made["spec"]["minReplicas"])
    return made


def _steps(workload: str, settings: Settings, count: int) -> tuple[int, ...]:
    try:
        return steps_for(count, counts(settings.schedule, count))
    except ValueError as error:
        raise PodliftError(
            code="bad-schedule",
            phase="cutover",
            subject=workload,
            reason=f"the schedule does not fit {count} pods: {error}",
            next_step="write rising numbers of pods or percent of them, or leave the schedule out",
        ) from error


def _check(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The check by which traffic is gated, else any; none: a connection is opened to the first port."""
    checks = sorted(entry["checks"], key=lambda each: not each.get("gates_traffic"))
    return dict(checks[0]) if checks and checks[0].get("kind") in ("http", "tcp") else {"kind": "tcp"}
