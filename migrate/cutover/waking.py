"""Whoever waits is woken by the engines, and looks then instead of when its time comes.

Nothing here is an error: an engine that is not heard costs time alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any

from .hearing import pause_after

# What happens many times a second is not looked at as often: each look asks engines and cluster.
_APART_S = 0.5


class Alarm:
    """Rung from any thread; one waits for it."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._woke = -_APART_S

    def ring(self) -> None:
        self._rung.set()

    def wait(self, seconds: float) -> bool:
        """Whether it was rung meanwhile, or since it woke the last time; then the wait ends at once, or half a second
        after that last time."""
        end = time.monotonic() + seconds
        if not self._rung.wait(seconds):
            return False
        now = time.monotonic()
        time.sleep(max(0.0, min(self._woke + _APART_S, end) - now))
        # before who waits looks: what happens from here on is not in that look
        self._rung.clear()
        self._woke = time.monotonic()
        return True


class Listener:
    """Listens to one host's engine in a thread of its own, which never keeps the process.

    listen    events from now on, until the engine or ``cut`` ends them; whatever it raises, it is called again
    cut       ends a ``listen`` that is under way in another thread, and each later one
    concerns  whether an event is worth a look
    """

    def __init__(
        self,
        host: str,
        listen: Callable[[], AbstractContextManager[Iterable[Mapping[str, Any]]]],
        cut: Callable[[], None],
        concerns: Callable[[Mapping[str, Any]], bool],
        alarm: Alarm,
    ) -> None:
        self._listen = listen
        self._cut = cut
        self._concerns = concerns
        self._alarm = alarm
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"podlift-events-{host}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._cut()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stopped.is_set():
            began = time.monotonic()
            # a look says what is wrong with an engine
            with suppress(Exception):
                self._hear()
            pause_s = pause_after(pause_s, time.monotonic() - began)
            self._stopped.wait(pause_s)

    def _hear(self) -> None:
        with self._listen() as events:
            # what happened while nobody listened
            self._alarm.ring()
            for event in events:
                if self._concerns(event):
                    self._alarm.ring()
