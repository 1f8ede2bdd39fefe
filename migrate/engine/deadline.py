"""Deadlines that hold whatever the other side does: a call ends in time even if its answer trickles byte by byte.

A socket's own timeout starts anew with every byte. So each call is watched: when its time is over, the socket under
it is shut down from outside, and the thread that waits in it wakes up with an error.
"""

from __future__ import annotations

import heapq
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count


class CallTimeoutError(Exception):
    """A call's time is over."""


class CancelledError(Exception):
    """The work was called off: the user interrupted it, or its host's time is over."""


class Watch:
    """One call: its end on the monotonic clock, and the socket it is waiting in."""

    __slots__ = ("_expired", "_lock", "_socket", "end")

    def __init__(self, end: float) -> None:
        self.end = end
        self._expired = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    @property
    def over(self) -> bool:
        """Whether the socket was shut down from outside."""
        return self._expired

    def left(self) -> float:
        """Seconds that are left, above zero. Raises CallTimeoutError when none are."""
        left = self.end - time.monotonic()
        if self._expired or left <= 0:
            raise CallTimeoutError
        return left

    @property
    def attached(self) -> socket.socket | None:
        """The socket that was named last."""
        return self._socket

    def attach(self, waiting_in: socket.socket) -> None:
        """Names the socket to shut down. Raises CallTimeoutError if the time is over already."""
        with self._lock:
            self._socket = waiting_in
        if self._expired:
            raise CallTimeoutError

    def detach(self) -> None:
        with self._lock:
            self._socket = None

    def expire(self) -> None:
        self._expired = True
        with self._lock:
            if self._socket is not None:
                # not SSLSocket.shutdown, which takes the TLS state away under the thread that reads with it
                with suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Deadlines:
    """Watches all calls of one discovery, by one thread that sleeps until the nearest end."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, Watch]] = []
        self._live: set[Watch] = set()
        self._numbers = count()
        self._thread: threading.Thread | None = None
        self._current = threading.local()
        self.closed = False

    @property
    def current(self) -> Watch:
        """The watch of the call that this thread makes."""
        watch: Watch = self._current.watch
        return watch

    @contextmanager
    def watch(self, seconds: float) -> Iterator[Watch]:
        """Watches what this thread does in the block. Raises CallTimeoutError or CancelledError for whatever error
        the block ends with once its time is over."""
        if seconds <= 0:
            raise CallTimeoutError
        watch = Watch(time.monotonic() + seconds)
        with self._changed:
            if self.closed:
                raise CancelledError
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="podlift-deadlines", daemon=True)
                self._thread.start()
            nearest = not self._waiting or watch.end < self._waiting[0][0]
            heapq.heappush(self._waiting, (watch.end, next(self._numbers), watch))
            self._live.add(watch)
            if nearest:
                self._changed.notify()
        self._current.watch = watch
        try:
            yield watch
        except BaseException as error:
            if self.closed:
                raise CancelledError from error
            if watch.over and isinstance(error, Exception):
                raise CallTimeoutError from error
            raise
        finally:
            del self._current.watch
            watch.detach()
            self._live.discard(watch)
        # an answer without a length ends early without an error when its socket is shut down
        self._check(watch)

    def _check(self, watch: Watch) -> None:
        if watch.over:
            raise CancelledError if self.closed else CallTimeoutError

    def close(self) -> None:
        """Ends every call that is under way, and every later one before it starts."""
        with self._changed:
            self.closed = True
            live = list(self._live)
            self._changed.notify()
        for watch in live:
            watch.expire()
        if self._thread is not None:
            self._thread.join(timeout=1)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self.closed:
                    return
                now = time.monotonic()
                due = []
                while self._waiting and self._waiting[0][0] <= now:
                    due.append(heapq.heappop(self._waiting)[2])
                if not due:
                    self._drop_ended()
                    self._changed.wait(self._waiting[0][0] - now if self._waiting else None)
            for watch in due:
                if watch in self._live:
                    watch.expire()

    def _drop_ended(self) -> None:
        """Calls mostly end long before their time; their entries leave as soon as they stand first."""
        while self._waiting and self._waiting[0][2] not in self._live:
            heapq.heappop(self._waiting)
