"""Instances without which a user lets a run go on: they ended and will not run again, or, going back,
nobody can reach them. Pure.

Going forward such an instance is in no slice any more. Going back it is not started and not waited for; where it runs
and answers it is called like the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .run import Original, Run

if TYPE_CHECKING:
    from .moment import Moment

_SHORT = 12
"""So many digits of a container's ID name it, as engines show them."""


def accepted(m: Moment, key: str) -> bool:
    """Whether a user named this instance."""
    return given_up(m.run, m.original(key))


def given_up(run: Run, original: Original) -> bool:
    """The same: by HOST/ID with as much of the ID as engines show, or more of it."""
    said = (each.removeprefix("approve:") for each in run.done if each.startswith("approve:"))
    return any(named(original, each) for each in said)


def named(original: Original, said: str) -> bool:
    """Whether a user's HOST/ID is this instance."""
    return len(said) >= len(token(original)) and original.key.startswith(said)


def ways_on(m: Moment, keys: Iterable[str]) -> str:
    """What a user can do where these do not serve."""
    said = ", ".join(f"podlift cutover approve {m.spec.name} {token(m.original(key))}" for key in keys)
    return f"mend that and resume; or accept the loss: {said}, then resume"


def ended(m: Moment, key: str) -> str:
    """How a container that does not run came to that, as far as is known, and what became of starting it."""
    container, told = m.world.container(key), m.evidence.starting.get(key)
    if container is None:
        return "it is gone"
    said = "it does not run" if container.exit_code is None else f"it ended with exit code {container.exit_code}"
    if told is None:
        return said
    if told.refused:
        return f"it cannot be started: {told.refused}"
    return f"{said}, after {told.times} starts" if told.times > 1 else f"{said}, after a start"


def token(original: Original) -> str:
    return f"{original.host}/{original.id[:_SHORT]}"
