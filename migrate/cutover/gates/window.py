"""A window: samples of every target, gathered over some seconds. Pure; it is not kept when podlift dies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..world import SeenPod
from .judging import Tally, Target

# Samples that come late are no reason to pause a run; they come all the same.
_LATE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """
    opened, length_s  seconds since 1970, and how long it is open
    min_samples       of each target, spread over its length
    nodes             how many nodes answered the last time: each tries the same
    pods              the admitted pods when it was opened
    """

    opened: float
    length_s: float
    min_samples: int
    nodes: int = 1
    pods: tuple[SeenPod, ...] = ()
    seen: Mapping[Target, Tally] = field(default_factory=dict)

    def complete(self, now: float) -> bool:
        """Whether it is over: late, where samples are still due then, but no later than twice its length, or so much
        later as a busy machine needs to ask."""
        open_s = now - self.opened
        if open_s < self.length_s:
            return False
        latest_s = self.length_s + max(self.length_s, _LATE_S)
        return open_s >= latest_s or not any(self.due(target, now) for target in self.seen)

    def due(self, target: Target, now: float) -> int:
        """How many requests each node shall send to the target now, so that samples come evenly."""
        share = min(1.0, (now - self.opened) / self.length_s) if self.length_s else 1.0
        have = self.seen[target].asked if target in self.seen else 0
        return max(0, math.ceil((math.ceil(self.min_samples * share) - have) / max(1, self.nodes)))

    def among(self, targets: Iterable[Target]) -> Window:
        """Without the samples of targets that are none any more: of a pod that has gone, of a container that moved.
        One that is new in the middle has too few samples, and is asked all the more."""
        kept = set(targets)
        seen = {target: self.seen.get(target, Tally()) for target in kept}
        return replace(self, seen=seen)

    def with_samples(self, samples: Mapping[Target, Tally], *, nodes: int) -> Window:
        seen = dict(self.seen)
        for target, each in samples.items():
            seen[target] = seen.get(target, Tally()) + each
        return replace(self, seen=seen, nodes=max(1, nodes))
