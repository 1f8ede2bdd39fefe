"""What all commands share: where they run, how they talk, and how their errors end.

stdout is data and stderr is talk. A command returns its exit code (None is 0); an error of the user's input is
one :class:`PodliftError` and ends in the command's ``error_exit``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

import click

from converters.errors import PodliftError

INCOMPLETE = 3
INTERRUPTED = 130

COLOURS = {"exact": "green", "approximated": "yellow", "defaulted": "bright_black", "dropped": "red"}
COLOURS |= {"undecided": "magenta", "error": "red", "added": "green", "removed": "red", "changed": "yellow"}


@dataclass(slots=True)
class Session:
    """How this run talks, from the options of the group and of the command: those of the command win.

    output     the format of data on stdout
    progress   auto, plain, json or quiet
    verbosity  0 is usual, negative is quiet
    color      auto, always or never
    """

    output: str = ""
    progress: str = "auto"
    verbosity: int = 0
    color: str = "auto"

    def data(self, text: str) -> None:
        """To stdout, as it is."""
        click.echo(text, nl=False, color=True)

    def talk(self, text: str) -> None:
        """A line to stderr, unless -q."""
        if self.verbosity >= 0:
            click.echo(text, err=True, color=True)

    def detail(self, text: str) -> None:
        """A line to stderr under -v."""
        if self.verbosity > 0:
            click.echo(text, err=True, color=True)

    def paint(self, text: str, kind: str, *, err: bool = False) -> str:
        stream = sys.stderr if err else sys.stdout
        return click.style(text, fg=COLOURS[kind]) if kind in COLOURS and self.coloured(stream) else text

    def coloured(self, stream: TextIO) -> bool:
        """--color, then NO_COLOR and FORCE_COLOR as no-color.org and force-color.org have them, then the terminal."""
        if self.color != "auto":
            return self.color == "always"
        if os.environ.get("NO_COLOR"):
            return False
        if os.environ.get("FORCE_COLOR"):
            return True
        return stream.isatty() and os.environ.get("TERM") != "dumb"


class Failure(click.ClickException):
    """An error of the user's input, as it is shown: subject and reason, what to do next, the code to explain."""

    def __init__(self, error: PodliftError, exit_code: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.ends_in = exit_code

    def show(self, file: Any = None) -> None:
        session = session_of(click.get_current_context(silent=True))
        subject = f"{_printable(self.error.subject)}: " if self.error.subject else ""
        label = session.paint("error:", "error", err=True)
        reason = _printable(self.error.reason)
        click.echo(f"{label} {subject}{reason} [{self.error.code}]", file=file, err=True, color=True)
        if self.error.next_step:
            click.echo(f"next: {_printable(self.error.next_step)}", file=file, err=True, color=True)


def _printable(text: str) -> str:
    """Errors quote documents: of what these say nothing may move the cursor or change the terminal."""
    from ..report.table import one_line

    return "\n".join(one_line(line) for line in text.split("\n"))


class Command(click.Command):
    """A command with the options that every command takes.

    formats     what -o may be, the first is the default; empty: the command has no -o
    error_exit  the exit code of an error
    """

    def __init__(
        self, *args: Any, formats: tuple[str, ...] = (), error_exit: int = 1, progress: bool = False, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.error_exit = error_exit
        self.params += shared_options(formats, progress=progress)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PodliftError as error:
            raise Failure(error, self.error_exit) from error


def shared_options(formats: tuple[str, ...] = (), *, progress: bool = True) -> list[click.Parameter]:
    """-C, -o, --progress, -v, -q and --color. They set the session and reach no callback."""
    made: list[click.Parameter] = [
        _option(
            ["-C", "--directory"],
            _folder,
            is_eager=True,
            metavar="DIR",
            help="Work in DIR: podlift.yaml and all paths count from there.",
        )
    ]
    if formats:
        made.append(
            _option(
                ["-o", "--output"],
                _remember("output"),
                type=click.Choice(formats),
                help=f"Format of what is printed on stdout; {formats[0]} if not said.",
            )
        )
    if progress:
        made.append(
            _option(
                ["--progress"],
                _remember("progress"),
                type=click.Choice(("auto", "plain", "json", "quiet")),
                help="How progress is told on stderr.",
            )
        )
    made += [
        _option(["-v", "--verbose"], _verbosity(1), is_flag=True, help="Say more on stderr."),
        _option(["-q", "--quiet"], _verbosity(-1), is_flag=True, help="Say nothing on stderr but errors."),
        _option(
            ["--color"],
            _remember("color"),
            type=click.Choice(("auto", "always", "never")),
            help="Colour; auto heeds the terminal, NO_COLOR and FORCE_COLOR.",
        ),
    ]
    return made


def session_of(ctx: click.Context | None) -> Session:
    return Session() if ctx is None else ctx.ensure_object(Session)


pass_session = click.make_pass_decorator(Session, ensure=True)

Callback = Callable[[click.Context, click.Parameter, Any], Any]


def _option(names: list[str], callback: Callback, **more: Any) -> click.Option:
    return click.Option(names, callback=callback, expose_value=False, **more)


def _folder(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    try:
        os.chdir(value)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise click.BadParameter(f"{value}: {reason}", ctx=ctx, param_hint="-C") from error


def _remember(attribute: str) -> Callback:
    def callback(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            setattr(session_of(ctx), attribute, value)

    return callback


def _verbosity(step: int) -> Callback:
    def callback(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value:
            session_of(ctx).verbosity = step

    return callback
