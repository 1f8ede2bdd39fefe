"""HorizontalPodAutoscalers, and the PodDisruptionBudgets that keep drains from taking too many pods."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .. import quantity
from ..fields.catalogue import code_named
from ..fields.ledger import Ledger
from ..fields.verdict import Level, Origins
from ..workload import Controller, Scaling, SiteCount, Step, Workload
from .context import Context
from .controller_table import KINDS
from .metrics import AdapterRule, adapter_text, lacks_request, request_subject, translated
from .sites import Part, Sites

STABILIZATION_LIMIT_S = 3600
PERIOD_LIMIT_S = 1800
# How often an HPA looks.
DEFAULT_PERIOD_S = 15
SCALABLE = (Controller.DEPLOYMENT, Controller.STATEFULSET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """``objects``: an HPA for each part, or none at all. ``extras``: files beside the manifests."""

    objects: tuple[dict[str, Any], ...] = ()
    extras: dict[str, str] = field(default_factory=dict)

    def least(self, part: Part) -> int:
        """How few pods of a part there may be."""
        for made in self.objects:
            if made["spec"]["scaleTargetRef"]["name"] == part.name:
                least: int = made["spec"]["minReplicas"]
                return least
        return part.replicas


def with_answered_requests(workload: Workload, kind: Controller, *, context: Context, ledger: Ledger) -> Workload:
    """The workload with the requests that its autoscaling rules need, nobody stated, and the user answered."""
    if workload.scaling is None or kind not in SCALABLE:
        return workload
    container = workload.containers[0]
    for place, metric in enumerate(workload.scaling.metrics):
        if not lacks_request(metric, container, context.target):
            continue
        answer = ledger.ask("scale-request", metric.origins, request_subject(place))
        if answer is None:
            continue
        amount = quantity.parse(answer)
        if metric.kind == "cpu":
            container = replace(container, cpu_request_m=float(amount * 1000))
        else:
            container = replace(container, memory_request_bytes=int(amount))
        why = f"a {metric.kind} request of {answer}, as decided"
        ledger.approximated(metric.origins, "scale-request", *_request(metric.kind, container.name, context), why=why)
    return replace(workload, containers=(container, *workload.containers[1:]))


def _request(kind: str, container: str, context: Context) -> tuple[str, ...]:
    return context.in_pod(f"spec.containers[{container}].resources.requests.{kind}")


def scaling(
    workload: Workload,
    kind: Controller,
    parts: Sequence[Part],
    sites: Sites,
    *,
    context: Context,
    ledger: Ledger,
) -> Scaled:
    """The HPA of each part, and the verdicts on all of the autoscaling rules. No HPA where one of the rules has no
    metric: half of the rules would scale otherwise than all of them did."""
    rules = workload.scaling
    if rules is None:
        return Scaled()
    if kind not in SCALABLE:
        return _unfit(rules, f"a {KINDS[kind]} cannot be scaled by an HPA", ledger)
    if any(part.instance is not None for part in parts):
        return _unfit(rules, "each instance has a controller of its own, and one pod is not scaled", ledger)
    draft = ledger.draft()
    metrics: dict[str, list[dict[str, Any]]] = {part.name: [] for part in parts}
    adapter: list[AdapterRule] = []
    missing = False
    for place, metric in enumerate(rules.metrics):
        for part in parts:
            made = translated(
                metric,
                place,
                workload,
                part,
                written=len(metrics[part.name]),
                split=sites.split,
                context=context,
                ledger=draft,
            )
            missing = missing or made.missing
            if made.spec is not None:
                metrics[part.name].append(made.spec)
            if made.rule is not None:
                adapter.append(made.rule)
    bounds = {part.name: _Bounds(rules, part, parts, draft).told() for part in parts}
    behaviour = _behaviour(rules, parts, draft)
    if missing or not all(metrics.values()) or not all(bounds.values()):
        _wait(rules, draft, ledger)
        return Scaled()
    ledger.adopt(draft)
    objects = []
    for part in parts:
        bound = bounds[part.name]
        assert bound is not None
        spec: dict[str, Any] = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": KINDS[kind], "name": part.name},
            "minReplicas": bound[0],
            "maxReplicas": bound[1],
            "metrics": metrics[part.name],
        }
        if behaviour:
            spec["behavior"] = behaviour
        metadata = context.metadata(workload.name, name=part.name, site=part.site)
        objects.append(
            {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}
        )
    own = context.name(workload.name)
    extras = {f"prometheus-adapter-{own}.yaml": adapter_text(own, adapter)} if adapter else {}
    return Scaled(objects=tuple(objects), extras=extras)


def _wait(rules: Scaling, draft: Ledger, ledger: Ledger) -> None:
    """No HPA: what is open stays open, and the rest of the rules waits for it. A question that would withhold the
    workload is not put while another keeps the HPA away: the workload runs with its count meanwhile."""
    told = {v.source: v for v in draft.verdicts() if v.level in (Level.UNDECIDED, Level.DROPPED) and v.source}
    if any(v.level is Level.UNDECIDED and not code_named(v.code).blocking for v in told.values()):
        told = {source: v for source, v in told.items() if not code_named(v.code).blocking}
    for source, verdict in told.items():
        ledger.say(
            verdict.level, (source,), verdict.code, why=verdict.why, options=verdict.options, chosen=verdict.chosen
        )
    why = (
        "no HPA is written until the rules that are open are decided"
        if any(v.level is Level.UNDECIDED for v in told.values())
        else "no HPA is written, since no rule is left"
    )
    for origins in _origins(rules):
        rest = tuple(source for source in origins if source not in told)
        ledger.approximated(rest, "scale-waits", why=why)


def _origins(rules: Scaling) -> list[Origins]:
    return [
        *(count.origins for count in (*rules.min, *rules.max)),
        *(metric.origins for metric in rules.metrics),
        *(step.origins for step in rules.steps),
        *rules.origins.values(),
    ]


def _unfit(rules: Scaling, why: str, ledger: Ledger) -> Scaled:
    for origins in _origins(rules):
        ledger.dropped(origins, "scale-unfit", why=why)
    return Scaled()


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The least and the greatest number of one part."""

    rules: Scaling
    part: Part
    parts: Sequence[Part]
    ledger: Ledger

    def told(self) -> tuple[int, int] | None:
        least = self._of("min")
        most = self._of("max")
        if most is None:
            answer = self.ledger.ask("scale-max", (), "scaling max")
            if answer is None or not answer.isdigit():
                why = "no greatest number is stated, and an HPA needs one: no HPA is written"
                self.ledger.undecided((), "scale-max", self._target("maxReplicas"), why=why, subject="scaling max")
                return None
            most = int(answer)
        if least is None:
            least = max(1, self.part.replicas)
            why = "no least number is stated: the planned one"
            self.ledger.defaulted("scale-default", self._target("minReplicas"), why=why)
        return max(1, least), max(1, least, most)

    def _of(self, name: str) -> int | None:
        counts: tuple[SiteCount, ...] = getattr(self.rules, name)
        site = self.part.site
        ours = [c for c in counts if c.site == site] if site else list(counts)
        shared = [c for c in counts if not c.site] if site else []
        code, target = f"scale-{name}", self._target(f"{name}Replicas")
        if not ours and not shared:
            return None
        number = sum(c.count for c in ours)
        for count in shared:
            # A number for all sites together is divided as the instances are.
            every = sum(part.replicas for part in self.parts)
            share = count.count * self.part.replicas / every if every else count.count / len(self.parts)
            number += math.ceil(share)
            why = f"{count.count} for all sites together: {math.ceil(share)} here, as the instances are divided"
            self.ledger.approximated(count.origins, code, target, why=why)
        for count in ours:
            if number < 1:
                why = "0: an HPA keeps one pod at least, unless the gate HPAScaleToZero is on"
                self.ledger.approximated(count.origins, code, target, why=why)
            elif not site and len(ours) > 1:
                why = f"{count.count} at {count.site or 'no site'}: {number} of all sites together"
                self.ledger.approximated(count.origins, code, target, why=why)
            else:
                self.ledger.exact(count.origins, code, target)
        return number

    def _target(self, key: str) -> str:
        return f"HorizontalPodAutoscaler/{self.part.name}:spec.{key}"


def _behaviour(rules: Scaling, parts: Sequence[Part], ledger: Ledger) -> dict[str, Any]:
    """Only the directions of which something is said; the API server fills in the other."""
    made = {}
    for key, direction, attribute, cooldown in (
        ("scaleUp", "up", "cooldown_out_s", rules.cooldown_out_s),
        ("scaleDown", "down", "cooldown_in_s", rules.cooldown_in_s),
    ):
        steps = [step for step in rules.steps if step.direction == direction]
        targets = tuple(f"HorizontalPodAutoscaler/{part.name}:spec.behavior.{key}" for part in parts)
        origins = rules.origins.get(attribute, ())
        rule: dict[str, Any] = {}
        period = float(DEFAULT_PERIOD_S) if cooldown is None else cooldown
        if cooldown is not None:
            window = math.ceil(round(cooldown, 6))
            rule["stabilizationWindowSeconds"] = min(window, STABILIZATION_LIMIT_S)
            at = tuple(f"{target}.stabilizationWindowSeconds" for target in targets)
            if window > STABILIZATION_LIMIT_S:
                why = f"{cooldown:g} s: cut to {STABILIZATION_LIMIT_S} s, the most that an HPA takes"
                ledger.approximated(origins, "scale-limits", *at, why=why)
            else:
                which = "least" if direction == "up" else "most"
                why = (
                    f"{cooldown:g} s: the {which} pods that were wanted in so long count; nothing waits after an action"
                )
                ledger.approximated(origins, "scale-cooldown", *at, why=why)
        if steps:
            rule["policies"] = [_policy(step, period, targets, ledger) for step in steps]
            rule["selectPolicy"] = "Max"
        if rule:
            made[key] = rule
    return made


def _policy(step: Step, period: float, targets: Sequence[str], ledger: Ledger) -> dict[str, Any]:
    wanted = period if step.period_s is None else step.period_s
    seconds = max(1, min(math.ceil(round(wanted, 6)), PERIOD_LIMIT_S))
    at = tuple(f"{target}.policies" for target in targets)
    spelled = f"{step.amount} {'per cent' if step.unit == 'percent' else 'pods'}"
    if wanted > PERIOD_LIMIT_S:
        why = f"every {wanted:g} s: cut to {PERIOD_LIMIT_S} s, the most that an HPA takes"
        ledger.approximated(step.origins, "scale-limits", *at, why=why)
    else:
        why = f"at most {spelled} in {seconds} s; the HPA goes by its metrics and no fixed step"
        ledger.approximated(step.origins, "scale-step", *at, why=why)
    kind = "Percent" if step.unit == "percent" else "Pods"
    return {"type": kind, "value": max(1, step.amount), "periodSeconds": seconds}


def budgets(
    workload: Workload,
    kind: Controller,
    parts: Sequence[Part],
    scaled: Scaled,
    *,
    context: Context,
    ledger: Ledger,
) -> list[dict[str, Any]]:
    """A PodDisruptionBudget for each part that has two pods or more at any time: of one pod it would only keep nodes
    from being drained. As few may be missing as in a rollout, one at least."""
    if kind not in SCALABLE:
        return []
    made = []
    stated = workload.rollout.max_unavailable if workload.rollout else ""
    missing: int | str = 1
    if stated.rstrip("%").strip("0"):
        missing = stated if stated.endswith("%") else int(stated)
    for part in parts:
        if scaled.least(part) < 2 or part.replicas == 0:
            continue
        ledger.defaulted(
            "budget-default", f"PodDisruptionBudget/{part.name}:spec.maxUnavailable",
            why="drains of nodes take so many pods at a time; pods that are not ready never stand in their way",
        )  # fmt: skip
        made.append(
            {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": context.metadata(workload.name, name=part.name, site=part.site),
                "spec": {
                    "maxUnavailable": missing,
                    "selector": {"matchLabels": {**context.selector(workload.name), **part.label}},
                    "unhealthyPodEvictionPolicy": "AlwaysAllow",
                },
            }
        )
    return made
