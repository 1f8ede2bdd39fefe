"""JMESPath with origins: the library parses, a visitor of ours evaluates.

A field is *taken* when it reaches the result; it is *decided by* when a filter, a ``when`` or a truth test turns on
it. The visitor keeps the first in the nodes and gathers the second. Semantics are jmespath 1.1's, compared with it in
the tests. Functions of ours beside the library's:

    key()             the key of the innermost item that items() found
    root()            the whole document; file(): its name, stem and folder; item(): the whole workload
    items(map)        its values; key() is then the key of each
    split(text, by)   a list of texts
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, cast

import jmespath.exceptions
import jmespath.functions
import jmespath.parser

from ...fields.verdict import Source
from .nodes import MISSING, Node

LIBRARY = jmespath.functions.Functions()
OURS = {"key": (0, 0), "root": (0, 0), "file": (0, 0), "item": (0, 0), "items": (1, 1), "split": (2, 2)}


class ExpressionError(ValueError):
    """An expression that cannot be read; the message says what is wrong with it."""


class UnfitError(ValueError):
    """A value that an expression, a transform or an attribute cannot take, and the node that it came from."""

    def __init__(self, message: str, node: Node = MISSING) -> None:
        super().__init__(message)
        self.node = node


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression. Two are equal if their texts are."""

    text: str
    tree: dict[str, Any] = field(compare=False, repr=False)

    def leftmost(self) -> str:
        """The field that the expression starts from, ``""`` if it starts from none."""
        tree = self.tree
        while tree["type"] != "field":
            if not tree["children"] or not isinstance(tree["children"][0], dict):
                return ""
            tree = tree["children"][0]
        return str(tree["value"])


def parsed(text: str) -> Expression:
    """Raises ExpressionError where it does not parse, or calls a function that is not there or with wrong arguments."""
    try:
        tree = cast(dict[str, Any], jmespath.parser.Parser().parse(text).parsed)
    except jmespath.exceptions.JMESPathError as cause:
        raise ExpressionError(_parse_fault(text, cause)) from cause
    for node in _nodes(tree):
        if node["type"] == "function_expression":
            _check_call(node["value"], len(node["children"]))
    return Expression(text, tree)


def _parse_fault(text: str, cause: Exception) -> str:
    at = getattr(cause, "lex_position", None)
    if at is None or at >= len(text):
        return f"the expression {text!r} ends too early"
    return f"the expression {text!r} cannot be read at character {at + 1} ({text[at:][:12]!r})"


def _nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield tree
    for child in tree["children"]:
        if isinstance(child, dict):
            yield from _nodes(child)


def _check_call(name: str, count: int) -> None:
    known = LIBRARY.FUNCTION_TABLE
    if name in OURS:
        least, most = OURS[name]
    elif name in known:
        signature = known[name]["signature"]
        least = len(signature)
        most = 99 if signature and signature[-1].get("variadic") else least
    else:
        close = get_close_matches(name, [*known, *OURS], n=1)
        hint = f"; did you mean {close[0]}()?" if close else f"; there are {', '.join(sorted([*known, *OURS]))}"
        raise ExpressionError(f"there is no function {name}(){hint}")
    if not least <= count <= most:
        raise ExpressionError(f"{name}() takes {least} argument{'' if least == 1 else 's'}, not {count}")


@dataclass(slots=True)
class Scope:
    """What an expression can reach beside its own value; ``decided``: the leaves on which something turned;
    ``passed_over``: those of a second choice that was not needed."""

    root: Node = MISSING
    item: Node = MISSING
    key: Node = MISSING
    file: Node = MISSING
    decided: set[Source] = field(default_factory=set)
    passed_over: set[Source] = field(default_factory=set)
