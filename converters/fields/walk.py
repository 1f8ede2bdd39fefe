"""The walker: divides a document into atoms by the field table, knowing nothing of the readers.

That is the point of it: what a reader forgets still appears here. The table is a trie over the rows' patterns.

A pattern is keys joined by dots. ``[SPLIT]`` after a key divides its value into one atom for each key the user chose;
in a path the chosen key stands there instead: ``Config.Env[env]`` and ``Config.Env[LOG]``. Splits:

map             of an object: its keys
item            of a list: the string itself
env             NAME of ``NAME=VALUE``
bind            the target of ``SOURCE:TARGET[:OPTIONS]``
mount           ``Target`` or ``Destination`` of an object
port            ``HOST_IP:HOST_PORT`` of a published port's binding
ulimit          ``Name`` of an object
link            the alias of ``CONTAINER:ALIAS``
host            the name of ``NAME:ADDRESS``
option          what stands before ``=`` or ``:``
device          ``PathInContainer`` of an object
path, key       ``Path`` or ``Key`` of an object
index           the position

A row ends a pattern: all leaves below it are its one atom. A key that a list repeats gets ``#2``, ``#3``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from sys import intern
from typing import Any, NamedTuple

from .row import Role, Row


class Field(NamedTuple):
    """An atom that a document has. ``row`` None: the table lacks the key. ``leaves``: scalars, nulls and empty
    objects or lists below it."""

    path: str
    row: Row | None
    value: Any
    leaves: int


@dataclass(slots=True)
class _Node:
    """Where a pattern has got to. ``row``: it ends here; ``split``: the value is divided, ``below`` says into what;
    ``inner``: stands for an empty value where keys are due."""

    inner: Row
    row: Row | None = None
    split: str = ""
    below: _Node | None = None
    keys: dict[str, _Node] = field(default_factory=dict)


class Table:
    """Rows of one kind of document, ready to walk by. A later row of the same pattern replaces an earlier one."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.by_pattern: dict[str, Row] = {row.pattern: row for row in rows}
        self.rows: tuple[Row, ...] = tuple(self.by_pattern.values())
        self.root = _node("")
        for row in self.rows:
            self._add(row)

    def _add(self, row: Row) -> None:
        node, at = self.root, ""
        for token in _TOKEN.findall(row.pattern):
            at += token
            if node.row is not None:
                raise AssertionError(f"{row.pattern} lies within the atom {node.row.pattern}")
            if token.startswith("["):
                if node.split not in ("", token[1:-1]):
                    raise AssertionError(f"{row.pattern} divides otherwise than an earlier row")
                node.split = token[1:-1]
                node.below = node.below or _node(at)
                node = node.below
            else:
                node = node.keys.setdefault(token.removeprefix("."), _node(at))
        if node.keys or node.split:
            raise AssertionError(f"{row.pattern} is an atom and has atoms within")
        node.row = row


_TOKEN = re.compile(r"\[[a-z]+\]|\.?[^.\[\]]+")


def _node(pattern: str) -> _Node:
    return _Node(inner=Row(pattern=pattern, role=Role.INNER))


def walk(document: Any, table: Table) -> list[Field]:
    """The document's atoms, in its own order; their leaves add up to ``leaves(document)``."""
    found: list[Field] = []
    _enter(document, table.root, "", found)
    return found


def leaves(value: Any) -> int:
    """How many leaves a value has: scalars, nulls, empty objects and lists."""
    if isinstance(value, dict):
        return sum(map(leaves, value.values())) if value else 1
    if isinstance(value, list):
        return sum(map(leaves, value)) if value else 1
    return 1


# Ten thousand documents have a million and a half leaves: most are scalars with a row of their own, made here without
# the detour by NamedTuple's constructor. Their paths are a few hundred: each is kept once.
_new = tuple.__new__
_INNER = (dict, list)


def _enter(value: Any, node: _Node, path: str, found: list[Field]) -> None:
    if node.row is not None:
        found.append(Field(path, node.row, value, leaves(value)))
    elif value is None or (not value and isinstance(value, _INNER)):
        found.append(Field(path, node.inner, value, 1))
    elif node.split:
        _divide(value, node, path, found)
    elif isinstance(value, dict):
        prefix = f"{path}." if path else ""
        keys = node.keys
        add = found.append
        for key, below in value.items():
            child = keys.get(key)
            if child is None:
                _unknown(below, prefix + key, found)
            elif child.row is not None and not isinstance(below, _INNER):
                add(_new(Field, (intern(prefix + key), child.row, below, 1)))
            else:
                _enter(below, child, intern(prefix + key), found)
    else:
        _unknown(value, path, found)


def _divide(value: Any, node: _Node, path: str, found: list[Field]) -> None:
    below = node.below
    assert below is not None
    if node.split == "map":
        if isinstance(value, dict):
            for key, inner in value.items():
                _enter(inner, below, intern(f"{path}[{key}]"), found)
            return
    elif isinstance(value, list):
        key_of = _KEYS[node.split]
        seen: dict[str, int] = {}
        for index, element in enumerate(value):
            key = key_of(element)
            if key is None:
                key = str(index)
            count = seen[key] = seen.get(key, 0) + 1
            _enter(element, below, intern(f"{path}[{key}]" if count == 1 else f"{path}[{key}]#{count}"), found)
        return
    _unknown(value, path, found)


def _unknown(value: Any, path: str, found: list[Field]) -> None:
    if isinstance(value, dict) and value:
        for key, below in value.items():
            _unknown(below, f"{path}.{key}", found)
    elif isinstance(value, list) and value:
        for index, below in enumerate(value):
            _unknown(below, f"{path}[{index}]", found)
    else:
        found.append(Field(path, None, value, 1))


def _text(part: Callable[[str], str]) -> Callable[[Any], str | None]:
    return lambda element: part(element) if isinstance(element, str) else None


def _member(*names: str) -> Callable[[Any], str | None]:
    def key(element: Any) -> str | None:
        if isinstance(element, dict):
            for name in names:
                if isinstance(element.get(name), str):
                    return str(element[name])
        return None

    return key


def bind_target(bind: str) -> str:
    """The target of ``SOURCE:TARGET[:OPTIONS]``, or of a bare ``TARGET``."""
    parts = bind.split(":")
    return parts[1] if len(parts) > 1 else parts[0]


def link_alias(link: str) -> str:
    """The alias of ``/CONTAINER:/SELF/ALIAS`` (as inspect prints it) or ``CONTAINER:ALIAS``."""
    return link.rpartition(":")[2].rpartition("/")[2]


def _binding(element: Any) -> str | None:
    if not isinstance(element, dict):
        return None
    return f"{element.get('HostIp') or ''}:{element.get('HostPort') or ''}"


_KEYS: dict[str, Callable[[Any], str | None]] = {
    "item": _text(lambda text: text),
    "env": _text(lambda text: text.partition("=")[0]),
    "bind": _text(bind_target),
    "mount": _member("Target", "Destination"),
    "port": _binding,
    "ulimit": _member("Name"),
    "link": _text(link_alias),
    "host": _text(lambda text: re.split("[:=]", text, maxsplit=1)[0]),
    "option": _text(lambda text: re.split("[=:]", text, maxsplit=1)[0]),
    "device": _member("PathInContainer"),
    "path": _member("Path"),
    "key": _member("Key"),
    "index": _member(),
}
