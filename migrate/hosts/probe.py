"""The probe, wherever it runs: one JSON document in, one out; probe/task.go and probe/answer.go say what is in them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from converters.errors import PodliftError

from .command import PHASE, Command


def probe(command: Command, argv: Sequence[str], task: Mapping[str, Any], *, timeout_s: float) -> dict[str, Any]:
    """What the probe answers. Raises what ``Command.run`` does, and ``command-failed`` where that is no answer."""
    return answer_of(command.run(argv, stdin=json.dumps(task), timeout_s=timeout_s), command.name)


def answer_of(printed: str, subject: str) -> dict[str, Any]:
    """What the probe printed, read."""
    try:
        answer = json.loads(printed)
    except ValueError as error:
        raise _no_answer(subject) from error
    if not isinstance(answer, dict) or "conntrack" not in answer:
        raise _no_answer(subject)
    return answer


def _no_answer(subject: str) -> PodliftError:
    return PodliftError(
        code="command-failed",
        phase=PHASE,
        subject=subject,
        reason="what its probe printed is no answer of podlift-probe",
        next_step="give the command that starts podlift-probe, of this version, and prints nothing else",
    )
