"""One clause at work: from a node of the config to a value of the kind that the attribute takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from ... import amounts
from ...errors import PodliftError
from ...fields.verdict import Source
from .evaluation import evaluate, kind_of
from .expression import Scope, UnfitError
from .nodes import Node, constant, is_false, leaves, nearest, plain
from .syntax import Clause, Rule, Where
from .transforms import ELEMENT_KINDS, TRANSFORMS, TransformError


@dataclass(frozen=True, slots=True)
class Taken:
    """A value, the leaves that it was made from, and where it stands. ``elements``: the value is a list of fields."""

    value: Any
    origins: tuple[Source, ...] = ()
    node: Node | None = None
    elements: bool = False


class Values:
    """Evaluates clauses; names the config's line and the mapping's key where something does not fit. ``lists``: lists
    of the config that some clause took whole."""

    def __init__(self, mapping: str) -> None:
        self._mapping = mapping
        self._asked: dict[Where, bool] = {}
        self.lists: set[Source] = set()

    def silent(self) -> tuple[Where, ...]:
        """Clauses with an expression that never gave a value: a field that no config has, or a mistake."""
        return tuple(where for where, gave in self._asked.items() if not gave)

    def note(self, where: Where, *, gave: bool) -> None:
        self._asked[where] = self._asked.get(where, False) or gave

    def holds(self, clause: Any, value: Node, scope: Scope) -> bool:
        """Whether the clause's ``when`` is true here, or there is none."""
        if clause.when is None:
            return True
        tested = self.evaluated(clause.when, value, scope, clause.where)
        scope.decided.update(tested.own)
        return not is_false(tested)

    def evaluated(self, expression: Any, value: Node, scope: Scope, where: Where) -> Node:
        try:
            return evaluate(expression, value, scope)
        except UnfitError as cause:
            self.refuse(str(cause), cause.node if nearest(cause.node) else value, where, cause)

    def taken(self, clause: Clause, value: Node, scope: Scope) -> Taken | None:
        """What the first clause gives that gives anything; None where nothing was said: missing, null, or a ``when``
        that does not hold."""
        taken = self._taken(clause, value, scope)
        for n, other in enumerate(clause.then):
            if taken is not None:
                self._pass_over(clause.then[n:], value, scope)
                break
            taken = self._taken(other, value, scope)
        return taken

    def _taken(self, clause: Clause, value: Node, scope: Scope) -> Taken | None:
        if not self.holds(clause, value, scope):
            return None
        return self.fitted(clause, self.found(clause, value, scope), scope)

    def _pass_over(self, clauses: tuple[Clause, ...], value: Node, scope: Scope) -> None:
        """What clauses would have given that are not asked any more: said, and of no effect."""
        for clause in clauses:
            unheard = replace(scope, decided=set(), passed_over=set())
            try:
                if self.holds(clause, value, unheard):
                    scope.passed_over.update(leaves(self.found(clause, value, unheard)))
            except PodliftError:
                continue

    def found(self, clause: Clause, value: Node, scope: Scope) -> Node:
        """What the clause's expression gives, or its constant."""
        if clause.expression is None:
            return constant(clause.const)
        node = self.evaluated(clause.expression, value, scope, clause.where)
        self.note(clause.where, gave=node.value is not None or bool(node.own))
        if clause.registry is not None and isinstance(node.value, str):
            registry = self.evaluated(clause.registry, value, scope, clause.where)
            node = self._with_registry(node, registry, scope)
        return node

    def fitted(self, clause: Clause, node: Node, scope: Scope) -> Taken | None:
        """The node's value as the attribute takes it; what was said and means nothing has decided something."""
        result = self._fitted(clause, self._listed(clause, node), node)
        if result is None:
            scope.decided.update(leaves(node))
            if clause.default is not None:
                return self._fitted(clause, clause.default, constant(clause.default), plainly=True)
        return result

    def _listed(self, clause: Clause, node: Node) -> Any:
        if clause.expression is None:
            return node.value
        if isinstance(node.value, dict | list) and clause.kind not in ("words", "map", "any", "fields"):
            what = kind_of(node.value)
            self.refuse(f"one value is due, not {what}", node, clause.where)
        if isinstance(node.value, list) and node.at is not None:
            self.lists.add(node.at)
        return plain(node)

    def _with_registry(self, node: Node, registry: Node, scope: Scope) -> Node:
        """The reference with the registry before it, unless it names one: a first part with a dot, a colon or
        ``localhost``, as Docker tells them apart."""
        first, slash, _ = str(node.value).partition("/")
        if registry.value in (None, "") or (slash and ("." in first or ":" in first or first == "localhost")):
            scope.decided.update(registry.own)
            return node
        own = tuple(dict.fromkeys((*leaves(node), *leaves(registry))))
        return Node(f"{str(registry.value).rstrip('/')}/{node.value}", own=own, at=node.at)

    def _fitted(self, clause: Clause, value: Any, node: Node, *, plainly: bool = False) -> Taken | None:
        """The value through ``values``, ``as`` and the attribute's kind. ``plainly``: a default is written as the
        attribute takes it and passes no table."""
        try:
            if clause.values and value is not None and not plainly:
                value = self._enumerated(clause, value, node)
            if value is None:
                return None
            elements = whole = False
            if clause.table and not plainly:
                # A row gives the attribute's own kind: an amount that is read once more has lost its unit.
                value, elements = self._by_table(clause, value, node)
                whole = True
            elif clause.transform and not (plainly and TRANSFORMS[clause.transform].gives in ELEMENT_KINDS):
                transform = TRANSFORMS[clause.transform]
                value = transform.of(value, clause.unit)
                elements = transform.gives in ELEMENT_KINDS
                whole = elements or transform.gives == clause.kind
            if not whole:
                value = coerced(clause.kind, value, clause.unit)
            if clause.choices and value not in clause.choices:
                self.refuse(
                    f"{value!r} is not one of {', '.join(clause.choices)}; translate it with values:",
                    node,
                    clause.where,
                )
        except (TransformError, amounts.AmountError) as cause:
            self.refuse(str(cause), node, clause.where, cause)
        return Taken(value, leaves(node), node, elements)

    def _enumerated(self, clause: Clause, value: Any, node: Node) -> Any:
        text = value if isinstance(value, str) else json.dumps(value)
        if text in clause.values:
            return clause.values[text]
        if clause.default is not None:
            return clause.default
        return self.refuse(f"{text!r} is not among values: ({', '.join(clause.values)})", node, clause.where)

    def _by_table(self, clause: Clause, value: Any, node: Node) -> tuple[Any, bool]:
        if isinstance(value, dict | list):
            self.refuse(f"a table takes texts, not {kind_of(value)}", node, clause.where)
        text = coerced("text", value, "")
        for rule in clause.table:
            match = rule.pattern.fullmatch(text)
            if match is not None:
                return self._outcome(rule, match, text, clause)
        patterns = ", ".join(rule.pattern.pattern for rule in clause.table)
        # An environment's value may be a secret, and this is shown on a terminal.
        shown = "the value" if ".env" in clause.where.key else repr(text)
        return self.refuse(f"{shown} matches no row of the table ({patterns})", node, clause.where)

    def _outcome(self, rule: Rule, match: Any, text: str, clause: Clause) -> tuple[Any, bool]:
        if rule.text is not None:
            return coerced(clause.kind, match.expand(rule.text), clause.unit), False
        transform = TRANSFORMS[rule.transform]
        named = match.groupdict()
        of = named if rule.transform in ("fields", "secret_ref") and named else named.get("value") or text
        value = transform.of(of, clause.unit)
        if transform.gives in ELEMENT_KINDS:
            return value, True
        return (value if transform.gives == clause.kind else coerced(clause.kind, value, clause.unit)), False

    def refuse(self, reason: str, node: Node, where: Where, cause: Exception | None = None) -> NoReturn:
        leaf = nearest(node)
        subject = f"{self._mapping}:{where.line}" if leaf is None else place(leaf)
        at = f" ({leaf.path})" if leaf else ""
        raise PodliftError(
            code="config-unfit",
            phase="read",
            subject=subject,
            reason=f"{reason}{at}",
            next_step=f"change the value, or {where.key} in {self._mapping}:{where.line}",
        ) from cause


def place(source: Source) -> str:
    """``FILE:LINE`` of a source: documents of one stream count their lines together."""
    return f"{re.sub(r'#[0-9]+$', '', source.document)}:{source.line}"


def coerced(kind: str, value: Any, unit: str = "") -> Any:
    """The value as its kind. Raises TransformError or AmountError with what would be right."""
    if kind in ("text", "image", "port"):
        return _text(value)
    if kind == "bool":
        return _bool(value)
    if kind in ("integer", "number"):
        return _number(kind, value)
    if kind == "seconds":
        return amounts.seconds(value, unit)
    if kind == "bytes":
        return amounts.size(value, unit)
    if kind == "cpu":
        return amounts.millicores(value, unit)
    if kind == "words":
        if isinstance(value, list | tuple):
            return tuple(_text(each) for each in value)
        raise TransformError(f"a list is due, not {kind_of(value)}; write as: shell_words, shell_string or comma_list")
    if kind == "map":
        if not isinstance(value, Mapping):
            raise TransformError(f"a map is due, not {kind_of(value)}")
        return {str(k): _text(v) for k, v in value.items()}
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TransformError(f"a text is due, not {kind_of(value)}")


def _bool(value: Any) -> bool:
    if value in (True, False) and isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise TransformError(f"{value!r} is neither true nor false; write as: bool, or values: with a table")


def _number(kind: str, value: Any) -> float | int:
    amount = amounts.number(value)
    if amount is None:
        raise TransformError(f"{value!r} is no number")
    if kind == "integer":
        if amount != int(amount):
            raise TransformError(f"{value!r} is no whole number")
        return int(amount)
    return amount
