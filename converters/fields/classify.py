"""The class of each field: observed, mirror, unset, inherited or present. The first that fits counts.

Only present fields want a verdict. What decides is data (the table's rows) and the named rules in ``defaults`` and
``mirrors``; nothing here knows what a reader does with a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .defaults import RULES, Surroundings
from .mirrors import agrees, has_primary
from .row import Role, Row
from .verdict import Tally
from .walk import Field, Table, walk


class Class(StrEnum):
    OBSERVED = "observed"
    MIRROR = "mirror"
    UNSET = "unset"
    INHERITED = "inherited"
    PRESENT = "present"


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """
    present     in the document's order
    disagreeing mirrors among them that do not say what their primary says
    leaves      how many leaves each class has
    """

    present: tuple[Field, ...]
    disagreeing: tuple[Field, ...]
    leaves: Mapping[Class, int]

    def tally(self, document: str) -> Tally:
        return Tally(
            document=document,
            leaves=sum(self.leaves.values()),
            present=self.leaves[Class.PRESENT],
            inherited=self.leaves[Class.INHERITED],
            unset=self.leaves[Class.UNSET],
            observed=self.leaves[Class.OBSERVED],
            mirror=self.leaves[Class.MIRROR],
            atoms=tuple(found.path for found in self.present),
        )


def classified(fields: Iterable[Field], around: Surroundings) -> Classified:
    counts = dict.fromkeys(Class, 0)
    present: list[Field] = []
    disagreeing: list[Field] = []
    observed = unset = 0
    for found in fields:
        _, row, value, leaves = found
        if row is None:
            kind = Class.UNSET if value is None else Class.PRESENT
        elif row.role is Role.OBSERVED:
            observed += leaves
            continue
        elif row.role is Role.CONFIG:
            kind = _config_class(found, row, around)
            if kind is Class.UNSET:
                unset += leaves
                continue
        elif row.role is Role.INNER:
            kind = Class.UNSET
        elif agrees(found, around):
            kind = Class.MIRROR
        else:
            kind = Class.PRESENT
            disagreeing.append(found)
        counts[kind] += leaves
        if kind is Class.PRESENT:
            present.append(found)
            if row is not None and row.mirror_of and row.role is Role.CONFIG and has_primary(found, around):
                disagreeing.append(found)
    counts[Class.OBSERVED] += observed
    counts[Class.UNSET] += unset
    return Classified(present=tuple(present), disagreeing=tuple(disagreeing), leaves=counts)


def image_fields(image: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """An image's defaults by the paths that they have in a container's document."""
    config = image.get("Config") or image.get("config")
    return {found.path: found.value for found in walk({"Config": config}, table)} if isinstance(config, dict) else {}


_COMMAND = frozenset({"Config.Entrypoint", "Config.Cmd"})


def _config_class(found: Field, row: Row, around: Surroundings) -> Class:
    value = found.value
    if row.pattern in _COMMAND:
        return _command_class(found, around)
    if row.mirror_of and has_primary(found, around) and agrees(found, around):
        return Class.MIRROR if value else Class.UNSET
    if not value and ((value is None and not row.by_key) or (not row.empty_counts and isinstance(value, dict | list))):
        return Class.UNSET
    image = around.image
    if row.inherits and image is not None:
        default = image.get(found.path)
        if default not in (None, "", [], {}):
            if _equal(default, value):
                return Class.INHERITED
            return Class.PRESENT if value != "" else Class.UNSET
    for usual in row.usual:
        if value == usual and type(value) is type(usual):
            return Class.UNSET
    for rule in row.rules:
        if RULES[rule](found, around):
            return Class.UNSET
    return Class.PRESENT


def _command_class(found: Field, around: Surroundings) -> Class:
    """Entrypoint and Cmd belong together (moby's merge in daemon/commit.go): the image's Cmd counts only where neither
    was given; a given Entrypoint makes the Cmd beside it a given one; null where the image has one was cleared."""
    config = around.part("Config")
    image = around.image
    here = {key: config.get(key) or None for key in ("Entrypoint", "Cmd")}
    own = found.path.rpartition(".")[2]
    if image is None:
        return Class.PRESENT if here[own] else Class.UNSET
    there = {key: image.get(f"Config.{key}") or None for key in ("Entrypoint", "Cmd")}
    if here["Entrypoint"] == there["Entrypoint"]:
        if here[own] == there[own]:
            return Class.INHERITED if here[own] else Class.UNSET
        return Class.PRESENT
    if own == "Entrypoint" or here["Cmd"]:
        return Class.PRESENT
    return Class.UNSET


def _equal(one: Any, other: Any) -> bool:
    """Equal and of the same type: 0 is not False, "15" not 15."""
    return type(one) is type(other) and one == other
