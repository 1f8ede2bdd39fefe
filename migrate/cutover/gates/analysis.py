"""How the windows of one step add up, for as long as one driver lives. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ..run import Timings
from .outcome import Outcome, Result


class Standing(StrEnum):
    """``FAILED`` is for good and leads back; ``INCONCLUSIVE`` is a pause, never a way back."""

    GO_ON = "go-on"
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """
    consecutive    windows in a row that have to pass
    failure_limit  failed windows, in a row or not, after which it has failed for good
    error_limit    windows in a row in which one and the same gate could not be asked; then nothing can be told
    passes         windows passed in a row
    errors         gate to windows in a row
    held           why nothing can be told; ``""``: it can
    last           the last window that counted, gate by gate
    """

    consecutive: int = 3
    failure_limit: int = 2
    error_limit: int = 4
    passes: int = 0
    failures: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    held: str = ""
    failed: str = ""
    windows: int = 0
    last: tuple[Outcome, ...] = ()

    @property
    def standing(self) -> Standing:
        if self.failures >= self.failure_limit:
            return Standing.FAILED
        if self.held:
            return Standing.INCONCLUSIVE
        return Standing.PASSED if self.passes >= self.consecutive else Standing.GO_ON

    @property
    def reason(self) -> str:
        """Why it stands as it does, one sentence."""
        if self.standing is Standing.FAILED:
            return f"{self.failures} of {self.windows} windows failed; the last: {self.failed}"
        if self.held:
            return self.held
        said = f"{self.passes} of {self.consecutive} windows in a row passed"
        return f"{said}, {self.failures} failed ({self.failed})" if self.failures else said

    def fed(self, outcomes: Sequence[Outcome]) -> Analysis:
        """With one window more: it passes if every gate passes, and fails if one fails. One in which a gate could not
        be asked is neither, and breaks the row. A window without any gate tells nothing."""
        errors = {each.gate: self.errors.get(each.gate, 0) + 1 for each in outcomes if each.result is Result.ERROR}
        counted = replace(self, windows=self.windows + 1, errors=errors, last=tuple(outcomes))
        failed = _said(outcomes, Result.FAILED)
        if failed:
            return replace(counted, passes=0, failures=self.failures + 1, failed=failed)
        held = _said(outcomes, Result.INCONCLUSIVE)
        if held or not outcomes:
            return replace(counted, passes=0, held=held or "no gate said anything")
        worn = [each for each in outcomes if errors.get(each.gate, 0) >= self.error_limit]
        if worn:
            held = f"not to be asked {self.error_limit} times in a row: {_said(worn, Result.ERROR)}"
            return replace(counted, passes=0, held=held)
        return replace(counted, passes=0 if errors else self.passes + 1)

    def resumed(self) -> Analysis:
        """After an outage: the row begins anew, what failed stays failed, as long as the driver lives."""
        return replace(self, passes=0, errors={}, held="")


def analysis(timings: Timings) -> Analysis:
    """One that has seen nothing yet. Each step has its own."""
    return Analysis(consecutive=timings.consecutive, failure_limit=timings.failures, error_limit=timings.errors)


def _said(outcomes: Iterable[Outcome], result: Result) -> str:
    return "; ".join(f"{each.gate}: {each.reason}" for each in outcomes if each.result is result)
