"""What several states ask on the way forward; each yields the first thing that is still to be done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..plan.objects import title
from .decision import Act, Action, Approve, Commit, Measure, Pause, Question, Verb, Wait
from .keeping import back_in_callers
from .moment import Moment, Steps
from .run import FAILED, Condition
from .states import State

WATCHED = "watched"
"""Under this name in Run.since stands since when it is seen whether GitOps sets the Services back."""
BAKED = "baked"
"""Under this name in Run.since stands when the journal was told last how much of the bake is behind."""
# So seldom that a long bake leaves room in the journal for the rest, and so often that a kill costs little.
_BAKED_S, _BAKED_PARTS = 60.0, 20
# While the gates look, nodes are tried again so long after they were last.
_DRAWN_AGAIN_S = 3.0


def approved(m: Moment, state: State, why: str) -> Steps:
    if state.value in m.spec.approvals and f"approve:{state}" not in m.run.done:
        yield Approve(state=state.value, why=why)


def elapsed(m: Moment, what: str, seconds: float, why: str) -> Steps:
    began = m.run.since.get(what)
    if began is None:
        yield Commit(run=replace(m.run, since={**m.run.since, what: m.now}), why=f"{why} begins")
    elif m.now - began < seconds:
        yield Wait(why=f"{why}: {seconds:g} s")


def baked(m: Moment) -> Steps:
    """The gates have looked at it for so long, one analysis that passed after the other. Time in which nobody drove, or
    the run was paused, is none of it, whatever the clock says; of what a driver has seen the journal is told now and
    then."""
    run, bake_s = m.run, m.spec.timings.bake_s
    if run.bakes and run.baked_s >= bake_s:
        return
    passed, number = 0.0, run.bakes
    first = m.evidence.judged.get(f"bake-{number}")
    while (found := m.evidence.judged.get(f"bake-{number}")) is not None and found.outcome == "passed":
        assert first is not None
        passed, number = found.looked_s - first.began_s, number + 1
    whole = run.baked_s + passed >= bake_s
    if number > run.bakes and (whole or passed >= max(_BAKED_S, bake_s / _BAKED_PARTS)):
        baked_s = run.baked_s + passed
        why = "pods have served alone for the bake's time" if whole else "a part of the bake is behind"
        since = {**run.since, BAKED: m.now}
        yield Commit(run=replace(run, bakes=number, baked_s=baked_s, since=since), why=f"{why}: {baked_s:.0f} s")
        return
    yield from judged(m, f"bake-{number}")


def created(m: Moment, objects: Iterable[Mapping[str, Any]], why: str) -> Steps:
    for each in objects:
        if title(each) not in m.world.later:
            action = Action(
                verb=Verb.CREATE,
                kind=each["kind"],
                api_version=each["apiVersion"],
                name=each["metadata"]["name"],
                body=each,
            )
            yield Act(action=action, why=why)


def judged(m: Moment, what: str, question: Question = Question.ANALYSE) -> Steps:
    """The gates have let ``what`` pass; where they failed it, the run turns back."""
    found = m.evidence.judged.get(what)
    if found is None or found.outcome == "going":
        yield Measure(question=question, of=(what,), why=found.said if found else "the gates look")
    elif found.outcome == "inconclusive":
        yield Pause(code="cutover-inconclusive", reason=f"{what}: {found.said}")
    elif found.outcome == "failed":
        failed = {**m.run.evidence, FAILED: found.said}
        yield Commit(run=replace(m.run.turned(m.spec), evidence=failed), why=f"{what} failed: {found.said}")


def observed(m: Moment, what: str) -> Steps:
    """Every node follows. While one does not for long, callers may be failing there by the pods' fault: the gates look
    in between, and lead back what they fail. What they let pass then does not count."""
    timings, unseen = m.spec.timings, f"{what}-unseen"
    for step in m.observed():
        if isinstance(step, Measure) and _late(m, step.of[0]):
            found = m.evidence.judged.get(unseen)
            if found is not None and found.outcome == "failed":
                yield from judged(m, unseen)
            looks = found is None or found.outcome == "going"
            patience_s = max(step.timeout_s, timings.failures * (2 * timings.window_s + timings.interval_s))
            if looks:
                # they come to a word, however long their looks take
                patience_s = 0
            drawn = m.evidence.drawn[step.of[0]]
            if looks and m.boot - drawn.at < _DRAWN_AGAIN_S:
                yield replace(step, question=Question.ANALYSE, of=(unseen,), timeout_s=patience_s)
            yield replace(step, timeout_s=patience_s)
        yield step


def _late(m: Moment, name: str) -> bool:
    """Whether a Service as it stands was tried, and has had twice the time in which a change should settle."""
    seen, drawn = m.world.services[name], m.evidence.drawn.get(name)
    since = m.evidence.since.get(f"{name} {seen.fingerprint}", m.boot)
    tried = drawn is not None and drawn.fingerprint == seen.fingerprint
    return tried and m.boot - since >= 2 * m.spec.timings.settle_floor_s


def pods_available(m: Moment) -> Steps:
    for planned in m.spec.controllers:
        ready = len(m.pods_of(planned))
        if ready < planned.count:
            yield Wait(
                why=f"{ready} of {planned.count} pods of {planned.name} are available",
                timeout_s=m.spec.timings.ready_timeout_s,
            )


def enough_pods(m: Moment) -> Steps:
    """Where pods alone would not carry what the plan asks for, the legacy side is called back at once."""
    if len([each for each in m.world.pods if each.ready and not each.ending]) < m.count:
        yield from called_back(m, "pods are missing: the legacy side takes callers again")
        yield Wait(why="pods are missing", timeout_s=m.spec.timings.ready_timeout_s)
    if m.run.state.reached >= State.STANDBY.reached:
        callable_ = {key: Condition.STANDBY for key, wanted in m.run.wanted.items() if wanted is Condition.READY}
        if callable_:
            yield from pods_available(m)
            yield from m.observed()
            yield from m.want(callable_, "pods are back: the legacy side stands by again")
        yield from m.follows()
        yield from m.observed()


def called_back(m: Moment, why: str) -> Steps:
    """All of the legacy side that runs takes callers, even what was about to be stopped, but for what may stop at any
    moment."""
    run = back_in_callers(m.run, m.world.found, m.now)
    if run != m.run:
        yield Commit(run=run, why=why)
    yield from m.follows()
