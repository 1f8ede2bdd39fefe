"""Compares what was seen of a container and of its pod, and holds the verdicts to it. Values in, values out.

- A fact that differs is *declared* where a verdict other than exact speaks of it, *unavoidable* where the table of
  Kubernetes' own differences has it and no exact verdict speaks of it, else *undeclared*.
- A verdict that says dropped or approximated *cries wolf* where none of its facts differ. It need not show where what
  it speaks of is seen from outside only, was not watched in this shape, or cannot show for a reason that ``SILENT``
  has and the container's own facts confirm; each of these is counted apart.
- A defaulted verdict claims no difference, but may explain one; so may an undecided one, by what was chosen for now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from converters.fields.verdict import Level, Verdict
from tests.cluster.claims import claims, is_of
from tests.cluster.facts import Facts
from tests.cluster.unavoidable import ABSENT, UNAVOIDABLE, Difference

# Facts that are there only where a shape watches them.
WATCHED = ("stop.", "restart.", "health.", "reach.")
# Facts of which another container's setting may be the cause.
_SHARED = ("reach.", "namespaces.", "pid1")
# Seconds by which two measured times may differ and still be the same.
SAME_S = 1.5
# Bytes from which on a cgroup's limit is none.
_NO_LIMIT = 1 << 62
_CLAIMS_DIFFERENCE = (Level.APPROXIMATED, Level.DROPPED)
_RANK = {level: rank for rank, level in enumerate(Level)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """Why a verdict of a code may not show: ``when`` tests the facts of the container on the engine."""

    reason: str
    when: Callable[[Facts], bool]


def _ended_by_itself(facts: Facts) -> bool:
    return str(facts.get("stop.end", "")).startswith("exit")


def _kernel_memory_unlimited(facts: Facts) -> bool:
    return all(int(facts.get(name, 0)) >= _NO_LIMIT for name in ("cgroup.memory.kernel", "cgroup.memory.kernel_tcp"))


SILENT: Mapping[str, Silent] = {
    "stop-timeout": Silent(reason="a program that ends by itself is not killed", when=_ended_by_itself),
    "stop-signal": Silent(
        reason="the image's own signal follows only where the program has not ended on the other one",
        when=_ended_by_itself,
    ),
    "kernel-memory": Silent(
        reason="kernels since 5.16 take the limit and keep none: the container had no such limit either",
        when=_kernel_memory_unlimited,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Undeclared:
    """A difference that nobody told. ``exact``: the verdicts that say there is none."""

    fact: str
    engine: Any
    pod: Any
    exact: tuple[Verdict, ...] = ()

    def __str__(self) -> str:
        said = "".join(f"; exact {v.code} of {v.source.path if v.source else v.targets}" for v in self.exact)
        return f"{self.fact}: {_shown(self.engine)} on the engine, {_shown(self.pod)} in the pod{said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """
    compared      how many facts either side has
    declared      how many differ and are told, by the worst level that tells it
    unavoidable   how many differ as they must
    undeclared, wolves     the faults
    outside, unwatched     verdicts that need not show, counted
    silent        verdicts that cannot show here, with the reason
    """

    compared: int = 0
    declared: Mapping[str, int] = field(default_factory=dict)
    unavoidable: int = 0
    undeclared: tuple[Undeclared, ...] = ()
    wolves: tuple[Verdict, ...] = ()
    outside: int = 0
    unwatched: int = 0
    silent: tuple[tuple[Verdict, str], ...] = ()


def judge(
    engine: Facts,
    pod: Facts,
    verdicts: Sequence[Verdict],
    *,
    of_others: Sequence[Verdict] = (),
    unavoidable: Iterable[Difference] = UNAVOIDABLE,
    silent: Mapping[str, Silent] = SILENT,
) -> Judgement:
    """``verdicts`` of this container; ``of_others``: of those beside it, which may say why a call from here ends
    otherwise, or with whom this one shares a namespace."""
    names = sorted(engine.keys() | pod.keys())
    differing = [name for name in names if not same(name, engine.get(name, ABSENT), pod.get(name, ABSENT))]
    spoken = [(verdict, claims(verdict)) for verdict in verdicts]
    others = [(verdict, claims(verdict)) for verdict in of_others]
    entries = tuple(unavoidable)
    declared: Counter[str] = Counter()
    left, must = [], 0
    for name in differing:
        here, there = engine.get(name, ABSENT), pod.get(name, ABSENT)
        telling = [v for v, facts in (*spoken, *(others if name.startswith(_SHARED) else ())) if _any_of(name, facts)]
        told = [verdict for verdict in telling if verdict.level is not Level.EXACT]
        exact = tuple(verdict for verdict in telling if verdict.level is Level.EXACT)
        known = [e for e in entries if _any_of(name, e.facts) and e.when(here, there) and e.where(engine)]
        if told:
            declared[max(told, key=lambda verdict: _RANK[verdict.level]).level.value] += 1
        elif any(each.always or not exact for each in known):
            must += 1
        else:
            left.append(Undeclared(fact=name, engine=here, pod=there, exact=exact))
    made = Judgement(compared=len(names), declared=dict(declared), unavoidable=must, undeclared=tuple(left))
    return _with_wolves(made, spoken, names, differing, engine, silent)


def _with_wolves(
    made: Judgement,
    spoken: Sequence[tuple[Verdict, Sequence[str]]],
    names: Sequence[str],
    differing: Sequence[str],
    engine: Facts,
    silent: Mapping[str, Silent],
) -> Judgement:
    wolves, hushed, outside, unwatched = [], [], 0, 0
    for verdict, facts in spoken:
        if verdict.level not in _CLAIMS_DIFFERENCE:
            continue
        if not facts:
            outside += 1
        elif any(_any_of(name, facts) for name in differing):
            continue
        elif all(each.startswith(WATCHED) for each in facts) and not any(_any_of(name, facts) for name in names):
            unwatched += 1
        elif verdict.code in silent and silent[verdict.code].when(engine):
            hushed.append((verdict, silent[verdict.code].reason))
        else:
            wolves.append(verdict)
    return Judgement(
        compared=made.compared,
        declared=made.declared,
        unavoidable=made.unavoidable,
        undeclared=made.undeclared,
        wolves=tuple(wolves),
        outside=outside,
        unwatched=unwatched,
        silent=tuple(hushed),
    )


def same(name: str, engine: Any, pod: Any) -> bool:
    """Whether two values of a fact are the same; of a time, which was measured, whether they are about the same."""
    if name.endswith("_s") and isinstance(engine, float) and isinstance(pod, float):
        return abs(engine - pod) <= SAME_S
    return bool(engine == pod)


def _any_of(name: str, patterns: Iterable[str]) -> bool:
    return any(is_of(name, pattern) for pattern in patterns)


def _shown(value: Any) -> str:
    return "nothing" if value is ABSENT else f"{value:.1f}" if isinstance(value, float) else repr(value)
