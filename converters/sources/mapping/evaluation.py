"""Evaluating expressions on nodes: jmespath 1.1's semantics, with the origins of what comes out."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jmespath.exceptions
import jmespath.functions

from ...fields.verdict import Source
from .expression import LIBRARY, Expression, Scope, UnfitError
from .nodes import MISSING, Node, constant, is_false, leaves, plain, surface


def evaluate(expression: Expression, value: Node, scope: Scope) -> Node:
    """Raises UnfitError where a function does not take what it got."""
    return Evaluation(scope).visit(expression.tree, value)


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "gt": operator.gt,
    "lte": operator.le,
    "gte": operator.ge,
}


class Evaluation:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def visit(self, tree: dict[str, Any], value: Node) -> Node:
        method: Callable[[dict[str, Any], Node], Node] = getattr(self, f"_{tree['type']}")
        return method(tree, value)

    # ---- selecting

    def _field(self, tree: dict[str, Any], value: Node) -> Node:
        if isinstance(value.value, dict) and value.value:
            found: Node = value.value.get(tree["value"], MISSING)
            return found
        return _null_of(value)

    def _through(self, tree: dict[str, Any], value: Node) -> Node:
        for child in tree["children"]:
            value = self.visit(child, value)
        return value

    _subexpression = _index_expression = _pipe = _through

    def _current(self, _tree: dict[str, Any], value: Node) -> Node:
        return value

    _identity = _current

    def _index(self, tree: dict[str, Any], value: Node) -> Node:
        if not isinstance(value.value, list):
            return _null_of(value)
        try:
            found: Node = value.value[tree["value"]]
        except IndexError:
            return _null_of(value)
        return found

    def _slice(self, tree: dict[str, Any], value: Node) -> Node:
        if not isinstance(value.value, list):
            return _null_of(value)
        return Node(value.value[slice(*tree["children"])], own=value.own)

    def _literal(self, tree: dict[str, Any], _value: Node) -> Node:
        return constant(tree["value"])

    # ---- projections

    def _projection(self, tree: dict[str, Any], value: Node) -> Node:
        base = self.visit(tree["children"][0], value)
        if not isinstance(base.value, list):
            return _null_of(base)
        return self._each(tree["children"][1], base.value, base)

    def _value_projection(self, tree: dict[str, Any], value: Node) -> Node:
        base = self.visit(tree["children"][0], value)
        if not isinstance(base.value, dict):
            return _null_of(base)
        return self._each(tree["children"][1], list(base.value.values()), base)

    def _filter_projection(self, tree: dict[str, Any], value: Node) -> Node:
        base = self.visit(tree["children"][0], value)
        if not isinstance(base.value, list):
            return _null_of(base)
        return self._each(tree["children"][1], [e for e in base.value if self._holds(tree["children"][2], e)], base)

    def _each(self, tree: dict[str, Any], elements: list[Node], base: Node) -> Node:
        results = [self.visit(tree, element) for element in elements]
        if not results:
            return Node([], own=base.own)
        for result in results:
            if result.value is None:
                self.scope.decided.update(result.own)
        return Node([result for result in results if result.value is not None], own=base.own)

    def _holds(self, tree: dict[str, Any], element: Node) -> bool:
        tested = self.visit(tree, element)
        self.scope.decided.update(surface(tested))
        return not is_false(tested)

    def _flatten(self, tree: dict[str, Any], value: Node) -> Node:
        base = self.visit(tree["children"][0], value)
        if not isinstance(base.value, list):
            return _null_of(base)
        made: list[Node] = []
        own = list(base.own)
        for element in base.value:
            if isinstance(element.value, list):
                made += element.value
                own += element.own
            else:
                made.append(element)
        return Node(made, own=tuple(own))

    # ---- building

    def _multi_select_list(self, tree: dict[str, Any], value: Node) -> Node:
        if value.value is None:
            return _null_of(value)
        return Node([self.visit(child, value) for child in tree["children"]])

    def _multi_select_dict(self, tree: dict[str, Any], value: Node) -> Node:
        if value.value is None:
            return _null_of(value)
        return Node({child["value"]: self.visit(child["children"][0], value) for child in tree["children"]})

    # ---- truth

    def _comparator(self, tree: dict[str, Any], value: Node) -> Node:
        left, right = (self.visit(child, value) for child in tree["children"])
        own = tuple(dict.fromkeys((*leaves(left), *leaves(right))))
        if tree["value"] in ("eq", "ne"):
            same = _equal(plain(left), plain(right))
            return Node(same if tree["value"] == "eq" else not same, own=own)
        texts = isinstance(left.value, str) and isinstance(right.value, str)
        if not texts and not (_is_number(left.value) and _is_number(right.value)):
            return Node(None, own=own)
        return Node(_ORDER[tree["value"]](left.value, right.value), own=own)

    def _or_expression(self, tree: dict[str, Any], value: Node) -> Node:
        first = self.visit(tree["children"][0], value)
        if not is_false(first):
            self.scope.passed_over.update(self._alternative(tree["children"][1], value))
            return first
        second = self.visit(tree["children"][1], value)
        self.scope.decided.update(surface(first))
        return second

    def _alternative(self, tree: dict[str, Any], value: Node) -> tuple[Source, ...]:
        """The leaves of the second choice of ``a || b`` where the first was there: said, and of no effect."""
        unheard = Evaluation(replace(self.scope, decided=set(), passed_over=set()))
        try:
            return leaves(unheard.visit(tree, value))
        except UnfitError:
            return ()

    def _and_expression(self, tree: dict[str, Any], value: Node) -> Node:
        first = self.visit(tree["children"][0], value)
        if is_false(first):
            return first
        self.scope.decided.update(surface(first))
        return self.visit(tree["children"][1], value)

    def _not_expression(self, tree: dict[str, Any], value: Node) -> Node:
        tested = self.visit(tree["children"][0], value)
        return Node(is_false(tested), own=surface(tested))

    # ---- functions

    def _expref(self, tree: dict[str, Any], _value: Node) -> Node:
        return Node(_Reference(tree["children"][0]))

    def _function_expression(self, tree: dict[str, Any], value: Node) -> Node:
        name = tree["value"]
        if name == "key":
            return value.key or self.scope.key
        if name in ("root", "file", "item"):
            found: Node = getattr(self.scope, name)
            return found
        given = [self.visit(child, value) for child in tree["children"]]
        ours: Callable[..., Node] | None = getattr(self, f"_call_{name}", None)
        if ours is None:
            return self._library(name, given)
        self._check_types(name, given)
        return ours(*given)

    def _library(self, name: str, given: list[Node]) -> Node:
        try:
            result = LIBRARY.call_function(name, [plain(node) for node in given])
        except (jmespath.exceptions.JMESPathError, TypeError, ValueError) as cause:
            raise UnfitError(_call_fault(name, cause), _culprit(given)) from cause
        if name in ("length", "type"):
            return Node(result, own=() if name == "type" else _counted(given[0]))
        return replace(constant(result), own=tuple(dict.fromkeys(leaf for node in given for leaf in leaves(node))))

    def _check_types(self, name: str, given: list[Node]) -> None:
        wanted: list[tuple[type, ...]] = _TYPES[name]
        for position, node in enumerate(given):
            allowed = wanted[min(position, len(wanted) - 1)]
            if not isinstance(node.value, allowed):
                kinds = " or ".join(_KIND_NAMES[kind] for kind in allowed)
                raise UnfitError(f"{name}() takes {kinds}, not {_kind(node.value)}", node)

    def _call_items(self, mapping: Node) -> Node:
        if mapping.value is None:
            return _null_of(mapping)
        return Node([replace(v, key=_key_node(k, v)) for k, v in mapping.value.items()], own=mapping.own)

    def _call_keys(self, mapping: Node) -> Node:
        return Node([_key_node(k, v) for k, v in mapping.value.items()], own=mapping.own)

    def _call_values(self, mapping: Node) -> Node:
        return Node(list(mapping.value.values()), own=mapping.own)

    def _call_split(self, text: Node, by: Node) -> Node:
        if text.value is None:
            return _null_of(text)
        if not by.value:
            raise UnfitError("split() needs a text to split at", by)
        return Node([Node(part, own=leaves(text)) for part in text.value.split(by.value)])

    def _call_merge(self, *maps: Node) -> Node:
        made: dict[str, Node] = {}
        for each in maps:
            made.update(each.value)
        return Node(made)

    def _call_not_null(self, *given: Node) -> Node:
        for node in given:
            if node.value is not None:
                return node
            self.scope.decided.update(node.own)
        return MISSING

    def _call_to_array(self, node: Node) -> Node:
        return node if isinstance(node.value, list) else Node([node])

    def _call_reverse(self, node: Node) -> Node:
        if isinstance(node.value, str):
            return Node(node.value[::-1], own=node.own)
        return Node(node.value[::-1], own=node.own)

    def _call_map(self, reference: Node, array: Node) -> Node:
        return Node([self.visit(reference.value.tree, each) for each in array.value], own=array.own)

    def _call_sort(self, array: Node) -> Node:
        return self._sorted("sort", array, lambda node: node)

    def _call_sort_by(self, array: Node, reference: Node) -> Node:
        return self._sorted("sort_by", array, self._by(reference))

    def _call_max_by(self, array: Node, reference: Node) -> Node:
        ordered = self._sorted("max_by", array, self._by(reference), last=True)
        return ordered.value[-1] if ordered.value else MISSING

    def _call_min_by(self, array: Node, reference: Node) -> Node:
        ordered = self._sorted("min_by", array, self._by(reference))
        return ordered.value[0] if ordered.value else MISSING

    def _by(self, reference: Node) -> Callable[[Node], Node]:
        def key(node: Node) -> Node:
            found = self.visit(reference.value.tree, node)
            self.scope.decided.update(leaves(found))
            return found

        return key

    def _sorted(self, name: str, array: Node, key: Callable[[Node], Node], *, last: bool = False) -> Node:
        keyed = [(key(node), node) for node in array.value]
        for found, _ in keyed:
            if not isinstance(found.value, str) and not _is_number(found.value):
                raise UnfitError(f"{name}() sorts texts or numbers, not {_kind(found.value)}", found)
            if isinstance(found.value, str) != isinstance(keyed[0][0].value, str):
                raise UnfitError(f"{name}() cannot sort texts among numbers", found)
        if last:  # of equals, max_by gives the first
            keyed.reverse()
        return Node([node for _, node in sorted(keyed, key=lambda pair: pair[0].value)], own=array.own)


@dataclass(frozen=True, slots=True)
class _Reference:
    tree: dict[str, Any]


_TYPES: dict[str, list[tuple[type, ...]]] = {
    "items": [(dict, type(None))],
    "keys": [(dict,)],
    "values": [(dict,)],
    "split": [(str, type(None)), (str,)],
    "merge": [(dict,)],
    "not_null": [(object,)],
    "to_array": [(object,)],
    "reverse": [(list, str)],
    "map": [(_Reference,), (list,)],
    "sort": [(list,)],
    "sort_by": [(list,), (_Reference,)],
    "max_by": [(list,), (_Reference,)],
    "min_by": [(list,), (_Reference,)],
}
_KIND_NAMES: dict[type, str] = {
    dict: "a map",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
    _Reference: "an &expression",
    object: "anything",
}


def _kind(value: Any) -> str:
    return _KIND_NAMES.get(type(value), type(value).__name__)


def kind_of(value: Any) -> str:
    """What a value is, in words, for messages."""
    return _kind(value)


def _null_of(value: Node) -> Node:
    """Null because of what ``value`` is: an explicit null, or an empty container, is what decided it."""
    return Node(None, own=value.own) if value.value is None or value.value in ([], {}) else MISSING


def _key_node(key: str, value: Node) -> Node:
    """A key as a value. Where nothing stands under it (null, an empty map), the key is all that the field says."""
    empty = value.value is None or value.value in ([], {})
    return Node(key, own=value.own if empty else (), at=value.at)


def _counted(node: Node) -> tuple[Source, ...]:
    """What a length is made of: scalars and empty entries, not what lies inside filled ones."""
    if isinstance(node.value, list):
        return tuple(dict.fromkeys((*node.own, *(leaf for each in node.value for leaf in surface(each)))))
    if isinstance(node.value, dict):
        return (*node.own, *(leaf for k, v in node.value.items() for leaf in _key_node(k, v).own))
    return node.own


def _culprit(given: list[Node]) -> Node:
    return next((node for node in given if node.at or node.own), given[0] if given else MISSING)


def _call_fault(name: str, cause: Exception) -> str:
    if isinstance(cause, jmespath.exceptions.JMESPathTypeError):
        wanted = " or ".join(cause.expected_types)
        return f"{name}() takes {wanted}, not {cause.actual_type} ({json.dumps(cause.current_value, default=str)[:60]})"
    return f"{name}(): {cause}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(left: Any, right: Any) -> bool:
    """Equality without Python's ``1 == True``."""
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return bool(left == right)
