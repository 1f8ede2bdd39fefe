"""What a user may approve beside states and addresses: a workload of the run's group, a container of its own. Pure."""

from __future__ import annotations

from ipaddress import ip_network

from .groups import others
from .lost import named, token
from .run import Run, Spec


def stranger(spec: Spec, run: Run, what: str) -> str:
    """Why a NAMESPACE/WORKLOAD or HOST/ID changes nothing, misspelled as it is; ``""`` where it does, and for whatever
    else may be approved."""
    if "/" not in what or _network(what):
        return ""
    own = (*spec.originals, *run.joined)
    if what in others(spec) or any(named(each, what) for each in own):
        return ""
    cut = sorted(token(each) for each in own if each.key.startswith(what))
    if cut:
        return f"{what} is cut short: {' or '.join(cut)}"
    return f"{what} is no other workload of its group, and no container of its own"


def _network(what: str) -> bool:
    try:
        ip_network(what)
    except ValueError:
        return False
    return True
