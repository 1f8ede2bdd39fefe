"""The states of a run, in order, and where a run may rest."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What has been reached. ``ROLLING_BACK`` lasts until ``ROLLED_BACK``; both may follow any state but FINALIZED."""

    PLANNED = "PLANNED"
    PREFLIGHT = "PREFLIGHT"
    BRIDGED = "BRIDGED"
    FRONTED = "FRONTED"
    DEPLOYED = "DEPLOYED"
    SHIFT = "SHIFT"
    PROMOTED = "PROMOTED"
    STANDBY = "STANDBY"
    BAKING = "BAKING"
    DRAINED = "DRAINED"
    STOPPED = "STOPPED"
    FINALIZED = "FINALIZED"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"

    @property
    def reached(self) -> int:
        """Its place on the way forward; -1 for those of the way back."""
        return FORWARD.index(self) if self in FORWARD else -1


FORWARD = (
    State.PLANNED,
    State.PREFLIGHT,
    State.BRIDGED,
    State.FRONTED,
    State.DEPLOYED,
    State.SHIFT,
    State.PROMOTED,
    State.STANDBY,
    State.BAKING,
    State.DRAINED,
    State.STOPPED,
    State.FINALIZED,
)
ENDED = frozenset({State.FINALIZED, State.ROLLED_BACK})


def after(state: State) -> State:
    """The next one forward."""
    return FORWARD[FORWARD.index(state) + 1]
