"""What becomes of connections that are used again and again when the application is told to end. Pure.

One pod is told to before any is admitted, while connections are held to it: what it does then its containers do when
they are stopped, as far as connections have not ended by then. Without it no run claims that none of these is lost.
"""

from __future__ import annotations

from dataclasses import replace

from .decision import Act, Action, Approve, Commit, Measure, Question, Verb
from .edges import Ended
from .moment import Moment, Steps
from .states import State

GRACEFUL = "graceful"
"""Under this name in Run.evidence stands what was seen; in Run.done ``graceful: yes``, ``no`` or ``unknown``."""
TIMES = 2
"""So often it is tried where a pod had ended before anybody was connected to it."""


def tried(m: Moment) -> Steps:
    """It is known how a pod ends, or known that nobody can see it."""
    if any(each.startswith(f"{GRACEFUL}: ") for each in m.run.done):
        return
    if m.spec.served_before:
        yield _known(m, "unknown", "its pods took callers before the run, and none of them was told to end")
        return
    if m.spec.check.get("kind") != "http":
        yield _known(m, "unknown", "its check is none of HTTP, so that no request could be made")
        return
    seen = m.evidence.ending
    if seen is None or (seen.over is not None and not seen.over.answers and seen.times < TIMES):
        free = [each for each in m.admissible if not each.admitted]
        if free:
            # a StatefulSet makes its last pod anew without touching another
            pod = max(free, key=lambda each: (len(each.name), each.name))
            yield Measure(question=Question.END, of=(pod.uid,), why="connections to a pod are held until it ends")
        return
    if seen.why:
        yield _known(m, "unknown", seen.why)
    elif seen.over is None:
        stands = next((each for each in m.world.pods if each.uid == seen.pod and not each.ending), None)
        if stands is not None:
            action = Action(verb=Verb.DELETE, kind="Pod", name=stands.name, uid=stands.uid, version=stands.version)
            yield Act(action=action, why="what becomes of connections when it is told to end")
        yield Measure(
            question=Question.END,
            of=(seen.pod,),
            why="a pod that was told to end closes its connections",
            timeout_s=m.spec.timings.ready_timeout_s,
        )
    else:
        yield _known(m, *judged(seen.over))


def judged(seen: Ended) -> tuple[str, str]:
    """``yes``, ``no`` or ``unknown``, and what was seen."""
    cut = sum(seen.lost.values())
    count = cut + seen.told + seen.closed + seen.reset + seen.open
    said = f"a pod that was told to end gave {seen.answers} answers on {count} connections"
    if cut or seen.reset:
        why = ", ".join(sorted(seen.lost))
        parts = [f"{cut} with a request under way ({why})"] if cut else []
        parts += [f"{seen.reset} idle ones by a reset"] if seen.reset else []
        return "no", f"{said}, and cut {' and '.join(parts)}"
    if seen.open:
        return "unknown", f"{said}, and kept {seen.open} open to the end"
    if not seen.answers:
        why = ", ".join(sorted(seen.unopened)) or "no answer"
        return "unknown", f"nobody was connected to a pod that was told to end: {why}"
    return "yes", f"{said}, told {seen.told} of them that it was the last one, and closed {seen.closed} that were idle"


def unsafe(m: Moment) -> Steps:
    """Where containers are to be stopped with connections to them, a user knows that these will be cut."""
    cuts = m.spec.on_drain_timeout == "stop" and not m.spec.hooks.get("drain") and f"{GRACEFUL}: no" in m.run.done
    if cuts and f"approve:{State.DRAINED}" not in m.run.done:
        yield Approve(
            state=State.DRAINED.value,
            why=f"connections that stand when the drain's time is over would be cut: {m.run.evidence[GRACEFUL]}",
        )


def claim(done: frozenset[str], evidence: str, *, drain_hook: bool) -> str:
    """What a run claims of connections that are used again, ``""`` while it is not known."""
    known = next((each.removeprefix(f"{GRACEFUL}: ") for each in done if each.startswith(f"{GRACEFUL}: ")), "")
    if not known:
        return ""
    if known == "yes":
        return f"zero loss is claimed: {evidence}"
    if drain_hook:
        return f"zero loss is claimed as far as the drain hook closes what is idle: {evidence}"
    return f"zero loss is not claimed: {evidence}"


def _known(m: Moment, what: str, said: str) -> Commit:
    done = m.run.done | {f"{GRACEFUL}: {what}"}
    return Commit(
        run=replace(m.run, done=done, evidence={**m.run.evidence, GRACEFUL: said}),
        why=f"it is {what} whether the application closes its connections when it is told to end"
        if what == "unknown"
        else "how the application ends",
    )
