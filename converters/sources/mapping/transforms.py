"""Transforms: from how a config writes something to what the model holds.

One that gives a *kind* (see vocabulary.py) stands beside one attribute; one that gives *fields* fills several of an
element's attributes at once, as ``8080:80/udp`` fills a port's.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ... import amounts


class TransformError(ValueError):
    """A value that a transform does not take; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Transform:
    """``gives``: the kind of its result; ``fields`` where it fills an element's attributes (a list of such where one
    value stands for several elements). ``about`` is one line of the reference."""

    name: str
    gives: str
    about: str
    of: Callable[[Any, str], Any]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TransformError(f"a text is due, not {'null' if value is None else type(value).__name__}")


def shell_words(value: Any) -> tuple[str, ...]:
    """A command line as a shell takes it apart; a list stays as it is."""
    if isinstance(value, list):
        return tuple(_text(word) for word in value)
    try:
        return tuple(shlex.split(_text(value)))
    except ValueError as cause:
        raise TransformError(f"a shell cannot take {value!r} apart: {cause}") from cause


def shell_string(value: Any) -> tuple[str, ...]:
    """What a shell runs: ``/bin/sh -c`` and the text, whole."""
    return ("/bin/sh", "-c", _text(value))


def boolean(value: Any) -> bool:
    known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    text = _text(value).lower()
    if text not in known:
        raise TransformError(f"{value!r} is neither true nor false; give values: a table")
    return known[text]


def percent(value: Any) -> float:
    """``70`` and ``70%`` are 0.7."""
    amount = amounts.number(_text(value).rstrip("% "))
    if amount is None:
        raise TransformError(f"{value!r} is no percentage; write 70 or 70%")
    return round(amount / 100, 9)


def share(value: Any) -> str:
    """A fraction as a percentage: ``0.25`` is ``25%``."""
    amount = amounts.number(value)
    if amount is None or not 0 <= amount <= 1:
        raise TransformError(f"{value!r} is no fraction between 0 and 1")
    return f"{round(amount * 100)}%"


def complement(value: Any) -> str:
    """What may be missing where a fraction must stay: ``0.75`` is ``25%``."""
    amount = amounts.number(value)
    if amount is None or not 0 <= amount <= 1:
        raise TransformError(f"{value!r} is no fraction between 0 and 1")
    return f"{round((1 - amount) * 100)}%"


_PUBLISH = re.compile(
    r"(?:(?:(?P<ip>\[[0-9a-fA-F:.]+\]|[\d.]+|):)?(?P<host>\d*(?:-\d+)?):)?(?P<inner>\d+(?:-\d+)?)(?:/(?P<protocol>tcp|udp|sctp))?"
)


def docker_publish(value: Any) -> list[dict[str, Any]]:
    """``[[ip:][host]:]container[/protocol]`` with ranges, as ``docker run --publish`` takes it."""
    match = _PUBLISH.fullmatch(_text(value).strip().lower())
    if match is None:
        raise TransformError(f"{value!r} is no port as docker --publish takes it; write [ip:][host:]container[/udp]")
    inner, outer = _range(match["inner"]), _range(match["host"] or "")
    if outer and len(outer) != len(inner):
        raise TransformError(f"{value!r}: the ranges are not of one length")
    made = []
    for n, port in enumerate(inner):
        fields: dict[str, Any] = {"container_port": port, "protocol": match["protocol"] or "tcp"}
        if match["host"] is not None:
            fields["host_port"] = outer[n] if outer else 0
            fields["host_ip"] = (match["ip"] or "").strip("[]")
        made.append(fields)
    return made


def _range(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1)) if first else []


def docker_volume(value: Any) -> list[dict[str, Any]]:
    """``[source:]target[:options]`` as ``docker run --volume`` takes it: a source with a slash is a path of the host,
    another one a volume's name."""
    parts = _text(value).split(":")
    if len(parts) > 3 or not parts[-1]:
        raise TransformError(f"{value!r} is no volume as docker --volume takes it; write [source:]target[:ro]")
    source, target, options = (["", *parts, ""] if len(parts) == 1 else [*parts, ""])[:3]
    if not target.startswith("/"):
        raise TransformError(f"{value!r}: the path in the container, {target!r}, must start with /")
    kind = "anonymous" if not source else "bind" if source.startswith(("/", ".", "~")) else "volume"
    words = [word for word in options.split(",") if word]
    fields: dict[str, Any] = {"kind": kind, "source": source, "target": target, "read_only": "ro" in words}
    rest = {_OPTIONS.get(word, word): word for word in words if word not in ("ro", "rw")}
    if unknown := [word for word in rest.values() if word not in _KNOWN_OPTIONS]:
        raise TransformError(f"{value!r}: docker --volume knows no option {unknown[0]!r}")
    if rest:
        fields["options"] = {name: word if name == "propagation" else "true" for name, word in rest.items()}
    return [fields]


_PROPAGATION = ("shared", "slave", "private", "rshared", "rslave", "rprivate")
_OPTIONS = dict.fromkeys(_PROPAGATION, "propagation")
_KNOWN_OPTIONS = frozenset({*_PROPAGATION, "z", "Z", "nocopy", "cached", "delegated", "consistent"})


def docker_device(value: Any) -> list[dict[str, Any]]:
    """``host[:container][:permissions]``."""
    host, *rest = _text(value).split(":")
    inner = rest[0] if rest and rest[0].startswith("/") else host
    rights = rest[-1] if rest and not rest[-1].startswith("/") else "rwm"
    if not host.startswith("/") or len(rest) > 2 or not set(rights) <= set("rwm"):
        raise TransformError(f"{value!r} is no device as docker --device takes it; write /dev/x[:/dev/y][:rwm]")
    return [{"host_path": host, "container_path": inner, "permissions": rights}]


def docker_ulimit(value: Any) -> list[dict[str, Any]]:
    """``name=soft[:hard]``."""
    match = re.fullmatch(r"(\w+)=(-?\d+|unlimited)(?::(-?\d+|unlimited))?", _text(value))
    if match is None:
        raise TransformError(f"{value!r} is no limit as docker --ulimit takes it; write nofile=1024:4096")
    soft = -1 if match[2] == "unlimited" else int(match[2])
    hard = soft if match[3] is None else -1 if match[3] == "unlimited" else int(match[3])
    return [{"name": match[1], "soft": soft, "hard": hard}]


def assignment(value: Any) -> list[dict[str, Any]]:
    """``NAME=value``; without ``=`` the value is null."""
    name, equals, text = _text(value).partition("=")
    if not name:
        raise TransformError(f"{value!r} names nothing; write NAME=value")
    return [{"name": name, "value": text if equals else None}]


def secret_ref(value: Any) -> list[dict[str, Any]]:
    """Groups ``name`` and ``key`` of a table's expression; a text alone is the secret's name."""
    if isinstance(value, Mapping):
        return [{"secret_name": value.get("name"), "secret_key": value.get("key") or ""}]
    return [{"secret_name": _text(value), "secret_key": ""}]


def fields(value: Any) -> list[dict[str, Any]]:
    """A table's named groups, each an attribute of the element."""
    if not isinstance(value, Mapping):
        raise TransformError("fields stands in a table whose expression has named groups, (?P<port>…)")
    return [{name: text for name, text in value.items() if text is not None}]


def _split(separator: str | None) -> Callable[[Any, str], Any]:
    def split(value: Any, _unit: str) -> tuple[str, ...]:
        if isinstance(value, list):
            return tuple(_text(word) for word in value)
        return tuple(word.strip() for word in _text(value).split(separator) if word.strip())

    return split


TRANSFORMS: dict[str, Transform] = {
    t.name: t
    for t in (
        Transform("literal", "text", "the text as it stands", lambda v, _: _text(v)),
        Transform("bool", "bool", "true, yes, on, 1 and their opposites", lambda v, _: boolean(v)),
        Transform("duration", "seconds", "1m30s, or a number with unit:", amounts.seconds),
        Transform("bytes", "bytes", "256m as Docker reads it, or a number with unit:", amounts.size),
        Transform("cpu", "cpu", "250m, or a number with unit:", amounts.millicores),
        Transform("percent", "number", "70 or 70% as 0.7", lambda v, _: percent(v)),
        Transform("share", "text", "0.25 as 25%", lambda v, _: share(v)),
        Transform("complement", "text", "0.75 that must stay as 25% that may be missing", lambda v, _: complement(v)),
        Transform("shell_words", "words", "a command line taken apart as a shell does", lambda v, _: shell_words(v)),
        Transform("shell_string", "words", "a command line that a shell runs", lambda v, _: shell_string(v)),
        Transform("comma_list", "words", "a, b, c", _split(",")),
        Transform("space_list", "words", "a b c", _split(None)),
        Transform("image", "image", "an image reference; registry: is put before one that names none", lambda v, _: v),
        Transform("docker_publish", "ports", "8080:80/udp as docker --publish", lambda v, _: docker_publish(v)),
        Transform("docker_volume", "mounts", "/data:/var/lib:ro as docker --volume", lambda v, _: docker_volume(v)),
        Transform("docker_device", "devices", "/dev/fuse:/dev/fuse:rw", lambda v, _: docker_device(v)),
        Transform("docker_ulimit", "ulimits", "nofile=1024:4096", lambda v, _: docker_ulimit(v)),
        Transform("assignment", "pairs", "NAME=value", lambda v, _: assignment(v)),
        Transform("secret_ref", "env", "a reference to a secret kept elsewhere", lambda v, _: secret_ref(v)),
        Transform("fields", "fields", "a table's named groups as attributes", lambda v, _: fields(v)),
    )
}
ELEMENT_KINDS = frozenset({"ports", "mounts", "devices", "ulimits", "pairs", "env", "fields"})
