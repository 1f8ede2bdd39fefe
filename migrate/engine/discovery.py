"""Reads any number of hosts at once into a capture. It ends, whatever an engine does."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from converters.capture import Capture, ConfigDocument, HostDocuments
from converters.errors import PodliftError
from converters.workload import Host

from ..hosts_file import HostEntry, entry_of
from .connect import endpoint_of
from .deadline import CancelledError, Deadlines
from .refusals import refusal, sentence

if TYPE_CHECKING:
    from .read import HostReader

# A host ends by itself at its deadline; only what no deadline reaches (a name server that hangs) is left behind.
_GRACE_S = 2.0


def discover(
    hosts: Iterable[HostEntry | Host | str],
    *,
    configs: Sequence[ConfigDocument] = (),
    hosts_at_once: int = 16,
    calls_per_host: int = 8,
    call_timeout_s: float = 30,
    host_timeout_s: float = 300,
    measure_volumes: bool = False,
    on_event: Callable[[str, int, int], None] | None = None,
) -> Capture:
    """Reads every host; those that could not be read are in the capture too, with the reason in ``error``.

    hosts            entries of a hosts file, Hosts, or ``[NAME=]URL``; a Host without a URL is the engine that docker
                     itself would use
    calls_per_host   at once; only GET is ever sent
    measure_volumes  also measure sizes of volumes, for which the engine walks their files
    on_event         called in this thread with ``("discover", hosts done, of how many)``

    A container that is gone or hangs when it is inspected is in ``vanished`` of its host. Raises PodliftError
    ``bad-hosts`` for hosts that cannot be told apart. KeyboardInterrupt passes, after everything has been ended.
    """
    entries = [_entry(each) for each in hosts]
    names = [entry.host.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise PodliftError(
                code="bad-hosts",
                phase="connect",
                subject=name,
                reason="two hosts bear this name",
                next_step="name them apart: one=URL, two=URL",
            )
    work = [
        _Work(entry, calls_per_host, call_timeout_s, host_timeout_s, measure_volumes=measure_volumes)
        for entry in entries
    ]
    _run(work, hosts_at_once, on_event)
    return Capture(hosts=tuple(one.documents() for one in work), configs=tuple(configs))


def _entry(given: HostEntry | Host | str) -> HostEntry:
    if isinstance(given, str):
        return entry_of(given)
    return HostEntry(host=given) if isinstance(given, Host) else given


def _run(work: list[_Work], at_once: int, on_event: Callable[[str, int, int], None] | None) -> None:
    ended: queue.SimpleQueue[_Work] = queue.SimpleQueue()
    waiting = list(reversed(work))
    running: list[_Work] = []
    done = 0
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(waiting.pop())
                running[-1].start(ended)
            # the first to start is the first whose time is over
            patience = max(0.0, running[0].end + _GRACE_S - time.monotonic())
            try:
                over = ended.get(timeout=patience)
            except queue.Empty:
                over = running[0]
                over.abandon()
            if over in running:
                running.remove(over)
                done += 1
                if on_event is not None:
                    on_event("discover", done, len(work))
    finally:
        for one in running:
            one.cancel()
        for one in running:
            one.join(3)


class _Work:
    """One host: a thread, and all that must end with it."""

    def __init__(
        self,
        entry: HostEntry,
        calls_at_once: int,
        call_timeout_s: float,
        host_timeout_s: float,
        *,
        measure_volumes: bool,
    ) -> None:
        self.end = 0.0
        self._entry = entry
        self._calls_at_once = calls_at_once
        self._call_timeout_s = call_timeout_s
        self._host_timeout_s = host_timeout_s
        self._measure_volumes = measure_volumes
        self._stop = threading.Event()
        self._deadlines = Deadlines()
        self._reader: HostReader | None = None
        self._error = ""
        self._read_at = ""
        self._thread = threading.Thread(target=self._work, name=f"podlift-{entry.host.name}", daemon=True)
        self._ended: queue.SimpleQueue[_Work] = queue.SimpleQueue()

    def start(self, ended: queue.SimpleQueue[_Work]) -> None:
        self.end = time.monotonic() + self._host_timeout_s
        self._read_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._ended = ended
        self._thread.start()

    def cancel(self) -> None:
        """Ends what is under way, at once."""
        self._stop.set()
        self._deadlines.close()

    def abandon(self) -> None:
        self.cancel()
        self._error = self._late()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def documents(self) -> HostDocuments:
        if self._reader is None:
            return HostDocuments(host=self._entry.host, error=self._error, read_at=self._read_at)
        return self._reader.documents(error=self._error, read_at=self._read_at)

    def _late(self) -> str:
        far = self._reader.progress() if self._reader else "nothing was read"
        step = "raise --host-timeout, or see whether docker ps answers on the host"
        return sentence(
            refusal("host-timeout", self._entry.host.name, f"not read within {self._host_timeout_s:g} s: {far}", step)
        )

    def _work(self) -> None:
        from .read import HostTimeoutError

        try:
            self._read()
        except PodliftError as error:
            self._error = self._error or sentence(error)
        except HostTimeoutError:
            self._error = self._error or self._late()
        except CancelledError:
            self._error = self._error or "interrupted"
        except Exception as error:  # noqa: BLE001 - one host's surprise must not lose the others
            reason = f"reading it failed: {type(error).__name__}: {error}"
            self._error = self._error or sentence(
                refusal("host-failed", self._entry.host.name, reason, "use inspect files, and report this")
            )
        finally:
            self._deadlines.close()
            self._ended.put(self)

    def _read(self) -> None:
        from .forward import forwarded
        from .read import HostReader
        from .refusals import of_connection
        from .wire import Session

        endpoint = endpoint_of(self._entry)
        with ExitStack() as stack:
            if endpoint.ssh:
                timeout_s = min(self._call_timeout_s, self._host_timeout_s)
                endpoint = stack.enter_context(forwarded(endpoint, timeout_s=timeout_s, stop=self._stop))
            try:
                session = Session(endpoint, self._deadlines, connections=self._calls_at_once)
            except OSError as error:
                raise of_connection(endpoint, error) from error
            stack.callback(session.close)
            reader = HostReader(
                session,
                self._entry.host,
                at_once=self._calls_at_once,
                call_timeout_s=self._call_timeout_s,
                end=self.end,
            )
            self._reader = reader
            reader.read(measure_volumes=self._measure_volumes)
