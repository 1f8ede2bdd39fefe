"""From a mapping's plain value to a checked :class:`Mapping`, or one error with file, line and key.

Everything that can be known without a config is checked here: keys, types, expressions, regular expressions, units,
transforms that do not give what an attribute takes. What is left for the reading is only what the config's values say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from typing import Any

from . import vocabulary
from .checking import Path, near
from .clauses import ClauseParser
from .expression import Expression
from .syntax import (
    ContainerClauses,
    Documents,
    GroupClauses,
    Instances,
    Join,
    Mapping,
    Workloads,
)
from .vocabulary import Attribute


def parse_mapping(value: Any, lines: MappingOf[Path, int], *, name: str) -> Mapping:
    """The mapping that a file holds.

    value  the file's plain value: dicts, lists, scalars
    lines  paths of keys and indexes to lines, as ``migrate.documents`` gives them
    name   the file's name, for messages

    Raises PodliftError ``bad-mapping`` with file, line, key and what would be right.
    """
    return _Parser(lines, name).mapping(value)


class _Parser(ClauseParser):
    def mapping(self, value: Any) -> Mapping:
        top = self.map(value, (), vocabulary.TOP, required=("schema", "documents", "workloads", "containers"))
        if top["schema"] != vocabulary.SCHEMA:
            self.refuse(("schema",), f"this is {top['schema']!r}", f"write schema: {vocabulary.SCHEMA}")
        documents = {
            key: self._documents(inner, ("documents", key))
            for key, inner in self.free(top["documents"], ("documents",)).items()
        }
        if not documents:
            self.refuse(("documents",), "no document is named", "write documents: {fleet: {files: 'fleet/*.yml'}}")
        lists = {
            key: self.lists(top[key], (key,), element)
            for key, element in vocabulary.WORKLOAD_LISTS.items()
            if key in top
        }
        return Mapping(
            name=self.name,
            scheduler=self.string(top.get("scheduler", _stem(self.name)), ("scheduler",)),
            documents=documents,
            joins={
                key: self._join(inner, ("joins", key), documents)
                for key, inner in self.free(top.get("joins", {}), ("joins",)).items()
            },
            workloads=self._workloads(top["workloads"], documents),
            instances=self._instances(top["instances"]) if "instances" in top else None,
            placeholders=self._placeholders(top.get("placeholders", {})),
            containers=self._containers(top["containers"]),
            checks=self.lists(top["checks"], ("checks",), vocabulary.CHECK) if "checks" in top else (),
            attributes={
                key: self.clause(top[key], (key,), attribute)
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
        given = self.map(value, path, ("files", "ignore"), required=("files",))
        return Documents(
            where=self.where(path),
            files=self.strings(given["files"], (*path, "files")),
            ignore=self._ignore(given.get("ignore", {}), (*path, "ignore")),
        )

    def _join(self, value: Any, path: Path, documents: Iterable[str]) -> Join:
        keys = ("each", "on", "to", "on_none", "on_many")
        given = self.map(value, path, keys, required=("each", "on", "to"))
        each = self.expression(given["each"], (*path, "each"))
        return Join(
            where=self.where(path),
            each=each,
            document=self._document(each, (*path, "each"), documents),
            on=self.expression(given["on"], (*path, "on")),
            to=self.expression(given["to"], (*path, "to")),
            on_none=self.choice(given.get("on_none", "refuse"), (*path, "on_none"), ("refuse", "skip", "empty")),
            on_many=self.choice(given.get("on_many", "refuse"), (*path, "on_many"), ("refuse", "first", "last")),
        )

    def _workloads(self, value: Any, documents: Iterable[str]) -> Workloads:
        path: Path = ("workloads",)
        keys = ("each", "name", "namespace", "controller", "when", "inherit")
        given = self.map(value, path, keys, required=("each", "name"))
        each = self.expression(given["each"], (*path, "each"))
        inherit = given.get("inherit", [])
        inherited = inherit if isinstance(inherit, list) else [inherit]
        return Workloads(
            where=self.where(path),
            each=each,
            document=self._document(each, (*path, "each"), documents),
            name=self.clause(given["name"], (*path, "name"), Attribute()),
            namespace=self.optional(given, path, "namespace", Attribute()),
            controller=self.optional(given, path, "controller", Attribute(choices=vocabulary.CONTROLLERS)),
            when=self.when(given, path),
            inherit=tuple(self.expression(each, (*path, "inherit")) for each in inherited),
        )

    def _document(self, expression: Expression, path: Path, documents: Iterable[str]) -> str:
        """The document that an ``each`` of workloads or of a join walks: its leftmost name."""
        start = expression.leftmost()
        if start not in documents:
            said = f"{start!r} is no document of this mapping" if start else "it starts from no document"
            close = near(start, documents)
            self.refuse(path, said, close or f"start from one of: {', '.join(documents)}")
        return start

    def _instances(self, value: Any) -> Instances:
        path: Path = ("instances",)
        literal = ("container", "label", "env", "runtime_env", "own")
        given = self.map(value, path, (*literal, "each", "when", "from", "as", "site", "count", "name", "values"))
        rest = {key: inner for key, inner in given.items() if key not in literal}
        container = self.string(given.get("container", ""), (*path, "container"))
        self.regex(_sampled(container), (*path, "container"))
        for key in ("container", "label", "env"):
            known = ("name", "site", "instance") if key == "container" else ("name",)
            self._template(self.string(given.get(key, ""), (*path, key)), (*path, key), known)
        return Instances(
            where=self.where(path),
            elements=self.elements(rest, path, vocabulary.SITE),
            own=self.expression(given["own"], (*path, "own")) if "own" in given else None,
            container=container,
            label=given.get("label", ""),
            env=given.get("env", ""),
            runtime_env=self.strings(given.get("runtime_env", []), (*path, "runtime_env")),
        )

    def _template(self, text: str, path: Path, known: tuple[str, ...]) -> None:
        for name in re.findall(r"\{([a-z_]\w*)\}", text):
            if name not in known:
                right = ", ".join(f"{{{each}}}" for each in known)
                self.refuse(path, f"{{{name}}} is nothing that is known here", f"write {right}")

    def _placeholders(self, value: Any) -> tuple[tuple[re.Pattern[str], str], ...]:
        made = []
        for pattern, stands_for in self.free(value, ("placeholders",)).items():
            path: Path = ("placeholders", pattern)
            compiled = self.regex(pattern, path)
            text = self.string(stands_for, path)
            if text not in vocabulary.RUNTIME and not re.fullmatch(r"container_port\(.+\)", text):
                known = ", ".join(vocabulary.RUNTIME)
                self.refuse(path, f"{text!r} is nothing that a pod knows", f"write {known} or container_port(NAME)")
            self.groups_of(compiled, text, path)
            made.append((compiled, text))
        return tuple(made)

    def _containers(self, value: Any) -> tuple[ContainerClauses, ...]:
        if not isinstance(value, list) or not value:
            self.refuse(("containers",), "a list is due", "write one item for each container of the workload")
        return tuple(self._container(inner, ("containers", n)) for n, inner in enumerate(value))

    def _container(self, value: Any, path: Path) -> ContainerClauses:
        lists = vocabulary.CONTAINER_LISTS
        given = self.map(
            value, path, (*vocabulary.CONTAINER, *lists, "settings", "when"), required=("image",), aliases=_NOT_OURS
        )
        settings = self.map(given.get("settings", {}), (*path, "settings"), vocabulary.SETTINGS)
        return ContainerClauses(
            where=self.where(path),
            when=self.when(given, path),
            attributes={
                key: self.clause(given[key], (*path, key), attribute)
                for key, attribute in vocabulary.CONTAINER.items()
                if key in given
            },
            lists={key: self.lists(given[key], (*path, key), lists[key]) for key in lists if key in given},
            settings={
                code: self.clause(inner, (*path, "settings", code), Attribute("any"))
                for code, inner in settings.items()
            },
        )

    def _group(self, value: Any, path: Path, group: vocabulary.Group) -> GroupClauses:
        given = self.map(value, path, (*group.attributes, *group.lists, "when"))
        return GroupClauses(
            where=self.where(path),
            when=self.when(given, path),
            attributes={
                key: self.clause(given[key], (*path, key), attribute)
                for key, attribute in group.attributes.items()
                if key in given
            },
            lists={
                key: self.lists(given[key], (*path, key), element)
                for key, element in group.lists.items()
                if key in given
            },
        )

    def _ignore(self, value: Any, path: Path) -> dict[str, str]:
        made = {}
        for glob, reason in self.free(value, path).items():
            made[glob] = self.string(reason, (*path, glob))
            if not made[glob].strip():
                self.refuse((*path, glob), "the reason is missing", "say why this field has no effect")
        return made


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


def _stem(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[0]


def _sampled(template: str) -> str:
    return re.sub(r"\{(name|site|instance)\}", r"\1", template)
