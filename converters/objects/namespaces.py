"""Namespaces and names of the pod: network, IPC, users, its host name, and the runtime that makes them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ..errors import PodliftError
from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from ..names import legal
from ..target import Target
from ..workload import Controller, Port, Protocol, Workload
from .context import Context
from .pod_security import refused
from .processes import JOINED, ask_joined
from .security import needs_user_namespace

# Beta and on since 1.35 (kubernetes, pkg/features: HostnameOverride).
HOSTNAME_OVERRIDE_SINCE, HOSTNAME_OVERRIDE_GATE, HOSTNAME_LIMIT = (1, 35), "HostnameOverride", 64
# Beta and on since 1.33 (KEP-127); nodes need a kernel and a runtime for it.
USER_NAMESPACES_SINCE, USER_NAMESPACES_GATE = (1, 33), "UserNamespacesSupport"
# What nodes run containers with anyway.
ORDINARY_RUNTIMES = frozenset({"runc", "crun", "oci", "io.containerd.runc.v2", "io.containerd.runtime.v1.linux"})

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PORT = re.compile(r"(?P<port>\d{1,5})(?:/(?P<protocol>tcp|udp|sctp))?")
_BRIDGES = frozenset({"", "bridge", "default", "nat", "private", "slirp4netns", "pasta"})


def with_host_ports(workload: Workload, *, ledger: Ledger) -> Workload:
    """The workload with the ports that the user answered for one on the host's network that names none. Comes before
    Services and containers are made, since both need them.

    Raises PodliftError ``answer-unfit`` for an answer that is no list of ports.
    """
    if workload.network_mode != "host" or any(container.ports for container in workload.containers):
        return workload
    origins = workload.origins.get("network_mode", ())
    answer = ledger.ask("network-host-ports", origins, "pod: hostNetwork")
    if answer is None or answer == "none" or not workload.containers:
        return workload
    first, *others = workload.containers
    return replace(workload, containers=(replace(first, ports=_answered_ports(answer)), *others))


def _answered_ports(answer: str) -> tuple[Port, ...]:
    ports: dict[tuple[int, Protocol], Port] = {}
    for part in filter(None, re.split(r"[,\s]+", answer.strip().lower())):
        match = _PORT.fullmatch(part)
        if match is None or not 1 <= int(match["port"]) <= 65535:
            raise PodliftError(
                code="answer-unfit",
                phase="convert",
                subject="network-host-ports",
                reason=f"{part!r} is no port",
                next_step="answer with ports, for example 80,443/tcp,53/udp, or none",
            )
        key = (int(match["port"]), Protocol(match["protocol"] or "tcp"))
        ports[key] = Port(container_port=key[0], protocol=key[1])
    return tuple(ports[key] for key in sorted(ports))


def network_namespace(workload: Workload, *, context: Context, ledger: Ledger) -> dict[str, Any]:
    """``hostNetwork`` and ``dnsPolicy``, and the verdict on the network mode (that of ``none`` is network_policy.py's,
    those of networks are service.py's)."""
    mode, origins = workload.network_mode, workload.origins.get("network_mode", ())
    if mode == "host":
        what, subject = "the host's network (hostNetwork)", "pod: hostNetwork"
        if refused("privileged", origins, what=what, context=context, ledger=ledger, subject=subject):
            return {}
        return _host_network(workload, origins, context, ledger)
    if mode == "none":
        why = "no name server of the cluster; a NetworkPolicy denies all, if the cluster enforces it"
        ledger.approximated(origins, "network-none", *context.in_pod("spec.dnsPolicy"), why=why)
        return {"dnsPolicy": "Default"}
    if mode.startswith((JOINED, "ns:")):
        ask_joined(origins, "network", mode, ledger)
    elif mode.partition(":")[0] in _BRIDGES:
        if len(workload.containers) > 1:
            why = "containers of one pod share the network, and IPC and host name with it"
            ledger.approximated(origins, "network", *context.in_pod("spec.containers"), why=why)
        ledger.exact(origins, "network", why="the cluster's network")
    elif all(network.name != mode for network in workload.networks):
        why = f"network {mode}: pods share one network, names are kept by Services"
        ledger.approximated(origins, "network", why=why)
    return {}


def _host_network(workload: Workload, origins: Origins, context: Context, ledger: Ledger) -> dict[str, Any]:
    targets = (*context.in_pod("spec.hostNetwork"), *context.in_pod("spec.dnsPolicy"))
    for container in workload.containers:
        for port in container.ports:
            number = f"{port.container_port}/{port.protocol.upper()}"
            targets += context.in_pod(f"spec.containers[{container.name}].ports[{number}].hostPort")
    answer = ledger.ask("network-host-ports", origins, "pod: hostNetwork")
    if not any(container.ports for container in workload.containers) and answer is None:
        why = "on the host's network, and no document says on which ports it listens: no Service leads to it"
        ledger.undecided(origins, "network-host-ports", *targets, why=why, subject="pod: hostNetwork")
    ledger.exact(origins, "network-host", *targets)
    return {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}


def ipc_namespace(workload: Workload, *, context: Context, ledger: Ledger) -> dict[str, Any]:
    mode, origins = workload.ipc_mode, workload.origins.get("ipc_mode", ())
    if mode == "host":
        what = "the host's IPC namespace (hostIPC)"
        if refused("privileged", origins, what=what, context=context, ledger=ledger, subject="pod: hostIPC"):
            return {}
        ledger.exact(origins, "ipc-mode", *context.in_pod("spec.hostIPC"))
        return {"hostIPC": True}
    if mode.startswith((JOINED, "ns:")):
        ask_joined(origins, "IPC", mode, ledger)
    elif mode == "shareable":
        ledger.dropped(origins, "ipc-mode", why="containers of a pod share one, and no other pod can join it")
    elif mode == "none":
        ledger.dropped(origins, "ipc-mode", why="a pod has an IPC namespace and a /dev/shm of its own")
    elif mode == "shared":
        ledger.exact(origins, "ipc-mode", *context.in_pod("spec.containers"), why="containers of a pod share one")
    else:
        ledger.exact(origins, "ipc-mode", why="its own, there as here")
    return {}


def user_namespace(workload: Workload, *, on_host: bool, context: Context, ledger: Ledger) -> dict[str, Any]:
    """``hostUsers``. ``on_host``: the pod has the host's network, processes or IPC, beside which the API server takes
    no user namespace of its own."""
    mode, origins = workload.userns_mode, workload.origins.get("userns_mode", ())
    at = context.in_pod("spec.hostUsers")
    known = context.target.version >= USER_NAMESPACES_SINCE or USER_NAMESPACES_GATE in context.target.gates
    made: dict[str, Any] = {}
    if mode in ("", "private"):
        ledger.exact(origins, "userns", why="the engine's own setting")
    elif mode == "host":
        if known:
            made["hostUsers"] = True
            ledger.exact(origins, "userns", *at)
        else:
            ledger.approximated(origins, "userns", why="pods have the node's users: nothing to say before 1.33")
    elif known and not on_host:
        made["hostUsers"] = False
        why = f"{mode}: a user namespace of the pod's own; the kubelet chooses the range of users"
        ledger.approximated(origins, "userns", *at, why=why)
    else:
        reason = "beside the host's namespaces" if on_host else "before Kubernetes 1.33"
        ledger.dropped(origins, "userns-unavailable", why=f"{mode}: pods have none {reason}")
    if not on_host and any(needs_user_namespace(container, context) for container in workload.containers):
        made["hostUsers"] = False
    return made


def host_name(
    workload: Workload, *, host_network: bool, controller: Controller, context: Context, ledger: Ledger
) -> dict[str, Any]:
    """``hostname`` (a label) or ``hostnameOverride`` (up to 64 characters with dots, where the target knows it), and
    the verdicts on host name, domain and UTS mode."""
    _tell_uts(workload, host_network, ledger)
    of_domain: Origins = workload.origins.get("domainname", ())
    if workload.domainname:
        ledger.dropped(of_domain, "domainname", why=f"{workload.domainname}: a pod's name stands in no such domain")
    ledger.exact(of_domain, "domainname", why="none, there as here")
    name, origins = workload.hostname, workload.origins.get("hostname", ())
    if not name:
        ledger.exact(origins, "hostname", why="the pod's own")
        return {}
    if host_network:
        why = f"{name}: a pod on the host's network bears its node's name"
        ledger.dropped(origins, "hostname", why=why)
        return {}
    if controller is Controller.STATEFULSET:
        why = f"{name}: the pods of a StatefulSet bear their own names, with their index"
        ledger.approximated(origins, "hostname", why=why)
        return {}
    field, made = host_field(name, context.target)
    if made == name:
        ledger.exact(origins, "hostname", *context.in_pod(f"spec.{field}"))
    else:
        why = f"{name} is no single label of lower-case letters, digits and dashes: it is {made}"
        ledger.approximated(origins, "hostname", *context.in_pod(f"spec.{field}"), why=why)
    return {field: made}


def host_field(name: str, target: Target) -> tuple[str, str]:
    """The field that gives a pod this host name, and what it says: another name where no field takes this one."""
    if _LABEL.fullmatch(name):
        return "hostname", name
    overrides = target.version >= HOSTNAME_OVERRIDE_SINCE or HOSTNAME_OVERRIDE_GATE in target.gates
    if overrides and len(name) <= HOSTNAME_LIMIT and _SUBDOMAIN.fullmatch(name):
        return "hostnameOverride", name
    return "hostname", legal(name)


def _tell_uts(workload: Workload, host_network: bool, ledger: Ledger) -> None:
    origins: Origins = workload.origins.get("uts_mode", ())
    if workload.uts_mode != "host":
        ledger.exact(origins, "uts-mode", why="its own, there as here")
    elif host_network:
        ledger.dropped(origins, "uts-mode", why="it comes with the host's network, said or not")
    else:
        ledger.dropped(origins, "uts-mode", why="a pod has the host's name only with the host's network")


def runtime_class(workload: Workload, *, context: Context, ledger: Ledger) -> dict[str, Any]:
    """``runtimeClassName``: what the target calls the legacy runtime."""
    runtime, origins = workload.runtime, workload.origins.get("runtime", ())
    if not runtime:
        ledger.exact(origins, "runtime", why="the node's own")
        return {}
    at = context.in_pod("spec.runtimeClassName")
    if named := context.target.runtime_classes.get(runtime):
        ledger.exact(origins, "runtime", *at, why=f"{runtime} is {named}, as the target says")
        return {"runtimeClassName": named}
    answer = ledger.ask("runtime", origins, "runtime")
    if answer == "drop":
        ledger.dropped(origins, "runtime", why=f"{runtime}: the node's own, as decided")
    elif answer is not None:
        ledger.exact(origins, "runtime", *at, why=f"{runtime} is {answer}, as decided")
        return {"runtimeClassName": answer}
    elif runtime in ORDINARY_RUNTIMES:
        ledger.approximated(origins, "runtime", why=f"{runtime}: what nodes run containers with, or much like it")
    else:
        ledger.undecided(origins, "runtime", why=f"{runtime}: the target names no RuntimeClass", subject="runtime")
    return {}
