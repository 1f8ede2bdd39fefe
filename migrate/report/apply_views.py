"""What an apply did, for people and for scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..apply.applied import Action, Applied, Outcome, summary
from .table import one_line, table

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
    rows += [("withheld", "", workload, f"until its cutover: {names}") for workload, names in _withheld(applied)]
    rows += [
        ("undecided", "", name, f"nothing of it is in the plan: {', '.join(codes)}")
        for name, codes in sorted(applied.undecided.items())
    ]
    rows += [("not ready", _where(each.namespace, each.name), each.workload, each.why) for each in applied.waiting]
    text = table(("ACTION", "OBJECT", "WORKLOAD", "WHY"), rows)
    for action, colour in _COLOURS.items():
        text = "".join(_painted(line, action.value, colour, paint) for line in text.splitlines(keepends=True))
    return f"{text}{_steps(applied)}{summary(applied)}\n"


def _withheld(applied: Applied) -> Iterator[tuple[str, str]]:
    """Workload and its withheld objects, a line each: an estate has hundreds of them."""
    for workload in dict.fromkeys(each.workload for each in applied.withheld):
        yield workload, ", ".join(each.name for each in applied.withheld if each.workload == workload)


def _steps(applied: Applied) -> str:
    """What to do about what failed, each thing once."""
    about: dict[str, list[str]] = {}
    for each in applied.outcomes:
        if each.error is not None:
            about.setdefault(each.error.next_step, []).append(_where(each.namespace, each.name))
    more = {step: f" and {len(names) - 1} more" if len(names) > 1 else "" for step, names in about.items()}
    return "".join(f"next: {one_line(f'{names[0]}{more[step]}: {step}')}\n" for step, names in about.items())


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
