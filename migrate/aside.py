"""Work that is done aside, in a thread, while who began it goes on; who does not want it any more gives it up.

What is given up is not cut off: whatever it waits for asks ``given_up``, ends, and takes away what it has made.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Generic, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

_END_S = 10.0
_GIVEN_UP: ContextVar[Callable[[], bool]] = ContextVar("given_up", default=lambda: False)


def given_up() -> bool:
    """Whether what this thread works at is wanted no more; never so outside of such work."""
    return _GIVEN_UP.get()()


def carried(work: Callable[P, T]) -> Callable[P, T]:
    """A part of what this thread works at, for another thread: given up together with it."""
    asked = _GIVEN_UP.get()

    def carrying(*args: P.args, **more: P.kwargs) -> T:
        before = _GIVEN_UP.set(asked)
        try:
            return work(*args, **more)
        finally:
            _GIVEN_UP.reset(before)

    return carrying


class Threads:
    """``cutover.edges.Aside``, by a thread for each work, which never keeps the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: list[_Begun[object]] = []

    def begin(self, work: Callable[[], T]) -> _Begun[T]:
        """What is begun by other work is given up with that."""
        begun = _Begun(work, given_up_too=_GIVEN_UP.get())
        with self._lock:
            self._begun = [each for each in self._begun if not each.over()]
            self._begun.append(begun)  # type: ignore[arg-type]
        return begun

    def end(self, within_s: float = _END_S) -> None:
        """Gives up all that goes on, and waits until it has ended, but for no longer, and only once."""
        end = time.monotonic() + within_s
        with self._lock:
            left, self._begun = self._begun, []
        for each in left:
            each.give_up()
        for each in left:
            each.over(max(0.0, end - time.monotonic()))


class _Begun(Generic[T]):
    """``cutover.edges.Begun``."""

    def __init__(self, work: Callable[[], T], *, given_up_too: Callable[[], bool]) -> None:
        self._work = work
        self._given_up = threading.Event()
        self._given_up_too = given_up_too
        self._over = threading.Event()
        self._made: list[T] = []
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="podlift-aside", daemon=True).start()

    def over(self, wait_s: float = 0) -> bool:
        return self._over.wait(wait_s)

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._made[0]

    def give_up(self) -> None:
        self._given_up.set()

    def _run(self) -> None:
        _GIVEN_UP.set(lambda: self._given_up.is_set() or self._given_up_too())
        try:
            self._made.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            self._error = error
        finally:
            self._over.set()
