"""``--detach`` of ``start`` and ``resume``: what drives the run then, and how that is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from converters.errors import PodliftError

from ...cutover.detached import ACCOUNT, Detachment, called
from ..command import Failure, Session
from .driving import Result, worst
from .runs import Named

if TYPE_CHECKING:
    from ...cutover.run import Spec

Function = Callable[..., Any]


def detach_options(function: Function) -> Function:
    """Adds the options; the command's function gets ``by``, None without --detach. What only a process that stays can
    do is refused beside it."""

    # with the options that click keeps of what stands below this decorator
    @wraps(function)
    def with_detachment(
        *args: Any, detach: bool, image: str | None, secret: str | None, account: str | None, **more: Any
    ) -> Any:
        given = {"--image": image, "--secret": secret, "--service-account": account}
        if not detach and (alone := [name for name, value in given.items() if value]):
            raise click.UsageError(f"{alone[0]} is for --detach")
        if detach and not image:
            raise click.UsageError("--detach needs --image: podlift's own, which image/Dockerfile makes")
        staying = {"--no-wait": more.get("no_wait"), "--record": more.get("record")}
        if detach and (beside := [name for name, value in staying.items() if value]):
            raise click.UsageError(f"{beside[0]} is for a command that stays, and not beside --detach")
        by = Detachment(image=image, secret=secret or "", account=account or ACCOUNT) if detach and image else None
        return function(*args, by=by, **more)

    decorated: Function = with_detachment
    for option in (
        click.option(
            "--service-account",
            "account",
            metavar="NAME",
            help="With --detach: who podlift is in the cluster, with the rights of podlift-cutover and podlift-target; "
            f"{ACCOUNT}, if nothing is said.",
        ),
        click.option(
            "--secret",
            metavar="NAME",
            help="With --detach: a Secret of the namespace with what reaches the engines: id_ed25519, known_hosts and "
            "config for ssh, the files of tls: by their names; and the values of ${NAME}.",
        ),
        click.option("--image", metavar="IMAGE", help="With --detach: podlift's image, with what hooks call."),
        click.option(
            "--detach",
            is_flag=True,
            help="Leave the run to a Deployment in the cluster, which goes when the run has ended, and exit.",
        ),
    ):
        decorated = option(decorated)
    return decorated


def warn(session: Session, spec: Spec, by: Detachment) -> None:
    """Of what is started in the image from now on, and may be there or not."""
    if found := called(spec):
        said = ", ".join(f"{program} ({what})" for program, what in found)
        session.talk(f"{spec.workload}: runs in {by.image} now, and has to be there: {said}")


def told(session: Session, named: Mapping[str, Named], runs: Mapping[str, str], found: Mapping[str, Any]) -> int:
    """``runs``: IDs; ``found``: who drives each, or a PodliftError; both by workload. The exit code."""
    results = {name: _result(each, found[name]) for name, each in named.items()}
    if session.output == "json":
        bodies = [each.body(runs[name]) for name, each in results.items()]
        session.data(json.dumps(bodies if len(bodies) > 1 else bodies[0], indent=2, ensure_ascii=False) + "\n")
    else:
        session.data("".join(each.line() for each in results.values()))
    for name, each in results.items():
        if isinstance(found[name], PodliftError):
            Failure(found[name], each.exit_code).show()
        else:
            each.lead_on(session)
    return worst(each.exit_code for each in results.values())


def _result(named: Named, found: str | PodliftError) -> Result:
    if isinstance(found, PodliftError):
        return Result(named=named, outcome="error", state="", why=f"{found.code}: {found.reason}")
    if not found:
        return Result(named=named, outcome="detached", state="", why="the run has ended by now")
    return Result(named=named, outcome="detached", state="", why=f"{found} drives it")
