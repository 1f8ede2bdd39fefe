"""``podlift completion``"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .command import Command, Session, pass_session

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
@pass_session
@click.pass_context
def command(ctx: click.Context, session: Session, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash  eval "$(podlift completion bash)"
    zsh   eval "$(podlift completion zsh)"
    fish  podlift completion fish > ~/.config/fish/completions/podlift.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"there is no completion for {shell}")
    # The script calls the program back under this name, however this run was started.
    session.data(found(ctx.find_root().command, {}, "podlift", "_PODLIFT_COMPLETE").source() + "\n")
