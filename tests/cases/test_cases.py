"""Every case: what it expects, the strict schemas of its target, and the invariant of fields and verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.harness import check_expectations, load, outcome
from tests.invariant import faults
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
    if found.made is not None:
        assert faults(found.made) == []
