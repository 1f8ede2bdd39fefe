"""What one gate says about one window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Result(StrEnum):
    """``INCONCLUSIVE``: nothing can be told. ``ERROR``: whoever was to tell could not be asked, which is no fault of
    the pods."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``reason``: one sentence, the numbers in it. ``figures``: name to number, for status and the report: success in
    percent, p50 and p99 in seconds, samples, each with ``legacy_`` before it for the baseline; ``value`` of a query."""

    gate: str
    result: Result
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)
