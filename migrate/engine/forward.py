"""``ssh://``: one forward of the engine's socket a host, by the system's ssh client.

So the user's config, keys, agent and jump hosts apply, and one login serves all calls. Nothing may ask: BatchMode.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from converters.errors import PodliftError

from .connect import Endpoint
from .deadline import CancelledError
from .refusals import late, ssh_failed

# The path of a unix socket has 108 bytes at most, and ssh binds a longer name beside it first.
_LONGEST = 80
_OPTIONS = (
    "BatchMode=yes",
    # a connection of its own: a forward in the user's shared one would outlive us there
    "ControlMaster=no",
    "ControlPath=none",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
    "RemoteCommand=none",
    "PermitLocalCommand=no",
    "ForwardX11=no",
    "ForwardAgent=no",
)


@contextmanager
def forwarded(endpoint: Endpoint, *, timeout_s: float, stop: threading.Event) -> Iterator[Endpoint]:
    """An endpoint on this machine that leads to the socket on the other one, while the block lasts.

    Raises PodliftError ``ssh-failed`` with ssh's last line, ``engine-silent``; CancelledError once ``stop`` is set.
    """
    folder = Path(tempfile.mkdtemp(prefix="podlift-"))
    if len(str(folder)) > _LONGEST:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="podlift-", dir="/tmp"))
    try:
        local = folder / "engine.sock"
        log = folder / "ssh.log"
        process = _started(endpoint, local, log)
        try:
            _wait(process, local, endpoint, log, timeout_s, stop)
            yield replace(endpoint, socket=str(local), ssh="", ssh_port=0)
        except PodliftError as error:
            # the login went well, and the other side refused the forward: only ssh knows why
            if error.code in ("engine-lost", "engine-unreachable") and (said := _last_line(log)):
                raise ssh_failed(endpoint, f"{said} (the socket there is {endpoint.socket})") from error
            raise
        finally:
            _end(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def command(endpoint: Endpoint, local: str) -> list[str]:
    """The ssh client's arguments for the forward."""
    return client(endpoint, "-N", "-L", f"{local}:{endpoint.socket}")


def client(endpoint: Endpoint, *options: str) -> list[str]:
    """The ssh client's arguments, up to and with the destination."""
    given = [word for option in _OPTIONS for word in ("-o", option)]
    port = ["-p", str(endpoint.ssh_port)] if endpoint.ssh_port else []
    return ["ssh", "-T", *given, *port, *options, "--", endpoint.ssh]


def _started(endpoint: Endpoint, local: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as stderr:
        try:
            return subprocess.Popen(
                command(endpoint, str(local)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr
            )
        except FileNotFoundError as error:
            raise ssh_failed(endpoint, "there is no ssh client on this machine") from error


def _last_line(log: Path) -> str:
    return "".join(log.read_text(errors="replace").strip().splitlines()[-1:])


def _wait(
    process: subprocess.Popen[bytes],
    local: Path,
    endpoint: Endpoint,
    log: Path,
    timeout_s: float,
    stop: threading.Event,
) -> None:
    """Until ssh has logged in: only then it makes the local socket."""
    end = time.monotonic() + timeout_s
    while not local.exists():
        if process.poll() is not None:
            raise ssh_failed(endpoint, _last_line(log) or f"ended with {process.returncode}")
        if time.monotonic() > end:
            raise late(endpoint.name, f"ssh to {endpoint.ssh}", timeout_s)
        if stop.wait(0.02):
            raise CancelledError


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
