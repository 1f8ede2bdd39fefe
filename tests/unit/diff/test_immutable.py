"""What the server lets nobody change."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.diff import changes
from migrate.diff.immutable import with_recreation


def recreated(kind: str, old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    return {each.path for each in with_recreation(kind, changes(old, new), old) if each.recreate}


def spec(**said: Any) -> dict[str, Any]:
    return {"spec": said}


@pytest.mark.parametrize(
    ("kind", "old", "new", "paths"),
    [
        ("Deployment", spec(selector={"matchLabels": {"a": "1"}}), spec(selector={"matchLabels": {"a": "2"}}), True),
        ("Deployment", spec(replicas=1), spec(replicas=2), False),
        ("StatefulSet", spec(serviceName="a"), spec(serviceName="b"), True),
        ("StatefulSet", spec(podManagementPolicy="Parallel"), spec(podManagementPolicy="OrderedReady"), True),
        ("StatefulSet", spec(template={"a": 1}), spec(template={"a": 2}), False),
        ("Job", spec(template={"a": 1}), spec(template={"a": 2}), True),
        ("Job", spec(parallelism=1), spec(parallelism=2), False),
        ("Service", spec(clusterIP="None"), spec(clusterIP="10.0.0.1"), True),
        ("Service", {"spec": {"type": "ExternalName"}}, spec(type="ExternalName", clusterIP="None"), False),
        ("PersistentVolumeClaim", spec(storageClassName="a"), spec(storageClassName="b"), True),
        (
            "PersistentVolumeClaim",
            spec(resources={"requests": {"storage": "2Gi"}}),
            spec(resources={"requests": {"storage": "1Gi"}}),
            True,
        ),
        (
            "PersistentVolumeClaim",
            spec(resources={"requests": {"storage": "1Gi"}}),
            spec(resources={"requests": {"storage": "2Gi"}}),
            False,
        ),
        ("ConfigMap", {"immutable": True, "data": {"a": "1"}}, {"immutable": True, "data": {"a": "2"}}, True),
        ("ConfigMap", {"data": {"a": "1"}}, {"data": {"a": "2"}}, False),
        ("Secret", {"type": "Opaque"}, {"type": "kubernetes.io/tls"}, True),
    ],
)
def test_what_must_be_recreated(kind: str, old: dict[str, Any], new: dict[str, Any], paths: bool) -> None:
    """The selector of a controller, most of a StatefulSet and a claim, a Job's work, an address; a claim may grow."""
    assert bool(recreated(kind, old, new)) is paths
