"""The flags by which commands are told what to work on. Loads nothing of what they lead to: see inputs.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from converters.amounts import AmountError, seconds

from .command import Session

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The flags, as they were given."""

    sources: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    hosts: str | None = None
    config: tuple[str, ...] = ()
    mapping: str | None = None
    target: str | None = None
    decisions: str | None = None
    api_version: str | None = None


def seconds_of(ctx: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """A time as 90s or 1h30m, or a number of seconds; None where none is given."""
    if value is None:
        return None
    try:
        amount = seconds(value, "s")
    except AmountError as error:
        raise click.BadParameter(str(error), ctx=ctx, param=parameter) from error
    if amount < 0:
        raise click.BadParameter(f"{value!r} is less than none", ctx=ctx, param=parameter)
    return amount


def host_options(function: Function) -> Function:
    """--host and --hosts."""
    function = click.option("--hosts", metavar="FILE", help="Hosts to read: name, url, address, site, labels, tls.")(
        function
    )
    return click.option(
        "--host", metavar="[NAME=]URL", multiple=True, help="An engine to read: unix://, tcp://, ssh:// or context://."
    )(function)


def config_options(function: Function) -> Function:
    """--config and --mapping."""
    function = click.option("--mapping", metavar="FILE", help="Where in the configs things stand.")(function)
    return click.option("--config", metavar="FILE", multiple=True, help="A config of the scheduler, or a folder.")(
        function
    )


def planning_options(function: Function) -> Function:
    """--target, --decisions and --api-version."""
    version = click.option(
        "--api-version",
        metavar="1.NN",
        callback=_api_version,
        help="Read inspect documents as of this version of the engine's API.",
    )
    target = click.option("--target", metavar="FILE", help="What the cluster can do and how to use it.")
    decisions = click.option("--decisions", metavar="FILE", help="Answers and overrides.")
    return target(decisions(version(function)))


def _api_version(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"1\.[0-9]{1,3}", value):
        raise click.BadParameter(f"{value!r} is no version of the engine's API, such as 1.41", ctx=ctx, param=parameter)
    return value


def mend(session: Session, *places: Path | str) -> None:
    """Completes or undoes what a killed podlift left of a plan or a capture, and says so."""
    from ..plan.swap import recover

    for place in places:
        try:
            said = recover(Path(place))
        except (OSError, ValueError):
            # The command's own error says it better.
            continue
        if said:
            session.talk(f"{said[0].upper()}{said[1:]}.")
