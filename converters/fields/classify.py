"""The class of each field: observed, mirror, unset, inherited or present. The first that fits counts.

Only present fields want a verdict. What decides is data (the table's rows) and the named rules in ``defaults`` and
``mirrors``; nothing here knows what a reader does with a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..secrecy import WITHHELD, WITHHELD_AS_IMAGE
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


# A member of an enumeration costs a look-up each time it is named, and these are named for each of a million fields.
_OBSERVED, _MIRROR, _UNSET, _INHERITED, _PRESENT = Class
_IS_OBSERVED, _IS_CONFIG, _IS_INNER = Role.OBSERVED, Role.CONFIG, Role.INNER


def classified(fields: Iterable[Field], around: Surroundings) -> Classified:
    present: list[Field] = []
    disagreeing: list[Field] = []
    observed = mirror = unset = inherited = of_present = 0
    for found in fields:
        _, row, value, leaves = found
        if row is None:
            kind = _UNSET if value is None else _PRESENT
        elif row.role is _IS_OBSERVED:
            observed += leaves
            continue
        elif row.role is _IS_CONFIG:
            kind = _config_class(found, row, around)
        elif row.role is _IS_INNER:
            kind = _UNSET
        elif agrees(found, around):
            kind = _MIRROR
        else:
            kind = _PRESENT
            disagreeing.append(found)
        if kind is _UNSET:
            unset += leaves
        elif kind is _PRESENT:
            of_present += leaves
            present.append(found)
            if row is not None and row.mirror_of and row.role is _IS_CONFIG and has_primary(found, around):
                disagreeing.append(found)
        elif kind is _MIRROR:
            mirror += leaves
        else:
            inherited += leaves
    counts = {_OBSERVED: observed, _MIRROR: mirror, _UNSET: unset, _INHERITED: inherited, _PRESENT: of_present}
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
        return _MIRROR if value else _UNSET
    if not value and ((value is None and not row.by_key) or (not row.empty_counts and isinstance(value, dict | list))):
        return _UNSET
    image = around.image
    if row.inherits and image is not None:
        default = image.get(found.path)
        if default not in (None, "", [], {}):
            if isinstance(value, str) and value.endswith(f"={WITHHELD_AS_IMAGE}"):
                return _INHERITED
            # Two values that were withheld may differ.
            if _equal(default, value) and not (isinstance(value, str) and value.endswith(WITHHELD)):
                return _INHERITED
            return _PRESENT if value != "" else _UNSET
    for usual in row.usual:
        if value == usual and type(value) is type(usual):
            return _UNSET
    for rule in row.rules:
        if RULES[rule](found, around):
            return _UNSET
    return _PRESENT


def _command_class(found: Field, around: Surroundings) -> Class:
    """Entrypoint and Cmd belong together (moby's merge in daemon/commit.go): the image's Cmd counts only where neither
    was given; a given Entrypoint makes the Cmd beside it a given one; null where the image has one was cleared."""
    config = around.part("Config")
    image = around.image
    here = {key: config.get(key) or None for key in ("Entrypoint", "Cmd")}
    own = found.path.rpartition(".")[2]
    if image is None:
        return _PRESENT if here[own] else _UNSET
    there = {key: image.get(f"Config.{key}") or None for key in ("Entrypoint", "Cmd")}
    if here["Entrypoint"] == there["Entrypoint"]:
        if here[own] == there[own]:
            return _INHERITED if here[own] else _UNSET
        return _PRESENT
    if own == "Entrypoint" or here["Cmd"]:
        return _PRESENT
    return _UNSET


def _equal(one: Any, other: Any) -> bool:
    """Equal and of the same type: 0 is not False, "15" not 15."""
    return type(one) is type(other) and one == other
