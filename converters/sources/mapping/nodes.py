"""Values that know where they came from: a config document as a tree of nodes.

JMESPath's own interpreter gives values and no paths. Here each value is a :class:`Node`, and whatever is made of
nodes carries the leaves it was made from, so that the reading can tell what was taken and what was left. A leaf is a
scalar, null, or an empty map or list of a document, named by its Source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...capture import ConfigDocument
from ...fields.verdict import Source

Path = tuple[str | int, ...]
Lines = Mapping[Path, int]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """
    value  a scalar, a dict of nodes, a list of nodes
    own    leaves that this value was made from, beside those of the nodes in it
    at     where it stands, for messages; None: it was computed or is a constant
    key    the key under which ``items()`` found it
    """

    value: Any = None
    own: tuple[Source, ...] = ()
    at: Source | None = None
    key: Node | None = None


MISSING = Node()


def wrapped(document: ConfigDocument) -> Node:
    """A document as nodes. Keys become text, as JMESPath has no others."""
    return _wrapped(document, document.value, ())


def _wrapped(document: ConfigDocument, value: Any, path: Path) -> Node:
    here = source_at(document, path)
    if isinstance(value, Mapping) and value:
        return Node({str(k): _wrapped(document, v, (*path, k)) for k, v in value.items()}, at=here)
    if isinstance(value, list | tuple) and value:
        return Node([_wrapped(document, v, (*path, i)) for i, v in enumerate(value)], at=here)
    if isinstance(value, Mapping):
        value = {}
    elif isinstance(value, list | tuple):
        value = []
    return Node(value, own=(here,), at=here)


def source_at(document: ConfigDocument, path: Path) -> Source:
    return Source(document=document_name(document), path=path_text(path) or "@", line=line_of(document.lines, path))


def document_name(document: ConfigDocument) -> str:
    """A document of a stream beyond the first bears its number: ``fleet.yml#1``."""
    return f"{document.name}#{document.index}" if document.index else document.name


def line_of(lines: Lines, path: Path) -> int:
    """The line of a path, or of the innermost value around it; 0 where none is known."""
    for end in range(len(path), -1, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return 0


def constant(value: Any) -> Node:
    """A value that no document said."""
    if isinstance(value, Mapping):
        return Node({str(k): constant(v) for k, v in value.items()})
    if isinstance(value, list | tuple):
        return Node([constant(v) for v in value])
    return Node(value)


def plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {k: plain(v) for k, v in node.value.items()}
    if isinstance(node.value, list):
        return [plain(v) for v in node.value]
    return node.value


def leaves(node: Node) -> tuple[Source, ...]:
    """All leaves in and under a node, each once, in order."""
    return tuple(dict.fromkeys(_leaves(node)))


def _leaves(node: Node) -> Iterator[Source]:
    yield from node.own
    if isinstance(node.value, dict):
        for inner in node.value.values():
            yield from _leaves(inner)
    elif isinstance(node.value, list):
        for inner in node.value:
            yield from _leaves(inner)


def surface(node: Node) -> tuple[Source, ...]:
    """What is told by a value's being there at all: a scalar or an empty container itself, of a filled one nothing."""
    return node.own


def is_false(node: Node) -> bool:
    """JMESPath's falsehood: null, false and what is empty; zero is true."""
    return node.value is None or node.value is False or node.value in ("", [], {})


def nearest(node: Node) -> Source | None:
    """Where a message should point: where the node stands, else the first leaf it was made from."""
    return node.at or next(iter(leaves(node)), None)


def rows(node: Node, path: Path = ()) -> Iterator[tuple[Path, Source]]:
    """The leaves under a node with their paths from it."""
    for leaf in node.own:
        yield path, leaf
    if isinstance(node.value, dict):
        for key, inner in node.value.items():
            yield from rows(inner, (*path, key))
    elif isinstance(node.value, list):
        for index, inner in enumerate(node.value):
            yield from rows(inner, (*path, index))


def over(base: Node, own: Node) -> tuple[Node, tuple[Source, ...]]:
    """``own`` laid over ``base``, maps into maps at any depth, and the leaves of ``base`` that it hides."""
    if isinstance(base.value, dict) and isinstance(own.value, dict):
        if not own.value:
            return replace(base, own=(*base.own, *own.own), key=own.key), ()
        made = dict(base.value)
        hidden: list[Source] = []
        for key, inner in own.value.items():
            if key in base.value:
                made[key], more = over(base.value[key], inner)
                hidden += more
            else:
                made[key] = inner
        if not base.value:
            hidden += base.own
        return Node(made, at=own.at, key=own.key), tuple(hidden)
    return own, leaves(base)


_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


def path_text(path: Path) -> str:
    """A path as verdicts and decisions write it: ``services.web.ports[0]``, ``volumes["/data:ro"]``."""
    text = ""
    for step in path:
        if isinstance(step, int) and not isinstance(step, bool):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(str(step)):
            text += f".{step}" if text else str(step)
        else:
            text += f'["{step}"]'
    return text
