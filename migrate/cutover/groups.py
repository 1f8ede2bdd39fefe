"""What workloads that are moved together ask of each other. Pure.

All are FRONTED before any goes on, for they call each other by name from then on. None stops while another one may
still hold connections to it; where nobody can count them, until a user says that it may. Who goes back alone stops the
others, until a user says that they may go on without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .bypassing import accepted, client
from .decision import Approve, Pause, Wait
from .edges import Peer
from .moment import Moment, Steps
from .run import Member, Run, Spec
from .states import State

# The states in which others are looked at.
_MATTERS = frozenset({State.BRIDGED, State.FRONTED, State.BAKING, State.DRAINED})


def matter(spec: Spec, run: Run) -> bool:
    """Whether what to do next may depend on the others."""
    return bool(spec.group) and run.state in _MATTERS


def others(spec: Spec) -> tuple[str, ...]:
    own = own_name(spec)
    return tuple(each for each in spec.group if each != own)


def own_name(spec: Spec) -> str:
    return f"{spec.namespace}/{spec.name}"


def to_deployed(m: Moment) -> Steps:
    """All have reached FRONTED, and it is this one's turn."""
    yield from _whole(m)
    missing = [each for each in _present(m) if _reached(each) < State.FRONTED.reached]
    if missing:
        said = ", ".join(f"{each.name} ({each.state or 'not begun'})" for each in missing)
        yield Wait(why=f"all of the group are to be FRONTED first: {said}")
    if m.spec.at_once:
        before = set(m.spec.group[: m.spec.group.index(own_name(m.spec))])
        ahead = [each for each in _present(m) if each.name in before and _reached(each) < State.STANDBY.reached]
        if len(ahead) >= m.spec.at_once:
            said = ", ".join(f"{each.name} ({each.state})" for each in ahead)
            yield Wait(why=f"{m.spec.at_once} of the group at once: it is not its turn, after {said}")


def to_stop(m: Moment) -> Steps:
    """Nobody of the group went back: what went back lives on as it was, and calls as it did."""
    yield from _whole(m)


def holding(m: Moment, direct: Iterable[Peer]) -> str:
    """Who of the group may hold direct connections to an instance: its stopping would cut them, whatever is said of
    time-outs. ``direct``: any of these clients may be a member, but one that a user accepted by its address. ``""``:
    nobody."""
    live = _live(m)
    held = [each for each in direct if not accepted(m, each.address)]
    if not live or not held:
        return ""
    said = ", ".join(f"{each.count} of {client(m, each.address)}" for each in held)
    return f"{said}, and {', '.join(live)} of the group still runs"


def uncounted(m: Moment, key: str) -> Steps:
    """Of an instance whose connections nobody can count, a user says that those of another one may be cut, or that one
    stops first."""
    live = _live(m)
    unsaid = [each for each in live if not _dispensed(m, each)]
    if unsaid:
        why = f"the connections of {m.name(key)} are unknown, and {', '.join(live)} of the group still runs: it may "
        yield Approve(state=unsaid[0], why=f"{why}hold some, and they would be cut")


def _live(m: Moment) -> list[str]:
    """Who may still hold connections."""
    return [each.name for each in m.members.values() if _reached(each) < State.STOPPED.reached]


def _dispensed(m: Moment, name: str) -> bool:
    """Whether a user said that it goes on without regard to this one."""
    return f"approve:{name}" in m.run.done


def _whole(m: Moment) -> Steps:
    for each in m.members.values():
        if each.back and not _dispensed(m, each.name):
            yield Pause(
                code="cutover-member-back",
                reason=f"{each.name} of its group is {each.state}: podlift cutover abort {m.spec.name} goes back too; "
                f"podlift cutover approve {m.spec.name} {each.name}, then resume, goes on without it",
            )


def _present(m: Moment) -> Iterator[Member]:
    """Those without which it does not go on."""
    return (each for each in m.members.values() if not each.back or not _dispensed(m, each.name))


def _reached(member: Member) -> int:
    return member.state.reached if member.state is not None else -1
