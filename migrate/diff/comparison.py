"""A comparison as values: objects, verdicts and findings that differ between a plan and what it is held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .walk import Change

COMPARISON_SCHEMA = "podlift.dev/comparison/v1"


class State(StrEnum):
    """What became of an object, seen from the plan: it is new, gone, changed, or there is something beside it."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """A field that a live object has and the plan does not say: no difference. ``owner``: the field managers."""

    path: str
    value: Any
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDifference:
    """
    workload   whose object it is, ``""`` for a shared one
    name       ``Kind/name``; namespace where it has one
    state      added: only the plan has it; removed: only the other side; extra: nothing differs, fields stand beside
    old, new   both sides in normal form, None where there is none
    """

    workload: str
    name: str
    namespace: str = ""
    state: State
    changes: tuple[Change, ...] = ()
    extras: tuple[Extra, ...] = ()
    old: Mapping[str, Any] | None = field(default=None, repr=False)
    new: Mapping[str, Any] | None = field(default=None, repr=False)
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A verdict or finding that one of two plans has and the other has not, or has otherwise.

    kind      verdict or finding
    code      a finding's; a verdict's stands in the texts, since it may change
    about     source path, target or subject
    old, new  as texts, ``""`` where nothing was said
    """

    kind: str
    workload: str
    code: str
    about: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """
    against      what the plan was held against, for people
    objects      what differs, in the plan's order, then what only the other side has
    said         verdicts and findings that differ; empty against a dump, which has none
    compared     how many objects were looked at
    uncompared   what could not be compared, with the reason
    """

    against: str
    objects: tuple[ObjectDifference, ...] = ()
    said: tuple[Said, ...] = ()
    compared: int = 0
    uncompared: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether anything differs. Fields that others set beside the plan's are no difference."""
        return bool(self.said) or any(each.state is not State.EXTRA for each in self.objects)

    @property
    def counts(self) -> Counter[State]:
        return Counter(each.state for each in self.objects)


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as ``-o json`` prints it and as the schema ``comparison`` describes it."""
    return {
        "schema": COMPARISON_SCHEMA,
        "against": comparison.against,
        "differs": comparison.differs,
        "compared": comparison.compared,
        "uncompared": list(comparison.uncompared),
        "objects": [
            {
                "workload": each.workload,
                "object": each.name,
                "namespace": each.namespace,
                "state": each.state.value,
                "note": each.note,
                "changes": [{"op": c.op.value, "path": c.path, "old": c.old, "new": c.new} for c in each.changes],
                "extras": [{"path": e.path, "value": e.value, "owner": e.owner} for e in each.extras],
            }
            for each in comparison.objects
        ],
        "said": [
            {
                "kind": each.kind,
                "workload": each.workload,
                "code": each.code,
                "about": each.about,
                "old": each.old,
                "new": each.new,
            }
            for each in comparison.said
        ],
    }
