"""Whether the legacy side still is what the plan was made from: a plan of yesterday's container moves today's wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from converters.errors import PodliftError

from ..diff.comparison import ObjectDifference, State
from ..plan.model import Plan

if TYPE_CHECKING:
    from converters.capture import Capture
    from converters.sources.mapping import Mapping

_NAMED = 5
_CHANGES = 3


def refuse_moved(plan: Plan, legacy: Capture, workloads: Collection[str], *, mapping: Mapping | None = None) -> None:
    """Raises PodliftError ``legacy-moved`` with what changed of these workloads, ``legacy-unread`` where a host did not
    answer, and what planning raises."""
    from ..diff import diff_plan

    if not workloads:
        return
    comparison = diff_plan(plan, legacy, workloads=tuple(workloads), mapping=mapping)
    if comparison.not_compared:
        raise PodliftError(
            code="legacy-unread",
            phase="apply",
            subject="the legacy side",
            reason=f"whether it is still what was planned is not known: {comparison.not_compared}",
            next_step="run it again when the host answers, or say --skip-hosts to apply without looking",
        )
    moved = [each for each in comparison.objects if each.state is not State.EXTRA]
    if moved:
        raise PodliftError(
            code="legacy-moved",
            phase="apply",
            subject=_names(moved),
            reason=f"changed on the legacy side since the plan: {'; '.join(_told(moved))}",
            next_step="plan again (podlift diff PLAN --against legacy shows all of it), or apply other workloads by "
            "name",
        )


def _names(moved: Sequence[ObjectDifference]) -> str:
    names = [each.workload for each in moved]
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _told(moved: Sequence[ObjectDifference]) -> Iterator[str]:
    from ..report.comparison_views import change_line

    for each in moved[:_NAMED]:
        said = [change_line(change) for change in each.changes[:_CHANGES]]
        more = len(each.changes) - _CHANGES
        said += [f"{more} changes more"] if more > 0 else []
        yield f"{each.workload}: {', '.join(said) or 'it is gone'}"
