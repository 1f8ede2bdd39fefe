"""A container that was told to stop has its grace for it, and runs meanwhile; the engine is not waited for. Pure.

Its end is seen, not answered: who asked for it goes on looking, and hears what users want.
"""

from __future__ import annotations

from dataclasses import replace

from .decision import Act, Action, Verb, Wait
from .edges import Container
from .evidence import Evidence, Told
from .run import FOR_EVER_S, Run, grace_of

CALL_S = 10.0
"""What a call to an engine may take; of a stop, beside the grace that it is given."""
UNSTOPPED = "cutover-legacy-unstopped"
_AGAIN = ", told again: "
_CHANGE_S = 60.0


def change_s(leased_s: float) -> float:
    """Seconds that a start or a removal may take, which wait for networks and volumes. ``leased_s``: for what takes so
    long a lease need not last longer than it does."""
    return max(CALL_S, min(_CHANGE_S, leased_s))


def call_s(action: Action, leased_s: float) -> float:
    """Seconds that a call to an engine may take. ``leased_s``: as ``change_s`` has it."""
    return change_s(leased_s) if action.verb in (Verb.START, Verb.REMOVE) else CALL_S


def noted(run: Run, act: Act, now: float) -> Run:
    """The run with when a container was told to stop and who was connected then, which is known to whoever drives it
    later; a start ends it."""
    key, verb = act.action.name, act.action.verb
    since = {name: at for name, at in run.since.items() if name not in (_told(key), unseen(key))}
    stops = {name: each for name, each in run.stops.items() if name != key}
    if verb is Verb.STOP:
        since[_told(key)], stops[key] = now, _known(run, key, act.known)
    return replace(run, since=since, stops=stops) if verb in (Verb.STOP, Verb.START) else run


def _known(run: Run, key: str, now: str) -> str:
    """Who was connected when it was first told to stop, which may have gone since; and now, where that differs."""
    if not was_told(run, key):
        return now
    first = run.stops.get(key, now).split(_AGAIN)[0]
    return first if first == now else f"{first}{_AGAIN}{now}"


def told(evidence: Evidence, action: Action, at: float, refused: str = "") -> Evidence:
    """What is known after a container was told to stop or to start. One that was started has not answered yet."""
    before = evidence.stopping if action.verb is Verb.STOP else evidence.starting
    times = before[action.name].times + 1 if action.name in before else 1
    after = {**before, action.name: Told(times=times, at=at, refused=refused)}
    if action.verb is Verb.STOP:
        return replace(evidence, stopping=after)
    replies = {key: reply for key, reply in evidence.replies.items() if key != action.name}
    return replace(evidence, starting=after, replies=replies)


def absent(key: str) -> str:
    """Among Run.since, from when an instance that is to be stopped was in no slice."""
    return f"absent {key}"


def unseen(key: str) -> str:
    """Among Run.since, of a run without its journal: when an instance was found in no slice. It leaves them before
    it is told to stop, so it may have been told until then."""
    return f"unseen {key}"


def was_told(run: Run, key: str) -> bool:
    """Whether the run told an instance to stop, and has not started it since."""
    return _told(key) in run.since


def may_stop(run: Run, key: str, container: Container, now: float) -> bool:
    """Whether it runs and may stop by itself, since it was told to lately, or may have been; even one whose driver died
    then."""
    told = run.since.get(_told(key), run.since.get(unseen(key)))
    return container.running and told is not None and now - told < lasts(container)


def lasts(container: Container) -> float:
    """Seconds in which a stop is over."""
    return grace_of(container.stop_s) + CALL_S


def grace_said(container: Container) -> str:
    return "no limit" if _endless(container) else f"{grace_of(container.stop_s):g} s"


def until_stopped(container: Container, why: str, patience_s: float) -> Wait:
    """No engine ends one whose grace has no end: after ``patience_s`` a user is to see to it."""
    return Wait(why=why, timeout_s=patience_s, code=UNSTOPPED) if _endless(container) else Wait(why=why)


def _endless(container: Container) -> bool:
    return grace_of(container.stop_s) >= FOR_EVER_S


def _told(key: str) -> str:
    return f"stop {key}"
