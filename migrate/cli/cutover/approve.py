"""``podlift cutover approve``"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

import click

from converters.errors import PodliftError

from ...cutover.edges import Backend
from ...cutover.settings import HOLDABLE
from ...cutover.states import State
from ..clusters import Reach
from ..command import Command, Session, pass_session
from .runs import attached_to, run_options

# That before which a run stands that a gate sent back to pods which served before it.
STATES = tuple(state.value for state in (*HOLDABLE, State.ROLLED_BACK))
_MEMBER = re.compile(r"[a-z0-9-]+/[a-z0-9.-]+")
_INSTANCE = re.compile(r"[^\s/]+/[0-9a-f]{12,64}")


def _what(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None or value.upper() in STATES:
        return value and value.upper()
    try:
        return str(ip_network(value)) if "/" in value else str(ip_address(value))
    except ValueError:
        if _MEMBER.fullmatch(value) or _INSTANCE.fullmatch(value) or _remote(value):
            return value
    raise click.BadParameter(
        f"{value!r} is not one of {', '.join(STATES)}, no address, no NAMESPACE/WORKLOAD, no HOST/ID and no node/NAME",
        ctx,
        parameter,
    )


def _remote(value: str) -> bool:
    address, _, port = value.rpartition(":")
    try:
        return str(Backend(str(ip_address(address.strip("[]"))), int(port))) == value
    except ValueError:
        return False


def _unasked(workload: str, reason: str, step: str) -> PodliftError:
    return PodliftError(code="cutover-unasked", phase="cutover", subject=workload, reason=reason, next_step=step)


@click.command("approve", cls=Command)
@run_options
@click.argument(
    "what", required=False, callback=_what, metavar="[STATE|ADDRESS[:PORT]|NAMESPACE/WORKLOAD|HOST/ID|node/NAME]"
)
@pass_session
def command(session: Session, workload: str, what: str | None, reach: Reach) -> None:
    """Let a run go on to a state that it holds before.

    Without STATE: the next one that it waits for, or will. Whoever drives the run sees it.

    ADDRESS, or a network as 10.1.0.0/16, accepts that clients from there go past the Service and are cut off when the
    containers stop. ADDRESS:PORT accepts that pods do not get there, though containers do. NAMESPACE/WORKLOAD goes on
    without regard to another one of the group: one that went back, or whose connections nobody can count. HOST/ID, the
    ID as docker ps shows it, accepts that this container is lost: the run goes on, or back, without it. node/NAME takes
    it on trust that a node which is not Ready sends nobody where the run takes callers from. A run that is paused is
    then to be resumed.
    """
    from ...cutover.waiting import approvals_of, asked_for

    run, named = attached_to(workload, reach)
    if what is None:
        entry = run.entry()
        pending, asked = approvals_of(entry), asked_for(entry)
        if asked and asked not in STATES:
            raise _unasked(workload, f"what is approved is to be named: {asked}", named.verb("approve", asked))
        if not pending:
            reason = "the run waits for no approval, now or later"
            raise _unasked(workload, reason, f"{named.verb('status')} shows what it waits for")
        what = pending[0].value
    run.approve(what)
    session.talk(f"{workload}: approved{' to go on to' if what in STATES else ''} {what}.")
