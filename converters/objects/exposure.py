"""Exposure: what a port that the legacy side published becomes, asked in one place by everything that must agree.

Docker publishes on addresses of the host: all of them, one of them, or its loopback. Only the first is public; what a
public port becomes is the target's say, by port, or a decision's.
"""

from __future__ import annotations

from ..decisions import Decisions
from ..target import Exposure, Target
from ..workload import Container, Port, Published, Workload

PUBLIC = ("", "0.0.0.0", "::")  # noqa: S104 — compared with, never bound to
HOST_PORT = "hostPort"


def is_public(published: Published) -> bool:
    return published.host_ip in PUBLIC


def is_loopback(published: Published) -> bool:
    return published.host_ip.startswith("127.") or published.host_ip == "::1"


def stated(workload: Workload, port: Port, published: Published, *, target: Target, decisions: Decisions) -> str:
    """ClusterIP, NodePort, LoadBalancer, hostPort or route; ``""`` where nobody said.

    A decision (``exposure``) wins over target.yaml; there the most particular match wins: ``web:443/tcp``,
    ``443/tcp``, ``443``, ``*``.
    """
    for source in published.origins:
        answered = decisions.answer(workload.name, "exposure", source.path)
        if answered is not None:
            return answered.answer
    number = published.host_port or port.container_port
    wanted = (f"{workload.name}:{number}/{port.protocol}", f"{number}/{port.protocol}", str(number), "*")
    by_match: dict[str, Exposure] = {e.match: e for e in target.exposure}
    return next((by_match[match].become for match in wanted if match in by_match), "")


def host_ports(workload: Workload, container: Container, *, target: Target, decisions: Decisions) -> dict[Port, int]:
    """Container ports that take a port of their node: port to host port."""
    found = {}
    for port in container.ports:
        for published in port.published:
            if not published.host_port or is_loopback(published):
                continue
            if stated(workload, port, published, target=target, decisions=decisions) == HOST_PORT:
                found[port] = published.host_port
    return found
