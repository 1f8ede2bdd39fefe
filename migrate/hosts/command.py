"""How a program is started on a host or a node, and why it could not be."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from converters.errors import PodliftError

from ..aside import given_up
from ..engine.connect import Endpoint
from ..engine.forward import client
from ..engine.refusals import ssh_failed
from ..processes import run
from ..unsaid import Hide, as_said

PHASE = "cutover"
_NOT_FOUND = 127
_SSH_ITSELF = 255
# of what a program said last, in a message
_LONGEST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """
    name    the host or node, for messages
    prefix  what comes before a program and its arguments; nothing: it runs on this machine
    ssh     where the prefix is ssh's: whom it asks; a shell there reads the line, so it is quoted
    hide    takes out of its words what it may know and nobody else shall
    """

    name: str
    prefix: tuple[str, ...] = ()
    ssh: Endpoint | None = None
    hide: Hide = as_said

    def words(self, argv: Sequence[str]) -> list[str]:
        """All that is started on this machine."""
        return [*self.prefix, shlex.join(argv)] if self.ssh else [*self.prefix, *argv]

    def run(self, argv: Sequence[str], *, stdin: str = "", timeout_s: float = 30) -> str:
        """What the program prints, having read ``stdin``. It is ended where the work that it is for is given up.

        Raises PodliftError ``command-missing`` where there is no such program, ``ssh-failed`` where ssh does not get
        there, and ``command-failed`` where it ends with another code than 0, or not in its time.
        """
        words = self.words(argv)
        ended = run(words, stdin=stdin, apart=True, timeout_s=timeout_s, interrupted=given_up, hide=self.hide)
        if ended.code == 0:
            return ended.printed
        if ended.code is None:
            raise self._failed(words, ended.why, missing=ended.missing)
        how, last = f"ended with {ended.code}", "".join(ended.last[-1:])[:_LONGEST]
        if self.ssh and ended.code == _SSH_ITSELF:
            raise ssh_failed(self.ssh, last or how)
        raise self._failed(words, f"{how}: {last}" if last else how, missing=ended.code == _NOT_FOUND)

    def _failed(self, words: Sequence[str], said: str, *, missing: bool = False) -> PodliftError:
        line = shlex.join(words)
        return PodliftError(
            code="command-missing" if missing else "command-failed",
            phase=PHASE,
            subject=self.name,
            reason=f"{line}: {said}",
            next_step="install the program there, or correct the command"
            if missing
            else "run that line by hand, and give it what it asks for beforehand",
        )


def command_for(endpoint: Endpoint, how: str | Sequence[str] = "") -> Command | None:
    """How commands are run on an engine's host, by its ``exec``: ``ssh``, or the words of a command that takes a
    program and its arguments after its own.

    Without ``how``: by ssh for ssh:// hosts, directly where the engine's socket is of this machine, else None: nothing
    can be run there. Raises PodliftError ``bad-hosts``.
    """
    if not how and not endpoint.ssh:
        return Command(name=endpoint.name) if endpoint.socket else None
    if not how or how == "ssh":
        if not endpoint.ssh:
            raise PodliftError(
                code="bad-hosts",
                phase=PHASE,
                subject=endpoint.name,
                reason=f"exec: ssh needs an ssh:// URL, and this host's is {endpoint.url}",
                next_step="write exec: [ssh, HOST] with the host to log in to",
            )
        return Command(name=endpoint.name, prefix=tuple(client(endpoint)), ssh=endpoint)
    words = shlex.split(how) if isinstance(how, str) else list(how)
    return Command(name=endpoint.name, prefix=tuple(words))
