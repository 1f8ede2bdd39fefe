"""Exposure: what a port that the legacy side published becomes, asked in one place by everything that must agree.

Docker publishes on addresses of the host: all of them, one of them, or its loopback. Only the first is public; what a
public port becomes is the target's say, by port, or a decision's.
"""

from __future__ import annotations

from ..decisions import Decisions, matches, specificity
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
    ``443/tcp``, ``443``, ``*``. Each may hold ``*`` and ``?``; of one form the one with more literal characters wins.
    """
    for source in published.origins:
        answered = decisions.answer(workload.name, "exposure", source.path)
        if answered is not None:
            return answered.answer
    number = published.host_port or port.container_port
    spelled = (f"{workload.name}:{number}/{port.protocol}", f"{number}/{port.protocol}", str(number))
    for text in spelled:
        fitting = [e for e in target.exposure if _of_the_form(e, text) and matches(e.match, text)]
        if fitting:
            return max(fitting, key=lambda e: specificity(e.match)).become
    return next((e.become for e in target.exposure if e.match == "*"), "")


def _of_the_form(exposure: Exposure, text: str) -> bool:
    """A match speaks of a workload's port, of a port with its protocol, or of a number: by the marks that it holds."""
    return exposure.match != "*" and all((mark in exposure.match) == (mark in text) for mark in ":/")


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
