"""A gate that is a command: 0 passes, 75 (EX_TEMPFAIL) tells nothing, anything else fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...processes import run
from ...unsaid import Hide
from .outcome import Outcome, Result

_TELLS_NOTHING = 75


def ask_command(
    name: str, gate: Mapping[str, Any], variables: Mapping[str, str], hide: Hide, *, interrupted: Callable[[], bool]
) -> Outcome:
    """``gate``: {argv, timeout_s}. One that cannot be started, does not end in time or is killed is an error."""
    ended = run(gate["argv"], variables=variables, timeout_s=gate["timeout_s"], interrupted=interrupted, hide=hide)
    said = f": {ended.said}" if ended.said else ""
    if ended.code is None:
        return Outcome(gate=name, result=Result.ERROR, reason=f"{ended.why}{said}")
    if ended.code < 0:
        return Outcome(gate=name, result=Result.ERROR, reason=f"it was killed by signal {-ended.code}{said}")
    result = {0: Result.PASSED, _TELLS_NOTHING: Result.INCONCLUSIVE}.get(ended.code, Result.FAILED)
    return Outcome(gate=name, result=result, reason=f"it ended with {ended.code}{said}")
