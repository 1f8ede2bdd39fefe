"""Commands of the user's: run from a list, never through a shell, for a limited time, with their last words."""

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

_LAST_LINES = 5
_LAST_BYTES = 4096
_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """``code``: what it ended with, negative for a signal; None: it did not end in time, or could not be started.
    ``why``: then, what came in between. ``said``: its last lines, of both outputs, without passwords of URLs."""

    code: int | None
    said: str = ""
    why: str = ""


def run(
    argv: Sequence[str],
    variables: Mapping[str, str],
    *,
    timeout_s: float,
    interrupted: Callable[[], bool] = lambda: False,
) -> Ended:
    """Runs a command in podlift's own environment plus ``variables``. When its time is over it is ended with all that
    it started; an interrupt from the terminal does not reach it.

    Its output goes to a file, so that what it leaves running in the background holds nobody up.
    """
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                list(argv),
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return Ended(code=None, why=f"it cannot be started: {reason.lower()}")
        why = _waited(process, timeout_s, interrupted)
        return Ended(code=None if why else process.returncode, said=_last_lines(output), why=why)


def _waited(process: subprocess.Popen[bytes], timeout_s: float, interrupted: Callable[[], bool]) -> str:
    end = time.monotonic() + timeout_s
    why = ""
    try:
        while process.poll() is None:
            if time.monotonic() >= end:
                why = f"it did not end within {timeout_s:g} s"
                break
            if interrupted():
                why = "it was interrupted"
                break
            time.sleep(_POLL_S)
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return why


def _last_lines(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _LAST_BYTES))
    lines = [line.strip() for line in output.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return masked(" / ".join(lines[-_LAST_LINES:]), ())
