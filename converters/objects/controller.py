"""The controller of a workload's pods: which one, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from ..fields.catalogue import code_named
from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from ..workload import Controller, Workload
from .context import Context
from .controller_table import KINDS, Evidence, row_for
from .cron import cron_fits, with_sunday_as_zero, zone_fits
from .differences import Resolved, identity, ordinal_start
from .service import governing_service
from .sites import Part

TEMPLATES = {
    Controller.CRONJOB: "spec.jobTemplate.spec.template",
}


def choose_controller(workload: Workload, *, resolved: Sequence[Resolved] = (), ledger: Ledger) -> Controller:
    """By the published table (controller_table.py), or as the user decided where the table is not sure.

    ``resolved``: what becomes of the instances' differences (differences.py).
    """
    row = row_for(Evidence(workload=workload, identity=identity(resolved)))
    origins = _deciding(workload)
    if not row.clear:
        answer = ledger.ask("controller-unclear", origins, "controller")
        if answer is None:
            ledger.undecided(
                origins, "controller-unclear",
                why=f"{row.when}: a {KINDS[row.controller]} for now", chosen=row.controller.value, subject="controller",
            )  # fmt: skip
            return row.controller
        ledger.approximated(origins, "controller", why=f"a {KINDS[Controller(answer)]}, as decided")
        return Controller(answer)
    return row.controller


def _deciding(workload: Workload) -> Origins:
    """The atoms that the question stands under: the config's kind, else the restart policy."""
    return workload.origins.get("controller", ()) or workload.restart.origins


def pod_prefixes(kind: Controller, parts: Sequence[Part]) -> tuple[str, ...]:
    """Where the pod templates stand, as prefixes of targets."""
    return tuple(f"{KINDS[kind]}/{part.name}:{TEMPLATES.get(kind, 'spec.template')}" for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """
    strategy  rollout.py's part of the spec
    scaled    names of the parts that an HPA scales
    claims    ``volumeClaimTemplates`` of a StatefulSet
    resolved  what becomes of the instances' differences
    """

    kind: Controller
    parts: tuple[Part, ...]
    strategy: Mapping[str, Any] = field(default_factory=dict)
    scaled: frozenset[str] = frozenset()
    claims: tuple[dict[str, Any], ...] = ()
    resolved: tuple[Resolved, ...] = ()

    def at(self, path: str) -> tuple[str, ...]:
        """A path below ``spec`` in every controller; of a CronJob, below its Job's spec."""
        below = "spec.jobTemplate.spec" if self.kind is Controller.CRONJOB else "spec"
        return tuple(f"{KINDS[self.kind]}/{part.name}:{below}.{path}" for part in self.parts)


def controllers(
    workload: Workload, layout: Layout, template: Callable[[Part], dict[str, Any]], *, context: Context, ledger: Ledger
) -> list[dict[str, Any]]:
    """One object for each part, and the verdicts on kind, restart policy and count.

    template  the pod template of a part, a new one at each call
    """
    made = []
    for part in layout.parts:
        pod = template(part)
        pod["metadata"].setdefault("labels", {}).update(part.label)
        if part.nodes:
            selector = {**pod["spec"].get("nodeSelector", {}), **part.nodes}
            pod["spec"]["nodeSelector"] = dict(sorted(selector.items()))
        made.append(_BUILDERS[layout.kind](workload, layout, part, pod, context, ledger))
    _tell_kind(workload, layout, ledger)
    _tell_restart(workload, layout, ledger)
    _tell_count(workload, layout, ledger)
    return made


def _object(workload: Workload, layout: Layout, part: Part, spec: dict[str, Any], context: Context) -> dict[str, Any]:
    group = "batch" if layout.kind in (Controller.JOB, Controller.CRONJOB) else "apps"
    metadata = context.metadata(workload.name, name=part.name, site=part.site)
    return {"apiVersion": f"{group}/v1", "kind": KINDS[layout.kind], "metadata": metadata, "spec": spec}


def _selector(workload: Workload, part: Part, context: Context) -> dict[str, Any]:
    return {"matchLabels": {**context.selector(workload.name), **part.label}}


def _replicas(layout: Layout, part: Part) -> dict[str, int]:
    """Left to the HPA where there is one, else an apply would reset what it scaled; 0 also with an HPA, which leaves a
    stopped workload alone."""
    return {} if part.name in layout.scaled and part.replicas else {"replicas": part.replicas}


def _deployment(
    workload: Workload, layout: Layout, part: Part, pod: dict[str, Any], context: Context, ledger: Ledger
) -> dict[str, Any]:
    del ledger
    spec = {
        **_replicas(layout, part),
        "selector": _selector(workload, part, context),
        **layout.strategy,
        "template": pod,
    }
    return _object(workload, layout, part, spec, context)


def _stateful_set(
    workload: Workload, layout: Layout, part: Part, pod: dict[str, Any], context: Context, ledger: Ledger
) -> dict[str, Any]:
    """``Parallel``: no Docker scheduler waits for one instance before it starts the next."""
    spec: dict[str, Any] = {
        **_replicas(layout, part),
        "serviceName": governing_service(workload, context),
        "podManagementPolicy": "Parallel",
        "selector": _selector(workload, part, context),
        **layout.strategy,
    }
    ledger.defaulted(
        "strategy-default", f"StatefulSet/{part.name}:spec.podManagementPolicy",
        why="no Docker scheduler waits for one instance before it starts the next",
    )  # fmt: skip
    if start := ordinal_start(layout.resolved):
        spec["ordinals"] = {"start": start}
    spec["template"] = pod
    if layout.claims:
        spec["volumeClaimTemplates"] = deepcopy(list(layout.claims))
    return _object(workload, layout, part, spec, context)


def _daemon_set(
    workload: Workload, layout: Layout, part: Part, pod: dict[str, Any], context: Context, ledger: Ledger
) -> dict[str, Any]:
    del ledger
    if not part.replicas:
        # a DaemonSet has no count: on no node is this label
        pod["spec"]["nodeSelector"] = {**pod["spec"].get("nodeSelector", {}), STOPPED: "true"}
    spec = {"selector": _selector(workload, part, context), **layout.strategy, "template": pod}
    return _object(workload, layout, part, spec, context)


STOPPED = "podlift.dev/stopped"
NO_END = 2**31 - 1
KEPT_S = 3600
DEADLINE_S = 300


def _job_spec(workload: Workload, part: Part, pod: dict[str, Any]) -> dict[str, Any]:
    policy = workload.restart.policy
    spec: dict[str, Any] = {}
    if part.replicas > 1:
        spec["parallelism"] = spec["completions"] = part.replicas
    if policy == "on-failure":
        spec["backoffLimit"] = workload.restart.attempts or NO_END
    else:
        spec["backoffLimit"] = 0 if policy in ("", "no") else NO_END
    if workload.auto_remove:
        spec["ttlSecondsAfterFinished"] = KEPT_S
    spec["template"] = pod
    return spec


def _job(
    workload: Workload, layout: Layout, part: Part, pod: dict[str, Any], context: Context, ledger: Ledger
) -> dict[str, Any]:
    del ledger
    spec = _job_spec(workload, part, pod)
    if not part.replicas:
        spec = {"suspend": True, **spec}
    return _object(workload, layout, part, spec, context)


def _cron_job(
    workload: Workload, layout: Layout, part: Part, pod: dict[str, Any], context: Context, ledger: Ledger
) -> dict[str, Any]:
    schedule = workload.schedule
    cron = _cron(workload, ledger)
    at = f"CronJob/{part.name}:spec"
    zone, concurrency, deadline = _zone(workload, ledger), "Forbid", DEADLINE_S
    if schedule is not None:
        concurrency = schedule.concurrency or concurrency
        if schedule.starting_deadline_s is not None:
            # The controller looks every ten seconds, and misses a shorter one.
            deadline = max(10, -int(-schedule.starting_deadline_s // 1))
        for attribute, key in (("cron", "schedule"), ("time_zone", "timeZone"), ("concurrency", "concurrencyPolicy")):
            ledger.exact(schedule.origins.get(attribute, ()), "schedule", f"{at}.{key}")
        origins = schedule.origins.get("starting_deadline_s", ())
        if deadline == schedule.starting_deadline_s:
            ledger.exact(origins, "schedule", f"{at}.startingDeadlineSeconds")
        else:
            why = f"{schedule.starting_deadline_s} s: {deadline} s, whole seconds and ten at least"
            ledger.approximated(origins, "schedule", f"{at}.startingDeadlineSeconds", why=why)
    for key, said, why in (
        ("timeZone", schedule and schedule.time_zone, "no time zone is stated: UTC"),
        ("concurrencyPolicy", schedule and schedule.concurrency, "a run waits for none, and none starts beside it"),
        (
            "startingDeadlineSeconds",
            schedule and schedule.starting_deadline_s is not None,
            "a run that is so late is left out; without a deadline a hundred missed runs stop the schedule",
        ),
    ):
        if not said:
            ledger.defaulted("job-default", f"{at}.{key}", why=why)
    spec: dict[str, Any] = {
        "schedule": cron,
        "timeZone": zone,
        "concurrencyPolicy": concurrency,
        "startingDeadlineSeconds": deadline,
    }
    if workload.replicas and not part.replicas:
        spec["suspend"] = True
    job = _job_spec(workload, part, pod)
    labels = context.labels(workload.name, part.site)
    spec["jobTemplate"] = {"metadata": {"labels": labels}, "spec": job}
    return _object(workload, layout, part, spec, context)


def _cron(workload: Workload, ledger: Ledger) -> str:
    """The schedule in five fields. Six fields begin with seconds elsewhere, and a zone has a field of its own."""
    schedule = workload.schedule
    assert schedule is not None
    cron, origins = with_sunday_as_zero(schedule.cron.strip()), schedule.origins.get("cron", ())
    if cron_fits(cron):
        return cron
    answer = ledger.ask("schedule-unfit", origins, "schedule")
    if answer is not None and cron_fits(answer):
        ledger.approximated(origins, "schedule-unfit", why=f"{cron}: {answer}, as decided")
        return answer
    ledger.undecided(origins, "schedule-unfit", why=f"{cron!r} is no schedule here", subject="schedule")
    return cron


def _zone(workload: Workload, ledger: Ledger) -> str:
    schedule = workload.schedule
    if schedule is None or not schedule.time_zone:
        return "Etc/UTC"
    zone, origins = schedule.time_zone, schedule.origins.get("time_zone", ())
    if zone_fits(zone):
        return zone
    answer = ledger.ask("time-zone", origins, "time zone")
    if answer is not None and zone_fits(answer):
        ledger.approximated(origins, "time-zone", why=f"{zone}: {answer}, as decided")
        return answer
    ledger.undecided(origins, "time-zone", why=f"{zone!r} is no name of a time zone", subject="time zone")
    return zone


_BUILDERS: dict[Controller, Callable[[Workload, Layout, Part, dict[str, Any], Context, Ledger], dict[str, Any]]] = {
    Controller.DEPLOYMENT: _deployment,
    Controller.STATEFULSET: _stateful_set,
    Controller.DAEMONSET: _daemon_set,
    Controller.JOB: _job,
    Controller.CRONJOB: _cron_job,
}


def _tell_kind(workload: Workload, layout: Layout, ledger: Ledger) -> None:
    targets = tuple(f"{KINDS[layout.kind]}/{part.name}:kind" for part in layout.parts)
    origins = workload.origins.get("controller", ())
    if workload.controller in (layout.kind, Controller.UNKNOWN):
        ledger.exact(origins, "controller", *targets)
    else:
        why = f"the config calls it {workload.controller}: {code_named('controller').about}, a {KINDS[layout.kind]}"
        ledger.approximated(origins, "controller", *targets, why=why)
    removed = workload.origins.get("auto_remove", ())
    if not workload.auto_remove:
        ledger.exact(removed, "auto-remove", why="kept when it ends, as pods of a controller are")
    elif layout.kind in (Controller.JOB, Controller.CRONJOB):
        why = f"removed {KEPT_S} s after its end, so that its end can be seen"
        ledger.approximated(removed, "auto-remove", *layout.at("ttlSecondsAfterFinished"), why=why)
    else:
        ledger.dropped(removed, "auto-remove-lasting", why="pods of this kind do not end; one that goes is removed")


def _tell_restart(workload: Workload, layout: Layout, ledger: Ledger) -> None:
    restart, origins = workload.restart, workload.restart.origins
    at = layout.at("template.spec.restartPolicy")
    if layout.kind not in (Controller.JOB, Controller.CRONJOB):
        if restart.policy in ("always", "unless-stopped"):
            ledger.exact(origins, "restart-policy", *at)
        elif restart.policy == "on-failure":
            limit = f" {restart.attempts} times" if restart.attempts else ""
            why = f"restarted{limit} after a failure; a {KINDS[layout.kind]} restarts always, and without an end"
            ledger.dropped(origins, "restart-lasting", why=why)
        else:
            why = f"the engine did not restart it; a {KINDS[layout.kind]} does, whenever it ends"
            ledger.dropped(origins, "restart-lasting", why=why)
            if not origins and workload.instances:
                for part in layout.parts:
                    ledger.defaulted("restart-default", f"{KINDS[layout.kind]}/{part.name}:kind", why=why)
        return
    targets = at + layout.at("backoffLimit")
    if restart.policy in ("", "no"):
        ledger.exact(origins, "restart-policy", *targets)
    elif restart.policy == "on-failure":
        code = "restart-attempts" if restart.attempts else "restart-policy"
        ledger.exact(origins, code, *targets)
    else:
        why = f"{restart.policy}: it is run until it ends well, and not again after that"
        ledger.approximated(origins, "restart-policy", *targets, why=why)


def _tell_count(workload: Workload, layout: Layout, ledger: Ledger) -> None:
    """What the legacy counts became, by part."""
    for count in workload.replicas:
        parts = [p for p in layout.parts if not p.site or p.site == count.site] or list(layout.parts)
        names = tuple(f"{KINDS[layout.kind]}/{part.name}" for part in parts)
        at = tuple(f"{name}:spec.replicas" for name in names)
        place = f" at {count.site}" if count.site else ""
        tied = tuple(t for p in parts if p.nodes for t in pod_prefixes(layout.kind, [p]))
        nodes = tuple(f"{prefix}.spec.nodeSelector" for prefix in tied)
        whole = sum(part.replicas for part in parts)
        if layout.kind is Controller.DAEMONSET:
            why = f"{count.count}{place}: one on every node that its pods fit on"
            ledger.approximated(count.origins, "replicas", *nodes, why=why)
        elif layout.kind in (Controller.JOB, Controller.CRONJOB):
            targets = layout.at("completions") if whole > 1 else layout.at("template")
            ledger.exact(count.origins, "replicas", *targets, *nodes)
        elif any(part.name in layout.scaled for part in parts) and whole:
            why = f"{count.count}{place}: left to the HPA, an apply would reset what it scaled"
            ledger.approximated(count.origins, "replicas-scaled", *nodes, why=why)
        elif whole == count.count or layout.parts[0].instance is not None:
            ledger.exact(count.origins, "replicas", *at, *nodes)
        else:
            why = f"{count.count}{place}, {whole} of all sites together"
            ledger.approximated(count.origins, "replicas", *at, *nodes, why=why)
    if not workload.replicas:
        for name in (f"{KINDS[layout.kind]}/{part.name}" for part in layout.parts if part.name not in layout.scaled):
            if layout.kind in (Controller.DEPLOYMENT, Controller.STATEFULSET):
                ledger.defaulted("replicas", f"{name}:spec.replicas", why="nobody counted")
