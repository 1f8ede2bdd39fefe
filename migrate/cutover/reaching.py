"""Before pods are admitted: they get to where containers were seen to connect to. Pure.

It is tried from a pod with the labels of the workload's, on each node where one of these is: policies look at labels,
and routes are a node's. Where nobody can try, or they are too many to try, a user says that the run may go on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from .decision import Approve, Commit, Measure, Pause, Question
from .evidence import Tried
from .moment import Moment, Steps
from .outbound import Remote
from .states import State

REACHED = "reached"
"""Under this name in Run.evidence stands what pods were seen to get to."""
TIMES = 3
"""So often in a row something is tried in vain until the run pauses: a connection may fail by chance."""
_SHOWN = 10


def reaches(m: Moment, nodes: Collection[str]) -> Steps:
    """Pods on these nodes do."""
    wanted = tuple(sorted({each for each in nodes if f"{REACHED} {each}" not in m.run.done}))
    needed, more = needed_of(m), m.spec.outbound.more
    if not (needed or more) or not wanted:
        return
    seen = m.evidence.reached if needed else Tried(nodes=wanted)
    if seen is None or not {*wanted} <= {*seen.nodes} or 0 < seen.times < TIMES:
        said = f" ({_failed(seen.failed)})" if seen is not None and seen.failed else ""
        yield Measure(question=Question.REACH, of=wanted, why=f"pods are to get where containers connect to{said}")
        return
    if seen.failed:
        yield Pause(code="cutover-unreached", reason=f"{_failed(seen.failed)}; {_way_on(m, seen.failed)}")
    unsure = "; ".join(f"{node}: {why}" for node, why in sorted(seen.silent.items()))
    if (unsure or more) and f"approve:{State.SHIFT}" not in m.run.done:
        places = ", ".join(str(each) for each in needed[:_SHOWN])
        unknown = [f"whether pods get to {places} is unknown: {unsure}"] if unsure else []
        unknown += [f"containers connect to {more} more places than are tried"] if more else []
        yield Approve(state=State.SHIFT.value, why="; ".join(unknown))
        return
    evidence = {**m.run.evidence, REACHED: _told(m, needed, unsure)}
    done = m.run.done | {f"{REACHED} {each}" for each in wanted}
    yield Commit(run=replace(m.run, evidence=evidence, done=done), why=evidence[REACHED])


def needed_of(m: Moment) -> tuple[Remote, ...]:
    """Without what a user approved meanwhile."""
    return tuple(each for each in m.spec.outbound.needed if f"approve:{each.backend}" not in m.run.done)


def _failed(failed: Mapping[str, Mapping[str, str]]) -> str:
    parts = [
        f"{remote} from a pod on {node}: {why}" for remote, of in sorted(failed.items()) for node, why in of.items()
    ]
    more = f", and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    return f"containers connect to it, and no pod gets there: {', '.join(parts[:_SHOWN])}{more}"


def _way_on(m: Moment, failed: Mapping[str, Mapping[str, str]]) -> str:
    return (
        f"open the way from pods of {m.spec.namespace} (firewall, NetworkPolicy, the list of clients there), then "
        f"resume; where it is not needed any more: podlift cutover approve {m.spec.name} {min(failed)}, then resume"
    )


def _told(m: Moment, needed: Collection[Remote], unsure: str) -> str:
    count = f"{len(needed)} {'place' if len(needed) == 1 else 'places'} where containers connect to"
    said = [f"whether pods get to the {count} is unknown, as a user accepted" if unsure else f"pods get to the {count}"]
    said += [f"not tried: {each}" + (f" of {each.inside}" * bool(each.inside)) for each in m.spec.outbound.untried]
    said += [f"unknown of {name}" for name in sorted(m.spec.outbound.unseen)]
    said += [f"{m.spec.outbound.more} more are not tried, as a user accepted"] if m.spec.outbound.more else []
    return "; ".join(said)
