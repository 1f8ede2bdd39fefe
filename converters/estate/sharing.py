"""Sharing: what workloads have in common is written onto each of them: volumes, names, references."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ..decisions import Decisions
from ..fields.catalogue import code_named
from ..fields.verdict import Finding
from ..links import links_of
from ..texts import addresses_in, texts_of
from ..workload import Mount, MountKind, Name, Port, Protocol, Workload

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def with_shared_volumes(workloads: Sequence[Workload]) -> list[Workload]:
    """Volumes that several workloads mount on one host (or by a network driver, on any) name each other."""
    users: dict[tuple[str, str], dict[str, None]] = {}
    for workload in workloads:
        for _, place in _volumes(workload):
            users.setdefault(place, {})[workload.name] = None
    made = []
    for workload in workloads:
        sharing: dict[str, tuple[str, ...]] = {}
        for mount, place in _volumes(workload):
            others = tuple(sorted(name for name in users[place] if name != workload.name))
            if others:
                sharing[mount.source] = tuple(sorted({*sharing.get(mount.source, ()), *others}))
        if not sharing:
            made.append(workload)
            continue
        findings = tuple(
            Finding(
                workload=workload.name,
                code="shared-volume",
                subject=f"volume {source}",
                reason=f"volume {source} is also used by {', '.join(others)}",
            )
            for source, others in sorted(sharing.items())
        )
        containers = tuple(
            replace(
                c, mounts=tuple(replace(m, shared_with=sharing.get(m.source, ())) if _named(m) else m for m in c.mounts)
            )
            for c in workload.containers
        )
        made.append(replace(workload, containers=containers, findings=workload.findings + findings))
    return made


def _volumes(workload: Workload) -> list[tuple[Mount, tuple[str, str]]]:
    found = []
    for container in workload.containers:
        for mount in container.mounts:
            if _named(mount):
                wide = bool(mount.driver_options) or mount.driver not in ("", "local")
                for host in {""} if wide or not workload.instances else {i.host for i in workload.instances}:
                    found.append((mount, (host, mount.source)))
    return found


def _named(mount: Mount) -> bool:
    return mount.kind is MountKind.VOLUME and bool(mount.source)


def with_names(workloads: Sequence[Workload]) -> list[Workload]:
    """Every name by which a workload may be reached: its own, and on user-defined networks the names of its
    containers, its services and its aliases (moby's libnetwork resolves all of these; the default bridge none).

    The name of one container among several leads to that one alone, and no Service does: it is none of the workload's,
    unless something uses it (a list of seeds, say). Then it leads to all of them, and ``of_one_instance`` says so.
    """
    links = _link_names(workloads)
    used = {token.rstrip(".") for w in workloads for _, text in texts_of(w) for token in _TOKEN.findall(text)}
    made = []
    for workload in workloads:
        alone = len(workload.instances) <= 1
        found = [name for name in workload.names if alone or name.kind != "container"]
        for network in workload.networks:
            for alias in network.aliases:
                found.append(Name(name=alias.value, network=network.name, origins=alias.origins))
            if network.name not in ("bridge", "host", "none", "default", "podman"):
                for instance in workload.instances:
                    if alone or instance.name in used:
                        kind = "container" if alone else "instance"
                        found.append(Name(name=instance.name, network=network.name, kind=kind))
        for network in workload.networks if workload.scheduler == "swarm" else ():
            # Swarm's own DNS answers to the service's name, which no container has as an alias.
            if network.name not in ("bridge", "host", "none", "ingress"):
                found.append(Name(name=workload.name, network=network.name, kind="service"))
        found += links.get(workload.name, ())
        if all(name.name != workload.name for name in found):
            found.append(Name(name=workload.name, kind="workload"))
        # Each network resolves by itself: the same name on another one is another name.
        names: dict[tuple[str, str], Name] = {}
        for name in found:
            names.setdefault((name.name, name.network), name)
        made.append(replace(workload, names=tuple(names[k] for k in sorted(names))))
    return made


def _link_names(workloads: Sequence[Workload]) -> dict[str, list[Name]]:
    """Workload to the names that links of others give it. The link itself belongs to the one that has it."""
    made: dict[str, list[Name]] = {}
    for _, network, link, linked in links_of(workloads):
        if linked:
            name = Name(name=link.key, network=network.name, kind="link")
            made.setdefault(linked, []).append(name)
    return made


def ambiguous(workloads: Sequence[Workload], decisions: Decisions) -> list[Finding]:
    """Names that lead to several workloads of one network: Docker answers with all of them, a Service with its own."""
    users: dict[tuple[str, str], list[str]] = {}
    for workload in workloads:
        for name in workload.names:
            if name.kind not in ("workload", "link"):
                users.setdefault((name.network, name.name), []).append(workload.name)
    found = []
    for (network, legacy), owners in sorted(users.items()):
        for owner in sorted(set(owners)) if len(set(owners)) > 1 else ():
            answered = decisions.answer(owner, "alias-ambiguous", f"name {legacy}")
            found.append(
                Finding(
                    workload=owner,
                    code="alias-ambiguous",
                    subject=f"name {legacy}",
                    reason=f"on network {network or 'default'} the name {legacy} leads to {', '.join(sorted(owners))}",
                    options=code_named("alias-ambiguous").options,
                    open=answered is None,
                    answer=answered.answer if answered else "",
                )
            )
    return found


def of_one_instance(workloads: Sequence[Workload], decisions: Decisions) -> list[Finding]:
    """Names of one container among several that something uses: they would lead to all of them."""
    code = code_named("instance-name-used")
    owners = {n.name: w.name for w in workloads for n in w.names if n.kind == "instance"}
    found = []
    for workload in workloads:
        tokens = {token.rstrip(".") for _, text in texts_of(workload) for token in _TOKEN.findall(text)}
        for name in sorted(tokens & set(owners)):
            answered = decisions.answer(workload.name, code.name, f"name {name}")
            found.append(
                Finding(
                    workload=workload.name,
                    code=code.name,
                    subject=f"name {name}",
                    reason=f"{name} is one container of {owners[name]}; as a Service the name leads to any of them",
                    options=code.options,
                    open=answered is None,
                    answer=answered.answer if answered else "",
                )
            )
    return found


def with_references(workloads: Sequence[Workload]) -> list[Workload]:
    """Which other workloads each one names in its environment, arguments and checks. Of several that bear a name those
    on a network of its own are meant, where there are any."""
    known: dict[str, dict[str, set[str]]] = {}
    for workload in workloads:
        for name in workload.names:
            if len(name.name) > 1:
                known.setdefault(name.name, {}).setdefault(workload.name, set()).add(name.network)
    made = []
    for workload in workloads:
        on = {network.name for network in workload.networks}
        named: set[str] = set()
        for _, text in texts_of(workload):
            for token in _TOKEN.findall(text):
                owners = known.get(token.rstrip("."), {})
                near = {owner for owner, networks in owners.items() if networks & on}
                named |= near or set(owners)
        named.discard(workload.name)
        made.append(replace(workload, references=tuple(sorted(named))) if named else workload)
    return made


def with_asked_ports(workloads: Sequence[Workload]) -> list[Workload]:
    """Ports that a text asks for beside a name (``api:9090``) and nothing declares. Docker let everybody reach them; a
    Service has the ports that it lists. One without any is headless, which reaches all."""
    known: dict[str, dict[str, set[str]]] = {}
    for workload in workloads:
        for name in workload.names:
            known.setdefault(name.name, {}).setdefault(workload.name, set()).add(name.network)
    asked: dict[str, set[int]] = {}
    for workload in workloads:
        on = {network.name for network in workload.networks}
        for _, text in texts_of(workload):
            for called, number in addresses_in(text):
                owners = known.get(called, {})
                near = {owner for owner, networks in owners.items() if networks & on}
                for owner in near or set(owners):
                    asked.setdefault(owner, set()).add(number)
    return [_with_ports(workload, asked.get(workload.name, set())) for workload in workloads]


def _with_ports(workload: Workload, asked: set[int]) -> Workload:
    ports = [port for container in workload.containers for port in container.ports if port.protocol is Protocol.TCP]
    there = {port.container_port for port in ports} | {p.host_port for port in ports for p in port.published}
    new = tuple(Port(container_port=number) for number in sorted(asked - there) if 0 < number < 65536)
    if not there or not new:
        return workload
    first, *others = workload.containers
    return replace(workload, containers=(replace(first, ports=(*first.ports, *new)), *others))
