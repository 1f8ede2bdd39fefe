"""Several workloads of one plan that are moved together: one run each, driven side by side in this process."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import SimpleQueue
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING

from converters.errors import PodliftError

from .cutover import Interrupted
from .driver import Event, Outcome
from .groups import own_name
from .journal import LostError
from .run import Spec
from .states import State

if TYPE_CHECKING:
    from .cutover import Cutover
    from .detached import Detachment
    from .lock import Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one workload's run ended or stands. ``outcome`` None: ``error`` ended its driving, and resume goes on.
    ``state``: the last that was told."""

    outcome: Outcome | None
    why: str
    state: str
    error: PodliftError | None = None


class CutoverGroup:
    """Cutovers that are begun together; each has its own journal and lock, and all other verbs take one at a time.

        group = CutoverGroup({"web": Cutover(plan, "web", ...), "orders": Cutover(plan, "orders", ...)}, at_once=1)
        for workload, event in group.run(interrupted=interrupted):
            ...
        group.ended["web"].outcome

    All are FRONTED before any goes on, and none stops while another may hold connections to it (groups.py). A run whose
    driving ended can be resumed alone, also from another terminal, while the others wait for it here.

    cutovers  by workload, in the order in which they go on
    at_once   how many may be between FRONTED and STANDBY at a time; 0: all
    ended     by workload, as soon as its driving has ended
    """

    def __init__(self, cutovers: dict[str, Cutover], *, at_once: int = 0) -> None:
        """Raises ValueError for a single one, and for a negative number."""
        if len(cutovers) < 2 or at_once < 0:
            raise ValueError("a group has two workloads or more, and at_once is 0 or more")
        self._cutovers = dict(cutovers)
        self._at_once = at_once
        self.ended: dict[str, Ended] = {}
        self._states: dict[str, str] = {}
        self._stop = Flag()
        self._told: SimpleQueue[tuple[str, Event | BaseException | None]] = SimpleQueue()

    def run(self, *, interrupted: Interrupted = lambda: False, no_wait: bool = False) -> Iterator[tuple[str, Event]]:
        """Checks all, begins all, and drives all: each event with its workload. An interruption pauses each of them.

        ``no_wait``: who waits for approval ends, and so does who waits for one that ended.

        Raises PodliftError ``preflight-refused``, ``cutover-underway``, ``cutover-locked`` and as the cluster does, in
        which case none has begun; later errors are in ``ended``.
        """
        specs = self._specs()
        locks = self._begun(specs)
        for name, lock in locks.items():
            Thread(target=self._drive, args=(name, specs[name], lock, interrupted, no_wait), daemon=True).start()
        going = set(specs)
        try:
            while going:
                name, told = self._told.get()
                if isinstance(told, BaseException):
                    raise told
                if told is None:
                    going.discard(name)
                else:
                    yield name, told
        finally:
            # who stops listening, or fails here, pauses the others
            self._stop.set()

    def _specs(self) -> dict[str, Spec]:
        """All are checked before any has begun."""
        found = {name: each.check() for name, each in self._cutovers.items()}
        names, group = tuple(own_name(spec) for spec in found.values()), f"g{uuid.uuid4().hex[:10]}"
        return {name: replace(spec, group=names, group_id=group, at_once=self._at_once) for name, spec in found.items()}

    def detach(self, by: Detachment) -> dict[str, str | PodliftError]:
        """Begins all and leaves each to a Deployment of its own: who drives it there, or why nobody does.

        Raises PodliftError as ``run`` and ``detach-refused``, in which case none has begun.
        """
        for each in self._cutovers.values():
            each.detachable(by)
        specs = self._specs()
        locks = self._begun(specs, by)
        for lock in locks.values():
            lock.release()
        found: dict[str, str | PodliftError] = {}
        for name, spec in specs.items():
            try:
                found[name] = self._cutovers[name].awaited(spec)
            except PodliftError as error:
                found[name] = error
        return found

    def _begun(self, specs: dict[str, Spec], by: Detachment | None = None) -> dict[str, Lock]:
        """All of them or none. ``by``: there is a Deployment of each, too."""
        locks: dict[str, Lock] = {}
        try:
            for name, spec in specs.items():
                locks[name] = self._cutovers[name].begin(spec)
            if by is not None:
                for name, lock in locks.items():
                    self._cutovers[name].leave(specs[name], lock, by)
        except BaseException:
            for name, lock in locks.items():
                with suppress(PodliftError, LostError):
                    self._cutovers[name].forgo(specs[name], lock, "another one of its group could not begin")
            raise
        return locks

    def _drive(self, name: str, spec: Spec, lock: Lock, interrupted: Interrupted, no_wait: bool) -> None:
        """One workload's thread."""
        cutover = self._cutovers[name]
        events = cutover.drive(spec, lock, interrupted=lambda: self._stop.is_set() or interrupted(), no_wait=no_wait)
        try:
            stuck = ""
            for event in events:
                self._states[name] = event.state
                self._told.put((name, event))
                if no_wait and event.kind == "wait" and (stuck := self._stuck(name)):
                    events.close()
                    break
            outcome, why = (Outcome.APPROVAL, stuck) if stuck else (cutover.outcome, cutover.why)
            self.ended[name] = Ended(outcome=outcome, why=why, state=self._states.get(name, ""))
        except PodliftError as error:
            self.ended[name] = Ended(outcome=None, why=str(error), state=self._states.get(name, ""), error=error)
        except Exception as error:  # noqa: BLE001  it is raised where the group is run
            self._told.put((name, error))
            return
        self._told.put((name, None))

    def _stuck(self, name: str) -> str:
        """For whom one waits before it goes on to DEPLOYED that nobody drives any more; ``""``: for nobody."""
        if self._states.get(name) != State.FRONTED:
            return ""
        order: Sequence[str] = tuple(self._cutovers)
        idle = {other: _reached(each) for other, each in dict(self.ended).items()}
        short = [other for other, reached in idle.items() if reached < State.FRONTED.reached]
        ahead = [other for other in order[: order.index(name)] if idle.get(other, 99) < State.STANDBY.reached]
        waited = short or (ahead if self._at_once and len(ahead) >= self._at_once else [])
        return f"it waits for {', '.join(waited)} of its group" if waited else ""


def _reached(ended: Ended) -> int:
    return State(ended.state).reached if ended.state else -1
