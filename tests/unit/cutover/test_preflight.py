"""The table of preflight: each row is triggered by what it is about, and by nothing of a workload that is as it should
be."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from converters.fields.catalogue import CATALOGUE
from converters.fields.codes import Kind
from migrate.cutover.preflight import (
    TABLE,
    Level,
    Measured,
    Preflight,
    Row,
    Seen,
    Status,
    preflight,
    preflight_json,
)
from tests.preflight import cluster_cases, legacy_cases
from tests.preflight.seen import Change, good, live, service, spoilt

RULES = {rule.code: rule for _, rules in TABLE for rule in rules}
CASES = (*cluster_cases.CASES, *legacy_cases.CASES)
QUIET = (*cluster_cases.QUIET, *legacy_cases.QUIET)


def row(code: str, seen: Seen) -> Row:
    return RULES[code].row(seen)


def test_a_plain_workload_triggers_none() -> None:
    made = preflight(good())
    assert [(each.code, each.notices, each.unknown) for each in made.rows if each.status is not Status.CLEAR] == []
    assert (made.refused, made.told) == ((), ())
    assert [each.code for each in made.rows] == [rule.code for _, rules in TABLE for rule in rules]


@pytest.mark.parametrize(("code", "says", "changes"), CASES, ids=[f"{code}-{says}" for code, says, _ in CASES])
def test_what_triggers_a_row(code: str, says: str, changes: tuple[Change, ...]) -> None:
    """What it found names the thing, and says what to do."""
    made = row(code, spoilt(*changes))
    assert made.status is Status.FOUND
    assert made.refuses == (RULES[code].level is Level.REFUSE)
    assert any(says in f"{each.subject}: {each.reason}" for each in made.notices), made.notices
    assert all(each.subject and each.reason and each.next_step for each in made.notices)


@pytest.mark.parametrize(("code", "why", "changes"), QUIET, ids=[f"{code}-{why}" for code, why, _ in QUIET])
def test_what_nearly_does(code: str, why: str, changes: tuple[Change, ...]) -> None:
    assert row(code, spoilt(*changes)).status is Status.CLEAR, why


def test_every_row_has_a_case_and_an_explanation() -> None:
    """One each at least; and no explanation is left without a row."""
    times = Counter(rule.code for _, rules in TABLE for rule in rules)
    assert [code for code, number in times.items() if number > 1] == []
    assert {code for code, _, _ in CASES} == set(RULES)
    assert {code.name for code in CATALOGUE.values() if code.kind is Kind.PREFLIGHT} == set(RULES)
    assert all(CATALOGUE[code].about and CATALOGUE[code].todo for code in RULES)


def test_what_is_not_measured_is_said() -> None:
    """Each row that rests on it is at start, and the others stand."""
    made = preflight(replace(good(), measured=Measured()))
    assert {each.code for each in made.told} == {code for code, rule in RULES.items() if rule.measures}
    assert {each.status for each in made.told} == {Status.AT_START}
    assert made.refused == ()


def test_what_may_not_be_read_is_a_warning() -> None:
    """Whatever the level of the row: it refuses for what it found, not for what it could not see."""
    seen = good()
    unread = {kind: f"list {kind}" for rule in RULES.values() for kind in rule.needs}
    made = preflight(replace(seen, cluster=replace(seen.cluster, objects={}, unread=unread)))
    assert {each.code for each in made.told} == {code for code, rule in RULES.items() if rule.needs}
    assert {each.status for each in made.told} == {Status.UNKNOWN}
    assert row("quota-short", replace(seen, cluster=replace(seen.cluster, unread=unread))).unknown == (
        "not allowed to list ResourceQuota",
    )
    assert made.refused == ()


def test_what_was_found_counts_where_not_all_could_be_read() -> None:
    seen = spoilt(live(service()))
    made = row(
        "service-has-selector", replace(seen, cluster=replace(seen.cluster, unread={"Service": "list services"}))
    )
    assert (made.status, made.refuses, made.unknown) == (Status.FOUND, True, ("not allowed to list services",))


def test_the_order_does_not_hang_on_that_of_what_was_read() -> None:
    """The same findings in the same order, whatever order lists have."""
    seen = spoilt(live(*(service(f"alias-{n}") for n in range(5))))
    turned = {kind: tuple(reversed(each)) for kind, each in seen.cluster.objects.items()}
    other = replace(seen, cluster=replace(seen.cluster, objects=turned))
    assert preflight(seen) == preflight(other)
    assert len(row("other-service-matches", seen).notices) == 5


def test_as_json() -> None:
    seen = spoilt(live(service()))
    made = preflight_json(preflight(seen))
    assert json.loads(json.dumps(made)) == made
    assert made["refused"] is True
    assert len(made["rows"]) == len(RULES)
    (found,) = [each for each in made["rows"] if each["code"] == "service-has-selector"]
    assert found["level"] == "refuse"
    assert found["status"] == "found"
    assert [sorted(each) for each in found["findings"]] == [["nextStep", "reason", "subject"]]
    assert preflight_json(Preflight(rows=())) == {"refused": False, "rows": []}
