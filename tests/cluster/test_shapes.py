"""The format of a shape's file: what it may say, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cluster import shape
from tests.cluster.shape import Reach, ShapeError, parse, shapes

PLAIN: dict[str, Any] = {"about": "x", "containers": {"web": None}}


def test_every_file_is_a_shape() -> None:
    """And says what it is for."""
    assert all(shape.about.endswith(".") for shape in shapes())


def test_published_ports_are_told_apart() -> None:
    """One engine holds all shapes."""
    taken = [
        (binding["HostPort"], port.partition("/")[2])
        for shape in shapes()
        for body in shape.containers.values()
        for port, bindings in (body["HostConfig"].get("PortBindings") or {}).items()
        for binding in bindings
        if binding.get("HostPort")
    ]
    assert len(taken) == len(set(taken))


def test_a_container_restarts_always_unless_it_says_otherwise() -> None:
    """Key by key."""
    body: dict[str, Any] = {"HostConfig": {"Memory": 1 << 26}}
    assert parse("web", PLAIN).containers["web"] == {"HostConfig": {"RestartPolicy": {"Name": "always"}}}
    made = parse("web", {**PLAIN, "containers": {"web": body}}).containers["web"]
    assert made == {"HostConfig": {"RestartPolicy": {"Name": "always"}, "Memory": 1 << 26}}
    body = {"HostConfig": {"RestartPolicy": {"Name": "no"}}}
    assert parse("web", {**PLAIN, "containers": {"web": body}}).containers["web"] == body


def test_answers_are_for_the_shape_alone() -> None:
    """Without a workload they are for all of its own."""
    answers = [{"code": "bind", "answer": "drop"}, {"code": "bind", "workload": "web-db", "answer": "drop"}]
    made = parse("web", {**PLAIN, "decisions": {"answers": answers}}).decisions["answers"]
    assert [row["workload"] for row in made] == ["web*", "web-db"]


def test_calls() -> None:
    """From a container to a host, a port and a protocol."""
    called = parse("web", {**PLAIN, "behaviour": {"reach": [{"from": "web", "to": "db:53/udp"}]}}).reach
    assert called == (Reach(caller="web", protocol="udp", host="db", port="53"),)
    assert str(called[0]) == "db:53/udp"


def test_nodes_have_what_the_host_has() -> None:
    """But for what the shape lays there in its place."""
    made = parse("web", {**PLAIN, "host": {"/srv/a": "1", "/srv/b": "1"}, "nodes": {"/srv/b": "2"}})
    assert made.host == {"/srv/a": "1", "/srv/b": "1"}
    assert made.nodes == {"/srv/a": "1", "/srv/b": "2"}


def test_a_version_of_the_api() -> None:
    """Compared by its numbers: 1.9 is older than 1.44."""
    assert parse("web", {**PLAIN, "api": "1.44"}).api > parse("web", {**PLAIN, "api": "1.9"}).api
    assert parse("web", PLAIN).api == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"abuot": "x"}, "web: unknown: abuot"),
        ({"about": ""}, "web: about is missing"),
        ({"containers": {}}, "web: containers is missing"),
        ({"containers": {"db": None}}, "containers: db is to be called web"),
        ({"networks": {"webnet": None}}, "networks: webnet is to be called web"),
        ({"image": {"cmd": []}}, "web: image: unknown: cmd"),
        ({"behaviour": {"halt": True}}, "web: behaviour: unknown: halt"),
        ({"behaviour": {"restarts": {"signal": 1}}}, "restarts: unknown: signal"),
        ({"behaviour": {"reach": [{"from": "db", "to": "db:1/tcp"}]}}, "from is a container of the shape"),
        ({"behaviour": {"reach": [{"from": "web", "to": "db:1"}]}}, "to is HOST:PORT/http"),
        ({"decisions": {"answers": [{"workload": "db", "code": "bind"}]}}, "db is no workload of the shape"),
        ({"shows": ["no-such-code"]}, "shows: no code no-such-code"),
        ({"expect": {}}, "web: unknown: expect"),
        ({"api": 1.44}, "web: api: a version in quotes is due"),
        ({"containers": ["web"]}, "web: containers: a map is due"),
        ({"containers": {"web": {"HostConfg": {}}}}, "web: web: unknown: HostConfg"),
        ({"containers": {"web": {"HostConfig": {"Memry": 1}}}}, "web: web: HostConfig: unknown: Memry"),
        ({"behaviour": {"health": "soon"}}, "web: behaviour: health: a number of seconds is due"),
    ],
)
def test_what_is_refused(change: dict[str, Any], message: str) -> None:
    """With the shape's name and the key."""
    with pytest.raises(ShapeError, match=message):
        parse("web", {**PLAIN, **change})


def test_a_shape_is_a_map() -> None:
    """And not a list."""
    with pytest.raises(ShapeError, match="web: a shape is a map"):
        parse("web", ["about"])


def test_a_shape_that_is_not_there() -> None:
    """Before a lab starts for it."""
    with pytest.raises(ShapeError, match="nosuchshape: there is no such shape"):
        list(shapes(["nosuchshape"]))


def test_one_name_in_two_shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One engine holds the containers of all."""
    monkeypatch.setattr(shape, "SHAPES", tmp_path)
    for name in ("foo", "foo-bar"):
        (tmp_path / f"{name}.yaml").write_text("about: x\ncontainers: {foo-bar: {}}\n")

    with pytest.raises(ShapeError, match="foo: containers: foo-bar has a foo-bar too"):
        list(shapes())


def test_a_file_that_is_no_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named."""
    monkeypatch.setattr(shape, "SHAPES", tmp_path)
    (tmp_path / "odd.yaml").write_text("about: [")

    with pytest.raises(ShapeError, match=r"odd.yaml: no YAML"):
        list(shapes())
