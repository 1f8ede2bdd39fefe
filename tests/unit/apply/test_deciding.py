"""What is to be done with an object, from what the plan wants and what stands."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from migrate.apply.applied import Action
from migrate.apply.deciding import Step, decide
from migrate.apply.handover import SECOND, Handover, handover, number_alone, owns_replicas, with_replicas
from tests.apply_plans import claim, config, deployment, job, planned, workload

SPACE = "shop"
Object = dict[str, Any]


def placed(each: Object) -> Object:
    return dict(planned(SPACE, workload("web", each)).objects[0][1])


def live(each: Object, **fields: Object) -> Object:
    """As it stands; ``fields``: the managers of fields, by their JSON in managedFields."""
    made = deepcopy(placed(each))
    made["metadata"]["managedFields"] = [
        {"manager": manager, "operation": "Apply", "fieldsV1": owned} for manager, owned in fields.items()
    ]
    return made


def step(wanted: Object, found: Object | None, **how: Any) -> Step:
    return decide(("web", placed(wanted)), found, namespace=SPACE, **how)


def test_new_the_same_and_another() -> None:
    assert step(config("web", a="1"), None).action is Action.CREATED
    assert step(config("web", a="1"), live(config("web", a="1"))).action is Action.UNCHANGED
    assert step(config("web", a="1"), live(config("web", a="2"))).action is Action.CHANGED


def test_an_object_that_is_going() -> None:
    """A change would go with it; what is as it shall be is no concern."""
    going = live(config("web", a="2"))
    going["metadata"]["deletionTimestamp"] = "2026-11-28T06:00:00Z"
    error = step(config("web", a="1"), going).error
    assert error is not None
    assert error.code == "object-ending"


@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/managed-by": "Helm"}])
def test_an_object_of_others(labels: dict[str, str]) -> None:
    theirs = live(config("web", a="2"), helm={})
    theirs["metadata"]["labels"] = labels
    error = step(config("web", a="1"), theirs).error
    assert error is not None
    assert error.code == "object-foreign"
    assert (labels.get("app.kubernetes.io/managed-by") or "helm") in error.reason
    assert step(config("web", a="1"), theirs, force=True).action is Action.CHANGED


def test_a_claim_that_was_there_before_is_joined() -> None:
    """Data is often brought beforehand."""
    theirs = live(claim("web"))
    theirs["metadata"]["labels"] = {}
    assert step(claim("web"), theirs).action is Action.CHANGED


def test_what_must_be_recreated() -> None:
    error = step(job("web", args=["new"]), live(job("web", args=["old"]))).error
    assert error is not None
    assert error.code == "object-immutable"
    assert "spec.template" in error.reason
    assert "delete Job/web" in error.next_step


def test_fields_that_others_own_are_named() -> None:
    found = live(config("web", a="2"), **{"by-hand": {"f:data": {"f:a": {}}}})
    assert step(config("web", a="1"), found).owned == "data.a is owned by by-hand"
    assert step(config("web", a="1"), found, force=True).owned == ""


REPLICAS: Object = {"f:spec": {"f:replicas": {}}}


@pytest.mark.parametrize(
    ("found", "count", "expected"),
    [
        (None, 3, Handover(count=3, set_first=True)),
        (live(deployment("web", replicas=4), podlift=REPLICAS), 3, Handover(count=4, set_first=False)),
        # a gated apply holds it
        (live(deployment("web", replicas=0), podlift=REPLICAS), 3, Handover(count=3, set_first=True)),
        # another has it already
        (live(deployment("web", replicas=4), **{SECOND: REPLICAS}), 3, None),
        (live(deployment("web", replicas=4), podlift={"f:spec": {}}), 3, None),
    ],
)
def test_how_the_number_passes_on(found: Object | None, count: int, expected: Handover | None) -> None:
    assert handover(found, count) == expected
    made = step(deployment("web", replicas=None), found, autoscaled=True, count=count)
    assert made.handover == expected
    assert made.writes is (expected is not None)


def test_a_number_that_is_not_autoscaled_stays_podlifts() -> None:
    found = live(deployment("web", replicas=4), podlift=REPLICAS)
    assert step(deployment("web", replicas=4), found).handover is None


def test_only_applied_fields_of_the_object_itself_count() -> None:
    """An update, and a subresource, are owned in another way."""
    found = live(deployment("web"), podlift=REPLICAS)
    (entry,) = found["metadata"]["managedFields"]
    assert owns_replicas(found)
    entry["operation"] = "Update"
    assert not owns_replicas(found)
    entry |= {"operation": "Apply", "subresource": "scale"}
    assert not owns_replicas(found)


def test_the_number_alone() -> None:
    """Whoever owns nothing but the number sends nothing but that."""
    each = placed(deployment("web", replicas=None))
    assert number_alone(each, 3) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": SPACE},
        "spec": {"replicas": 3},
    }
    assert with_replicas(each, 3)["spec"]["replicas"] == 3
    assert "replicas" not in each["spec"]
