"""Rows on the legacy side: where instances answer, how they are, and what else lays hands on them."""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ..containers import in_host_network, name_in
from ..edges import Backend, Container
from ..endpoints import ports_of
from .policies import pod_cidrs
from .row import Notice, Rule, mitigate, refuse, warn
from .seen import Object, Seen, name_of, target_of

# Containers that delete or replace others, by the name of their image, or by what they run.
_CLEANERS = ("docker-gc", "docker-cleanup", "docker-prune", "watchtower", "ouroboros")
_CLEANING = ("system prune", "container prune", "docker rm ", "ctr container rm")
# Schedulers that remove a container that has stopped: a label or variable of theirs, and after how long by default.
_COLLECTORS = (
    ("com.docker.swarm.task.id", "Swarm replaces a stopped task and keeps few old ones"),
    ("com.hashicorp.nomad.alloc_id", "Nomad's docker driver removes a container that has stopped"),
    ("com.amazonaws.ecs.task-arn", "the ECS agent removes a container 3 hours after it has stopped"),
    ("io.rancher.container.uuid", "Rancher replaces a stopped container and purges it"),
    ("MESOS_TASK_ID", "Mesos removes a container 6 hours after it has stopped"),
)
# Engines that take it for the end of the grace when whoever asked for a stop goes away (moby/moby#45731).
_STOPS_CUT_SHORT = re.compile(r"(23\.0\.[0-6]|24\.0\.[0-2])(?!\d)")


def title_of(container: Container) -> str:
    return f"{container.host}/{container.name}"


def _engine_unread(seen: Seen) -> Iterator[Notice]:
    for host, reason in seen.found.unread.items():
        yield Notice(subject=host, reason=f"its engine cannot be read: {reason}")


def _counts(seen: Seen) -> Iterator[Notice]:
    planned, now = len(seen.entry["instances"]), len(seen.running)
    if now != planned and now:
        yield Notice(subject=seen.entry["name"], reason=f"{now} instances run, and the plan counted {planned}")


def _images(seen: Seen) -> Iterator[Notice]:
    planned = {one.get("image", {}).get("reference", "") for one in seen.entry["workload"].get("containers", ())} - {""}
    for each in seen.running:
        image = (seen.document(each).get("Config") or {}).get("Image", "")
        if planned and image and image not in planned:
            yield Notice(
                subject=title_of(each), reason=f"it runs {image}, and the plan has {', '.join(sorted(planned))}"
            )


def _none_runs(seen: Seen) -> Iterator[Notice]:
    well = [each for each in seen.running if _well(each) and not _restarting(seen.document(each))]
    if seen.entry["instances"] and not well:
        yield Notice(subject=seen.entry["name"], reason="none of its instances runs and is healthy")


def _down(seen: Seen) -> Iterator[Notice]:
    for each in seen.found.containers:
        if not each.running:
            yield Notice(subject=title_of(each), reason="it does not run: it is not listed")
        elif _restarting(seen.document(each)):
            yield Notice(subject=title_of(each), reason="it is restarting again and again")
        elif not _well(each):
            yield Notice(subject=title_of(each), reason=f"it is {each.health}: it is listed once it is healthy")


def _restarting(document: Object) -> bool:
    return bool((document.get("State") or {}).get("Restarting"))


def _well(container: Container) -> bool:
    return container.health in ("", "healthy")


def _addresses(seen: Seen) -> Iterator[Notice]:
    for backend, container in seen.backends.items():
        reason = _refused(backend.address)
        if reason:
            yield Notice(subject=title_of(container), reason=f"it answers at {backend}: {reason}")


def _refused(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "its host has no address" if not address else "this is no IP address, and slices take no names"
    if getattr(found, "ipv4_mapped", None):
        return "an IPv4 address written as IPv6 is refused in slices"
    for is_so, said in (
        (found.is_unspecified, "an unspecified"),
        (found.is_loopback, "a loopback"),
        (found.is_link_local, "a link-local"),
        (found.is_multicast, "a multicast"),
    ):
        if is_so:
            return f"{said} address is refused in slices"
    return ""


def _in_cluster(seen: Seen) -> Iterator[Notice]:
    ranges = [(cidr, "pods") for node in seen.of("Node") for cidr in pod_cidrs(node)]
    ranges += [(cidr, "Services") for each in seen.of("ServiceCIDR") for cidr in each["spec"].get("cidrs") or ()]
    ranges += [(ip, "a Service") for each in seen.of("Service") for ip in each["spec"].get("clusterIPs") or ()]
    for backend, container in seen.backends.items():
        whose = next((said for cidr, said in ranges if cidr != "None" and _lies_in(backend.address, cidr)), "")
        if whose:
            reason = f"it answers at {backend}, an address of {whose} of the cluster"
            yield Notice(subject=title_of(container), reason=reason)


def _lies_in(address: str, cidr: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False


def _family(seen: Seen) -> Iterator[Notice]:
    """The family of the Service against that of legacy addresses."""
    for service in seen.services:
        wanted = set(service["spec"].get("ipFamilies") or _cluster_families(seen))
        for backend, container in seen.backends.items():
            family = "IPv6" if ":" in backend.address else "IPv4"
            if wanted and family not in wanted:
                yield Notice(
                    subject=title_of(container),
                    reason=f"it answers at {backend}, and Service {name_of(service)} is {' and '.join(sorted(wanted))}",
                )


def _cluster_families(seen: Seen) -> set[str]:
    return {family for each in seen.here("Service") for family in each["spec"].get("ipFamilies") or ()} or {
        "IPv6" if ":" in cidr else "IPv4" for node in seen.of("Node") for cidr in pod_cidrs(node)
    }


def _shared(seen: Seen) -> Iterator[Notice]:
    users: dict[Backend, list[str]] = defaultdict(list)
    for each in seen.running:
        for backend in set(each.ports.values()):
            users[backend].append(title_of(each))
    for backend, names in sorted(users.items()):
        if len(names) > 1:
            yield Notice(subject=str(backend), reason=f"{' and '.join(sorted(names))} answer at one address and port")


def _contested(seen: Seen) -> Iterator[Notice]:
    for backend, container in seen.backends.items():
        if backend in seen.found.strangers:
            other = seen.found.strangers[backend][:12]
            yield Notice(
                subject=title_of(container), reason=f"container {other}, of another workload, also has {backend}"
            )


def _claimed(seen: Seen) -> Iterator[Notice]:
    wanted = {(container.host, backend.port): container for backend, container in seen.backends.items()}
    for host, document in seen.strangers():
        if (document.get("State") or {}).get("Running"):
            continue
        for port in sorted(_fixed_ports(document)):
            container = wanted.get((host.name, port))
            if container is not None:
                yield Notice(
                    subject=title_of(container),
                    reason=f"{name_in(document)}, which is stopped, is to have its port {port} too",
                )


def _bindings(document: Object) -> Mapping[str, Any]:
    return (document.get("HostConfig") or {}).get("PortBindings") or {}


def _fixed_ports(document: Object) -> set[int]:
    ports = (each.get("HostPort", "") for bound in _bindings(document).values() for each in bound or ())
    return {int(each) for each in ports if each.isdecimal() and each != "0"}


def _unpublished(seen: Seen) -> Iterator[Notice]:
    for service in seen.services:
        ports = service["spec"].get("ports") or ()
        if any(isinstance(port.get("targetPort", 0), str) for port in ports) or not ports:
            continue
        for each in seen.running:
            document = seen.document(each)
            if ports_of(service, each) is None and not _joined(document) and not _restarting(document):
                lacking = sorted({target_of(port) for port in ports} - set(each.ports))
                reason = f"{', '.join(lacking)} is not published" if lacking else "its ports have several addresses"
                yield Notice(subject=title_of(each), reason=f"{reason}, and Service {name_of(service)} has them all")


def _joined(document: Object) -> bool:
    """It shares the network of another container, which has the ports."""
    return str((document.get("HostConfig") or {}).get("NetworkMode", "")).startswith("container:")


def _container_address(seen: Seen) -> Iterator[Notice]:
    for backend, container in seen.backends.items():
        document = seen.document(container)
        networks = (document.get("NetworkSettings") or {}).get("Networks") or {}
        own = {each.get(key) for each in networks.values() for key in ("IPAddress", "GlobalIPv6Address")} - {"", None}
        if backend.address in own and not in_host_network(document):
            yield Notice(
                subject=title_of(container),
                reason=f"{backend.address} is the container's own address, which other machines may not reach and the "
                "engine gives to another container once this one has stopped",
            )


# A binding that says nothing: the engine chooses.
_ANY_PORT: tuple[Mapping[str, str], ...] = ({},)


def _dynamic(seen: Seen) -> Iterator[Notice]:
    if "freeze" in seen.means.hooks:
        return
    wanted = seen.ports
    for each in seen.running:
        document = seen.document(each)
        chosen = [
            port
            for port, bound in sorted(_bindings(document).items())
            if port in wanted and any(one.get("HostPort", "") in ("", "0") for one in bound or _ANY_PORT)
        ]
        if (document.get("HostConfig") or {}).get("PublishAllPorts"):
            chosen += sorted(wanted - set(_bindings(document)))
        if chosen:
            yield Notice(
                subject=title_of(each),
                reason=f"the engine chooses the host's port of {', '.join(chosen)} anew at each start, and no freeze "
                "hook keeps the scheduler from replacing it",
            )


def _auto_remove(seen: Seen) -> Iterator[Notice]:
    for each in seen.found.containers:
        if each.auto_remove:
            yield Notice(
                subject=title_of(each), reason="--rm: the engine removes it when it stops, and no way leads back"
            )


def _cleaners(seen: Seen) -> Iterator[Notice]:
    for host, document in seen.strangers():
        config = document.get("Config") or {}
        image = str(config.get("Image", ""))
        words = " ".join((*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())))
        cleans = any(each in image for each in _CLEANERS) or any(each in words for each in _CLEANING)
        if cleans and (document.get("State") or {}).get("Running"):
            yield Notice(
                subject=f"{host.name}/{name_in(document)}", reason=f"it removes or replaces containers ({image})"
            )


def _timers(seen: Seen) -> Iterator[Notice]:
    for host, timers in (seen.measured.timers or {}).items():
        for timer in timers:
            yield Notice(subject=host, reason=f"{timer} removes stopped containers")


def _collected(seen: Seen) -> Iterator[Notice]:
    """A freeze hook says nothing of it: a scheduler that lets a workload alone may still tidy up."""
    if seen.means.keeps_stopped:
        return
    for each in seen.found.containers:
        config = seen.document(each).get("Config") or {}
        marks = {*(config.get("Labels") or {}), *(str(one).partition("=")[0] for one in config.get("Env") or ())}
        for mark, said in _COLLECTORS:
            if mark in marks:
                yield Notice(subject=title_of(each), reason=said)


def _stops_cut_short(seen: Seen) -> Iterator[Notice]:
    for each in seen.hosts:
        version = str(each.info.get("ServerVersion") or "")
        if _STOPS_CUT_SHORT.match(version):
            yield Notice(
                subject=each.name,
                reason=f"its engine {version} kills a container that is stopping, its grace not over, when the "
                "connection of whoever asked for the stop ends",
            )


def _restarts(seen: Seen) -> Iterator[Notice]:
    for each in seen.found.containers:
        name = each.restart.get("Name", "")
        if name not in ("", "no"):
            yield Notice(
                subject=title_of(each), reason=f"its restart policy is {name}, which may revive it once it is stopped"
            )


def on_nodes(seen: Seen) -> Iterator[tuple[str, str]]:
    """Legacy hosts that are nodes too: name and node."""
    addresses = {
        each["address"]: name_of(node)
        for node in seen.of("Node")
        for each in (node.get("status") or {}).get("addresses") or ()
    }
    for host in seen.hosts:
        node = addresses.get(host.address) or addresses.get(str(host.info.get("Name", "")))
        if node:
            yield host.name, node


def _host_is_node(seen: Seen) -> Iterator[Notice]:
    for host, node in on_nodes(seen):
        yield Notice(
            subject=host,
            reason=f"it is node {node} too: pods and containers share its ports, memory and connection table",
        )


def _no_relay(seen: Seen) -> Iterator[Notice]:
    relays = seen.measured.relays or {}
    for host, node in on_nodes(seen):
        if relays.get(host) is False:
            yield Notice(
                subject=host,
                reason=f"it is node {node} too and its engine runs without a userland proxy: callers on that node are "
                "refused when the Service sends them to the host's own port",
            )


def _relay_unknown(seen: Seen) -> Iterator[Notice]:
    relays = seen.measured.relays or {}
    for host, node in on_nodes(seen):
        if host not in relays:
            yield Notice(
                subject=host,
                reason=f"it is node {node} too, and whether its engine runs a userland proxy is not known",
            )


RULES: tuple[Rule, ...] = (
    refuse("engine-unread", _engine_unread),
    warn("instances-changed", _counts),
    refuse("image-differs", _images),
    refuse("no-instance-runs", _none_runs),
    warn("instance-down", _down),
    refuse("address-refused", _addresses),
    refuse("address-of-the-cluster", _in_cluster, "Node", "ServiceCIDR", "Service"),
    refuse("family-differs", _family, "Service", "Node"),
    refuse("port-shared", _shared),
    refuse("port-contested", _contested),
    warn("port-claimed", _claimed),
    refuse("port-unpublished", _unpublished),
    refuse("container-address", _container_address),
    refuse("dynamic-ports", _dynamic),
    refuse("removed-on-stop", _auto_remove),
    refuse("cleaner-runs", _cleaners),
    refuse("prune-timer", _timers, measures=("timers",)),
    refuse("scheduler-collects", _collected),
    warn("stop-cut-short", _stops_cut_short),
    mitigate("restart-revives", _restarts),
    warn("host-is-node", _host_is_node, "Node"),
    refuse("no-userland-proxy", _no_relay, "Node", measures=("relays",)),
    warn("userland-proxy-unknown", _relay_unknown, "Node"),
)
