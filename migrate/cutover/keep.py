"""Keeps a run's slices with no driver in the process, or with one that comes and goes: ``podlift cutover keep``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from converters.errors import PodliftError

from .driver import Driver, Event
from .edges import Clock, Legacy
from .journal import Entry, Journal
from .keeper import Keeper
from .states import ENDED

# Somebody wrote in between: look again at once, but not for ever.
_AGAIN = 5
_CHANGED = frozenset({"object-changed", "object-missing", "object-exists"})


class LoneKeeper:
    """A run's, of which there is a journal. It outlives servers and engines that do not answer: then nothing is changed
    for them, and looked again.

    wait     as ``Edges.wait``
    driver   gives one that may begin now, or None: another drives. Without it, this process never drives
    """

    def __init__(
        self,
        journal: Journal,
        legacy: Legacy,
        keeper: Keeper,
        clock: Clock,
        entry: Entry,
        *,
        wait: Callable[[float], object] | None = None,
        driver: Callable[[], Driver | None] | None = None,
    ) -> None:
        self._journal = journal
        self._legacy = legacy
        self._keeper = keeper
        self._clock = clock
        self._entry = entry
        self._wait_for = wait or clock.sleep
        self._driver = driver
        # the journal's version after this process has driven as far as it went
        self._driven = ""
        self._waits = ""
        self._told: list[Event] = []

    def events(self, interrupted: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Until the run has ended, or it is interrupted. Its Lease is given back."""
        ended = False
        while not interrupted() and not (ended := self.turn()):
            yield from self._news()
            yield from self._driving(interrupted)
            self._rest(interrupted)
        self._keeper.release(ended=ended)
        yield from self._news()

    def turn(self) -> bool:
        """Looks at all of it once, and lets slices follow. Whether the run has ended. Raises nothing that the world
        outside does."""
        try:
            for _ in range(_AGAIN):
                if self._ended_or_kept():
                    return self._entry.run.state in ENDED
            waits = "the slices are changed by others all the time"
        except PodliftError as error:
            waits = f"{error.subject}: {error.reason}"
        self._wait(waits)
        return False

    def _ended_or_kept(self) -> bool:
        """Whether there is nothing left to write now."""
        # without its journal a run goes on as it was known last, until somebody goes back with it
        at = self._clock.boot()
        self._entry = self._journal.read() or self._entry
        if self._entry.run.state in ENDED:
            return True
        found = self._legacy.find()
        try:
            if self._keeper.turn(self._entry.spec, self._entry.run, found, at=at):
                return False
        except PodliftError as error:
            if error.code in _CHANGED:
                return False
            raise
        finally:
            for text in self._keeper.news():
                self._tell(text)
        self._wait("" if self._keeper.keeps else f"{self._keeper.other} keeps; waits until it is gone")
        return True

    def _driving(self, interrupted: Callable[[], bool]) -> Iterator[Event]:
        """Drives where there is something to do: a run that stands is left alone until a user asks something of it."""
        entry = self._entry
        if self._driver is None or entry.version == self._driven or (entry.run.paused and not entry.requests):
            return
        try:
            driver = self._driver()
            if driver is None:
                return
            for event in driver.events():
                yield event
                if interrupted():
                    # no pause: it is to go on in the next process
                    driver.let_go()
                    return
            self._entry = self._journal.read() or self._entry
        except PodliftError as error:
            self._wait(f"{error.subject}: {error.reason}")
            return
        self._driven = self._entry.version

    def _rest(self, interrupted: Callable[[], bool]) -> None:
        keeper_s = self._entry.spec.timings.keeper_s
        end = self._clock.boot() + keeper_s
        while not interrupted() and self._clock.boot() < end:
            if self._wait_for(min(1.0, keeper_s)):
                return

    def _wait(self, why: str) -> None:
        """Told once, as long as it is the same."""
        if why and why != self._waits:
            self._tell(why, kind="wait")
        self._waits = why

    def _tell(self, text: str, kind: str = "keeper") -> None:
        state = self._entry.run.state.value
        self._told.append(Event(at=self._clock.now(), kind=kind, state=state, text=text))

    def _news(self) -> Iterator[Event]:
        told, self._told = self._told, []
        yield from told
