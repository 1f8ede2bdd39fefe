"""The legacy scheduler leaves the workload alone: it is told once, and asked again before anything rests on it. Pure.

It may begin anew at any time, and would start again what is stopped, or make fewer of what pods do not carry yet.
"""

from __future__ import annotations

from dataclasses import replace

from .decision import Commit, Measure, Pause, Question, Wait
from .moment import Moment, Steps
from .run import COUNT_AGE_S

FROZEN = "frozen"
"""Among Run.done: it was seen to last. Under this name in Run.evidence stands what was seen."""
_WHY = "the legacy scheduler is to leave the workload alone"


def told(m: Moment) -> Steps:
    """It was told, and has said that it follows; which may take it some time."""
    if "freeze" not in m.run.done:
        yield m.hook("freeze", "the legacy scheduler is told to leave the workload alone")
    if m.evidence.frozen is None or m.evidence.frozen.refused:
        said = f" ({m.evidence.frozen.refused})" if m.evidence.frozen is not None else ""
        yield _asked(f"{_WHY}{said}", timeout_s=m.spec.timings.ready_timeout_s)


def lasts(m: Moment) -> Steps:
    """Before the first share falls, of which a legacy autoscaler would take instances away: it kept off at both ends of
    two intervals in which it looks, and no instance changed. Before FRONTED it begins, so that it takes no time here,
    as a rule."""
    if not m.spec.frozen or FROZEN in m.run.done:
        return
    yield from told(m)
    frozen, due_s = m.evidence.frozen, 2 * m.spec.timings.scheduler_interval_s
    if frozen is None:
        return
    if frozen.since < m.evidence.since.get(m.world.legacy_side, m.boot):
        yield _asked("the legacy side changed: the legacy scheduler is asked anew")
    elif frozen.at - frozen.since >= due_s:
        said = f"the scheduler was seen to keep off at both ends of {due_s:g} s, two of its intervals"
        said += ", and no instance changed meanwhile"
        evidence = {**m.run.evidence, FROZEN: said}
        yield Commit(run=replace(m.run, done=m.run.done | {FROZEN}, evidence=evidence), why=said)
    elif m.boot - frozen.since >= due_s:
        yield _asked(_WHY)
    else:
        yield Wait(why=f"the legacy scheduler is to keep off for {due_s:g} s, two of its intervals")


def keeps_off(m: Moment) -> Steps:
    """Before a container is stopped, or removed: it does so now. The answer is of after the last stop and the last look
    of the gates, and no older than what counts of who is connected; that is looked at after it, and not made old by
    asking again."""
    frozen, counted = m.evidence.frozen, [each.at for each in m.evidence.counted.values()]
    lately = max(counted, default=m.boot) - COUNT_AGE_S
    due = max(lately, m.evidence.looked_at or 0.0, *(each.at for each in m.evidence.stopping.values()))
    if frozen is None or frozen.at < due:
        yield _asked(_WHY, timeout_s=m.spec.timings.ready_timeout_s)
    elif frozen.refused:
        reason = f"the legacy scheduler does not leave the workload alone, so that nothing is stopped: {frozen.refused}"
        yield Pause(code="cutover-not-frozen", reason=reason)


def _asked(why: str, timeout_s: float = 0) -> Measure:
    return Measure(question=Question.FROZEN, of=(), why=why, timeout_s=timeout_s)
