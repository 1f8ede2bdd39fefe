"""Links: names that one container alone has for another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .workload import Network, Pair, Workload


def links_of(workloads: Sequence[Workload]) -> Iterator[tuple[Workload, Network, Pair, str]]:
    """Each link, whose it is, on which network, and the workload that it leads to (``""``: not read). A link names a
    container of its own host."""
    owner: dict[str, str] = {}
    for workload in workloads:
        for i in workload.instances:
            owner.update(dict.fromkeys(filter(None, (i.id, i.id[:12], f"{i.host}/{i.name}")), workload.name))
    for workload in workloads:
        hosts = [i.host for i in workload.instances]
        for network in workload.networks:
            for link in network.links:
                keys = (link.value, *(f"{host}/{link.value}" for host in hosts))
                yield workload, network, link, next((owner[key] for key in keys if key in owner), "")
