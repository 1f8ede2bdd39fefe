"""A mapping as a frozen value: what each clause says, its expressions parsed."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Any

from .expression import Expression


@dataclass(frozen=True, slots=True)
class Where:
    """``key`` as the mapping's file spells the way to it, and its line there."""

    key: str
    line: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of a regular-expression table: a transform by name, or a text with ``\\1`` or ``\\g<name>``."""

    pattern: re.Pattern[str]
    transform: str = ""
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """Where one value comes from and what is done to it, in this order: ``when``, ``const`` or ``from``, ``values``,
    ``as`` (a transform or a table), ``default`` where nothing came. ``then``: clauses to ask where this one gives
    nothing."""

    where: Where
    kind: str
    choices: tuple[str, ...] = ()
    const: Any = None
    expression: Expression | None = None
    when: Expression | None = None
    default: Any = None
    transform: str = ""
    table: tuple[Rule, ...] = ()
    values: MappingOf[str, Any] = field(default_factory=dict)
    unit: str = ""
    registry: Expression | None = None
    then: tuple[Clause, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Elements:
    """Where the elements of a list come from: one for each value of ``each`` (without it: one), with ``attributes``
    and with ``whole``, clauses that may fill several attributes at once. ``names``: the whole is a map of name to
    value, or a list."""

    where: Where
    each: Expression | None = None
    when: Expression | None = None
    attributes: MappingOf[str, Clause] = field(default_factory=dict)
    whole: tuple[Clause, ...] = ()
    short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerClauses:
    where: Where
    when: Expression | None = None
    attributes: MappingOf[str, Clause] = field(default_factory=dict)
    lists: MappingOf[str, tuple[Elements, ...]] = field(default_factory=dict)
    settings: MappingOf[str, Clause] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupClauses:
    where: Where
    when: Expression | None = None
    attributes: MappingOf[str, Clause] = field(default_factory=dict)
    lists: MappingOf[str, tuple[Elements, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Documents by the globs of their files. ``ignore``: paths in them that have no effect, with the reason."""

    where: Where
    files: tuple[str, ...]
    ignore: MappingOf[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """A second document's items, found by ``to`` where it equals the workload's ``on``; they stand in the workload's
    item under the join's name. ``on_none``: refuse, skip or empty; ``on_many``: refuse, first or last."""

    where: Where
    each: Expression
    document: str
    on: Expression
    to: Expression
    on_none: str = "refuse"
    on_many: str = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """``container`` is a template with ``{name}``, ``{site}`` and ``{instance}``; ``label`` and ``env`` have ``{name}``
    alone. ``own`` is what an instance says for itself, laid over the workload's item."""

    where: Where
    elements: Elements
    own: Expression | None = None
    container: str = ""
    label: str = ""
    env: str = ""
    runtime_env: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workloads:
    where: Where
    each: Expression
    document: str
    name: Clause
    namespace: Clause | None = None
    controller: Clause | None = None
    when: Expression | None = None
    inherit: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """A mapping file, checked. Made by :func:`converters.sources.mapping.parse_mapping`; ``name`` is the file's."""

    name: str
    scheduler: str
    documents: MappingOf[str, Documents]
    workloads: Workloads
    containers: tuple[ContainerClauses, ...]
    joins: MappingOf[str, Join] = field(default_factory=dict)
    instances: Instances | None = None
    placeholders: tuple[tuple[re.Pattern[str], str], ...] = ()
    checks: tuple[Elements, ...] = ()
    attributes: MappingOf[str, Clause] = field(default_factory=dict)
    lists: MappingOf[str, tuple[Elements, ...]] = field(default_factory=dict)
    groups: MappingOf[str, GroupClauses] = field(default_factory=dict)
    ignore: MappingOf[str, str] = field(default_factory=dict)
