"""What an apply did, for people and for scripts."""

from __future__ import annotations

from collections.abc import Callable

from ..apply.applied import Action, Applied, Outcome, summary
from .table import table

Paint = Callable[[str, str], str]
_COLOURS = {Action.CREATED: "added", Action.CHANGED: "changed", Action.FAILED: "removed"}
# Kept short: what is as it was needs no line of its own.
_QUIET = frozenset({Action.UNCHANGED})


def applied_table(applied: Applied, paint: Paint) -> str:
    """What was sent or failed, what is withheld, what is not ready; the summary is the last line."""
    rows = [
        (each.action.value, _where(each.namespace, each.name), each.workload, _said(each))
        for each in applied.outcomes
        if each.action not in _QUIET
    ]
    rows += [("withheld", _where(each.namespace, each.name), each.workload, each.why) for each in applied.withheld]
    rows += [("not ready", _where(each.namespace, each.name), each.workload, each.why) for each in applied.waiting]
    text = table(("ACTION", "OBJECT", "WORKLOAD", "WHY"), rows)
    for action, colour in _COLOURS.items():
        text = "".join(_painted(line, action.value, colour, paint) for line in text.splitlines(keepends=True))
    failed = [each for each in applied.outcomes if each.error is not None]
    for each in failed:
        assert each.error is not None
        text += f"next: {_where(each.namespace, each.name)}: {each.error.next_step}\n"
    return f"{text}{summary(applied)}\n"


def applied_names(applied: Applied) -> str:
    """What was created or changed, a line each."""
    sent = (each for each in applied.outcomes if each.action in (Action.CREATED, Action.CHANGED))
    return "".join(f"{each.name}\n" for each in sent)


def _where(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


def _said(outcome: Outcome) -> str:
    return outcome.note if outcome.error is None else f"{outcome.error.reason} [{outcome.error.code}]"


def _painted(line: str, word: str, colour: str, paint: Paint) -> str:
    return paint(word, colour) + line.removeprefix(word) if line.startswith(word) else line
