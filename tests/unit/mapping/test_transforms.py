"""Transforms: how configs write ports, volumes, commands and references."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.sources.mapping.transforms import TRANSFORMS, TransformError


def apply(name: str, value: Any) -> Any:
    return TRANSFORMS[name].of(value, "")


@given(st.lists(st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1), max_size=5))
def test_shell_words_undo_quoting(words: list[str]) -> None:
    """What a shell would hand to the program, whatever the quoting."""
    assert apply("shell_words", shlex.join(words)) == tuple(words)


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("shell_words", ["a b", 1], ("a b", "1")),
        ("shell_string", "a | b", ("/bin/sh", "-c", "a | b")),
        ("comma_list", "a, b,,c ", ("a", "b", "c")),
        ("comma_list", ["a", "b,c"], ("a", "b,c")),
        ("space_list", " a  b ", ("a", "b")),
        ("literal", True, "true"),
        ("literal", 1.5, "1.5"),
        ("bool", "yes", True),
        ("bool", 0, False),
        ("percent", "70%", 0.7),
        ("percent", 5, 0.05),
        ("share", 0.25, "25%"),
        ("complement", 0.75, "25%"),
        (
            "docker_device",
            "/dev/fuse",
            [{"host_path": "/dev/fuse", "container_path": "/dev/fuse", "permissions": "rwm"}],
        ),
        ("docker_device", "/dev/a:/dev/b:r", [{"host_path": "/dev/a", "container_path": "/dev/b", "permissions": "r"}]),
        ("docker_device", "/dev/a:rw", [{"host_path": "/dev/a", "container_path": "/dev/a", "permissions": "rw"}]),
        ("docker_ulimit", "nofile=10:20", [{"name": "nofile", "soft": 10, "hard": 20}]),
        ("docker_ulimit", "core=unlimited", [{"name": "core", "soft": -1, "hard": -1}]),
        ("assignment", "A=b=c", [{"name": "A", "value": "b=c"}]),
        ("assignment", "A", [{"name": "A", "value": None}]),
        ("secret_ref", "db", [{"secret_name": "db", "secret_key": ""}]),
        ("secret_ref", {"name": "db", "key": None}, [{"secret_name": "db", "secret_key": ""}]),
        ("fields", {"port": "80", "path": None}, [{"port": "80"}]),
    ],
)
def test_results(name: str, value: Any, result: Any) -> None:
    """One example of each form that a transform takes."""
    assert apply(name, value) == result


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        (80, [(80, "tcp", None, None)]),
        ("80/udp", [(80, "udp", None, None)]),
        ("8080:80", [(80, "tcp", 8080, "")]),
        (":80", [(80, "tcp", 0, "")]),
        ("127.0.0.1:8080:80", [(80, "tcp", 8080, "127.0.0.1")]),
        ("127.0.0.1::80", [(80, "tcp", 0, "127.0.0.1")]),
        ("[::1]:8080:80/TCP", [(80, "tcp", 8080, "::1")]),
        ("9000-9001:80-81", [(80, "tcp", 9000, ""), (81, "tcp", 9001, "")]),
        ("80-81", [(80, "tcp", None, None), (81, "tcp", None, None)]),
    ],
)
def test_ports_as_docker_publishes_them(text: Any, ports: list[Any]) -> None:
    """Host address, host port (0: the engine's choice; none: not published), container port, protocol, ranges."""
    found = apply("docker_publish", text)
    assert [(f["container_port"], f["protocol"], f.get("host_port"), f.get("host_ip")) for f in found] == ports


@given(st.integers(1, 65535), st.integers(1, 65535), st.sampled_from(["tcp", "udp", "sctp"]))
def test_any_published_port(outer: int, inner: int, protocol: str) -> None:
    """The number after the colon is the container's."""
    (found,) = apply("docker_publish", f"{outer}:{inner}/{protocol}")
    assert (found["host_port"], found["container_port"], found["protocol"]) == (outer, inner, protocol)


@pytest.mark.parametrize(
    ("text", "kind", "source", "target", "read_only", "options"),
    [
        ("/a:/b", "bind", "/a", "/b", False, None),
        ("./a:/b:ro", "bind", "./a", "/b", True, None),
        ("data:/b:rw", "volume", "data", "/b", False, None),
        ("/b", "anonymous", "", "/b", False, None),
        (":/b", "anonymous", "", "/b", False, None),
        ("/a:/b:ro,rshared,z", "bind", "/a", "/b", True, {"propagation": "rshared", "z": "true"}),
        ("data:/b:nocopy", "volume", "data", "/b", False, {"nocopy": "true"}),
    ],
)
def test_volumes_as_docker_binds_them(
    text: str, kind: str, source: str, target: str, read_only: bool, options: Any
) -> None:
    """A source with a slash is a path, another one a volume; none is anonymous."""
    (found,) = apply("docker_volume", text)
    assert (found["kind"], found["source"], found["target"], found["read_only"]) == (kind, source, target, read_only)
    assert found.get("options") == options


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("shell_words", "it's", "cannot take"),
        ("docker_publish", "eighty", "write \\[ip:\\]"),
        ("docker_publish", "80-81:1-3", "not of one length"),
        ("docker_volume", "a:b", "must start with /"),
        ("docker_volume", "/a:/b:rx", "knows no option 'rx'"),
        ("docker_volume", "a:/b:ro:z", "no volume"),
        ("docker_device", "fuse", "write /dev/x"),
        ("docker_ulimit", "nofile", "nofile=1024"),
        ("assignment", "=x", "names nothing"),
        ("bool", "maybe", "neither true nor false"),
        ("percent", "much", "no percentage"),
        ("share", 1.5, "no fraction"),
        ("complement", "x", "no fraction"),
        ("literal", None, "a text is due"),
        ("literal", {"a": 1}, "a text is due"),
        ("fields", "x", "named groups"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, value: Any, message: str) -> None:
    """The message says what would be right."""
    with pytest.raises(TransformError, match=message):
        apply(name, value)
