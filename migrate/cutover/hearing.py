"""What an engine tells while it happens: which of it is of the workload, and when it is listened to again.

It only wakes who waits. What is there is what a list and inspects say, at each look.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from converters.estate.keys import Matcher

HEARD = ("destroy", "die", "health_status", "pause", "rename", "start", "unpause")
"""Docker's events after which a container is listed or inspects otherwise in what a run goes by: kill and stop have a
die with them, restart a die and a start. health_status stands for each ``health_status: …`` in a filter (moby's
daemon/events/filter.go)."""

_FIRST_S = 0.5
_LONGEST_S = 30.0


def concerns(
    event: Mapping[str, Any],
    matches: Matcher,
    known: Collection[str],
    config_of: Callable[[str], Mapping[str, Any] | None],
) -> bool:
    """Whether a container's event may be of the workload: by the name that it has now, or the one that it had.

    known      names that are the workload's whatever its grouping key says
    config_of  the ``Config`` by ID, None for one that was not inspected yet. Of such a one the event has the labels,
               among its attributes, and not the environment: where that alone tells, it is found at the next look
    """
    actor = event.get("Actor") or {}
    attributes = actor.get("Attributes") or {}
    config = config_of(str(actor.get("ID")))
    if config is None:
        config = {"Labels": attributes}
    names = [str(attributes[key]).lstrip("/") for key in ("name", "oldName") if key in attributes]
    return any(name in known or matches(name, config) for name in names)


def pause_after(before_s: float, lasted_s: float) -> float:
    """Seconds until an engine is listened to again: ``before_s`` were waited the last time, and then it was listened to
    for ``lasted_s``. One that ends soon, again and again, is not asked all the time."""
    return _FIRST_S if lasted_s >= _LONGEST_S else min(max(2 * before_s, _FIRST_S), _LONGEST_S)
