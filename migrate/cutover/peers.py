"""Who is connected to an instance, in words. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .edges import Peer

_SHOWN = 10


def by_address(peers: Iterable[Peer], what: str) -> str:
    """
    >>> by_address([Peer("10.0.0.1", 5), Peer("10.0.0.2", 2), Peer("10.0.0.1", 2)], "connections")
    '9 connections: 7 of 10.0.0.1, 2 of 10.0.0.2'
    """
    counts = Counter[str]()
    for each in peers:
        counts[each.address] += each.count
    said = [f"{count} of {address}" for address, count in counts.most_common(_SHOWN)]
    if len(counts) > _SHOWN:
        said.append(f"{sum(counts.values()) - sum(dict(counts.most_common(_SHOWN)).values())} of others")
    if len(counts) == 1:
        return f" {what} of ".join(said[0].split(" of ", 1))
    return f"{sum(counts.values())} {what}: {', '.join(said)}"
