"""What a run waits for, and since when, as far as its journal tells. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .bypassing import BYPASSED
from .conditions import BAKED, WATCHED
from .journal import Entry
from .run import Direction, Run, Spec
from .serving import held_back
from .states import ENDED, State, after


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a run waits for, and since when. ``until``: when it is over, where that is a matter of time."""

    what: str
    since: float
    until: float | None = None


def waiting_of(entry: Entry, now: float, *, driven: bool) -> Waiting | None:
    """``driven``: somebody drives it. None: the run has ended."""
    spec, run = entry.spec, entry.run
    if run.state in ENDED:
        return None
    last: Mapping[str, Any] = entry.history[-1] if entry.history else {"at": now, "event": "", "text": ""}
    since = float(last["at"])
    if entry.requests:
        return Waiting(what=f"a driver, to take up what was asked: {entry.requests.said}", since=since)
    if run.paused:
        return Waiting(what=f"podlift cutover resume {spec.name}, or abort", since=since)
    if rest := _rest(spec, run):
        return Waiting(what=rest, since=run.since.get(run.state.value, since))
    timer = _timer(entry, now)
    pending = approvals_of(entry)
    word = ""
    due = bool(pending) and (run.direction is Direction.BACK or run.state.reached + 1 == pending[0].reached)
    if asked := asked_for(entry):
        timer, why = None, str(last["text"]).removeprefix(f"{asked}: ")
        word = f"podlift cutover approve {spec.name} {asked}: {why}"
    elif not timer and due and last["event"] != "intent":
        word = f"podlift cutover approve {spec.name}, before {pending[0]}"
    if not driven:
        driver = f"a driver: podlift cutover resume {spec.name}"
        return Waiting(what=f"{word}; and for {driver}" if word else driver, since=since)
    if timer or word:
        return timer or Waiting(what=word, since=since)
    if run.state is State.BRIDGED and run.fronted and run.direction is Direction.FORWARD:
        direct = run.evidence.get(BYPASSED) or "nobody new"
        what = f"that for {spec.timings.front_quiet_s:g} s nobody calls past the Service; of late: {direct}"
        return Waiting(what=what, since=since)
    return Waiting(what=f"what follows from: {last['text']}", since=since)


def _rest(spec: Spec, run: Run) -> str:
    if run.direction is Direction.BACK:
        return ""
    if run.state is State.STOPPED and "finalize" not in run.done:
        return f"podlift cutover finalize {spec.name}: all is stopped"
    if run.state is State.STANDBY and not spec.frozen:
        return "a freeze hook: without one the legacy scheduler would start again what the run stops"
    return ""


def _timer(entry: Entry, now: float) -> Waiting | None:
    """The time that a step takes by itself, while it is not over."""
    run, since, timings = entry.run, entry.run.since, entry.spec.timings
    timers = {
        State.BRIDGED: (("that two intervals of GitOps leave the Services alone", WATCHED, entry.spec.watch_s),),
        State.DEPLOYED: (("the step's own time", f"shift-{run.step}", timings.step_pause_s),),
        State.SHIFT: (("the step's own time", f"shift-{run.step}", timings.step_pause_s),),
        State.BAKING: (
            ("the end of the bake", State.BAKING.value, _bake_s(entry)),
            ("the end of connections to the legacy side", "drain", timings.drain_timeout_s),
        ),
        State.DRAINED: (
            ("the end of the soak", "soak", timings.soak_s),
            ("the end of connections to the legacy side", "drain", timings.drain_timeout_s),
        ),
    }
    if run.direction is Direction.FORWARD:
        for what, name, seconds in timers.get(run.state, ()):
            if name in since and now < since[name] + seconds:
                return Waiting(what=what, since=since[name], until=since[name] + seconds)
    return None


def _bake_s(entry: Entry) -> float:
    """From BAKING on, if who drives it now goes on: what is left of the bake counts from when that one began, or from
    when the journal was told last how much is behind."""
    run, bake_s = entry.run, entry.spec.timings.bake_s
    began = run.since.get(State.BAKING.value, 0.0)
    takeovers = (float(line["at"]) for line in entry.history if line["event"] == "take-over")
    return max(began, run.since.get(BAKED, began), *takeovers) - began + max(0.0, bake_s - run.baked_s)


def asked_for(entry: Entry) -> str:
    """For what a driver asked for a user's word last, and waits: a state, an address, or a workload of the group;
    ``""``: for nothing."""
    return str(entry.history[-1].get("approval", "")) if entry.history else ""


def approvals_of(entry: Entry) -> list[State]:
    """States before which it waits for a word, or will, in order."""
    spec, run = entry.spec, entry.run
    if run.state in ENDED or run.state is State.STOPPED:
        return []
    if run.direction is Direction.BACK:
        return [State.ROLLED_BACK] if held_back(spec, run) else []
    names = {*spec.approvals, *({asked_for(entry)} & State.__members__.keys())}
    wanted = (State(each) for each in names if f"approve:{each}" not in run.done)
    return sorted((each for each in wanted if each.reached >= after(run.state).reached), key=lambda one: one.reached)
