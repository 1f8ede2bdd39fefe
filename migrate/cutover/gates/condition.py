"""Conditions on a query's result: ``result < 0.01``, several joined by ``and``. Read, never evaluated as code. Pure."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .outcome import Result

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_COMPARISON = re.compile(r"result\s*(<=|>=|==|!=|<|>)\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Condition:
    text: str
    comparisons: tuple[tuple[str, float], ...]

    def holds(self, value: float) -> bool:
        return all(_OPERATORS[sign](value, bound) for sign, bound in self.comparisons)

    def judge(self, values: Sequence[float]) -> tuple[Result, str]:
        """Every series has to meet it. No series, or one that is no number, tells nothing."""
        if not values:
            return Result.INCONCLUSIVE, "the query gives no series"
        if any(math.isnan(each) for each in values):
            return Result.INCONCLUSIVE, "the query gives no number (NaN), as a rate over nothing does"
        broken = [each for each in values if not self.holds(each)]
        if broken:
            more = f", and of {len(broken) - 1} more series" if len(broken) > 1 else ""
            return Result.FAILED, f"the result is {broken[0]:g}{more}; {self.text} is due"
        return Result.PASSED, f"the result is {', '.join(f'{each:g}' for each in values[:3])}; {self.text}"


def condition(text: str) -> Condition:
    """
    >>> condition("result >= 0.9 and result < 1.1").comparisons
    (('>=', 0.9), ('<', 1.1))

    Raises ValueError.
    """
    found = []
    for part in re.split(r"\s+and\s+", text.strip()):
        match = _COMPARISON.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"{part!r} is no comparison; write result < 0.01, or several joined by and")
        found.append((match[1], float(match[2])))
    return Condition(text.strip(), tuple(found))
