"""What differs between two values, by Kubernetes' own idea of sameness."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.diff import Op, changes


def told(old: Any, new: Any) -> list[tuple[str, str]]:
    return [(change.op.value, change.path) for change in changes(old, new)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"resources": {"limits": {"cpu": "1000m"}}}, {"resources": {"limits": {"cpu": "1"}}}),
        ({"resources": {"limits": {"memory": "1024Mi"}}}, {"resources": {"limits": {"memory": "1Gi"}}}),
        ({"resources": {"requests": {"cpu": 0.5}}}, {"resources": {"requests": {"cpu": "500m"}}}),
        ({"emptyDir": {"sizeLimit": "1024"}}, {"emptyDir": {"sizeLimit": "1Ki"}}),
        ({"target": {"averageValue": "1000m"}}, {"target": {"averageValue": "1"}}),
        ({"target": {"value": "1000m"}}, {"target": {"value": "1"}}),
        ({"rollingUpdate": {"maxSurge": 1}}, {"rollingUpdate": {"maxSurge": "1"}}),
        ({"capabilities": {"add": ["A", "B"]}}, {"capabilities": {"add": ["B", "A"]}}),
        ({"a": {}}, {}),
        ({"a": None}, {"a": []}),
        ({"containers": [{"name": "a"}, {"name": "b"}]}, {"containers": [{"name": "b"}, {"name": "a"}]}),
        (
            {"metrics": [{"type": "Resource", "resource": {"name": "cpu"}}, {"type": "Pods"}]},
            {"metrics": [{"type": "Pods"}, {"type": "Resource", "resource": {"name": "cpu"}}]},
        ),
    ],
)
def test_the_same_in_other_words(old: Any, new: Any) -> None:
    """Amounts by value, sets without order, keyed lists by key, empty like missing."""
    assert told(old, new) == []
    assert told(new, old) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ({"targetPort": 8080}, {"targetPort": "8080"}, "targetPort"),
        ({"env": [{"name": "A", "value": "1000m"}]}, {"env": [{"name": "A", "value": "1"}]}, "env[A].value"),
        ({"limits": {"cpu": "1"}}, {"limits": {"cpu": "2"}}, "limits.cpu"),
        ({"args": ["a", "b"]}, {"args": ["b", "a"]}, "args"),
        ({"data": {"limits": "1000m"}}, {"data": {"limits": "1"}}, "data.limits"),
        (
            {"annotations": {"a.example/b": "1"}},
            {"annotations": {"a.example/b": "2"}},
            "annotations[a.example/b]",
        ),
    ],
)
def test_what_looks_alike_and_is_not(old: Any, new: Any, path: str) -> None:
    """A port's name is not its number, an amount in env is a text, argv has an order."""
    assert told(old, new) == [("changed", path)]


def test_true_is_not_one() -> None:
    """A leaf of another type differs, although Python finds them equal."""
    assert told(1, True) == [("changed", "")]
    assert told({"paused": 1, "replicas": 1}, {"paused": True, "replicas": 2}) == [
        ("changed", "paused"),
        ("changed", "replicas"),
    ]


def test_items_are_told_by_their_keys() -> None:
    """One variable more in front is one addition, and not a change of everything behind it."""
    old = {"env": [{"name": "B", "value": "2"}, {"name": "C", "value": "3"}]}
    new = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    assert told(old, new) == [("added", "env[A]"), ("removed", "env[C]")]


def test_ports_of_a_container_and_of_a_service() -> None:
    """One number for tcp and udp are two ports."""
    old = {"ports": [{"containerPort": 53, "protocol": "TCP"}]}
    new = {"ports": [{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]}
    assert told(old, new) == [("added", "ports[53/UDP]")]
    service = {"ports": [{"port": 80, "targetPort": 1}]}
    assert told(service, {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 2}]})[-1] == (
        "changed",
        "ports[80/TCP].targetPort",
    )


@pytest.mark.parametrize(("value", "counts"), [("x", False), ("$(A)/x", True), ("$$(A)", False), ("$$$(A)", True)])
def test_the_order_of_env_counts_where_variables_refer_to_each_other(value: str, counts: bool) -> None:
    """Elsewhere it is no difference: a pod sees the same variables."""
    first, second = {"name": "A", "value": "1"}, {"name": "B", "value": value}
    found = list(changes({"env": [first, second]}, {"env": [second, first]}))
    assert [(change.op, change.path) for change in found] == ([(Op.ORDER, "env")] if counts else [])


def test_a_key_that_stands_twice_is_compared_by_position() -> None:
    """Folding two items into one would hide a difference."""
    old = {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}
    new = {"env": [{"name": "A", "value": "0"}, {"name": "A", "value": "2"}]}
    assert told(old, new) == [("changed", "env[0].value")]


def test_values_of_both_sides_are_given() -> None:
    """Old is the other side's, new the plan's."""
    (change,) = changes({"image": "web:1"}, {"image": "web:2"})
    assert (change.old, change.new) == ("web:1", "web:2")
