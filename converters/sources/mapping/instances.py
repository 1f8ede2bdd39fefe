"""Instances that say something for themselves: one workload of their common part, and their differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...estate.differences import differences_of
from ...estate.joining import joined
from ...workload import Instance, Workload


def united(members: Sequence[tuple[str, Workload]]) -> Workload:
    """One workload of one for each instance (name, workload). What all say alike has the origins of all; what they
    say differently is the first one's, and a Difference."""
    first = members[0][1]
    if len(members) == 1:
        return first
    seen = [replace(workload, instances=(Instance(name=name, host="", document=name),)) for name, workload in members]
    return replace(joined([workload for _, workload in members]), differences=differences_of(seen))
