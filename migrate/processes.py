"""Programs that podlift starts: from a list, never through a shell, for a limited time, with their last words."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from converters.secrecy import masked

from .unsaid import Hide, as_said

_LAST_LINES = 5
_LAST_BYTES = 4096
_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """
    code     what it ended with, negative for a signal; None: it did not end in time, or could not be started
    why      then, what came in between
    missing  it could not be started, since there is no such program
    printed  its stdout, where that is kept apart
    last     its last lines, of both outputs or of stderr alone, without passwords of URLs and what was to be hidden
    """

    code: int | None
    why: str = ""
    missing: bool = False
    printed: str = ""
    last: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """The last lines in one."""
        return " / ".join(self.last)


def run(
    argv: Sequence[str],
    *,
    variables: Mapping[str, str] | None = None,
    stdin: str = "",
    apart: bool = False,
    timeout_s: float,
    interrupted: Callable[[], bool] = lambda: False,
    hide: Hide = as_said,
) -> Ended:
    """Runs a program in podlift's own environment plus ``variables``. When its time is over it is ended with all that
    it started; an interrupt from the terminal does not reach it. ``apart``: stdout is kept apart, and whole. ``hide``:
    takes out of its last words what it may know and nobody else shall.

    Its outputs go to files, so that what it leaves running in the background holds nobody up.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as said:
        given.write(stdin.encode())
        given.seek(0)
        try:
            process = subprocess.Popen(
                list(argv),
                env={**os.environ, **(variables or {})},
                stdin=given,
                stdout=printed if apart else said,
                stderr=said,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            missing = isinstance(error, FileNotFoundError)
            return Ended(code=None, why=f"it cannot be started: {reason.lower()}", missing=missing)
        why = _waited(process, timeout_s, interrupted)
        printed.seek(0)
        return Ended(
            code=None if why else process.returncode,
            why=why,
            printed=printed.read().decode("utf-8", "replace"),
            last=_last_lines(said, hide),
        )


def _waited(process: subprocess.Popen[bytes], timeout_s: float, interrupted: Callable[[], bool]) -> str:
    end = time.monotonic() + timeout_s
    try:
        while process.poll() is None:
            left = end - time.monotonic()
            if left <= 0:
                return f"it did not end within {timeout_s:g} s"
            if interrupted():
                return "it was interrupted"
            with suppress(subprocess.TimeoutExpired):
                process.wait(min(_POLL_S, left))
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return ""


def _last_lines(output: IO[bytes], hide: Hide) -> tuple[str, ...]:
    size = output.seek(0, os.SEEK_END)
    # more than is shown, for what is to be hidden is not to be told by its end alone
    output.seek(max(0, size - 2 * _LAST_BYTES))
    text = hide(output.read().decode("utf-8", "replace"))[-_LAST_BYTES:]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return tuple(masked(line, ()) for line in lines[-_LAST_LINES:])
