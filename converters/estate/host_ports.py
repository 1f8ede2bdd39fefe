"""Host ports of several instances: one that is the same everywhere belongs to the workload, one that a scheduler or a
host dealt out does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..fields.verdict import Finding
from ..workload import Port, Published, Workload
from .facets import origins_within

_PUBLIC = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 (compared with, never bound)

_Key = tuple[int, str]
_Places = tuple[tuple[str, int], ...]


def without_host_ports(name: str, current: Sequence[Workload]) -> tuple[list[Workload], list[Finding]]:
    """The instances with what is common of their published ports, and a finding for each port that was not.

    Numbers that differ become one Published without a number; addresses that differ under one number, each a host's
    own, become the first's. All atoms stay. A port that only some publish stays a difference: it is for the user.
    """
    if len(current) < 2:
        return list(current), []
    places: dict[_Key, list[_Places]] = {}
    for member in current:
        for port in member.containers[0].ports:
            of_port = tuple(sorted((p.host_ip, p.host_port) for p in port.published))
            places.setdefault((port.container_port, port.protocol), []).append(of_port)
    common: dict[_Key, tuple[Published, ...]] = {}
    findings = []
    for key, seen in sorted(places.items()):
        why = _dealt(seen, len(current))
        if not why:
            continue
        common[key] = _one(key, current, numbered=why == _ADDRESSES)
        findings.append(_finding(name, key, why, current))
    if not common:
        return list(current), []

    def freed(port: Port) -> Port:
        published = common.get((port.container_port, port.protocol))
        return port if published is None else replace(port, published=published)

    made = [
        replace(m, containers=(replace(m.containers[0], ports=tuple(map(freed, m.containers[0].ports))),))
        for m in current
    ]
    return made, findings


_NUMBERS = "each instance has a host port of its own: a pod needs none, and callers that name one must change"
_ADDRESSES = "each instance is published on an address of its own host"


def _dealt(seen: Sequence[_Places], instances: int) -> str:
    """Why the places of a port are no part of the workload, ``""`` where they are."""
    if len(set(seen)) == 1 or len(seen) < instances or not all(seen):
        return ""
    if len({tuple(sorted(number for _, number in places)) for places in seen}) > 1:
        return _NUMBERS
    own = all(address not in _PUBLIC and not _loopback(address) for places in seen for address, _ in places)
    return _ADDRESSES if own else ""


def _loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _one(key: _Key, current: Sequence[Workload], *, numbered: bool) -> tuple[Published, ...]:
    ports = [p for m in current for p in m.containers[0].ports if (p.container_port, p.protocol) == key]
    sources: dict[Any, None] = {}
    for port in ports:
        for published in port.published:
            sources.update(dict.fromkeys(origins_within(published)))
    first = ports[0].published
    if numbered:
        return (replace(first[0], origins=tuple(sources)), *first[1:])
    return (Published(host_ip=first[0].host_ip, host_port=0, origins=tuple(sources)),)


def _finding(name: str, key: _Key, why: str, current: Sequence[Workload]) -> Finding:
    sides = []
    for member in current:
        ports = [p for p in member.containers[0].ports if (p.container_port, p.protocol) == key]
        text = ", ".join(f"{p.host_ip}:{p.host_port}".lstrip(":") for port in ports for p in port.published)
        sides.append((member.instances[0].document, text))
    return Finding(
        workload=name, code="instances-differ", subject=f"port {key[0]}/{key[1]}", reason=why, sides=tuple(sides)
    )
