"""The invariant of fields and verdicts, on whatever was planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from migrate.plan.making import Made


def faults(made: Made) -> list[str]:
    """What is wrong: classes that do not add up, present atoms without a verdict or with two, verdicts on atoms that
    are not present, atoms that were read and of which nothing was said. Nothing: the invariant holds."""
    return [*_classes(made), *_verdicts(made)]


def _classes(made: Made) -> Iterator[str]:
    for tally in made.estate.tallies:
        parts = tally.present + tally.inherited + tally.unset + tally.observed + tally.mirror
        if parts != tally.leaves:
            yield f"{tally.document}: {tally.leaves} leaves, {parts} in classes"
        if len(set(tally.atoms)) != len(tally.atoms):
            yield f"{tally.document}: an atom twice"


def _verdicts(made: Made) -> Iterator[str]:
    verdicts = [v for conversion in made.conversions for v in conversion.verdicts]
    told = Counter((v.workload, v.source) for v in verdicts if v.source is not None and v.source.document)
    for (workload, source), times in told.items():
        if times > 1:
            yield f"{source}: {times} verdicts of {workload}"
    for verdict in verdicts:
        if verdict.why == "podlift forgot it":
            yield f"{verdict.source}: forgotten"
    excluded = {document for document, _ in made.estate.excluded}
    counted = [tally for tally in made.estate.tallies if tally.document not in excluded]
    documents = {tally.document for tally in counted}
    present = {(tally.document, atom) for tally in counted for atom in tally.atoms}
    heard = {(source.document, source.path) for _, source in told}
    heard = {each for each in heard if each[0] in documents}
    for document, path in sorted(present - heard):
        yield f"{document} {path}: no verdict"
    for document, path in sorted(heard - present):
        yield f"{document} {path}: a verdict, and it is not present"
