"""What an apply did, as values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from converters.errors import PodliftError

from ..plan.stages import Stage, Withheld

APPLIED_SCHEMA = "podlift.dev/applied/v1"


class Action(StrEnum):
    """What became of an object. Under a dry run: what would."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    UNSENT = "unsent"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``error``: why it failed; ``note``: why it was not sent or checked."""

    workload: str
    name: str
    namespace: str
    action: Action
    error: PodliftError | None = None
    note: str = ""

    @property
    def stands(self) -> bool:
        """Whether the object is on the cluster as the stage wants it."""
        return self.action in (Action.CREATED, Action.CHANGED, Action.UNCHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A controller that ``--wait`` saw not ready when its time was up, and the cluster's own words for it."""

    workload: str
    name: str
    namespace: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """
    plan       the plan's hash
    cluster    the context's name; ``version`` the API server's
    dry_run    ``""``, ``client`` (compared only) or ``server`` (the server's own dry run of what differs)
    stages     workload to stage
    undecided  workloads of which the plan holds nothing, to the questions that are open
    waiting    what was not ready in time
    """

    plan: str
    cluster: str
    version: str
    dry_run: str = ""
    stages: Mapping[str, Stage] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    undecided: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    waiting: tuple[Waiting, ...] = ()

    @property
    def counts(self) -> Counter[Action]:
        return Counter(each.action for each in self.outcomes)

    @property
    def complete(self) -> bool:
        """Whether all is as the stage wants it, and was ready where that was waited for."""
        return not (self.counts[Action.FAILED] or self.counts[Action.UNSENT] or self.waiting)


def summary(applied: Applied) -> str:
    """One line that scripts may rely on: every count in this order, always."""
    counts = applied.counts
    how = f"dry run by the {applied.dry_run}" if applied.dry_run else "apply"
    said = ", ".join(f"{counts[action]} {action.value}" for action in Action)
    more = f"{len(applied.withheld)} withheld, {len(applied.undecided)} undecided, {len(applied.waiting)} not ready"
    return f"{how}: {said}, {more}"


def applied_json(applied: Applied) -> dict[str, Any]:
    """As ``-o json`` prints it and the schema ``applied`` describes it."""
    return {
        "schema": APPLIED_SCHEMA,
        "plan": applied.plan,
        "cluster": applied.cluster,
        "version": applied.version,
        "dryRun": applied.dry_run,
        "complete": applied.complete,
        "summary": summary(applied),
        "stages": {name: stage.value for name, stage in sorted(applied.stages.items())},
        "objects": [
            {
                "workload": each.workload,
                "object": each.name,
                "namespace": each.namespace,
                "action": each.action.value,
                "note": each.note,
                "error": _error(each.error),
            }
            for each in applied.outcomes
        ],
        "withheld": [
            {"workload": each.workload, "object": each.name, "namespace": each.namespace, "why": each.why}
            for each in applied.withheld
        ],
        "undecided": [{"workload": name, "codes": list(codes)} for name, codes in sorted(applied.undecided.items())],
        "waiting": [
            {"workload": each.workload, "object": each.name, "namespace": each.namespace, "why": each.why}
            for each in applied.waiting
        ],
    }


def _error(error: PodliftError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"code": error.code, "subject": error.subject, "reason": error.reason, "next": error.next_step}
