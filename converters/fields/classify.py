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
    for found in fields:
        row = found.row
        role = None if row is None else row.role
        if role is Role.OBSERVED:
            counts[Class.OBSERVED] += found.leaves
            continue
        if role is Role.CONFIG:
            assert row is not None
            kind = _config_class(found, row, around)
        elif role is Role.INNER:
            kind = Class.UNSET
        elif row is None:
            kind = Class.UNSET if found.value is None else Class.PRESENT
        elif agrees(found, around):
            kind = Class.MIRROR
        else:
            kind = Class.PRESENT
            disagreeing.append(found)
        counts[kind] += found.leaves
        if kind is Class.PRESENT:
            present.append(found)
            if row is not None and row.mirror_of and role is Role.CONFIG and has_primary(found, around):
                disagreeing.append(found)
    return Classified(present=tuple(present), disagreeing=tuple(disagreeing), leaves=counts)


def image_fields(image: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """An image's defaults by the paths that they have in a container's document."""
    config = image.get("Config") or image.get("config")
    return {found.path: found.value for found in walk({"Config": config}, table)} if isinstance(config, dict) else {}


def _config_class(found: Field, row: Row, around: Surroundings) -> Class:
    value = found.value
    if row.attribute in ("container.entrypoint", "container.args"):
        return _command_class(found, around)
    if row.mirror_of and has_primary(found, around) and agrees(found, around):
        return Class.MIRROR if value else Class.UNSET
    if (value is None and not row.by_key) or (not row.empty_counts and value in ({}, [])):
        return Class.UNSET
    image = around.image
    if row.inherits and image is not None:
        default = image.get(found.path)
        if default not in (None, "", [], {}):
            if _equal(default, value):
                return Class.INHERITED
            return Class.PRESENT if value != "" else Class.UNSET
    if any(_equal(value, usual) for usual in row.usual):
        return Class.UNSET
    if any(RULES[rule](found, around) for rule in row.rules):
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
