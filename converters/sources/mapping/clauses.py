"""Value clauses and element clauses of a mapping, checked against the vocabulary."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ...amounts import AmountError, unit_fault
from . import vocabulary
from .checking import Checker, Path, near, one_of
from .syntax import Clause, Elements, Rule
from .transforms import ELEMENT_KINDS, TRANSFORMS, TransformError
from .values import coerced
from .vocabulary import Attribute, Element

_CLAUSE_KEYS = ("from", "const", "when", "default", "as", "values", "unit", "registry")
_TEXTUAL = frozenset({"text", "number", "integer", "bool", "port", "image", "any"})
_COMPATIBLE = {
    "number": frozenset({"seconds", "bytes", "cpu", "number"}),
    "integer": frozenset({"integer", "number", "bytes"}),
    "text": frozenset({"text"}),
    "port": frozenset({"text"}),
    "image": frozenset({"image", "text"}),
    "any": frozenset(vocabulary.KINDS),
}


class ClauseParser(Checker):
    """Reads what stands at one attribute, or at one list of elements."""

    def lists(self, value: Any, path: Path, element: Element) -> tuple[Elements, ...]:
        if isinstance(value, list):
            return tuple(self.elements(inner, (*path, n), element) for n, inner in enumerate(value))
        return (self.elements(value, path, element),)

    def elements(self, value: Any, path: Path, element: Element) -> Elements:
        if isinstance(value, str):
            if not element.main:
                keys = ", ".join(element.attributes)
                self.refuse(path, f"one expression cannot tell a {element.name}", f"write a map with {keys}")
            clause = self.clause(value, path, element.attributes[element.main])
            return Elements(where=self.where(path), whole=(clause,), short=True)
        known = ("each", "from", "as", "unit", "values", "default", "const", *element.attributes, *element.whole)
        given = self.map(value, path, (*known, "when"))
        attributes = {
            key: self.clause(given[key], (*path, key), attribute)
            for key, attribute in element.attributes.items()
            if key in given
        }
        whole = [
            self.clause(given[key], (*path, key), Attribute("fields"), element) for key in element.whole if key in given
        ]
        if "from" in given or ("const" in given and element.main):
            main = element.attributes[element.main] if element.main else Attribute("fields")
            # a constraint's values and a step's unit are their own attributes
            of_clause = [key for key in _CLAUSE_KEYS if key != "when" and key not in element.attributes]
            own = {key: given[key] for key in of_clause if key in given}
            whole.append(self.clause(own, path, main, element))
        elif stray := [key for key in ("as", "default") if key in given]:
            self.refuse((*path, stray[0]), f"{stray[0]}: has no from: beside it", "add from:, the value it works on")
        if not attributes and not whole:
            self.refuse(path, "it says nothing of its elements", f"add from: or one of {', '.join(element.attributes)}")
        return Elements(
            where=self.where(path),
            each=self.expression(given["each"], (*path, "each")) if "each" in given else None,
            when=self.when(given, path),
            attributes=attributes,
            whole=tuple(whole),
            short="each" not in given and not attributes,
        )

    def optional(self, given: dict[str, Any], path: Path, key: str, attribute: Attribute) -> Clause | None:
        return self.clause(given[key], (*path, key), attribute) if key in given else None

    def clause(self, value: Any, path: Path, attribute: Attribute, element: Element | None = None) -> Clause:
        where = self.where(path)
        if isinstance(value, list) and value:
            first, *rest = (self.clause(inner, (*path, n), attribute, element) for n, inner in enumerate(value))
            return replace(first, then=tuple(rest))
        if isinstance(value, str):
            value = {"from": value}
        if not isinstance(value, dict):
            shown = "true" if value is True else "false" if value is False else value
            self.refuse(path, "a text is an expression; this is a constant", f"write {{const: {shown}}}")
        given = self.map(value, path, _CLAUSE_KEYS)
        if ("from" in given) == ("const" in given):
            self.refuse(path, "one of from: and const: is due", "write {from: EXPRESSION} or {const: VALUE}")
        transform, table = self._as(given.get("as"), path, attribute, element)
        unit = self.string(given.get("unit", ""), (*path, "unit"))
        kind = TRANSFORMS[transform].gives if transform else attribute.kind
        if unit and (fault := unit_fault(kind, unit)):
            self.refuse((*path, "unit"), f"{unit!r} is no unit here", f"{vocabulary.KINDS.get(kind, kind)} {fault}")
        values = self.free(given.get("values", {}), (*path, "values"))
        for each in values.values():
            if attribute.choices and each is not None and each not in attribute.choices:
                self.refuse((*path, "values"), f"{each!r} is not one of them", one_of(each, attribute.choices))
        if "const" in given and not transform and not table and not values:
            self._constant(given["const"], (*path, "const"), attribute, unit)
        if given.get("default") is not None:
            self._constant(given["default"], (*path, "default"), attribute, unit)
        if "registry" in given and attribute.kind != "image":
            self.refuse((*path, "registry"), "only an image has a registry", "leave it out")
        return Clause(
            where=where,
            kind=attribute.kind,
            choices=attribute.choices,
            const=given.get("const"),
            expression=self.expression(given["from"], (*path, "from")) if "from" in given else None,
            when=self.when(given, path),
            default=given.get("default"),
            transform=transform,
            table=table,
            values=values,
            unit=unit,
            registry=self.expression(given["registry"], (*path, "registry")) if "registry" in given else None,
        )

    def _constant(self, value: Any, path: Path, attribute: Attribute, unit: str) -> None:
        if attribute.kind == "fields":
            self.refuse(path, "one value cannot fill several attributes", "give each attribute a clause of its own")
        try:
            coerced(attribute.kind, value, unit)
        except (TransformError, AmountError) as cause:
            self.refuse(path, str(cause), f"write {vocabulary.KINDS[attribute.kind]}", cause)
        if attribute.choices:
            self.choice(value, path, attribute.choices)

    def _as(
        self, value: Any, path: Path, attribute: Attribute, element: Element | None
    ) -> tuple[str, tuple[Rule, ...]]:
        at = (*path, "as")
        if value is None:
            if attribute.kind == "fields":
                self.refuse(path, "nothing says how to take this apart", "add as: with a transform or a table")
            return "", ()
        if isinstance(value, str):
            self._transform(value, at, attribute, element)
            return value, ()
        rules = []
        for pattern, outcome in self.free(value, at).items():
            compiled = self.regex(pattern, (*at, pattern))
            if isinstance(outcome, dict):
                text = self.string(self.map(outcome, (*at, pattern), ("text",), required=("text",))["text"], at)
                self.groups_of(compiled, text, (*at, pattern))
                rules.append(Rule(compiled, text=text))
                continue
            name = self.string(outcome, (*at, pattern))
            self._transform(name, (*at, pattern), attribute, element)
            if name == "fields":
                self._fields(compiled, (*at, pattern), element)
            if name == "secret_ref" and compiled.groups and "name" not in compiled.groupindex:
                self.refuse((*at, pattern), "secret_ref needs the group (?P<name>…)", "name it, and (?P<key>…)")
            rules.append(Rule(compiled, transform=name))
        if not rules:
            self.refuse(at, "the table is empty", "write REGULAR-EXPRESSION: TRANSFORM")
        return "", tuple(rules)

    def _transform(self, name: str, path: Path, attribute: Attribute, element: Element | None) -> None:
        if name not in TRANSFORMS:
            close = near(name, TRANSFORMS)
            self.refuse(path, f"there is no transform {name!r}", close or f"there are {', '.join(TRANSFORMS)}")
        gives = TRANSFORMS[name].gives
        if gives in ELEMENT_KINDS:
            if element is None or gives not in element.transforms:
                what = f"a {element.name}" if element else vocabulary.KINDS[attribute.kind]
                self.refuse(path, f"{name} gives {gives}, and {what} is due here", _fitting(attribute, element))
        elif gives not in _COMPATIBLE.get(attribute.kind, {attribute.kind}):
            what = vocabulary.KINDS.get(attribute.kind, "several fields")
            given = vocabulary.KINDS[gives]
            self.refuse(path, f"{name} gives {given}, and {what} is due here", _fitting(attribute, element))

    def _fields(self, pattern: re.Pattern[str], path: Path, element: Element | None) -> None:
        assert element is not None
        if not pattern.groupindex:
            self.refuse(path, "fields needs named groups", "write (?P<port>…) for each attribute")
        for group in pattern.groupindex:
            if group not in element.attributes:
                close = near(group, element.attributes)
                known = f"a {element.name} has {', '.join(element.attributes)}"
                self.refuse(path, f"the group {group!r} is no attribute", close or known)


def _fitting(attribute: Attribute, element: Element | None) -> str:
    def fits(gives: str) -> bool:
        if element is not None and gives in element.transforms:
            return True
        return gives in _COMPATIBLE.get(attribute.kind, {attribute.kind})

    names = [t.name for t in TRANSFORMS.values() if fits(t.gives)]
    return f"write as: {' or '.join(names)}" if names else "leave as: out"
