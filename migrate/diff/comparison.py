"""Comparisons as values: what differs between a plan and each of the sides that it is held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .walk import Change

COMPARISON_SCHEMA = "podlift.dev/comparison/v1"


class Leg(StrEnum):
    """The kinds of side that a plan is held against."""

    CLUSTER = "cluster"
    LEGACY = "legacy"
    RUNTIME = "runtime"
    PLAN = "plan"
    DUMP = "dump"


class State(StrEnum):
    """What became of an object: one side alone has it, it changed, or there is something beside it.

    Seen from the plan (added: only the plan has it), but for the leg ``legacy``, which tells what became of the legacy
    side since the plan (added: new since then), and for ``runtime`` (added: only the cluster has it).
    """

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
class Declared:
    """A difference that the plan's verdicts ``codes`` said beforehand: no difference to act on."""

    change: Change
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDifference:
    """
    workload   whose object it is, ``""`` for a shared one
    name       ``Kind/name``; ``workload/NAME``, ``container/HOST/NAME`` and ``pod/NAME`` of what is no object of a plan
    state      see State; extra: nothing differs, something stands beside
    old, new   both sides in normal form, None where there is none
    recreate   the object must be deleted and made again: a field of it differs that the server lets nobody change
    gated      it differs because a gated apply holds it back until cutover
    """

    workload: str
    name: str
    namespace: str = ""
    state: State
    changes: tuple[Change, ...] = ()
    extras: tuple[Extra, ...] = ()
    declared: tuple[Declared, ...] = ()
    old: Mapping[str, Any] | None = field(default=None, repr=False)
    new: Mapping[str, Any] | None = field(default=None, repr=False)
    note: str = ""
    gated: bool = False

    @property
    def recreate(self) -> bool:
        return any(change.recreate for change in self.changes)


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
    """One leg.

    against       what the plan was held against, for people: ``cluster prod (v1.36.3)``
    answer        the leg ``legacy``: must one plan again, and why
    objects       what differs, in the plan's order, then what only the other side has
    said          verdicts and findings that differ; only two plans have such
    compared      how many things were looked at
    uncompared    what could not be compared, with the reason
    not_compared  why nothing was compared at all; ``""``: it was
    version       of the cluster, where one was asked
    """

    leg: Leg = Leg.PLAN
    against: str
    answer: str = ""
    objects: tuple[ObjectDifference, ...] = ()
    said: tuple[Said, ...] = ()
    compared: int = 0
    uncompared: tuple[str, ...] = ()
    not_compared: str = ""
    cluster: str = ""
    version: str = ""

    @property
    def differs(self) -> bool:
        """Whether anything differs. Fields that others set, and what verdicts declared, are no difference."""
        return bool(self.said) or any(each.state is not State.EXTRA for each in self.objects)

    @property
    def counts(self) -> Counter[State]:
        return Counter(each.state for each in self.objects)

    @property
    def exit_code(self) -> int:
        """0 no difference, 1 differences, 2 not compared."""
        return 2 if self.not_compared else int(self.differs)


def report_json(estate: str, plan_hash: str, legs: Sequence[Comparison]) -> dict[str, Any]:
    """Comparisons as ``-o json`` prints them and as the schema ``comparison`` describes them."""
    return {
        "schema": COMPARISON_SCHEMA,
        "estate": estate,
        "planHash": plan_hash,
        "exit": max((leg.exit_code for leg in legs), default=0),
        "legs": [_leg(each) for each in legs],
    }


def _leg(comparison: Comparison) -> dict[str, Any]:
    return {
        "leg": comparison.leg.value,
        "against": comparison.against,
        "cluster": comparison.cluster,
        "version": comparison.version,
        "notCompared": comparison.not_compared,
        "answer": comparison.answer,
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
                "recreate": each.recreate,
                "gated": each.gated,
                "changes": [_change(change) for change in each.changes],
                "extras": [{"path": e.path, "value": e.value, "owner": e.owner} for e in each.extras],
                "declared": [{**_change(e.change), "codes": list(e.codes)} for e in each.declared],
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


def _change(change: Change) -> dict[str, Any]:
    return {
        "op": change.op.value,
        "path": change.path,
        "old": change.old,
        "new": change.new,
        "owner": change.owner,
        "recreate": change.recreate,
    }
