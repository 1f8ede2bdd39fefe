"""Asks a legacy instance and a pod the same, from a node of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .edges import Backend, Nodes, Response
from .environment import filled_headers
from .parity import Asked, Compared, Parity, Rules, compare


def asked(requests: Sequence[Asked], legacy: Backend, pod: Backend, rules: Rules, nodes: Nodes) -> tuple[Compared, ...]:
    """Each request goes to the legacy instance, to the pod and to the legacy instance again, from every node; a
    difference that one node sees is one. Raises PodliftError ``variable-missing``."""
    ready = [replace(each, headers=filled_headers(each.headers)) for each in requests]
    sent = [each.to(backend) for each in ready for backend in (legacy, pod, legacy)]
    answers = nodes.ask(sent)
    return tuple(
        _one(each, [responses[3 * n : 3 * n + 3] for _, responses in sorted(answers.items())], rules)
        for n, each in enumerate(ready)
    )


def _one(request: Asked, seen: Sequence[tuple[Response, ...]], rules: Rules) -> Compared:
    results = [compare(request, one, pod, rules, again=again) for one, pod, again in seen]
    if not results:
        return Compared(title=request.title, parity=Parity.UNANSWERED, reason="no node could ask")
    worst = (Parity.DIFFERENT, Parity.UNANSWERED, Parity.EQUAL)
    return min(results, key=lambda each: worst.index(each.parity))
