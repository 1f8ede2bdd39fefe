"""What a user may approve beside states and clients: a workload of the run's group, a container of its own, a place
that pods need not reach, a node. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network

from .groups import others
from .lost import named, token
from .moment import node_named
from .run import Run, Spec


def stranger(spec: Spec, run: Run, what: str, nodes: Iterable[str] = ()) -> str:
    """Why a NAMESPACE/WORKLOAD, HOST/ID, ADDRESS:PORT or node/NAME changes nothing, misspelled as it is; ``""`` where
    it does, and for states and clients, of whom more may come. ``nodes``: the cluster's."""
    if _client(what) or what in map(node_named, nodes):
        return ""
    if "/" in what:
        return _neither(spec, run, what)
    if ":" in what and what not in (str(each.backend) for each in spec.outbound.needed):
        return f"{what} is no place that its containers were seen to connect to"
    return ""


def _neither(spec: Spec, run: Run, what: str) -> str:
    own = (*spec.originals, *run.joined)
    if what in others(spec) or any(named(each, what) for each in own):
        return ""
    cut = sorted(token(each) for each in own if each.key.startswith(what))
    if cut:
        return f"{what} is cut short: {' or '.join(cut)}"
    return f"{what} is no other workload of its group, no container of its own, and no node/NAME"


def _client(what: str) -> bool:
    """An address, or a network of them."""
    try:
        ip_network(what)
    except ValueError:
        return False
    return True
