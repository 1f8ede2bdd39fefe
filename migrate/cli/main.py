"""``podlift``: finds the command, imports only that, and turns whatever ends it into an exit code.

| code | meaning |
|---|---|
| 0 | done; for diff: no difference |
| 1 | error; for diff: differences |
| 2 | wrong usage; for diff: error |
| 3 | done but incomplete |
| 4 | a gate of a cutover cannot tell, or waits for approval under --no-wait |
| 5 | a cutover went back to the legacy side |
| 130 | interrupted |
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from .command import INTERRUPTED, Failure, session_of, shared_options
from .neighbours import strangers

# Each is a module beside this one, with a command of its name; said here too, so that help imports none of them.
COMMANDS = {
    "init": "Write podlift.yaml, a draft mapping and .gitignore.",
    "mapping": "Draft a mapping, or check what one takes and leaves.",
    "discover": "Read Docker engines into a capture directory.",
    "convert": "Turn docker inspect into manifests on stdout.",
    "plan": "Write a plan directory, or show what it would say.",
    "show": "Show a capture or a plan, whole or by workload.",
    "explain": "Explain a code and how to answer it.",
    "schema": "Print the JSON Schema of a kind of file.",
    "diff": "Compare a plan with what is there.",
    "apply": "Put a plan onto its cluster, gated or final.",
    "cutover": "Move callers from containers to pods, step by step.",
    "completion": "Print the completion script of a shell.",
    "version": "Print the version.",
}


class Commands(click.Group):
    """The group: lists commands without importing them, and owns the exit codes."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command = getattr(import_module(f".{name}", __package__), "command")  # noqa: B009
        return command if isinstance(command, click.Command) else None

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # click would make an exit code of its own of it
            return _reader_gone()

    def main(self, *args: Any, **more: Any) -> NoReturn:
        """As click's, with our exit codes. The folder of -C is left at the end."""
        more["standalone_mode"] = False
        before = Path.cwd() if _exists(Path()) else None
        try:
            code = super().main(*args, **more)
            sys.stdout.flush()
        except click.Abort:
            _say("interrupted")
            code = INTERRUPTED
        except KeyboardInterrupt:
            _say("interrupted")
            code = INTERRUPTED
        except Failure as failure:
            failure.show()
            code = failure.ends_in
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            code = 2
        except click.UsageError as error:
            _usage(error)
            code = 2
        except click.ClickException as error:
            _say(f"error: {error.format_message()}")
            code = error.exit_code
        except BrokenPipeError:
            code = _reader_gone()
        except OSError as error:
            _say(f"error: {error.filename or 'output'}: {(error.strerror or str(error)).lower()} [cannot-write]")
            code = 1
        except Exception as fault:  # noqa: BLE001 - the last line of defence: a person is told, not shown a stack
            code = _own_fault(fault)
        finally:
            if before is not None:
                os.chdir(before)
        sys.exit(code if isinstance(code, int) else 0)


def _version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        from .version import installed_version

        click.echo(f"podlift {installed_version()}")
        ctx.exit()


@click.command(
    cls=Commands,
    params=shared_options(progress=True),
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "PODLIFT", "max_content_width": 110},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    # PODLIFT_VERSION in an environment says which podlift was installed there.
    allow_from_autoenv=False,
    help="Print the version.",
)
def cli() -> None:
    """Move what a Docker scheduler runs to Kubernetes: every field accounted for.

    Begin with `podlift plan` on a machine with a Docker engine, or `docker inspect NAME | podlift convert -`.

    \b
    An option may also come by environment, which podlift.yaml yields to: PODLIFT_PLAN_OUT is plan's --out.

    \b
    Exit codes: 0 done, or no difference; 1 error, or differences; 2 wrong usage, or an error of diff;
    3 incomplete (undecided under --strict, an unread host, plan --check differs); 4 and 5 see podlift cutover --help;
    130 interrupted.
    """


def main() -> NoReturn:
    """The entry point of ``podlift`` and ``kubectl-podlift``."""
    others = strangers()
    if others:
        _say(
            f"error: {' and '.join(others)}: installs a package called migrate in this environment, which is podlift's"
            " name too [import-name-taken]\nnext: install podlift in an environment of its own: pipx install podlift"
        )
        sys.exit(1)
    # A caller that closed a stream (podlift plan --out plan >&-) wants nothing on it; Python then has None there.
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    name = "kubectl podlift" if Path(sys.argv[0]).name.startswith("kubectl-") else "podlift"
    cli.main(prog_name=name)


def _own_fault(fault: Exception) -> int:
    """No input should lead here. PODLIFT_TRACEBACK=1 shows where it happened."""
    if os.environ.get("PODLIFT_TRACEBACK"):
        raise fault
    _say(f"error: podlift itself failed: {type(fault).__name__}: {fault} [internal]")
    _say("next: run it again with PODLIFT_TRACEBACK=1 and send podlift's authors what it prints")
    return 1


def _reader_gone() -> int:
    """Nothing that is still buffered may be written at exit, where Python would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _usage(error: click.UsageError) -> None:
    _say(f"error: {error.format_message()}")
    if error.ctx is not None:
        _say(f"next: {error.ctx.command_path} --help")


def _say(text: str) -> None:
    session = session_of(click.get_current_context(silent=True))
    label, separator, rest = text.partition(":")
    painted = session.paint(label + separator, "error", err=True) if label == "error" else label + separator
    click.echo(painted + rest, err=True, color=True)


def _exists(path: Path) -> bool:
    """Whether the working directory is still there: somebody may have removed it."""
    try:
        path.cwd()
    except FileNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
