"""Elements of lists: environment variables, ports, mounts, checks and the like, from the clauses that tell them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ...amounts import AmountError
from ...fields.verdict import Source
from .expression import Scope
from .nodes import MISSING, Node
from .syntax import Clause, Elements, Where
from .transforms import TransformError
from .values import Taken, Values, coerced
from .vocabulary import Element

Fields = dict[str, Taken]


@dataclass(frozen=True, slots=True)
class Told:
    """The attributes of one element, the value of ``each`` that they come from, and its key."""

    fields: Fields
    node: Node
    where: Where
    key: Node = MISSING

    def get(self, name: str, default: Any = None) -> Any:
        found = self.fields.get(name)
        return default if found is None else found.value

    def at(self, name: str) -> Node:
        """Where an attribute's value stands, for messages."""
        found = self.fields.get(name)
        return self.node if found is None or found.node is None else found.node

    def origins(self, *names: str) -> tuple[Source, ...]:
        """Of these attributes, or of all."""
        taken = [self.fields[n] for n in names if n in self.fields] if names else list(self.fields.values())
        return tuple(dict.fromkeys(leaf for each in taken for leaf in each.origins))


def told(clauses: Iterable[Elements], element: Element, value: Node, scope: Scope, values: Values) -> Iterator[Told]:
    """Every element that the clauses tell of ``value``."""
    for clause in clauses:
        for node, inner in _nodes(clause, value, scope, values):
            attributes: Fields = {}
            for name, each in clause.attributes.items():
                taken = values.taken(each, node, inner)
                if taken is not None:
                    attributes[name] = taken
            for found in _wholes(clause, element, node, inner, values):
                made = Told({**found, **attributes}, node, clause.where, inner.key)
                missing = [name for name in element.required if name not in made.fields]
                if missing and not made.origins():
                    continue  # constants alone, and nothing in the config that they belong to
                if missing:
                    values.refuse(f"this {element.name} has no {missing[0]}", node, clause.where)
                _bounded(made, element, values)
                yield made


def _bounded(made: Told, element: Element, values: Values) -> None:
    for name, taken in made.fields.items():
        attribute, amount = element.attributes[name], taken.value
        wrong = ""
        if attribute.positive and amount <= 0:
            wrong = "is not above 0"
        elif attribute.least is not None and amount < attribute.least:
            wrong = f"is below {attribute.least}"
        elif attribute.most is not None and amount > attribute.most:
            wrong = f"is above {attribute.most}"
        if wrong:
            values.refuse(f"{name}: {amount} {wrong}", made.at(name), made.where)


def _nodes(clause: Elements, value: Node, scope: Scope, values: Values) -> Iterator[tuple[Node, Scope]]:
    nodes = [value]
    if clause.each is not None:
        listed = values.evaluated(clause.each, value, scope, clause.where)
        scope.decided.update(listed.own)
        values.note(clause.where, gave=listed.value is not None or bool(listed.own))
        if listed.value is None:
            return
        nodes = listed.value if isinstance(listed.value, list) else [listed]
    for node in nodes:
        inner = replace(scope, key=node.key) if node.key is not None else scope
        if clause.when is not None:
            tested = values.evaluated(clause.when, node, inner, clause.where)
            scope.decided.update(tested.own)
            if tested.value is None or tested.value is False or tested.value in ("", [], {}):
                continue
        yield node, inner


def _wholes(clause: Elements, element: Element, node: Node, scope: Scope, values: Values) -> Iterator[Fields]:
    """What the whole clauses give, every combination where one gives several."""
    combined: list[Fields] = [{}]
    for whole in clause.whole:
        given = list(_whole(whole, clause.short, element, node, scope, values))
        combined = [{**one, **other} for one in combined for other in given]
    yield from combined


def _whole(clause: Clause, short: bool, element: Element, node: Node, scope: Scope, values: Values) -> Iterator[Fields]:
    if not values.holds(clause, node, scope):
        return
    found = values.found(clause, node, scope)
    if isinstance(found.value, dict) and short and "name" in element.attributes and element.main == "value":
        for key, inner in found.value.items():
            for made in _alternatives(clause, element, inner, scope, values):
                yield {"name": Taken(key), **made}
        scope.decided.update(found.own)
    elif isinstance(found.value, list) and clause.kind != "words":
        for inner in found.value:
            yield from _alternatives(clause, element, inner, scope, values)
        scope.decided.update(found.own)
    else:
        yield from _alternatives(clause, element, found, scope, values)


def _alternatives(clause: Clause, element: Element, node: Node, scope: Scope, values: Values) -> Iterator[Fields]:
    taken = values.fitted(clause, node, scope)
    if taken is None:
        return
    if not taken.elements:
        yield {element.main: taken}
        return
    for given in taken.value:
        made: Fields = {}
        for name, raw in given.items():
            if raw is None:
                continue
            attribute = element.attributes[name]
            try:
                value = coerced(attribute.kind, raw, clause.unit)
            except (TransformError, AmountError) as cause:
                values.refuse(f"{name}: {cause}", node, clause.where, cause)
            if attribute.choices and value not in attribute.choices:
                values.refuse(f"{name}: {value!r} is not one of {', '.join(attribute.choices)}", node, clause.where)
            made[name] = replace(taken, value=value, elements=False)
        yield made
