"""What a user may approve beside states and clients: a workload of the run's group, a container of its own, a place
that pods need not reach. Pure."""

from __future__ import annotations

from ipaddress import ip_network

from .groups import others
from .lost import named, token
from .run import Run, Spec


def stranger(spec: Spec, run: Run, what: str) -> str:
    """Why a NAMESPACE/WORKLOAD, HOST/ID or ADDRESS:PORT changes nothing, misspelled as it is; ``""`` where it does, and
    for states and clients, of whom more may come."""
    if _client(what):
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
    return f"{what} is no other workload of its group, and no container of its own"


def _client(what: str) -> bool:
    """An address, or a network of them."""
    try:
        ip_network(what)
    except ValueError:
        return False
    return True
