"""From a mapping's plain value to a checked :class:`Mapping`, or one error with file, line and key.

Everything that can be known without a config is checked here: keys, types, expressions, regular expressions, units,
transforms that do not give what an attribute takes. What is left for the reading is only what the config's values say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, NoReturn

from ...errors import PodliftError
from . import vocabulary
from .expression import Expression, ExpressionError, parsed
from .nodes import path_text
from .syntax import (
    Clause,
    ContainerClauses,
    Documents,
    Elements,
    GroupClauses,
    Instances,
    Join,
    Mapping,
    Rule,
    Where,
    Workloads,
)
from .transforms import ELEMENT_KINDS, TRANSFORMS
from .units import unit_fault
from .vocabulary import Attribute, Element

Path = tuple[str | int, ...]

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


def parse_mapping(value: Any, lines: MappingOf[Path, int], *, name: str) -> Mapping:
    """The mapping that a file holds.

    value  the file's plain value: dicts, lists, scalars
    lines  paths of keys and indexes to lines, as ``migrate.documents`` gives them
    name   the file's name, for messages

    Raises PodliftError ``bad-mapping`` with file, line, key and what would be right.
    """
    return _Parser(lines, name).mapping(value)


class _Parser:
    def __init__(self, lines: MappingOf[Path, int], name: str) -> None:
        self._lines = lines
        self._name = name

    # ---- the whole

    def mapping(self, value: Any) -> Mapping:
        top = self._map(value, (), vocabulary.TOP, required=("schema", "documents", "workloads", "containers"))
        if top["schema"] != vocabulary.SCHEMA:
            self._refuse(("schema",), f"this is {top['schema']!r}", f"write schema: {vocabulary.SCHEMA}")
        documents = {
            key: self._documents(inner, ("documents", key))
            for key, inner in self._free(top["documents"], ("documents",)).items()
        }
        if not documents:
            self._refuse(("documents",), "no document is named", "write documents: {fleet: {files: 'fleet/*.yml'}}")
        lists = {
            key: self._lists(top[key], (key,), element)
            for key, element in vocabulary.WORKLOAD_LISTS.items()
            if key in top
        }
        return Mapping(
            name=self._name,
            scheduler=self._string(top.get("scheduler", _stem(self._name)), ("scheduler",)),
            documents=documents,
            joins={
                key: self._join(inner, ("joins", key), documents)
                for key, inner in self._free(top.get("joins", {}), ("joins",)).items()
            },
            workloads=self._workloads(top["workloads"], documents),
            instances=self._instances(top["instances"]) if "instances" in top else None,
            placeholders=self._placeholders(top.get("placeholders", {})),
            containers=self._containers(top["containers"]),
            checks=self._lists(top["checks"], ("checks",), vocabulary.CHECK) if "checks" in top else (),
            attributes={
                key: self._clause(top[key], (key,), attribute)
                for key, attribute in vocabulary.WORKLOAD.items()
                if key in top
            },
            lists=lists,
            groups={
                key: self._group(top[key], (key,), group) for key, group in vocabulary.GROUPS.items() if key in top
            },
            ignore=self._ignore(top.get("ignore", {}), ("ignore",)),
        )

    def _documents(self, value: Any, path: Path) -> Documents:
        given = self._map(value, path, ("files", "ignore"), required=("files",))
        return Documents(
            where=self._where(path),
            files=self._strings(given["files"], (*path, "files")),
            ignore=self._ignore(given.get("ignore", {}), (*path, "ignore")),
        )

    def _join(self, value: Any, path: Path, documents: Iterable[str]) -> Join:
        keys = ("each", "on", "to", "on_none", "on_many")
        given = self._map(value, path, keys, required=("each", "on", "to"))
        each = self._expression(given["each"], (*path, "each"))
        return Join(
            where=self._where(path),
            each=each,
            document=self._document(each, (*path, "each"), documents),
            on=self._expression(given["on"], (*path, "on")),
            to=self._expression(given["to"], (*path, "to")),
            on_none=self._choice(given.get("on_none", "refuse"), (*path, "on_none"), ("refuse", "skip", "empty")),
            on_many=self._choice(given.get("on_many", "refuse"), (*path, "on_many"), ("refuse", "first", "last")),
        )

    def _workloads(self, value: Any, documents: Iterable[str]) -> Workloads:
        path: Path = ("workloads",)
        keys = ("each", "name", "namespace", "controller", "when", "inherit")
        given = self._map(value, path, keys, required=("each", "name"))
        each = self._expression(given["each"], (*path, "each"))
        inherit = given.get("inherit", [])
        inherited = inherit if isinstance(inherit, list) else [inherit]
        return Workloads(
            where=self._where(path),
            each=each,
            document=self._document(each, (*path, "each"), documents),
            name=self._clause(given["name"], (*path, "name"), Attribute()),
            namespace=self._optional(given, path, "namespace", Attribute()),
            controller=self._optional(given, path, "controller", Attribute(choices=vocabulary.CONTROLLERS)),
            when=self._when(given, path),
            inherit=tuple(self._expression(each, (*path, "inherit")) for each in inherited),
        )

    def _document(self, expression: Expression, path: Path, documents: Iterable[str]) -> str:
        """The document that an ``each`` of workloads or of a join walks: its leftmost name."""
        start = expression.leftmost()
        if start not in documents:
            said = f"{start!r} is no document of this mapping" if start else "it starts from no document"
            near = _near(start, documents)
            self._refuse(path, said, near or f"start from one of: {', '.join(documents)}")
        return start

    def _instances(self, value: Any) -> Instances:
        path: Path = ("instances",)
        literal = ("container", "label", "env", "runtime_env", "own")
        given = self._map(value, path, (*literal, "each", "when", "from", "as", "site", "count", "name", "values"))
        rest = {key: inner for key, inner in given.items() if key not in literal}
        container = self._string(given.get("container", ""), (*path, "container"))
        self._regex(_sampled(container), (*path, "container"))
        for key in ("container", "label", "env"):
            self._template(self._string(given.get(key, ""), (*path, key)), (*path, key))
        return Instances(
            where=self._where(path),
            elements=self._elements(rest, path, vocabulary.SITE),
            own=self._expression(given["own"], (*path, "own")) if "own" in given else None,
            container=container,
            label=given.get("label", ""),
            env=given.get("env", ""),
            runtime_env=self._strings(given.get("runtime_env", []), (*path, "runtime_env")),
        )

    def _template(self, text: str, path: Path) -> None:
        for name in re.findall(r"\{([a-z_]\w*)\}", text):
            if name not in ("name", "site", "instance"):
                self._refuse(path, f"{{{name}}} is nothing that is known here", "write {name}, {site} or {instance}")

    def _placeholders(self, value: Any) -> tuple[tuple[re.Pattern[str], str], ...]:
        made = []
        for pattern, stands_for in self._free(value, ("placeholders",)).items():
            path: Path = ("placeholders", pattern)
            compiled = self._regex(pattern, path)
            text = self._string(stands_for, path)
            if text not in vocabulary.RUNTIME and not re.fullmatch(r"container_port\(.+\)", text):
                known = ", ".join(vocabulary.RUNTIME)
                self._refuse(path, f"{text!r} is nothing that a pod knows", f"write {known} or container_port(NAME)")
            self._groups_of(compiled, text, path)
            made.append((compiled, text))
        return tuple(made)

    def _containers(self, value: Any) -> tuple[ContainerClauses, ...]:
        if not isinstance(value, list) or not value:
            self._refuse(("containers",), "a list is due", "write one item for each container of the workload")
        return tuple(self._container(inner, ("containers", n)) for n, inner in enumerate(value))

    def _container(self, value: Any, path: Path) -> ContainerClauses:
        lists = vocabulary.CONTAINER_LISTS
        given = self._map(
            value, path, (*vocabulary.CONTAINER, *lists, "settings", "when"), required=("image",), aliases=_NOT_OURS
        )
        settings = self._map(given.get("settings", {}), (*path, "settings"), vocabulary.SETTINGS)
        return ContainerClauses(
            where=self._where(path),
            when=self._when(given, path),
            attributes={
                key: self._clause(given[key], (*path, key), attribute)
                for key, attribute in vocabulary.CONTAINER.items()
                if key in given
            },
            lists={key: self._lists(given[key], (*path, key), lists[key]) for key in lists if key in given},
            settings={
                code: self._clause(inner, (*path, "settings", code), Attribute("any"))
                for code, inner in settings.items()
            },
        )

    def _group(self, value: Any, path: Path, group: vocabulary.Group) -> GroupClauses:
        given = self._map(value, path, (*group.attributes, *group.lists, "when"))
        return GroupClauses(
            where=self._where(path),
            when=self._when(given, path),
            attributes={
                key: self._clause(given[key], (*path, key), attribute)
                for key, attribute in group.attributes.items()
                if key in given
            },
            lists={
                key: self._lists(given[key], (*path, key), element)
                for key, element in group.lists.items()
                if key in given
            },
        )

    def _ignore(self, value: Any, path: Path) -> dict[str, str]:
        made = {}
        for glob, reason in self._free(value, path).items():
            made[glob] = self._string(reason, (*path, glob))
            if not made[glob].strip():
                self._refuse((*path, glob), "the reason is missing", "say why this field has no effect")
        return made

    # ---- elements and values

    def _lists(self, value: Any, path: Path, element: Element) -> tuple[Elements, ...]:
        if isinstance(value, list):
            return tuple(self._elements(inner, (*path, n), element) for n, inner in enumerate(value))
        return (self._elements(value, path, element),)

    def _elements(self, value: Any, path: Path, element: Element) -> Elements:
        if isinstance(value, str):
            if not element.main:
                keys = ", ".join(element.attributes)
                self._refuse(path, f"one expression cannot tell a {element.name}", f"write a map with {keys}")
            clause = self._clause(value, path, element.attributes[element.main])
            return Elements(where=self._where(path), whole=(clause,), short=True)
        known = ("each", "from", "as", "unit", "values", "default", "const", *element.attributes, *element.whole)
        given = self._map(value, path, (*known, "when"))
        attributes = {
            key: self._clause(given[key], (*path, key), attribute)
            for key, attribute in element.attributes.items()
            if key in given
        }
        whole = [
            self._clause(given[key], (*path, key), Attribute("fields"), element)
            for key in element.whole
            if key in given
        ]
        if "from" in given or ("const" in given and element.main):
            main = element.attributes[element.main] if element.main else Attribute("fields")
            # a constraint's values and a step's unit are their own attributes
            of_clause = [key for key in _CLAUSE_KEYS if key != "when" and key not in element.attributes]
            own = {key: given[key] for key in of_clause if key in given}
            whole.append(self._clause(own, path, main, element))
        elif stray := [key for key in ("as", "default") if key in given]:
            self._refuse((*path, stray[0]), f"{stray[0]}: has no from: beside it", "add from:, the value it works on")
        if not attributes and not whole:
            self._refuse(
                path, "it says nothing of its elements", f"add from: or one of {', '.join(element.attributes)}"
            )
        return Elements(
            where=self._where(path),
            each=self._expression(given["each"], (*path, "each")) if "each" in given else None,
            when=self._when(given, path),
            attributes=attributes,
            whole=tuple(whole),
            short="each" not in given and not attributes,
        )

    def _optional(self, given: dict[str, Any], path: Path, key: str, attribute: Attribute) -> Clause | None:
        return self._clause(given[key], (*path, key), attribute) if key in given else None

    def _clause(self, value: Any, path: Path, attribute: Attribute, element: Element | None = None) -> Clause:
        where = self._where(path)
        if isinstance(value, list) and value:
            first, *rest = (self._clause(inner, (*path, n), attribute, element) for n, inner in enumerate(value))
            return replace(first, then=tuple(rest))
        if isinstance(value, str):
            value = {"from": value}
        if not isinstance(value, dict):
            shown = "true" if value is True else "false" if value is False else value
            self._refuse(path, "a text is an expression; this is a constant", f"write {{const: {shown}}}")
        given = self._map(value, path, _CLAUSE_KEYS)
        if ("from" in given) == ("const" in given):
            self._refuse(path, "one of from: and const: is due", "write {from: EXPRESSION} or {const: VALUE}")
        transform, table = self._as(given.get("as"), path, attribute, element)
        unit = self._string(given.get("unit", ""), (*path, "unit"))
        kind = TRANSFORMS[transform].gives if transform else attribute.kind
        if unit and (fault := unit_fault(kind, unit)):
            self._refuse((*path, "unit"), f"{unit!r} is no unit here", f"{vocabulary.KINDS.get(kind, kind)} {fault}")
        values = self._free(given.get("values", {}), (*path, "values"))
        for each in values.values():
            if attribute.choices and each is not None and each not in attribute.choices:
                self._refuse((*path, "values"), f"{each!r} is not one of them", _one_of(each, attribute.choices))
        if attribute.choices and "const" in given:
            self._choice(given["const"], (*path, "const"), attribute.choices)
        if "registry" in given and attribute.kind != "image":
            self._refuse((*path, "registry"), "only an image has a registry", "leave it out")
        return Clause(
            where=where,
            kind=attribute.kind,
            choices=attribute.choices,
            const=given.get("const"),
            expression=self._expression(given["from"], (*path, "from")) if "from" in given else None,
            when=self._when(given, path),
            default=given.get("default"),
            transform=transform,
            table=table,
            values=values,
            unit=unit,
            registry=self._expression(given["registry"], (*path, "registry")) if "registry" in given else None,
        )

    def _as(
        self, value: Any, path: Path, attribute: Attribute, element: Element | None
    ) -> tuple[str, tuple[Rule, ...]]:
        at = (*path, "as")
        if value is None:
            if attribute.kind == "fields":
                self._refuse(path, "nothing says how to take this apart", "add as: with a transform or a table")
            return "", ()
        if isinstance(value, str):
            self._transform(value, at, attribute, element)
            return value, ()
        rules = []
        for pattern, outcome in self._free(value, at).items():
            compiled = self._regex(pattern, (*at, pattern))
            if isinstance(outcome, dict):
                text = self._string(self._map(outcome, (*at, pattern), ("text",), required=("text",))["text"], at)
                self._groups_of(compiled, text, (*at, pattern))
                rules.append(Rule(compiled, text=text))
                continue
            name = self._string(outcome, (*at, pattern))
            self._transform(name, (*at, pattern), attribute, element)
            if name == "fields":
                self._fields(compiled, (*at, pattern), element)
            if name == "secret_ref" and compiled.groups and "name" not in compiled.groupindex:
                self._refuse((*at, pattern), "secret_ref needs the group (?P<name>…)", "name it, and (?P<key>…)")
            rules.append(Rule(compiled, transform=name))
        if not rules:
            self._refuse(at, "the table is empty", "write REGULAR-EXPRESSION: TRANSFORM")
        return "", tuple(rules)

    def _transform(self, name: str, path: Path, attribute: Attribute, element: Element | None) -> None:
        if name not in TRANSFORMS:
            near = _near(name, TRANSFORMS)
            self._refuse(path, f"there is no transform {name!r}", near or f"there are {', '.join(TRANSFORMS)}")
        gives = TRANSFORMS[name].gives
        if gives in ELEMENT_KINDS:
            if element is None or gives not in element.transforms:
                what = f"a {element.name}" if element else vocabulary.KINDS[attribute.kind]
                self._refuse(path, f"{name} gives {gives}, and {what} is due here", _fitting(attribute, element))
        elif gives not in _COMPATIBLE.get(attribute.kind, {attribute.kind}):
            what = vocabulary.KINDS.get(attribute.kind, "several fields")
            given = vocabulary.KINDS[gives]
            self._refuse(path, f"{name} gives {given}, and {what} is due here", _fitting(attribute, element))

    def _fields(self, pattern: re.Pattern[str], path: Path, element: Element | None) -> None:
        assert element is not None
        if not pattern.groupindex:
            self._refuse(path, "fields needs named groups", "write (?P<port>…) for each attribute")
        for group in pattern.groupindex:
            if group not in element.attributes:
                near = _near(group, element.attributes)
                known = f"a {element.name} has {', '.join(element.attributes)}"
                self._refuse(path, f"the group {group!r} is no attribute", near or known)

    def _when(self, given: MappingOf[str, Any], path: Path) -> Expression | None:
        return self._expression(given["when"], (*path, "when")) if "when" in given else None

    def _expression(self, value: Any, path: Path) -> Expression:
        text = self._string(value, path)
        try:
            return parsed(text)
        except ExpressionError as cause:
            self._refuse(path, str(cause), "see jmespath.org for the language; texts stand in '…'", cause)

    def _regex(self, value: Any, path: Path) -> re.Pattern[str]:
        text = self._string(value, path)
        try:
            return re.compile(text)
        except re.error as cause:
            self._refuse(path, f"{text!r} is no regular expression: {cause}", "write \\ before . ( ) [ ] { } $", cause)

    def _groups_of(self, pattern: re.Pattern[str], text: str, path: Path) -> None:
        for number, name in re.findall(r"\\(?:(\d)|g<(\w+)>)", text):
            known = int(number) <= pattern.groups if number else name in pattern.groupindex or name.isdigit()
            if not known:
                self._refuse(path, f"the expression has no group {number or name}", "write ( ) around what is to stay")

    # ---- plain values

    def _map(
        self,
        value: Any,
        path: Path,
        known: Iterable[str],
        *,
        required: tuple[str, ...] = (),
        aliases: MappingOf[str, str] | None = None,
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            keys = ", ".join(known)
            self._refuse(path, f"a map is due, not {_what(value)}", f"write a map with {keys}")
        known = tuple(known)
        for key in value:
            if key not in known:
                hint = (aliases or {}).get(str(key), "") or _near(str(key), known)
                self._refuse((*path, key), f"the key {key!r} is not known here", hint or f"known: {', '.join(known)}")
        for key in required:
            if key not in value:
                self._refuse(path, f"the key {key!r} is missing", f"add {key}:")
        return value

    def _free(self, value: Any, path: Path) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._refuse(path, f"a map is due, not {_what(value)}", "write KEY: VALUE")
        return {_key(key): inner for key, inner in value.items()}

    def _string(self, value: Any, path: Path) -> str:
        if not isinstance(value, str):
            self._refuse(path, f"a text is due, not {_what(value)}", "write it in quotes")
        return value

    def _strings(self, value: Any, path: Path) -> tuple[str, ...]:
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list):
            self._refuse(path, f"a text or a list of texts is due, not {_what(value)}", "write [ONE, TWO]")
        return tuple(self._string(inner, (*path, n)) for n, inner in enumerate(value))

    def _choice(self, value: Any, path: Path, choices: tuple[str, ...]) -> str:
        if value not in choices:
            self._refuse(path, f"{value!r} is not one of them", _one_of(value, choices))
        return str(value)

    def _where(self, path: Path) -> Where:
        return Where(path_text(path), self._line(path))

    def _line(self, path: Path) -> int:
        for end in range(len(path), -1, -1):
            if path[:end] in self._lines:
                return self._lines[path[:end]]
        return 1

    def _refuse(self, path: Path, reason: str, next_step: str, cause: Exception | None = None) -> NoReturn:
        key = path_text(path)
        raise PodliftError(
            code="bad-mapping",
            phase="read",
            subject=f"{self._name}:{self._line(path)}",
            reason=f"{key}: {reason}" if key else reason,
            next_step=next_step,
        ) from cause


_NOT_OURS = {
    "command": "write entrypoint: (replaces the image's ENTRYPOINT) or args: (replaces its CMD)",
    "cmd": "write args: (replaces the image's CMD), or entrypoint: with as: shell_string",
    "volumes": "write mounts:",
    "memory": "write memory_limit: or memory_request:",
    "cpu": "write cpu_limit: or cpu_request:",
    "cpus": "write cpu_limit: or cpu_request:",
    "environment": "write env:",
    "healthcheck": "write checks:",
}


def _key(key: Any) -> str:
    return {True: "true", False: "false", None: "null"}.get(key, str(key)) if isinstance(key, bool | None) else str(key)


def _what(value: Any) -> str:
    names: dict[type, str] = {str: "a text", bool: "true or false", list: "a list", dict: "a map", type(None): "null"}
    return names.get(type(value), "a number")


def _near(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""


def _one_of(value: Any, choices: Iterable[str]) -> str:
    near = _near(str(value), choices)
    known = f"write one of {', '.join(choices)}"
    return f"{near} {known}" if near else known


def _fitting(attribute: Attribute, element: Element | None) -> str:
    def fits(gives: str) -> bool:
        if element is not None and gives in element.transforms:
            return True
        return gives in _COMPATIBLE.get(attribute.kind, {attribute.kind})

    names = [t.name for t in TRANSFORMS.values() if fits(t.gives)]
    return f"write as: {' or '.join(names)}" if names else "leave as: out"


def _stem(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[0]


def _sampled(template: str) -> str:
    return re.sub(r"\{(name|site|instance)\}", r"\1", template)
