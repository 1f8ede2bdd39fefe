"""Routes: HTTP from outside by host and path, as an HTTPRoute where the target has Gateway API, else an Ingress."""

from __future__ import annotations

from typing import Any

from ..fields.ledger import Ledger
from ..workload import Route, Workload
from .context import Context
from .service import ServicePort, service_ports

GATEWAY_GROUP = "gateway.networking.k8s.io"


def routes(workload: Workload, *, context: Context, ledger: Ledger) -> list[dict[str, Any]]:
    """One object for all routes of a workload, none without routes. A route whose port is not known and not the
    only one is a blocking question."""
    chosen: list[tuple[Route, ServicePort]] = []
    ports = service_ports(workload)
    by_gateway = GATEWAY_GROUP in context.target.crds
    kind = "HTTPRoute" if by_gateway else "Ingress"
    target = f"{kind}/{context.name(workload.name)}:spec.rules"
    for route in workload.routes:
        port = _port(route, ports, ledger)
        if port is None:
            ledger.undecided(
                route.origins, "route-port", target,
                why=f"route {route.host}{route.path} names no port of the workload"
                if route.port
                else f"route {route.host}{route.path} could lead to {len(ports)} ports",
            )  # fmt: skip
            continue
        chosen.append((route, port))
        ledger.exact(route.origins, "route", target)
    if not chosen:
        return []
    return [_http_route(workload, chosen, context) if by_gateway else _ingress(workload, chosen, context)]


def _port(route: Route, ports: tuple[ServicePort, ...], ledger: Ledger) -> ServicePort | None:
    wanted = ledger.ask("route-port", route.origins) or route.port
    if not wanted:
        tcp = [p for p in ports if p.protocol == "TCP" and p.port == p.target]
        return tcp[0] if len(tcp) == 1 else None
    return next((p for p in ports if wanted in (p.name, str(p.target), str(p.port))), None)


def _ingress(workload: Workload, chosen: list[tuple[Route, ServicePort]], context: Context) -> dict[str, Any]:
    service = context.name(workload.name)
    spec: dict[str, Any] = {}
    if context.target.ingress_class:
        spec["ingressClassName"] = context.target.ingress_class
    secured = sorted({route.host for route, _ in chosen if route.tls and route.host})
    if secured:
        spec["tls"] = [{"hosts": secured, "secretName": f"{service}-tls"}]
    rules: dict[str, list[dict[str, Any]]] = {}
    for route, port in chosen:
        backend = {"service": {"name": service, "port": {"number": port.port}}}
        rules.setdefault(route.host, []).append({"path": route.path or "/", "pathType": "Prefix", "backend": backend})
    spec["rules"] = [
        {**({"host": host} if host else {}), "http": {"paths": paths}} for host, paths in sorted(rules.items())
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": context.metadata(workload.name),
        "spec": spec,
    }


def _http_route(workload: Workload, chosen: list[tuple[Route, ServicePort]], context: Context) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if context.target.gateway:
        namespace, _, name = context.target.gateway.rpartition("/")
        spec["parentRefs"] = [{"name": name, **({"namespace": namespace} if namespace else {})}]
    hosts = sorted({route.host for route, _ in chosen if route.host})
    if hosts:
        spec["hostnames"] = hosts
    spec["rules"] = [
        {
            "matches": [{"path": {"type": "PathPrefix", "value": path}}],
            "backendRefs": [{"name": context.name(workload.name), "port": port}],
        }
        for path, port in sorted({(route.path or "/", port.port) for route, port in chosen})
    ]
    return {
        "apiVersion": f"{GATEWAY_GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": context.metadata(workload.name),
        "spec": spec,
    }
