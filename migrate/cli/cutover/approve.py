"""``podlift cutover approve``"""

from __future__ import annotations

import click

from converters.errors import PodliftError

from ..clusters import Reach
from ..command import Command, Session, pass_session
from .options import STATES
from .runs import attached_to, run_options


@click.command("approve", cls=Command)
@run_options
@click.argument("state", required=False, type=click.Choice(STATES, case_sensitive=False), metavar="[STATE]")
@pass_session
def command(session: Session, workload: str, state: str | None, reach: Reach) -> None:
    """Let a run go on to a state that it holds before.

    Without STATE: the next one that it waits for, or will. Whoever drives the run sees it.
    """
    from ...cutover.waiting import approvals_of

    run, named = attached_to(workload, reach)
    if state is None:
        entry = run.entry()
        pending = approvals_of(entry.spec, entry.run)
        if not pending:
            raise PodliftError(
                code="cutover-unasked",
                phase="cutover",
                subject=workload,
                reason="the run waits for no approval, now or later",
                next_step=f"{named.verb('status')} shows what it waits for",
            )
        state = pending[0].value
    run.approve(state)
    session.talk(f"{workload}: approved to go on to {state}.")
