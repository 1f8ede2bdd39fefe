"""Stops a driver of a model's cutover for two minutes, as by SIGSTOP, while another one takes over and ends the run; or
has that one take over at once, while the lease of the first is as good as new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from migrate.cutover.driver import Outcome
from tests.cutover.killing import Kill, asked, finalize, wrongs
from tests.cutover.model import Killed, Model, copied

STOP_S = 120
# Not written by drivers for what they do: Leases come by the clock.
_TIMED = frozenset({"Lease", "Event"})


def stopped(world: Model, stop: Kill, *, back_from: Kill | None = None, take_over: bool = False) -> list[str]:
    """What is wrong in the end. ``stop.fate``: ``stopped``, while a write is under way, or ``stopped after`` it;
    ``stop.abort``: the other one goes back. ``back_from``: the run is on its way back from there. ``take_over``: the
    other one does not wait until the first one's lease is over."""
    if back_from is not None:
        _begun_back(world, back_from)
    elif not world.begun:
        world.begin()
    counts: dict[str, int] = {}
    ended: list[Any] = []

    def on_write(label: str) -> str:
        counts[label] = counts.get(label, 0) + 1
        return stop.fate if not ended and (label, counts[label]) == (stop.label, stop.nth) else ""

    def meanwhile() -> None:
        world.on_write = lambda _label: ""
        if not take_over:
            world.sleep(STOP_S)
        if stop.abort:
            asked(world, abort=True)
        _to_the_end(world, "second", take_over=take_over)
        world.sleep(3)
        ended.append(_all(world))

    world.on_write, world.meanwhile = on_write, meanwhile
    outcome = _to_the_end(world, "first")
    assert ended, f"{stop} did not come"
    found = wrongs(world)
    if outcome is not Outcome.LOST:
        found.append(f"the first one ended as {outcome}")
    if _all(world) != ended[0]:
        found.append("the first one wrote after it had stood still")
    return found


def _to_the_end(world: Model, name: str, *, take_over: bool = False) -> Outcome:
    for number in range(4):
        outcome, why = world.driver(f"{name}-{number}", take_over=take_over).drive(resume=True)
        if outcome is not Outcome.REST and (outcome is not Outcome.PAUSED or world.containers):
            assert outcome in (Outcome.ENDED, Outcome.ROLLED_BACK, Outcome.LOST), why
            return outcome
        finalize(world)
    raise AssertionError("it does not end")


def _begun_back(world: Model, kill: Kill) -> None:
    counts: dict[str, int] = {}

    def on_write(label: str) -> str:
        counts[label] = counts.get(label, 0) + 1
        return kill.fate if (label, counts[label]) == (kill.label, kill.nth) else ""

    world.on_write = on_write
    world.begin()
    try:
        world.driver("killed").drive()
    except Killed:
        asked(world, abort=True)
        return
    raise AssertionError(f"{kill} did not come")


def _all(world: Model) -> Any:
    store = {"/".join(key): each for key, each in world.store.items() if key[0] not in _TIMED}
    engines = [(each.id, each.running, each.restart, each.stops) for each in world.containers]
    return copied([sorted(store.items()), engines, world.hooks_run])


def stops(labels: Sequence[tuple[str, int]], *, abort: bool = False) -> list[Kill]:
    """After every write of a driver's; and while one is under way, where it is of a version: nothing else is sent
    without a look at the lease right before, which the stop after the write before it tries."""
    made = []
    for label, nth in labels:
        if label.endswith(" ask"):
            # a user's
            continue
        made.append(Kill(label, nth, "stopped after", abort))
        if label.split(": ")[1].startswith("patch"):
            made.append(Kill(label, nth, "stopped", abort))
    return made
