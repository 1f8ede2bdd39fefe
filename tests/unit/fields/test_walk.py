"""The walker: atoms by path, and leaves that add up."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.fields.container_table import CONTAINER_ROWS
from converters.fields.walk import Field, Table, bind_target, leaves, link_alias, walk

TABLE = Table(CONTAINER_ROWS)


def paths(document: Any) -> list[str]:
    return [found.path for found in walk(document, TABLE)]


def by_path(document: Any) -> dict[str, Field]:
    return {found.path: found for found in walk(document, TABLE)}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"Config": {"Env": ["LOG=info", "EMPTY=", "UNSET"]}},
            ["Config.Env[LOG]", "Config.Env[EMPTY]", "Config.Env[UNSET]"],
        ),
        ({"Config": {"Env": ["A=1", "A=2"]}}, ["Config.Env[A]", "Config.Env[A]#2"]),
        ({"Config": {"Labels": {"a.b/c": "1"}}}, ["Config.Labels[a.b/c]"]),
        ({"Config": {"ExposedPorts": {"80/tcp": {}}}}, ["Config.ExposedPorts[80/tcp]"]),
        ({"Config": {"Cmd": ["a", "b"]}}, ["Config.Cmd"]),
        (
            {"HostConfig": {"Binds": ["/srv:/site:ro", "data:/data", "/bare"]}},
            ["HostConfig.Binds[/site]", "HostConfig.Binds[/data]", "HostConfig.Binds[/bare]"],
        ),
        (
            {
                "HostConfig": {
                    "PortBindings": {
                        "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "", "HostPort": ""}]
                    }
                }
            },
            ["HostConfig.PortBindings[80/tcp][0.0.0.0:8080]", "HostConfig.PortBindings[80/tcp][:]"],
        ),
        ({"HostConfig": {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]}}, ["HostConfig.Ulimits[nofile]"]),
        ({"HostConfig": {"Links": ["/db:/web/sql", "cache:mem"]}}, ["HostConfig.Links[sql]", "HostConfig.Links[mem]"]),
        ({"HostConfig": {"ExtraHosts": ["db:fd00::1"]}}, ["HostConfig.ExtraHosts[db]"]),
        (
            {"HostConfig": {"SecurityOpt": ["label:user:u", "label=role:r", "no-new-privileges"]}},
            [
                "HostConfig.SecurityOpt[label]",
                "HostConfig.SecurityOpt[label]#2",
                "HostConfig.SecurityOpt[no-new-privileges]",
            ],
        ),
        ({"HostConfig": {"DeviceRequests": [{"Count": -1}]}}, ["HostConfig.DeviceRequests[0]"]),
        ({"Mounts": [{"Destination": "/data", "RW": True}]}, ["Mounts[/data]"]),
        (
            {"NetworkSettings": {"Networks": {"back": {"Aliases": ["api"], "NetworkID": "7d"}}}},
            ["NetworkSettings.Networks[back].Aliases[api]", "NetworkSettings.Networks[back].NetworkID"],
        ),
        ({"State": {"Health": {"Log": [1, 2]}, "Pid": 3}}, ["State"]),
    ],
)
def test_an_atom_is_named_by_the_keys_that_the_user_chose(document: Any, expected: list[str]) -> None:
    """Split maps and lists bear keys, coupled values stay whole."""
    assert paths(document) == expected


def test_a_key_that_the_table_lacks_is_a_field_for_each_leaf() -> None:
    """Unknown keys are never folded away."""
    found = walk({"HostConfig": {"New": {"A": [1, {"B": None}], "C": {}}}}, TABLE)
    assert [(f.path, f.row, f.leaves) for f in found] == [
        ("HostConfig.New.A[0]", None, 1),
        ("HostConfig.New.A[1].B", None, 1),
        ("HostConfig.New.C", None, 1),
    ]


@pytest.mark.parametrize("shape", ["text", 7, {"a": 1}, ["x"]])
def test_a_value_of_another_shape_than_its_split_is_unknown(shape: Any) -> None:
    """A list where an object is due, or a scalar: nobody reads it by accident."""
    found = walk({"Config": {"Labels": shape if not isinstance(shape, dict) else [shape]}}, TABLE)
    assert {f.row for f in found} == {None}


@pytest.mark.parametrize("empty", [None, {}, []])
def test_an_empty_value_where_keys_are_due_is_one_known_leaf(empty: Any) -> None:
    """Docker's clients differ in null, {} and []."""
    found = by_path({"HostConfig": {"PortBindings": empty}, "Config": {"Healthcheck": empty}})
    assert [(f.row is None, f.leaves) for f in found.values()] == [(False, 1), (False, 1)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["Config", "HostConfig", "Env", "Binds", "Labels", "Mounts", "Target", "Name", "State", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


def counted(value: Any) -> int:
    """Leaves by another way: a stack, nothing of the walker."""
    stack, count = [value], 0
    while stack:
        top = stack.pop()
        inner = list(top.values()) if isinstance(top, dict) else top if isinstance(top, list) else []
        stack += inner
        count += not inner
    return count


@given(JSON)
def test_the_leaves_of_the_atoms_add_up(document: Any) -> None:
    """Whatever the document, no leaf is lost or counted twice."""
    assert sum(found.leaves for found in walk(document, TABLE)) == counted(document) == leaves(document)


@given(JSON)
def test_no_two_atoms_bear_one_path(document: Any) -> None:
    """A verdict's source names one atom."""
    if isinstance(document, dict):
        found = paths(document)
        assert len(found) == len(set(found))


def test_a_bind_and_a_link_have_their_keys() -> None:
    """Both by what stands inside the container."""
    assert bind_target("/a:/b:ro,z") == "/b"
    assert link_alias("/db:/web/sql") == "sql"
    assert link_alias("db:sql") == "sql"
