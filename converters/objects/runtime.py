"""Values that only a running pod knows: addresses, names, and the ports that the legacy scheduler handed out."""

from __future__ import annotations

import re
from typing import Any

from ..fields.ledger import Ledger
from ..workload import Container, Env
from .expansion import escape

FIELDS = {
    "pod_ip": "status.podIP",
    "host_ip": "status.hostIP",
    "node_name": "spec.nodeName",
    "pod_name": "metadata.name",
}
_PORT = re.compile(r"container_port\((.+)\)")


def runtime_entry(env: Env, container: Container, at: tuple[str, ...], *, ledger: Ledger) -> dict[str, Any] | None:
    """The entry of an environment variable with a ``runtime`` value, without its name: by the downward API, or a
    container port, which in a pod is the same for all. None where the port is not known, which blocks."""
    if path := FIELDS.get(env.runtime):
        ledger.approximated(env.origins, "env-runtime", *at, why=f"{env.name}: {path} of the running pod")
        return {"valueFrom": {"fieldRef": {"fieldPath": path}}}
    match = _PORT.fullmatch(env.runtime)
    port = _port(match.group(1), container) if match else None
    if port is None:
        return _asked(env, at, ledger)
    ledger.approximated(env.origins, "env-runtime", *at, why=f"{env.name}: the container's port, {port}, for each pod")
    return {"value": str(port)}


def _asked(env: Env, at: tuple[str, ...], ledger: Ledger) -> dict[str, Any] | None:
    code, subject = "env-runtime-unclear", f"env {env.name}"
    answer = ledger.ask(code, env.origins, subject)
    if answer is None:
        why = f"{env.name}: {env.runtime} is no port of the container"
        ledger.undecided(env.origins, code, *at, why=why, subject=subject)
    elif answer == "drop":
        ledger.dropped(env.origins, code, why=f"{env.name}: left out, as decided")
    else:
        ledger.approximated(env.origins, code, *at, why=f"{env.name}: the value that was decided")
        return {"value": escape(answer)}
    return None


def _port(wanted: str, container: Container) -> int | None:
    """By name, by number, or by index among the container's ports, as schedulers' PORT0, PORT1 count them."""
    for port in container.ports:
        if wanted in (port.name, str(port.container_port)):
            return port.container_port
    if wanted.isascii() and wanted.isdigit() and int(wanted) < len(container.ports):
        return container.ports[int(wanted)].container_port
    return None
