"""Services: one under the workload's own name, one for every other name that something may use, and one for each way
in which its ports are exposed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..fields.catalogue import code_named
from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from ..names import legal
from ..workload import Controller, Name, Pair, Port, Published, Workload
from .context import Context, suffixed
from .exposure import HOST_PORT, is_loopback, is_public, stated
from .network_policy import network_label

HEADLESS_SUFFIX = "-pods"
# Networks that an engine has by itself, on which it resolves no names.
_WITHOUT_NAMES = frozenset({"", "bridge", "host", "none", "default", "podman"})
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


def port_name(wanted: str) -> str:
    """The legal name nearest to a legacy one, ``""`` where nothing of it is legal."""
    return re.sub(r"-{2,}", "-", re.sub(r"[^a-z0-9]+", "-", wanted.lower())).strip("-")[:15].strip("-")


def _port_name(wanted: str, number: int, protocol: str, taken: set[str]) -> str:
    """An IANA service name (at most 15 of lower-case letters, digits, single dashes, one letter at least)."""
    name = port_name(wanted)
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
            ledger.dropped(name.origins, "alias-elsewhere", why=f"{name.name}: another workload's Service has the name")
    if ports:
        by_name.setdefault(own, [])
    for service in sorted(by_name, key=lambda s: (s != own, s)):
        made.append(_service(service, workload, ports, context))
        kind = "spec.type" if ports else "spec.clusterIP"
        ledger.defaulted(
            "service-default",
            f"Service/{service}:{kind}",
            why="reachable in the cluster, by these ports" if ports else "reachable in the cluster",
        )
        for name in by_name[service]:
            _tell_name(name, service, ledger)
    holders = list(by_name)
    if controller is Controller.STATEFULSET:
        governing = governing_service(workload, context)
        made.append(_headless(governing, workload, ports, context, not_ready=True))
        holders.append(governing)
    made += _exposed(_Told(workload, ports, tuple(holders), context, ledger))
    _tell_networks(workload, by_name, context, ledger)
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
    elif legal(name.name) == name.name:
        ledger.approximated(
            name.origins, "alias", target, why=f"{name.name} is another workload's Service; this one's is {service}"
        )
    elif "." in name.name:
        ledger.approximated(
            name.origins, "alias-dotted", target, why=f"{name.name} has dots; the Service is named {service}"
        )
    else:
        ledger.approximated(
            name.origins, "alias", target, why=f"{name.name} is no Service name; the Service is named {service}"
        )


@dataclass(frozen=True, slots=True)
class _Told:
    """Verdicts on ports. ``holders``: the Services that have all ports of the workload."""

    workload: Workload
    ports: tuple[ServicePort, ...]
    holders: tuple[str, ...]
    context: Context
    ledger: Ledger

    def service_port(self, number: int, protocol: str) -> ServicePort:
        return next(p for p in self.ports if (p.port, p.protocol) == (number, protocol.upper()))

    def in_services(self, number: int, protocol: str) -> tuple[str, ...]:
        name = self.service_port(number, protocol).name
        return tuple(f"Service/{holder}:spec.ports[{name}]" for holder in self.holders)

    def declared(self, port: Port) -> tuple[str, ...]:
        """Where a container port stands: in the pod and in the Services."""
        container = next(c.name for c in self.workload.containers if port in c.ports)
        path = f"spec.containers[{container}].ports[{port.container_port}/{port.protocol.upper()}]"
        return self.context.in_pod(path) + self.in_services(port.container_port, port.protocol)

    def adds(self, port: Port, published: Published) -> tuple[str, ...]:
        """What is there only because the port is published: a port of the Service by the host's number, or the
        container port itself where nothing else declares it. Nothing: ``()``."""
        added: tuple[str, ...] = ()
        if not port.origins and port.published[0] is published:
            added += self.declared(port)
        if published.host_port and published.host_port != port.container_port:
            added += self.in_services(published.host_port, port.protocol)
        return added


def _exposed(told: _Told) -> list[dict[str, Any]]:
    workload, context, ledger = told.workload, told.context, told.ledger
    own = context.name(workload.name)
    wanted: dict[str, dict[tuple[int, str], dict[str, Any]]] = {}
    for container in workload.containers:
        for port in container.ports:
            ledger.exact(port.origins, "port", *told.declared(port))
            for target in () if port.origins or port.published else told.declared(port):
                ledger.defaulted("port-asked", target, why="nothing declares it, and another workload asks for it")
            for published in port.published:
                number = published.host_port or port.container_port
                kind = _tell_published(told, port, published)
                if kind in _SUFFIXES:
                    node = number if kind == "NodePort" and number in NODE_PORTS else 0
                    rendered = told.service_port(number, port.protocol).rendered(node)
                    wanted.setdefault(kind, {})[(number, port.protocol)] = rendered
        if container.publish_all:
            ledger.dropped(
                container.origins.get("publish_all", ()), "publish-all",
                why="nobody could count on the host ports that the engine chose; Services have the container's",
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


def _tell_published(told: _Told, port: Port, published: Published) -> str:
    """The verdict on one published port, and what it becomes."""
    workload, context, ledger = told.workload, told.context, told.ledger
    origins: Origins = published.origins
    added = told.adds(port, published)
    if not published.host_port or is_loopback(published):
        code = "port-loopback" if published.host_port else "port-ephemeral"
        why = (
            f"published on {published.host_ip} only: reachable in the cluster, not from outside"
            if published.host_port
            else "no fixed host port is the same for all instances: the Service has the container's port"
        )
        _inside(origins, code, added, why, ledger)
        return ""
    kind = stated(workload, port, published, target=context.target, decisions=context.decisions)
    ledger.ask("exposure", origins)
    if not kind:
        # Without a route of the config's nothing would carry the port.
        options = [o for o in code_named("exposure").options if o[0] != "route" or workload.routes]
        ledger.undecided(
            origins, "exposure", *added, options=options,
            why=f"port {published.host_port} was open on the hosts and the target does not say what that becomes",
        )  # fmt: skip
        return ""
    own = context.name(workload.name)
    if kind in _SUFFIXES:
        name = told.service_port(published.host_port, port.protocol).name
        added += (f"Service/{suffixed(own, _SUFFIXES[kind])}:spec.ports[{name}]",)
    elif kind == HOST_PORT:
        added += context.in_pod(_host_port_path(workload, port))
    if not is_public(published):
        why = f"it was open on {published.host_ip} only, now {kind}"
        _inside(origins, "port-host-address", added, why, ledger)
    elif kind == "NodePort" and published.host_port not in NODE_PORTS:
        ledger.approximated(
            origins, "port-published", *added,
            why=f"a node port lies in 30000 to 32767: the cluster chooses one for {published.host_port}",
        )  # fmt: skip
    elif kind == HOST_PORT or kind in _SUFFIXES:
        ledger.exact(origins, "port-published", *added)
    elif added:
        ledger.approximated(origins, "port-published", *added, why=f"it was open on the hosts; now {kind}, as decided")
    else:
        why = f"it was open on the hosts; now {kind}, as decided: the container's own port is all that is left"
        ledger.dropped(origins, "port-inside", why=why)
    return kind


def _inside(origins: Origins, code: str, added: tuple[str, ...], why: str, ledger: Ledger) -> None:
    """A published port that callers in the cluster reach by the Service: what it adds, or nothing."""
    if added:
        ledger.approximated(origins, code, *added, why=why)
    else:
        ledger.dropped(origins, code, why=why)


def _host_port_path(workload: Workload, port: Port) -> str:
    container = next(c.name for c in workload.containers if port in c.ports)
    return f"spec.containers[{container}].ports[{port.container_port}/{port.protocol.upper()}].hostPort"


def _tell_networks(workload: Workload, services: Mapping[str, list[Name]], context: Context, ledger: Ledger) -> None:
    """Networks, what closed them, their options, and links.

    services  Service name to the legacy names that it is for; a Service that is there for its ports is for none
    """
    own = context.name(workload.name)
    isolating = context.target.isolation == "networkpolicy"
    for network in workload.networks:
        # a Service whose name another network gave too would be there without this one
        kept = tuple(
            f"Service/{service}:metadata.name"
            for service, names in sorted(services.items())
            if names and all(name.network == network.name and name.kind == "container" for name in names)
            and not (service == own and service_ports(workload))
        )  # fmt: skip
        gone = _gone(network.name, services)
        policy = f"NetworkPolicy/{own}:spec"
        if isolating:
            label = context.in_pod(f"metadata.labels[{network_label(network.name)}]")
            ledger.approximated(
                network.origins, "network", policy, *label, *kept,
                why=f"only pods of network {network.name} may call, if the cluster enforces NetworkPolicies{gone}",
            )  # fmt: skip
        elif kept:
            why = f"network {network.name}: pods share one network, names are kept, isolation is not{gone}"
            ledger.approximated(network.origins, "network", *kept, why=why)
        else:
            ledger.dropped(network.origins, "network", why=f"network {network.name}: pods share one network{gone}")
        closed: Origins = tuple(source for pair in network.isolation for source in pair.origins)
        kind = "internal" if network.internal else "without communication between containers"
        if isolating:
            why = f"network {network.name} is {kind}: a NetworkPolicy, if the cluster enforces them"
            ledger.approximated(closed, "network-isolation", policy, why=why)
        else:
            why = f"network {network.name} is {kind}; pods can reach each other and the outside"
            ledger.dropped(closed, "network-isolation", why=why)
        for option in network.options:
            ledger.dropped(
                option.origins, "network-option", why=f"{option.key}={option.value} on network {network.name}"
            )
        for link in network.links:
            _tell_link(workload, link, context, ledger)


def _gone(network: str, services: Mapping[str, list[Name]]) -> str:
    """Names of a network that no Service bears, in words: a container's, and any with the network's name behind it."""
    if network in _WITHOUT_NAMES:
        return ""
    renamed = {
        name.name: service
        for service, names in sorted(services.items())
        for name in names
        if name.network == network and name.kind == "container" and name.name.lower() != service
    }
    said = [f"the Service of container {name} is {service}" for name, service in renamed.items()]
    return "; ".join(["", *said, f"NAME.{network} does not resolve"])


def _tell_link(workload: Workload, link: Pair, context: Context, ledger: Ledger) -> None:
    """The alias is a Service of the linked workload, which every pod can resolve."""
    service = context.names.links.get((workload.name, link.key), "")
    if not service:
        ledger.dropped(link.origins, "link-unresolved", why=f"link {link.key} to {link.value}, which was not read")
        return
    resolves = "the name" if service == link.key.lower() else f"{service} in place of the name"
    why = f"link {link.key} to {link.value}: {resolves} resolves by a Service for every pod"
    ledger.approximated(link.origins, "link", f"Service/{service}:metadata.name", why=why)
