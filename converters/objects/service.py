"""Services: one under the workload's own name, one for every other name that something may use, and one for each way
in which its ports are exposed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from ..workload import Controller, Name, Port, Published, Workload
from .context import Context, suffixed
from .exposure import HOST_PORT, is_loopback, is_public, stated

HEADLESS_SUFFIX = "-pods"
_SUFFIXES = {"NodePort": "-nodeport", "LoadBalancer": "-public"}
NODE_PORTS = range(30000, 32768)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePort:
    """A port of a Service and the container port behind it."""

    name: str
    port: int
    protocol: str
    target: int

    def rendered(self, node_port: int = 0) -> dict[str, Any]:
        made: dict[str, Any] = {
            "name": self.name, "port": self.port, "protocol": self.protocol, "targetPort": self.target,
        }  # fmt: skip
        return {**made, "nodePort": node_port} if node_port else made


def service_ports(workload: Workload) -> tuple[ServicePort, ...]:
    """All ports of a workload's Service, container ports first, each once by (port, protocol).

    A published port joins where its number is fixed, differs from the container's and is free: callers that came by
    the host's port find it.
    """
    made: dict[tuple[int, str], ServicePort] = {}
    names: set[str] = set()
    every = [port for container in workload.containers for port in container.ports]
    for port in every:
        key = (port.container_port, port.protocol.upper())
        if key not in made:
            made[key] = ServicePort(
                name=_port_name(port.name, *key, names), port=key[0], protocol=key[1], target=port.container_port
            )
    for port in every:
        for published in port.published:
            key = (published.host_port, port.protocol.upper())
            if published.host_port and key not in made:
                made[key] = ServicePort(
                    name=_port_name("", *key, names), port=key[0], protocol=key[1], target=port.container_port
                )
    return tuple(made.values())


def _port_name(wanted: str, number: int, protocol: str, taken: set[str]) -> str:
    """An IANA service name (at most 15 of lower-case letters, digits, single dashes, one letter at least)."""
    name = re.sub(r"-{2,}", "-", re.sub(r"[^a-z0-9]+", "-", wanted.lower())).strip("-")[:15].strip("-")
    if not name or not re.search(r"[a-z]", name) or name in taken:
        name = f"{protocol.lower()}-{number}"
    taken.add(name)
    return name


def governing_service(workload: Workload, context: Context) -> str:
    """Name of the headless Service that gives a StatefulSet's pods their names."""
    return suffixed(context.name(workload.name), HEADLESS_SUFFIX)


def has_service(workload: Workload) -> bool:
    """Whether something can reach the workload by name: it has ports, or names on a network of its own."""
    return bool(service_ports(workload)) or any(name.kind != "workload" for name in workload.names)


def services(workload: Workload, *, controller: Controller, context: Context, ledger: Ledger) -> list[dict[str, Any]]:
    """Service objects, the workload's own first. Workloads without ports that have names get headless Services
    without ports (Docker resolves a name whatever is published; Kubernetes allows no ports only when headless)."""
    made: list[dict[str, Any]] = []
    ports = service_ports(workload)
    own = context.name(workload.name)
    by_name: dict[str, list[Name]] = {}
    for name in workload.names:
        service = context.names.services.get((workload.name, name.name))
        if service is not None and (ports or name.kind != "workload"):
            by_name.setdefault(service, []).append(name)
        elif name.origins:
            ledger.approximated(
                name.origins, "alias", why=f"the name {name.name} leads to another workload's Service on the cluster"
            )
    if ports:
        by_name.setdefault(own, [])
    for service in sorted(by_name, key=lambda s: (s != own, s)):
        made.append(_service(service, workload, ports, context))
        ledger.defaulted("service-default", f"Service/{service}:spec.type", why="reachable in the cluster")
        for name in by_name[service]:
            _tell_name(name, service, ledger)
    if controller is Controller.STATEFULSET:
        made.append(_headless(governing_service(workload, context), workload, ports, context, not_ready=True))
    made += _exposed(workload, ports, context, ledger)
    _tell_networks(workload, context, ledger)
    return made


def _service(name: str, workload: Workload, ports: tuple[ServicePort, ...], context: Context) -> dict[str, Any]:
    if not ports:
        return _headless(name, workload, ports, context, not_ready=False)
    spec: dict[str, Any] = {
        "type": "ClusterIP",
        "selector": context.selector(workload.name),
        "ports": [port.rendered() for port in ports],
        "sessionAffinity": "None",
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
    }
    return _object(name, workload, spec, context)


def _headless(
    name: str, workload: Workload, ports: tuple[ServicePort, ...], context: Context, *, not_ready: bool
) -> dict[str, Any]:
    spec: dict[str, Any] = {"clusterIP": "None", "selector": context.selector(workload.name)}
    if ports:
        spec["ports"] = [port.rendered() for port in ports]
    if not_ready:
        spec["publishNotReadyAddresses"] = True
    return _object(name, workload, spec, context)


def _object(name: str, workload: Workload, spec: dict[str, Any], context: Context) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": context.metadata(workload.name, name=name),
        "spec": spec,
    }


def _tell_name(name: Name, service: str, ledger: Ledger) -> None:
    target = f"Service/{service}:metadata.name"
    if name.name.lower() == service:
        ledger.exact(name.origins, "link" if name.kind == "link" else "alias", target)
    elif "." in name.name:
        ledger.approximated(
            name.origins, "alias-dotted", target, why=f"{name.name} has dots; the Service is named {service}"
        )
    else:
        ledger.approximated(
            name.origins, "alias", target, why=f"{name.name} is no Service name; the Service is named {service}"
        )


def _exposed(
    workload: Workload, ports: tuple[ServicePort, ...], context: Context, ledger: Ledger
) -> list[dict[str, Any]]:
    own = context.name(workload.name)
    by_key = {(p.port, p.protocol): p for p in ports}
    wanted: dict[str, dict[tuple[int, str], dict[str, Any]]] = {}
    for container in workload.containers:
        for port in container.ports:
            for published in port.published:
                number = published.host_port or port.container_port
                service_port = by_key[(number, port.protocol.upper())]
                target = f"Service/{own}:spec.ports[{service_port.name}]"
                kind = _tell_published(workload, port, published, target, context, ledger)
                if kind in _SUFFIXES:
                    node = number if kind == "NodePort" and number in NODE_PORTS else 0
                    wanted.setdefault(kind, {})[(number, port.protocol)] = service_port.rendered(node)
        if container.publish_all:
            ledger.approximated(
                container.origins.get("publish_all", ()), "publish-all", f"Service/{own}:spec.ports",
                why="the engine chose host ports; the Service has the container's",
            )  # fmt: skip
    made = []
    for kind in sorted(wanted):
        spec = {
            "type": kind,
            "selector": context.selector(workload.name),
            "ports": list(wanted[kind].values()),
            "sessionAffinity": "None",
            "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
            "externalTrafficPolicy": "Cluster",
        }
        name = suffixed(own, _SUFFIXES[kind])
        ledger.defaulted(
            "service-default", f"Service/{name}:spec.externalTrafficPolicy",
            why="every node answers; callers' addresses are hidden, Local would show them",
        )  # fmt: skip
        made.append(_object(name, workload, spec, context))
    return made


def _tell_published(
    workload: Workload, port: Port, published: Published, target: str, context: Context, ledger: Ledger
) -> str:
    """The verdict on one published port, and what it becomes."""
    origins: Origins = published.origins
    if not published.host_port:
        ledger.approximated(
            origins, "port-ephemeral", target, why="the host port was not fixed; the Service has the container's port"
        )
        return ""
    if is_loopback(published):
        ledger.approximated(
            origins, "port-loopback", target,
            why=f"published on {published.host_ip} only: reachable in the cluster, not from outside",
        )  # fmt: skip
        return ""
    kind = stated(workload, port, published, target=context.target, decisions=context.decisions)
    ledger.ask("exposure", origins)
    if not kind:
        ledger.undecided(
            origins, "exposure", target,
            why=f"port {published.host_port} was open on the hosts and the target does not say what that becomes",
        )  # fmt: skip
        return ""
    own = context.name(workload.name)
    if kind in _SUFFIXES:
        target = f"Service/{suffixed(own, _SUFFIXES[kind])}:spec.ports"
    if not is_public(published):
        ledger.approximated(
            origins, "port-host-address", target, why=f"it was open on {published.host_ip} only, now {kind}"
        )
    elif kind == "NodePort" and published.host_port not in NODE_PORTS:
        ledger.approximated(
            origins, "port-published", target,
            why=f"a node port lies in 30000 to 32767: the cluster chooses one for {published.host_port}",
        )  # fmt: skip
    elif kind == HOST_PORT:
        ledger.exact(origins, "port-published", *context.in_pod(_host_port_path(workload, port)))
    elif kind in _SUFFIXES:
        ledger.exact(origins, "port-published", target)
    else:
        ledger.approximated(origins, "port-published", target, why=f"it was open on the hosts; now {kind}, as decided")
    return kind


def _host_port_path(workload: Workload, port: Port) -> str:
    container = next(c.name for c in workload.containers if port in c.ports)
    return f"spec.containers[{container}].ports[{port.container_port}/{port.protocol.upper()}].hostPort"


def _tell_networks(workload: Workload, context: Context, ledger: Ledger) -> None:
    own = context.name(workload.name)
    isolating = context.target.isolation == "networkpolicy"
    for network in workload.networks:
        if network.internal or not network.icc:
            kind = "internal" if network.internal else "without communication between containers"
            if isolating:
                ledger.approximated(
                    network.origins, "network-isolation", f"NetworkPolicy/{own}:spec",
                    why=f"network {network.name} is {kind}: a NetworkPolicy, if the cluster enforces them",
                )  # fmt: skip
            else:
                ledger.approximated(
                    network.origins, "network-isolation", f"Service/{own}:metadata.name",
                    why=f"network {network.name} is {kind}; pods can reach each other and the outside",
                )  # fmt: skip
        elif isolating:
            ledger.approximated(
                network.origins, "network", f"NetworkPolicy/{own}:spec",
                why=f"only pods of network {network.name} may call, if the cluster enforces NetworkPolicies",
            )  # fmt: skip
        else:
            ledger.approximated(
                network.origins, "network", f"Service/{own}:metadata.name",
                why=f"network {network.name}: pods share one network, names are kept, isolation is not",
            )  # fmt: skip
        for option in network.options:
            ledger.dropped(
                option.origins, "network-option", why=f"{option.key}={option.value} on network {network.name}"
            )
        for link in network.links:
            ledger.approximated(
                link.origins, "link", f"Service/{own}:metadata.name",
                why=f"link {link.key} to {link.value}: the name resolves by a Service for every pod",
            )  # fmt: skip
