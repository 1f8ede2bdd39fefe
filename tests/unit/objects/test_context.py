"""Metadata, labels and names that all objects share."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from converters.names import NameMap
from converters.objects.context import Context, label_value, suffixed, unique

CONTEXT = Context(
    names=NameMap(workloads={"My_App": "my-app", "db": "db"}, namespaces={"My_App": "shop"}),
    estate="edge",
    pods=("Deployment/my-app-ams:spec.template", "Deployment/my-app-syd:spec.template"),
)


def test_metadata_of_an_object() -> None:
    """Metadata names the object, its namespace, its labels and the workload it came from."""
    assert CONTEXT.metadata("My_App", "-env", annotations={"b": "2", "a": "1"}) == {
        "name": "my-app-env",
        "namespace": "shop",
        "labels": {
            "app.kubernetes.io/managed-by": "podlift",
            "podlift.dev/estate": "edge",
            "podlift.dev/workload": "my-app",
        },
        "annotations": {"podlift.dev/source-workload": "My_App", "a": "1", "b": "2"},
    }


def test_no_namespace_is_written_where_none_is_assigned() -> None:
    """A workload without a namespace leaves it to kubectl."""
    assert "namespace" not in CONTEXT.metadata("db")


def test_a_site_stands_in_labels_and_selector() -> None:
    """Where sites are split, a controller selects its own site's pods only."""
    assert CONTEXT.selector("db", "ams") == {"podlift.dev/workload": "db", "podlift.dev/site": "ams"}
    assert CONTEXT.labels("db", "ams")["podlift.dev/site"] == "ams"
    assert CONTEXT.selector("db").items() <= CONTEXT.labels("db").items()


def test_targets_name_every_pod_template() -> None:
    """A container that is written into two controllers has two targets."""
    assert CONTEXT.in_pod("spec.hostPID") == (
        "Deployment/my-app-ams:spec.template.spec.hostPID",
        "Deployment/my-app-syd:spec.template.spec.hostPID",
    )


@given(st.text(), st.text())
def test_label_values_are_legal_and_stay_apart(one: str, other: str) -> None:
    """Any text gives a legal label value, and two texts give two values."""
    for text in (one, other):
        value = label_value(text)
        assert len(value) <= 63
        assert re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?", value)
    assert (label_value(one) == label_value(other)) == (one == other)


def test_long_names_keep_their_suffix_and_stay_apart() -> None:
    """Names that are cut to the same characters are told apart by a hash."""
    one, other = suffixed("a" * 70, "-env"), suffixed("a" * 71, "-env")
    assert one != other
    assert len(one) == len(other) == 63
    assert one.endswith("-env")


def test_unique_names() -> None:
    """A repeated name is numbered, also where numbering makes it too long or meets a name that is there already."""
    assert unique(["web", "web", "web-2"]) == ["web", "web-2", "web-2-2"]
    assert unique(["abcdefghijklmnopq"] * 2, 15) == ["abcdefghijklmno", "abcdefghijklm-2"]
