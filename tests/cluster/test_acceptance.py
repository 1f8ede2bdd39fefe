"""A real API server accepts everything that podlift makes: strictly, in a dry run, with the pods that come of it."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from converters.conversion import ORDER
from converters.target import Target
from migrate.diff import Dump, diff_plan
from migrate.plan.model import Plan
from tests.cluster.acceptance import GATEWAY, Court, NoGatewayError, Ruling, gateway_crds
from tests.cluster.sources import PUBLIC, Batch, batches
from tests.lab.cluster import GivenCluster
from tests.plans import plan, web

# What a plan refers to and never makes.
NEVER_MADE = {"PersistentVolume"}


@pytest.fixture(scope="module")
def everything() -> tuple[Batch, ...]:
    return tuple(batches())


@pytest.fixture(scope="module")
def court(cluster: GivenCluster) -> Iterator[Court]:
    with Court(cluster.api, suffix=uuid.uuid4().hex[:6]) as made:
        yield made


@pytest.fixture(scope="module")
def gateway(court: Court) -> str:
    """The published CRDs of Gateway API, or why there are none."""
    if court.serves(GATEWAY):
        return ""
    try:
        court.install(gateway_crds())
    except NoGatewayError as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def rulings(court: Court, everything: tuple[Batch, ...], gateway: str) -> tuple[Ruling, ...]:
    return court.rule(everything, but=(GATEWAY,) if gateway else ())


def test_there_are_objects_of_every_kind(everything: tuple[Batch, ...]) -> None:
    """None of the kinds that podlift makes is left out, and answers bring every withheld workload to objects."""
    kinds = Counter(each["kind"] for batch in everything for _, each in batch.objects)
    assert set(kinds) == set(ORDER) - NEVER_MADE
    answered = [batch.name for batch in everything if ", answers" in batch.name and batch.plan.withheld]
    assert answered == []


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public inspect files lie outside of the repository")
def test_the_public_files_are_among_them(everything: tuple[Batch, ...]) -> None:
    """All but those of which nothing can be made, since they are excerpts and lists."""
    made = {batch.name.split(",")[0] for batch in everything if batch.objects}
    left = {path.stem for path in PUBLIC.glob("*.json") if f"public {path.stem}" not in made}
    assert {name.partition("__")[0] for name in left} == {"prometheus", "telegraf"}


def test_every_object_is_accepted(rulings: tuple[Ruling, ...]) -> None:
    """By server-side apply with strict field validation."""
    assert [f"{each.name}: {each.refused}" for each in rulings if each.refused and not each.pod] == []


def test_every_pod_is_accepted(rulings: tuple[Ruling, ...]) -> None:
    """By admission too: the pods of a target's level pass namespaces that enforce it."""
    assert [f"{each.name}: {each.refused}" for each in rulings if each.refused and each.pod] == []


def test_nothing_draws_a_warning(rulings: tuple[Ruling, ...]) -> None:
    """Nothing deprecated, nothing twice, nothing that pod security would refuse."""
    assert sorted({f"{warning} ({each.name})" for each in rulings for warning in each.warnings}) == []


def test_what_is_stored_is_what_was_sent(court: Court, rulings: tuple[Ruling, ...]) -> None:
    """The server loses nothing and fills in what the table of defaults says: diff finds no difference. What a gate
    guards is lost where the server has it off, which is why the target must name it."""
    off = court.gates_off()
    told = []
    for each in rulings:
        if each.pod or each.refused or each.batch.target.gates & off:
            continue
        metadata = each.sent["metadata"]
        key = (each.sent["kind"], metadata.get("namespace", ""), metadata["name"])
        found = diff_plan(
            Plan(estate=each.batch.plan.estate, objects=((each.workload, each.sent),)),
            Dump(name="stored", objects={key: each.stored}),
        )
        told += [f"{each.name}: {change}" for other in found.objects for change in (*other.changes, *other.extras)]
    assert told == []


def test_routes_by_gateway_are_among_them(gateway: str, rulings: tuple[Ruling, ...]) -> None:
    """By the schemas that Gateway API publishes."""
    if gateway:
        pytest.skip(gateway)
    assert any(each.sent["apiVersion"].startswith(GATEWAY) for each in rulings)


def _unknown_field(pod: dict[str, Any]) -> None:
    pod["containers"][0]["imagePullPolice"] = "Always"


def _variable_twice(pod: dict[str, Any]) -> None:
    pod["containers"][0]["env"] = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]


def _bad_quantity(pod: dict[str, Any]) -> None:
    pod["containers"][0]["resources"] = {"requests": {"memory": "12 apples"}}


@pytest.mark.parametrize("harm", [_unknown_field, _variable_twice, _bad_quantity])
def test_the_server_can_refuse(court: Court, harm: Callable[[dict[str, Any]], None]) -> None:
    """An object that is wrong is refused here: acceptance says something."""
    (ruling,) = (each for each in court.rule([_harmed(harm)]) if each.sent["kind"] == "Deployment")
    assert ruling.refused


def test_admission_can_refuse_a_pod(court: Court) -> None:
    """The Deployment is accepted with a warning, its pod is not; nor is one whose service account nobody makes."""

    def privileged(pod: dict[str, Any]) -> None:
        pod["containers"][0]["securityContext"] = {"privileged": True}

    def unaccounted(pod: dict[str, Any]) -> None:
        pod["serviceAccountName"] = "nobody-makes-it"

    made, pod = _of_deployment(court.rule([_harmed(privileged)]))
    assert not made.refused
    assert "would violate PodSecurity" in made.warnings[0]
    assert "violates PodSecurity" in pod.refused
    made, pod = _of_deployment(court.rule([_harmed(unaccounted)]))
    assert not made.refused
    assert "nobody-makes-it" in pod.refused


def _harmed(harm: Callable[[dict[str, Any]], None]) -> Batch:
    target = Target(version=(1, 36), pod_security="baseline")
    made = plan(web(), target=target)
    for _, each in made.objects:
        if each["kind"] == "Deployment":
            harm(each["spec"]["template"]["spec"])
    return Batch(name="harmed", target=target, plan=made)


def _of_deployment(rulings: tuple[Ruling, ...]) -> tuple[Ruling, Ruling]:
    (made,) = (each for each in rulings if each.sent["kind"] == "Deployment")
    (pod,) = (each for each in rulings if each.pod)
    return made, pod
