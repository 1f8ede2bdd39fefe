"""One workload: the mapping's clauses at work on one item of a config."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from dataclasses import replace
from typing import Any

from ...workload import (
    Check,
    Container,
    Controller,
    Env,
    Image,
    Port,
    Restart,
    Rollout,
    Scaling,
    Schedule,
    Setting,
    Termination,
    Workload,
)
from . import vocabulary
from .element_values import ELEMENT_VALUES, check_of, env_of, ports_of, site_counts
from .elements import Told, told
from .expression import Scope
from .nodes import MISSING, Node
from .syntax import Clause, ContainerClauses, Elements, GroupClauses, Mapping
from .values import Values


class RefusedError(Exception):
    """This workload cannot be made, and the reason; the others go on."""

    def __init__(self, reason: str, node: Node = MISSING) -> None:
        super().__init__(reason)
        self.node = node


class Builder:
    """Makes workloads of items by one mapping."""

    def __init__(self, mapping: Mapping, values: Values) -> None:
        self._mapping = mapping
        self._values = values

    def workload(self, name: str, item: Node, scope: Scope) -> Workload:
        """The workload of an item; its origins are leaves (see Atoms). Raises RefusedError where it has no image."""
        mapping = self._mapping
        containers = self._containers(name, item, scope)
        origins: dict[str, Any] = {}
        attributes = self._attributes(mapping.attributes, vocabulary.WORKLOAD, item, scope, origins)
        for clause, attribute in (
            (mapping.workloads.namespace, "namespace_hint"),
            (mapping.workloads.controller, "controller"),
        ):
            taken = self._values.taken(clause, item, scope) if clause else None
            if taken is not None:
                attributes[attribute] = Controller(taken.value) if attribute == "controller" else taken.value
                if attribute == "controller":
                    origins[attribute] = taken.origins
                else:
                    scope.decided.update(taken.origins)
        lists = {
            key: self._list(clauses, key, vocabulary.WORKLOAD_LISTS[key], item, scope)
            for key, clauses in mapping.lists.items()
        }
        groups = {key: self._group(key, group, item, scope) for key, group in mapping.groups.items()}
        return Workload(
            name=name,
            scheduler=mapping.scheduler,
            containers=containers,
            origins={k: v for k, v in origins.items() if v},
            **attributes,
            **lists,
            **{key: group for key, group in groups.items() if group is not None},
        )

    def replicas(self, item: Node, scope: Scope) -> Any:
        instances = self._mapping.instances
        if instances is None:
            return ()
        return site_counts(told((instances.elements,), vocabulary.SITE, item, scope, self._values))

    def _attributes(
        self,
        clauses: MappingOf[str, Clause],
        known: MappingOf[str, vocabulary.Attribute],
        item: Node,
        scope: Scope,
        origins: dict[str, Any],
    ) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, clause in clauses.items():
            taken = self._values.taken(clause, item, scope)
            if taken is not None:
                attribute = known[key].to or key
                made[attribute] = taken.value
                origins[attribute] = taken.origins
        return made

    def _list(
        self, clauses: tuple[Elements, ...], key: str, element: vocabulary.Element, item: Node, scope: Scope
    ) -> Any:
        return tuple(ELEMENT_VALUES[key](each) for each in told(clauses, element, item, scope, self._values))

    # ---- groups

    def _group(self, key: str, clauses: GroupClauses, item: Node, scope: Scope) -> Any:
        if clauses.when is not None:
            tested = self._values.evaluated(clauses.when, item, scope, clauses.where)
            scope.decided.update(tested.own)
            if tested.value in (None, False, "") or tested.value in ([], {}):
                return None
        group = vocabulary.GROUPS[key]
        origins: dict[str, Any] = {}
        made = self._attributes(clauses.attributes, group.attributes, item, scope, origins)
        for name, elements in clauses.lists.items():
            if name in ("min", "max"):
                made[name] = site_counts(told(elements, vocabulary.SITE, item, scope, self._values))
            else:
                made[name] = self._list(elements, name, group.lists[name], item, scope)
        if not any(made.get(name) not in (None, ()) for name in group.needs or made):
            scope.decided.update(leaf for each in origins.values() for leaf in each)
            scope.decided.update(leaf for name in clauses.lists for each in made[name] for leaf in each.origins)
            return None
        said = {k: v for k, v in origins.items() if v}
        if key == "restart":
            return Restart(**made, origins=tuple(dict.fromkeys(leaf for each in said.values() for leaf in each)))
        return _GROUPS[key](**made, origins=said)

    # ---- containers

    def _containers(self, name: str, item: Node, scope: Scope) -> tuple[Container, ...]:
        made: list[Container] = []
        for clauses in self._mapping.containers:
            if clauses.when is not None:
                tested = self._values.evaluated(clauses.when, item, scope, clauses.where)
                scope.decided.update(tested.own)
                if tested.value in (None, False, "") or tested.value in ([], {}):
                    continue
            made.append(self._container(name, len(made), clauses, item, scope))
        if not made:
            raise RefusedError("no container of the mapping applies to it", item)
        checks = list(told(self._mapping.checks, vocabulary.CHECK, item, scope, self._values))
        return tuple(self._with_checks(n, container, made, checks) for n, container in enumerate(made))

    def _with_checks(self, n: int, container: Container, among: list[Container], checks: list[Told]) -> Container:
        """The checks that stand beside the containers belong to the first, or to the one that they name."""
        names = [each.name for each in among]
        mine = []
        for each in checks:
            wanted = each.get("container", names[0])
            if wanted not in names:
                self._values.refuse(
                    f"the check's container {wanted!r} is none of {', '.join(names)}", each.node, each.where
                )
            if wanted == names[n]:
                mine.append(each)
        if not mine:
            return container
        settle = _Placeholders(self._mapping, container.ports, self._values)
        made = tuple(check_of(each, container.ports, settle.placed, self._values) for each in mine)
        return replace(container, checks=container.checks + made, env=settle.env(container.env) + container.env)

    def _container(self, name: str, number: int, clauses: ContainerClauses, item: Node, scope: Scope) -> Container:
        origins: dict[str, Any] = {}
        made = self._attributes(clauses.attributes, vocabulary.CONTAINER, item, scope, origins)
        reference = made.pop("image", "")
        if not reference:
            raise RefusedError(
                f"it has no image ({clauses.where.key}.image in {self._mapping.name}:{clauses.where.line})", item
            )
        lists: dict[str, Any] = {}
        for key, elements in clauses.lists.items():
            if key not in ("env", "ports", "checks"):
                lists[key] = self._list(elements, key, vocabulary.CONTAINER_LISTS[key], item, scope)
        ports = ports_of(told(clauses.lists.get("ports", ()), vocabulary.PORT, item, scope, self._values))
        settle = _Placeholders(self._mapping, ports, self._values)
        env = self._env(clauses, item, scope, settle)
        checks: tuple[Check, ...] = tuple(
            check_of(each, ports, settle.placed, self._values)
            for each in told(clauses.lists.get("checks", ()), vocabulary.CHECK, item, scope, self._values)
        )
        for words in ("entrypoint", "args"):
            if words in made:
                clause = clauses.attributes[words]
                made[words] = tuple(settle.text(word, item, clause) for word in made[words])
        return Container(
            name=made.pop("name", "") or (_label(name) if not number else f"{_label(name)}-{number + 1}"),
            image=Image(reference=reference),
            env=settle.env(env) + env,
            ports=ports,
            checks=checks,
            settings=self._settings(clauses, item, scope),
            origins={k: v for k, v in origins.items() if v},
            **made,
            **lists,
        )

    def _env(self, clauses: ContainerClauses, item: Node, scope: Scope, settle: _Placeholders) -> tuple[Env, ...]:
        made: dict[str, Env] = {}
        for each in told(clauses.lists.get("env", ()), vocabulary.ENV, item, scope, self._values):
            env = env_of(each, settle.placed, settle.runtime)
            before = made.get(env.name)
            if before is not None:  # the later clause wins, as the later -e does
                scope.decided.update(before.origins)
            made[env.name] = env
        return tuple(made.values())

    def _settings(self, clauses: ContainerClauses, item: Node, scope: Scope) -> tuple[Setting, ...]:
        made: list[Setting] = []
        for code, clause in clauses.settings.items():
            taken = self._values.taken(clause, item, scope)
            if taken is not None:
                made.append(Setting(code=code, value=taken.value, origins=taken.origins))
        return tuple(made)


class _Placeholders:
    """Texts that the legacy scheduler replaced when it started an instance.

    A container port is known, and stands in the text. What only the running pod knows comes from a variable of ours,
    which Kubernetes expands: ``$(PODLIFT_POD_IP)``.
    """

    def __init__(self, mapping: Mapping, ports: tuple[Port, ...], values: Values) -> None:
        self._mapping = mapping
        self._ports = ports
        self._values = values
        self._used: set[str] = set()

    def runtime(self, value: str) -> str:
        """What the whole of a variable's value stands for, ``""`` if it is no placeholder."""
        for pattern, stands_for in self._mapping.placeholders:
            match = pattern.fullmatch(value)
            if match:
                return str(match.expand(stands_for))
        return ""

    def placed(self, text: str, each: Told) -> str:
        return self._replaced(text, each.node, each.where)

    def text(self, text: str, node: Node, clause: Clause) -> str:
        return self._replaced(text, node, clause.where)

    def _replaced(self, text: str, node: Node, where: Any) -> str:
        for pattern, stands_for in self._mapping.placeholders:
            text = pattern.sub(lambda match, s=stands_for: self._one(match, s, node, where), text)  # type: ignore[misc]
        return text

    def _one(self, match: re.Match[str], stands_for: str, node: Node, where: Any) -> str:
        known = match.expand(stands_for)
        if known in vocabulary.RUNTIME:
            self._used.add(known)
            return f"$({variable(known)})"
        wanted = known.removeprefix("container_port(").removesuffix(")")
        for n, port in enumerate(self._ports):
            if wanted in (port.name, str(port.container_port), str(n)):
                return str(port.container_port)
        names = ", ".join(p.name or str(p.container_port) for p in self._ports) or "it has none"
        return self._values.refuse(f"{match.group()} names no port of the container ({names})", node, where)

    def env(self, there: tuple[Env, ...]) -> tuple[Env, ...]:
        """The variables of ours that texts refer to and that are not there yet. They stand before the others, since a
        value can refer only to a variable that stands before it."""
        names = {env.name for env in there}
        return tuple(
            Env(name=variable(each), runtime=each) for each in sorted(self._used) if variable(each) not in names
        )


def variable(runtime: str) -> str:
    """The variable that carries what only the running pod knows."""
    return f"PODLIFT_{runtime.upper()}"


def _label(name: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63].strip("-") or "main"


_GROUPS: MappingOf[str, Any] = {
    "schedule": Schedule,
    "termination": Termination,
    "rollout": Rollout,
    "scaling": Scaling,
}
