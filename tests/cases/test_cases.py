"""Every case: what it expects, the strict schemas of its target, and the invariant of fields and verdicts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.cases.harness import check_expectations, load, outcome
from tests.schemas import VERSIONS, assert_valid

HERE = Path(__file__).parent
FOLDERS = sorted(path.parent for path in HERE.glob("*/case.yaml"))

pytestmark = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def test_a_case_ends_as_it_says(folder: Path) -> None:
    """Objects, verdicts, findings: as case.yaml has them."""
    check_expectations(load(folder), outcome(folder))


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_made_is_legal(folder: Path, version: str) -> None:
    """The strict schemas of the target's version: the oldest and the newest where the case says none."""
    stated = (load(folder).body.get("target") or {}).get("version", version)
    major, minor = version.split(".")
    assert_valid(outcome(folder, (int(major), int(minor))).objects.values(), (stated,))


def test_each_present_leaf_lies_under_exactly_one_verdict(folder: Path) -> None:
    """The classes divide the leaves, and nothing is forgotten or told twice."""
    found = outcome(folder)
    if found.made is None:
        return
    told = Counter((v.workload, v.source) for v in found.verdicts if v.source is not None and v.source.document)
    assert [each for each, times in told.items() if times > 1] == []
    assert [v.source for v in found.verdicts if v.why == "podlift forgot it"] == []
    excluded = {document for document, _ in found.made.estate.excluded}
    present: set[tuple[str, str]] = set()
    documents = set()
    for tally in found.made.estate.tallies:
        assert tally.leaves == tally.present + tally.inherited + tally.unset + tally.observed + tally.mirror
        if tally.document not in excluded:
            documents.add(tally.document)
            present |= {(tally.document, atom) for atom in tally.atoms}
    heard = {(source.document, source.path) for _, source in told if source.document in documents}
    assert present - heard == set(), "no verdict on these"
    assert heard - present == set(), "verdicts on what is not present"
