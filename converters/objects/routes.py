"""Routes: HTTP from outside by host and path, as an HTTPRoute where the target has Gateway API, else an Ingress."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..fields.ledger import Ledger
from ..workload import Route, Workload
from .context import Context, short_hash
from .legality import SUBDOMAIN
from .service import ServicePort, port_name, service_ports

GATEWAY_GROUP = "gateway.networking.k8s.io"
_ADDRESS = re.compile(r"[0-9.]+")
# What an HTTPRoute takes, which is less than an Ingress does.
_PATH = re.compile(r"/([-A-Za-z0-9/._~!$&'()*+,;=:]|%[0-9a-fA-F]{2})*", re.ASCII)
_NO_PATH = re.compile(r"//|/\.\.?(/|$)|%2f", re.IGNORECASE)
PATH_LIMIT = 1024


def routes(workload: Workload, *, context: Context, ledger: Ledger) -> list[dict[str, Any]]:
    """An Ingress for all routes of a workload, or an HTTPRoute for each group of hosts that have the same paths; none
    without routes. A route whose port is not known and not the only one is a blocking question, and so is one that the
    API server refuses."""
    chosen: list[tuple[Route, ServicePort]] = []
    ports = service_ports(workload)
    by_gateway = GATEWAY_GROUP in context.target.crds
    kind = "HTTPRoute" if by_gateway else "Ingress"
    for route in _legal(workload.routes, ledger):
        port = _port(route, ports, ledger)
        if port is None:
            ledger.undecided(
                route.origins, "route-port", f"{kind}/{context.name(workload.name)}:spec.rules",
                why=f"route {route.host}{route.path} names no port of the workload"
                if route.port
                else f"route {route.host}{route.path} could lead to {len(ports)} ports",
            )  # fmt: skip
            continue
        chosen.append((route, port))
    if not chosen:
        return []
    if by_gateway:
        made = [_http_route(workload, group, n, context) for n, group in enumerate(_by_paths(chosen))]
        groups = list(zip(_by_paths(chosen), made, strict=True))
    else:
        made = [_ingress(workload, chosen, context)]
        groups = [(chosen, made[0])]
    for group, each in groups:
        for route, _ in group:
            _tell(route, f"{kind}/{each['metadata']['name']}:spec", by_gateway, ledger)
    return made


def _legal(given: Sequence[Route], ledger: Ledger) -> Iterator[Route]:
    """Host names are the same in capitals, and ``*`` is any of them."""
    for route in given:
        host = "" if route.host == "*" else route.host.lower()
        path = route.path or "/"
        if problem := _problem(host, path):
            if ledger.ask("route-unfit", route.origins) == "drop":
                ledger.dropped(route.origins, "route-unfit", why=f"{problem}; left out, as decided")
            else:
                ledger.undecided(route.origins, "route-unfit", why=problem)
            continue
        yield replace(route, host=host, path=path)


def _problem(host: str, path: str) -> str:
    if host and (len(host) > 253 or not SUBDOMAIN.fullmatch(host.removeprefix("*."))):
        return f"{host!r} is no host name"
    if host and _ADDRESS.fullmatch(host):
        return f"{host} is an address, and routes go by name"
    if len(path) > PATH_LIMIT or not _PATH.fullmatch(path) or _NO_PATH.search(path):
        return f"{path!r} is no path that begins with a slash and has neither // nor .. in it"
    return ""


def _tell(route: Route, spec: str, by_gateway: bool, ledger: Ledger) -> None:
    if not route.tls:
        ledger.exact(route.origins, "route", f"{spec}.rules")
    elif by_gateway:
        why = f"{route.host}{route.path}: TLS ends at a listener of the Gateway, which must have the certificate"
        todo = "give the Gateway an HTTPS listener for this host"
        ledger.approximated(route.origins, "route", f"{spec}.rules", why=why, todo=todo)
    else:
        why = f"{route.host}{route.path}: TLS by a certificate in a Secret that must exist"
        todo = "make the Secret, or let cert-manager make it"
        ledger.approximated(route.origins, "route", f"{spec}.rules", f"{spec}.tls", why=why, todo=todo)


def _by_paths(chosen: Sequence[tuple[Route, ServicePort]]) -> list[list[tuple[Route, ServicePort]]]:
    """An HTTPRoute answers on each of its host names by all of its rules: hosts with other paths need their own."""
    by_host: dict[str, list[tuple[Route, ServicePort]]] = {}
    for pair in chosen:
        by_host.setdefault(pair[0].host, []).append(pair)
    groups: dict[tuple[tuple[str, int], ...], list[tuple[Route, ServicePort]]] = {}
    for host, pairs in sorted(by_host.items()):
        # Without a host name a rule is for all of them: it cannot stand beside names.
        paths = tuple(sorted({(route.path or "/", port.port) for route, port in pairs}))
        groups.setdefault((("", 0), *paths) if not host else paths, []).extend(pairs)
    return list(groups.values())


def _port(route: Route, ports: tuple[ServicePort, ...], ledger: Ledger) -> ServicePort | None:
    wanted = ledger.ask("route-port", route.origins) or route.port
    if not wanted:
        tcp = [p for p in ports if p.protocol == "TCP" and p.port == p.target]
        return tcp[0] if len(tcp) == 1 else None
    named = port_name(wanted)
    return next((p for p in ports if wanted in (p.name, str(p.target), str(p.port)) or named == p.name), None)


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


def _http_route(
    workload: Workload, chosen: Sequence[tuple[Route, ServicePort]], place: int, context: Context
) -> dict[str, Any]:
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
        "metadata": context.metadata(workload.name, suffix="-" + short_hash(*hosts) if place else ""),
        "spec": spec,
    }
