"""Active probes: every pod, every legacy endpoint and the Service, asked from every node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..checks import answered, request_of, requests_of
from ..edges import Nodes, Request
from .judging import Tally, Target, tally
from .window import Window

# What comes in between, an abort say, waits for a round of requests. A node sends a target one after another.
_ROUND_S = 3.0
_MOST_AT_ONCE = 10


def _most(seen: Tally, timeout_s: float) -> int:
    """Each request may take as long as the longest of this window, refused ones at once; the first one all its time."""
    each_s = seen.longest_s if seen.asked else timeout_s
    return max(1, min(_MOST_AT_ONCE, int(_ROUND_S / each_s) if each_s else _MOST_AT_ONCE))


def probed(
    window: Window,
    targets: Sequence[Target],
    nodes: Nodes,
    *,
    probe: Mapping[str, Any],
    check: Mapping[str, Any],
    now: float,
) -> Window:
    """The window with the samples that are due by now. It asks nobody while enough is there. Raises as the nodes do."""
    window = window.among(targets)
    asked: list[tuple[Target, Request]] = []
    for target in sorted(targets):
        plain = Request(backend=target.backend, kind="tcp", timeout_s=request_of(check, target.backend).timeout_s)
        ways = (plain,) if target.connect else requests_of(probe.get("requests") or (), check, target.backend)
        done = window.seen[target].asked // window.nodes
        count = min(window.due(target, now), _most(window.seen[target], ways[0].timeout_s))
        asked += [(target, ways[(done + n) % len(ways)]) for n in range(count)]
    if not asked:
        return window
    answers = nodes.ask([each for _, each in asked])
    codes = str(probe.get("codes") or check.get("codes") or "")
    samples: dict[Target, Tally] = {}
    for responses in answers.values():
        for (target, _), response in zip(asked, responses, strict=True):
            samples[target] = samples.get(target, Tally()) + tally(response, good=answered(response, codes))
    return window.with_samples(samples, nodes=len(answers))
