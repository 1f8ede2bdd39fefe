"""What a run under way has made otherwise is expected, and what it has not is a difference."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from migrate.diff.comparison import ObjectDifference, State
from migrate.diff.dump import Dump
from migrate.diff.gates import with_gates
from migrate.diff.holding import hold
from migrate.plan.objects import JOURNAL, key_of
from tests.apply_plans import ESTATE, deployment, planned, service, workload

PLAN = planned("shop", workload("web", deployment("web", replicas=2), service("web")))


def compared(*live: dict[str, Any]) -> dict[str, ObjectDifference]:
    dump = Dump(name="c", objects={key_of(each): each for each in live}, namespace="shop")
    found = hold(PLAN, dump, PLAN.objects, absent={}).objects
    return {each.name: each for each in with_gates(PLAN, dump, found)}


def journal(state: str) -> dict[str, Any]:
    labels = {"podlift.dev/workload": "web", "podlift.dev/estate": ESTATE, "app.kubernetes.io/managed-by": "podlift"}
    metadata = {"name": "cutover-web", "namespace": "shop", "labels": {**labels, JOURNAL: ""}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"state": state}}


def live(kind: str) -> dict[str, Any]:
    return deepcopy(next(dict(each) for _, each in PLAN.objects if each["kind"] == kind))


def gated() -> tuple[dict[str, Any], dict[str, Any]]:
    controller, front = live("Deployment"), live("Service")
    controller["spec"] |= {"paused": True, "replicas": 1}
    front["spec"]["selector"]["podlift.dev/admitted"] = "r1"
    return controller, front


def test_what_a_run_sets_is_expected_while_it_lasts() -> None:
    found = compared(*gated(), journal("SHIFT"))
    assert {each.note for each in found.values()} == {"cutover under way (SHIFT)"}
    assert all(each.gated for each in found.values())
    assert len(found) == 2


def test_a_service_that_a_run_has_not_made_yet() -> None:
    controller, _ = gated()
    assert compared(controller, journal("PREFLIGHT"))["Service/web"].gated


@pytest.mark.parametrize("state", ["FINALIZED", "ROLLED_BACK"])
def test_after_the_run_it_is_a_difference(state: str) -> None:
    found = compared(*gated(), journal(state))
    assert found["Service/web"].state is State.CHANGED
    assert not found["Service/web"].gated
    assert not found["Deployment/web"].gated


def test_what_no_run_sets_is_a_difference() -> None:
    controller, front = gated()
    controller["spec"]["template"]["spec"]["containers"][0]["image"] = "another:1"
    found = compared(controller, front, journal("SHIFT"))
    assert not found["Deployment/web"].gated
    assert found["Service/web"].gated
