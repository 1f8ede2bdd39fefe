"""One long-running program on a host of the lab, with a log of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.lab.host import SEARCH, Host, HostError, tail


class Daemon:
    """Starts at once; ends with its host, and with this process."""

    def __init__(self, host: Host, name: str, command: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log = host.folder / f"{name}.log"
        self._host = host
        self._command = command
        self._env = {"PATH": SEARCH, "LANG": "C.UTF-8", **(env or {})}
        self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            # nsenter waits for the program, which lives in the host's own process space: the program has to follow it
            return subprocess.Popen(
                self._host.enter("setpriv", "--pdeathsig", "KILL", "--", *self._command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                start_new_session=True,
            )

    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def wait(self, ready: Callable[[], bool], *, deadline_s: float = 30) -> None:
        """Waits until it answers; the error names it and shows the end of its log."""
        end = time.monotonic() + deadline_s
        while not ready():
            self.check()
            if time.monotonic() > end:
                raise HostError(
                    f"{self.name} on {self._host.name} does not answer after {deadline_s:g} s\n{tail(self.log)}"
                )
            time.sleep(0.05)

    def check(self) -> None:
        """Raises HostError where it has ended by itself."""
        if not self.running():
            raise HostError(f"{self.name} on {self._host.name} has ended\n{tail(self.log)}")

    def trouble(self) -> str:
        """Its name and the last lines of its log."""
        return f"-- {self.name} on {self._host.name}\n{tail(self.log, lines=4)}"

    def stop(self) -> None:
        """Kills it, as a crash would; harmless when repeated."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """It stands still, as by SIGSTOP, until `go_on`."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)
        # nsenter stands still with its program
        self._process.send_signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        pid = self._process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), number)

    def start(self) -> None:
        """Starts it again after `stop`."""
        self._process = self._started()
