"""Runs that are driven side by side: their events are told with the workload, and each has a result of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..command import Failure, Session
from .driving import EventProgress, Result, worst
from .runs import Named

if TYPE_CHECKING:
    from ...cutover.driver import Event
    from ...cutover.grouping import CutoverGroup, Ended


def drive_together(
    session: Session,
    named: Mapping[str, Named],
    group: CutoverGroup,
    events: Iterator[tuple[str, Event]],
    runs: Mapping[str, str],
) -> int:
    """Until all have ended; then the results, the next steps, and the worst exit code. ``named``, ``runs`` (IDs): by
    workload, in the order in which results are told."""
    progress = EventProgress(session, of=named)
    try:
        for name, event in events:
            progress(event, name)
    finally:
        progress.clear()
    results = {name: _result(each, group.ended[name]) for name, each in named.items()}
    if session.output == "json":
        bodies = [each.body(runs[name]) for name, each in results.items()]
        session.data(json.dumps(bodies, indent=2, ensure_ascii=False) + "\n")
    else:
        session.data("".join(each.line() for each in results.values()))
    for name, each in results.items():
        if (error := group.ended[name].error) is not None:
            Failure(error, each.exit_code).show()
        each.lead_on(session)
    return worst(each.exit_code for each in results.values())


def _result(named: Named, ended: Ended) -> Result:
    outcome = "error" if ended.outcome is None else ended.outcome.value
    why = ended.why if ended.error is None else f"{ended.error.code}: {ended.error.reason}"
    return Result(named=named, outcome=outcome, state=ended.state, why=why)
