"""What the samples of one window say of the pods, beside the legacy side in the same window. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ..edges import Backend, Response
from .outcome import Outcome, Result

if TYPE_CHECKING:
    from ..world import SeenPod

PROBE: Mapping[str, Any] = {"name": "probe", "probe": {}}
"""The gate that is always there; another of its kind stands in its place."""
PODS = "pods"
"""The name of what is seen of the pods themselves, which no other gate may bear."""


class Side(StrEnum):
    """``SERVICE``: through the Service's address, whoever answers there."""

    PODS = "pods"
    LEGACY = "legacy"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Target:
    """``name``: what messages call it: a pod, HOST/ID, a Service. ``connect``: a connection is all that is tried."""

    side: Side
    name: str
    backend: Backend
    connect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """
    min_samples   of each target; with fewer nothing is told
    success       percent that answer, at least
    worse_by      percentage points by which success may be below the legacy side's
    p99_s         seconds that the slowest percent may always take
    slower_by     factor by which p99 may be above the legacy side's
    """

    min_samples: int = 50
    success: float = 99.0
    worse_by: float = 0.5
    p99_s: float = 0.5
    slower_by: float = 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Samples of one target or side.

    seconds    what each took that was answered
    longest_s  the most that any took
    faults     why to how many
    """

    asked: int = 0
    good: int = 0
    seconds: tuple[float, ...] = ()
    longest_s: float = 0.0
    faults: Mapping[str, int] = field(default_factory=dict)

    @property
    def success(self) -> float:
        """Percent."""
        return 100.0 * self.good / self.asked if self.asked else 0.0

    def latency(self, percent: float) -> float:
        """Seconds, by nearest rank: of 50 samples the 99th percentile is the slowest."""
        if not self.seconds:
            return 0.0
        ordered = sorted(self.seconds)
        return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]

    def __add__(self, other: Tally) -> Tally:
        faults = dict(self.faults)
        for why, count in other.faults.items():
            faults[why] = faults.get(why, 0) + count
        return Tally(
            asked=self.asked + other.asked,
            good=self.good + other.good,
            seconds=self.seconds + other.seconds,
            longest_s=max(self.longest_s, other.longest_s),
            faults=faults,
        )


def tally(response: Response, *, good: bool) -> Tally:
    """One sample."""
    took = response.seconds
    if good:
        return Tally(asked=1, good=1, seconds=(took,), longest_s=took)
    faults = {response.error or f"status {response.status}": 1}
    return Tally(asked=1, seconds=() if response.error else (took,), longest_s=took, faults=faults)


def together(tallies: Iterable[Tally]) -> Tally:
    made = Tally()
    for each in tallies:
        made += each
    return made


def rules_of(given: Mapping[str, Any], *, min_samples: int) -> Rules:
    """From a gate's ``probe`` as Spec.gates holds it; what is not said is the default."""
    known = {name: given[name] for name in ("success", "worse_by", "p99_s", "slower_by") if name in given}
    return Rules(min_samples=min_samples, **known)


def judge(gate: str, seen: Mapping[Target, Tally], rules: Rules) -> Outcome:
    """Pods and the Service against the rules and against the legacy side. Every pod is judged alone too: one bad pod
    of ten is one percent of nothing. Without a legacy target (its containers have stopped) the bare rules hold.

    Where the legacy side itself breaks the rule of success and the pods are no worse, nothing can be told: what asks
    may be at fault, and going back would help nobody.
    """
    legacy = together(each for target, each in seen.items() if target.side is Side.LEGACY)
    baseline = legacy if any(target.side is Side.LEGACY for target in seen) else None
    judged = sorted((target, each) for target, each in seen.items() if target.side is not Side.LEGACY)
    pods = together(each for target, each in judged if target.side is Side.PODS)
    figures = _figures(pods if pods.asked else together(each for _, each in judged), baseline)
    thin = [
        f"{target.name} has {each.asked} of {rules.min_samples} samples"
        for target, each in sorted(seen.items(), key=lambda pair: pair[0])
        if each.asked < rules.min_samples
    ]
    if not judged:
        thin = ["there is nothing to ask"]
    verdicts = [
        (target, _against(each, baseline, rules))
        for target, each in judged
        if each.asked >= rules.min_samples or _past_mending(each, baseline, rules)
    ]
    failed = [f"{target.name}: {why}" for target, (result, why) in verdicts if result is Result.FAILED]
    unsure = [f"{target.name}: {why}" for target, (result, why) in verdicts if result is Result.INCONCLUSIVE]
    if failed:
        return Outcome(gate=gate, result=Result.FAILED, reason=_listed(failed), figures=figures)
    if thin or unsure:
        return Outcome(gate=gate, result=Result.INCONCLUSIVE, reason=_listed(unsure + thin), figures=figures)
    said = f"{figures['success']:.2f} % of {figures['samples']:.0f} answered, p99 {_ms(figures['p99_s'])}"
    if baseline is not None:
        said += f"; legacy {baseline.success:.2f} % of {baseline.asked}, p99 {_ms(baseline.latency(99))}"
    return Outcome(gate=gate, result=Result.PASSED, reason=said, figures=figures)


def _against(each: Tally, legacy: Tally | None, rules: Rules) -> tuple[Result, str]:
    told = legacy if legacy is not None and legacy.asked >= min(each.asked, rules.min_samples) else None
    said = f"{each.success:.2f} % of {each.asked} answered{_faults(each)}"
    if told is not None and told.success - each.success > rules.worse_by:
        why = f"{said}, and {told.success:.2f} % of legacy's {told.asked} ({rules.worse_by:g} points are allowed)"
        return Result.FAILED, why
    if each.success < rules.success:
        if told is not None and told.success < rules.success:
            return Result.INCONCLUSIVE, f"{said}, and no more of legacy's: {told.success:.2f} % of {told.asked}"
        return Result.FAILED, f"{said}; {rules.success:g} % are due"
    allowed = _allowed_s(told, rules)
    if each.latency(99) > allowed:
        beside = f", legacy's is {_ms(told.latency(99))}" if told is not None else ""
        return Result.FAILED, f"p99 is {_ms(each.latency(99))}, and {_ms(allowed)} are allowed{beside}"
    return Result.PASSED, said


def _allowed_s(legacy: Tally | None, rules: Rules) -> float:
    return rules.p99_s if legacy is None else max(rules.p99_s, rules.slower_by * legacy.latency(99))


def _past_mending(each: Tally, legacy: Tally | None, rules: Rules) -> bool:
    """Whether it breaks a rule even if all samples that are still due were answered, and at once: who is slow, or
    refuses while much is going on, is the one who has too few of them. The legacy side may excuse it, and has to be
    known as well, by half of its samples at least."""
    if legacy is not None and legacy.asked < max(each.asked, rules.min_samples / 2):
        return False
    slow = sum(seconds > _allowed_s(legacy, rules) for seconds in each.seconds)
    if slow > rules.min_samples - math.ceil(0.99 * rules.min_samples):
        return True
    return 100 * (1 - (each.asked - each.good) / rules.min_samples) < rules.success


def judge_pods(gate: str, before: Sequence[SeenPod], now: Sequence[SeenPod]) -> Outcome:
    """Admitted pods as they were seen before and now: a restart or a lost readiness fails it. A pod that has gone or
    is going was taken away by somebody (an eviction, a drained node), which is no fault of its own. The restart of one
    that was seen down already is no second fault."""
    left = {each.uid: each for each in now if not each.ending}
    restarts = restarted(before, now)
    lost = []
    for pod in sorted(before, key=lambda each: each.name):
        later = left.get(pod.uid)
        times = restarts.get(pod.uid, 0) - (not pod.ready)
        if later is None:
            continue
        if times > 0:
            lost.append(f"{pod.name} restarted {times} time{'s' if times > 1 else ''}")
        elif pod.ready and not later.ready:
            lost.append(f"{pod.name} is no longer ready")
    figures = {"pods": float(len(before)), "lost": float(len(lost))}
    if lost:
        return Outcome(gate=gate, result=Result.FAILED, reason=_listed(lost), figures=figures)
    return Outcome(gate=gate, result=Result.PASSED, reason=f"{len(before)} pods kept ready", figures=figures)


def restarted(before: Sequence[SeenPod], now: Sequence[SeenPod]) -> dict[str, int]:
    """How often each that is still there restarted meanwhile, by UID; without those that did not."""
    counts = {each.uid: each.restarts for each in now if not each.ending}
    found = {each.uid: counts.get(each.uid, each.restarts) - each.restarts for each in before}
    return {uid: times for uid, times in found.items() if times > 0}


def _figures(pods: Tally, legacy: Tally | None) -> dict[str, float]:
    made = {"samples": float(pods.asked), "success": pods.success, "p50_s": pods.latency(50), "p99_s": pods.latency(99)}
    if legacy is not None:
        made |= {
            "legacy_samples": float(legacy.asked),
            "legacy_success": legacy.success,
            "legacy_p50_s": legacy.latency(50),
            "legacy_p99_s": legacy.latency(99),
        }
    return made


def _faults(each: Tally) -> str:
    worst = sorted(each.faults.items(), key=lambda pair: (-pair[1], pair[0]))[:2]
    return f" ({', '.join(f'{count} x {why}' for why, count in worst)})" if worst else ""


def _listed(words: Sequence[str]) -> str:
    return "; ".join(words[:3]) + (f"; and {len(words) - 3} more" if len(words) > 3 else "")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
