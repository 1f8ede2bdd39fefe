"""The schedule of shares: how many pods are admitted at each step of SHIFT, and what share of callers that gives.

A Service gives each ready endpoint the same chance for a new connection, so P admitted pods beside L legacy instances
get P/(P+L) of them, and no other share can be had. SHIFT only admits; the rest comes by standby steps after PROMOTED.
"""

from __future__ import annotations

from collections.abc import Sequence

MOST_STEPS = 10


def steps_for(pods: int, wanted: Sequence[int] = ()) -> tuple[int, ...]:
    """Numbers of admitted pods after each step, rising, the last being all. By default 1, 2, 4, … all. Raises
    ValueError for numbers that are no such schedule."""
    if wanted:
        given = tuple(wanted)
        if list(given) != sorted(set(given)) or given[0] < 1 or given[-1] > pods:
            raise ValueError(f"steps rise from 1 to {pods} at most, the number of pods: {', '.join(map(str, given))}")
        if len(given) + (given[-1] != pods) > MOST_STEPS:
            raise ValueError(f"more than {MOST_STEPS} steps")
        return given if given[-1] == pods else (*given, pods)
    made: list[int] = []
    admitted = 1
    while admitted < pods and len(made) < MOST_STEPS - 1:
        made.append(admitted)
        admitted *= 2
    return (*made, pods)


def shares(steps: Sequence[int], legacy: int) -> tuple[float, ...]:
    """The share of new connections that pods get after each step of SHIFT, then after each standby step: 0 to 1."""
    pods = steps[-1]
    shifted = [admitted / (admitted + legacy) for admitted in steps]
    return (*shifted, *(pods / (pods + left) for left in range(legacy - 1, -1, -1)))
