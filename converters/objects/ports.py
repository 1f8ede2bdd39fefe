"""The ports that a container declares."""

from __future__ import annotations

import re
from typing import Any

from ..fields.ledger import Ledger
from ..workload import Container, Port, Protocol, Workload
from .context import Context, unique
from .exposure import host_ports
from .pod_security import refused

NAME_LIMIT = 15


def port_name(port: Port) -> str:
    """A legal name (IANA_SVC_NAME: at most 15 of ``a-z0-9-``, a letter among them, no doubled dash): the legacy one
    where there is one, else ``tcp-8080``."""
    legal = re.sub(r"[^a-z0-9]+", "-", port.name.lower()).strip("-")[:NAME_LIMIT].strip("-")
    return legal if re.search("[a-z]", legal) else f"{port.protocol}-{port.container_port}"


def container_ports(
    workload: Workload, container: Container, *, name: str, context: Context, ledger: Ledger
) -> list[dict[str, Any]]:
    """``ports`` of the pod's container ``name``, by number; with a ``hostPort`` where the target exposes a port on the
    node's own, and in the node's network, where the API server asks for it."""
    on_nodes = _on_nodes(workload, container, name=name, context=context, ledger=ledger)
    found: dict[tuple[int, Protocol], Port] = {}
    for port in container.ports:
        key = (port.container_port, port.protocol)
        if key not in found or (port.name and not found[key].name):
            found[key] = port
        ledger.exact(
            port.origins,
            "port",
            *context.in_pod(f"spec.containers[{name}].ports[{port.container_port}/{port.protocol.upper()}]"),
        )
    ordered = sorted(found.values(), key=lambda port: (port.container_port, port.protocol))
    ports = []
    for port, called in zip(ordered, unique(map(port_name, ordered), NAME_LIMIT), strict=True):
        made: dict[str, Any] = {
            "name": called,
            "containerPort": port.container_port,
            "protocol": port.protocol.upper(),
        }
        if number := on_nodes.get((port.container_port, port.protocol)):
            made["hostPort"] = number
        ports.append(made)
    return ports


def _on_nodes(
    workload: Workload, container: Container, *, name: str, context: Context, ledger: Ledger
) -> dict[tuple[int, Protocol], int]:
    """Port numbers of the node, by container port."""
    if workload.network_mode == "host":
        # Whether the target admits the node's network at all is the pod's question.
        admitted = context.target.pod_security == "privileged"
        return {(port.container_port, port.protocol): port.container_port for port in container.ports if admitted}
    taken = host_ports(workload, container, target=context.target, decisions=context.decisions)
    found = {}
    for port, number in taken.items():
        origins = tuple(source for published in port.published for source in published.origins)
        what, subject = f"port {number} of the node", f"{name}: hostPort {number}"
        if not refused("privileged", origins, what=what, context=context, ledger=ledger, subject=subject):
            found[(port.container_port, port.protocol)] = number
    return found
