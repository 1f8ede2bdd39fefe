"""The ports that a container declares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..fields.ledger import Ledger
from ..workload import Container, Port, Protocol
from .context import Context, unique

NAME_LIMIT = 15

PortKey = tuple[int, Protocol]


def port_name(port: Port) -> str:
    """A legal name (IANA_SVC_NAME: at most 15 of ``a-z0-9-``, a letter among them, no doubled dash): the legacy one
    where there is one, else ``tcp-8080``."""
    legal = re.sub(r"[^a-z0-9]+", "-", port.name.lower()).strip("-")[:NAME_LIMIT].strip("-")
    return legal if re.search("[a-z]", legal) else f"{port.protocol}-{port.container_port}"


def container_ports(
    container: Container,
    *,
    name: str,
    host_ports: Mapping[PortKey, tuple[str, int]],
    context: Context,
    ledger: Ledger,
) -> list[dict[str, Any]]:
    """``ports`` of the pod's container ``name``, by number.

    host_ports  container port to (host address, host port), for what the target exposes on the nodes' own ports
    """
    found: dict[PortKey, Port] = {}
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
        if host := host_ports.get((port.container_port, port.protocol)):
            made["hostPort"] = host[1]
            if host[0] not in ("", "0.0.0.0", "::"):  # noqa: S104 (a comparison, nothing is bound)
                made["hostIP"] = host[0]
        ports.append(made)
    return ports
