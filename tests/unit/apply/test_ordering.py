"""Ranks of kinds: what others need comes first."""

from __future__ import annotations

from converters.conversion import ORDER
from migrate.apply.ordering import ranked


def order(*kinds: str) -> list[list[str]]:
    return [[each["kind"] for _, each in rank] for rank in ranked([("web", {"kind": kind}) for kind in kinds])]


def test_what_others_need_comes_first() -> None:
    """Whatever order the plan has; kinds of one rank stay in the plan's."""
    kinds = ("Ingress", "HorizontalPodAutoscaler", "Job", "Deployment", "Service", "Secret", "ConfigMap", "Namespace")
    assert order(*kinds) == [
        ["Namespace"],
        ["Secret", "ConfigMap"],
        ["Service"],
        ["Job", "Deployment"],
        ["HorizontalPodAutoscaler"],
        ["Ingress"],
    ]


def test_every_kind_that_podlift_makes_has_a_place() -> None:
    """The plan's own order and the ranks agree on what comes before pods and what after them."""
    places = [n for n, rank in enumerate(order(*ORDER)) for _ in rank]
    flat = [kind for rank in order(*ORDER) for kind in rank]
    place = dict(zip(flat, places, strict=True))
    before = {"Namespace", "ServiceAccount", "ConfigMap", "Secret", "PersistentVolumeClaim", "NetworkPolicy", "Service"}
    assert max(place[kind] for kind in before) < place["Deployment"]
    after = {"PodDisruptionBudget", "HorizontalPodAutoscaler", "Ingress", "HTTPRoute"}
    assert min(place[kind] for kind in after) > place["Deployment"]
    pods = {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"}
    assert {place[kind] for kind in pods} == {place["Deployment"]}


def test_a_kind_that_nobody_placed_comes_last() -> None:
    """What an override adds may refer to anything."""
    assert order("Certificate", "Deployment")[-1] == ["Certificate"]
