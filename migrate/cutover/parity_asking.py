"""Asks a legacy instance and a pod the same, from a node of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .edges import Backend, Nodes, Request, Response
from .parity import Compared, Parity, Rules, compare, title_of


def asked(
    requests: Sequence[Request], legacy: Backend, pod: Backend, rules: Rules, nodes: Nodes
) -> tuple[Compared, ...]:
    """Each request, wherever it goes itself, goes to the legacy instance, to the pod and to the legacy instance again,
    from every node; a difference that one node sees is one. Raises as the nodes do."""
    answers = nodes.ask([replace(each, backend=backend) for each in requests for backend in (legacy, pod, legacy)])
    silent = "; ".join(f"{node}: {why}" for node, why in sorted(nodes.silent().items()))
    return tuple(
        _one(title_of(each), [responses[3 * n : 3 * n + 3] for _, responses in sorted(answers.items())], rules, silent)
        for n, each in enumerate(requests)
    )


def _one(title: str, seen: Sequence[tuple[Response, ...]], rules: Rules, silent: str) -> Compared:
    results = [compare(title, one, pod, rules, again=again) for one, pod, again in seen]
    if not results:
        reason = f"no node could ask: {silent}" if silent else "no node could ask"
        return Compared(title=title, parity=Parity.UNANSWERED, reason=reason)
    worst = (Parity.DIFFERENT, Parity.UNANSWERED, Parity.EQUAL)
    return min(results, key=lambda each: worst.index(each.parity))
