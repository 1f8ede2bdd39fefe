"""The suite as one call: all shapes on an engine and as pods, judged.

run_all() -> Totals                      in a lab of its own
python -m tests.cluster.equivalence [NAME...] [--all]     what differs in these shapes, and what was said of it
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.cluster.judge import SILENT, Judgement, judge, same
from tests.cluster.runner import ENGINE_FLAGS, Batch, Pair, Result, run
from tests.cluster.shape import ShapeError, shapes
from tests.lab import packages
from tests.lab.engine import Lab, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """
    shapes, not_here   how many were compared, and how many this machine refuses to any container
    containers, facts  how many were compared
    declared           differences by the level of the verdict that tells them
    undeclared, wolves faults: differences that nobody told, verdicts that claim one that is not there
    broken             shapes that could not be compared
    """

    shapes: int = 0
    not_here: int = 0
    containers: int = 0
    facts: int = 0
    declared: dict[str, int] = field(default_factory=dict)
    unavoidable: int = 0
    outside: int = 0
    unwatched: int = 0
    silent: int = 0
    undeclared: int = 0
    wolves: int = 0
    broken: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def run_all(only: Sequence[str] = ()) -> Totals:
    """All shapes, or those named, in a lab that is made for it and goes."""
    return totals(run_in_own_lab(only))


def run_in_own_lab(only: Sequence[str] = ()) -> Batch:
    wanted = list(shapes(only))
    packages.ensure(say)
    with Lab() as lab:
        registry = lab.registry()
        engine = lab.engine("edge", flags=ENGINE_FLAGS)
        return run(engine, registry.name, lab.cluster(), wanted)


def judged(result: Result) -> Iterator[tuple[Pair, Judgement]]:
    """Each container of a shape with its judgement."""
    for pair in result.pairs:
        others = [verdict for each in result.pairs if each is not pair for verdict in each.verdicts]
        yield pair, judge(pair.engine, pair.pod, pair.verdicts, of_others=others)


def faults(result: Result) -> list[str]:
    """What is wrong with a shape, a line each: why it could not be compared, differences that nobody told, verdicts
    that claim a difference that is not there, and codes that it is to show and does not."""
    if result.refused:
        return []
    lines = list(result.trouble)
    for pair, judgement in judged(result):
        lines += [f"{pair.container}: undeclared: {each}" for each in judgement.undeclared]
        lines += [
            f"{pair.container}: no difference, and {v.level} {v.code} of {v.source} says: {v.why}"
            for v in judgement.wolves
        ]
    if not result.trouble:
        said = {verdict.code for pair in result.pairs for verdict in pair.verdicts}
        lines += [f"shows: nothing says {code}" for code in result.shape.shows if code not in said]
    return lines


def totals(batch: Batch) -> Totals:
    made: Counter[str] = Counter()
    declared: Counter[str] = Counter()
    for result in batch.results:
        made["not_here" if result.refused else "broken" if result.trouble else "shapes"] += 1
        for _, judgement in judged(result):
            made["containers"] += 1
            made["facts"] += judgement.compared
            declared.update(judgement.declared)
            for name in ("unavoidable", "outside", "unwatched"):
                made[name] += getattr(judgement, name)
            for name in ("undeclared", "wolves", "silent"):
                made[name] += len(getattr(judgement, name))
    return Totals(**made, declared=dict(declared), seconds={k: round(v, 1) for k, v in batch.seconds.items()})


def unused(batch: Batch) -> set[str]:
    """The codes that the judge excuses and need no excuse: in a run of all shapes each hushes a verdict, but where this
    machine refuses the shape that is to show it."""
    hushed = {v.code for result in batch.results for _, judgement in judged(result) for v, _ in judgement.silent}
    missed = {code for result in batch.results if result.refused for code in result.shape.shows}
    return set(SILENT) - hushed - missed


def described(result: Result, *, whole: bool = False) -> Iterator[str]:
    """What differs in a shape and what was said, for whoever writes one. ``whole``: with what is unavoidable."""
    yield f"== {result.shape.name}"
    if result.refused:
        yield f"not here: {result.refused}"
    for line in faults(result):
        yield f"FAULT {line}"
    for pair, judgement in judged(result):
        declared = ", ".join(f"{count} {level}" for level, count in judgement.declared.items()) or "none"
        yield (
            f"{pair.container} as {pair.workload}: {judgement.compared} facts; differences declared: {declared}; "
            f"unavoidable: {judgement.unavoidable}"
        )
        for verdict in pair.verdicts:
            if verdict.source is not None and (whole or verdict.level != "exact"):
                yield f"  {verdict.level} {verdict.code} of {verdict.source.path}: {verdict.why}"
        for name in sorted(pair.engine.keys() | pair.pod.keys()) if whole else ():
            here, there = pair.engine.get(name), pair.pod.get(name)
            if not same(name, here, there):
                yield f"  {name}: {here!r} | {there!r}"


def main() -> None:
    names = [word for word in sys.argv[1:] if not word.startswith("-")]
    try:
        batch = run_in_own_lab(names)
    except ShapeError as error:
        sys.exit(f"tests/cluster/shapes: {error}")
    for result in batch.results:
        for line in described(result, whole="--all" in sys.argv):
            print(line)  # noqa: T201
    print(totals(batch))  # noqa: T201
    sys.exit(any(faults(result) for result in batch.results))


if __name__ == "__main__":
    main()
