"""Risks that belong to a workload and to no field of it: data that lies on one host, architectures that nobody saw."""

from __future__ import annotations

from collections.abc import Sequence

from ..fields.verdict import Finding
from ..workload import Mount, MountKind, Workload


def risks(workloads: Sequence[Workload]) -> list[Finding]:
    """Findings about what only a look at all hosts shows. None of them is open: they ask for work, not for a word."""
    architectures = {_architecture(i.platform) for w in workloads for i in w.instances} - {""}
    found: list[Finding] = []
    for workload in workloads:
        found += _data(workload)
        found += _partial(workload, architectures)
    return found


def _data(workload: Workload) -> list[Finding]:
    hosts = sorted({i.host for i in workload.instances if i.host})
    volumes: dict[str, Mount] = {}
    for mount in (m for c in workload.containers for m in c.mounts):
        if mount.kind is MountKind.VOLUME and mount.driver in ("", "local") and not mount.driver_options:
            volumes.setdefault(mount.target, mount)
    return [
        Finding(
            workload=workload.name,
            code="volume-on-host",
            subject=f"volume {target}",
            reason=f"what volume {mount.source} holds lies on {', '.join(hosts[:5])}"
            f"{f' and {len(hosts) - 5} more' if len(hosts) > 5 else ''}; a claim starts empty",
            sides=tuple((host, mount.source) for host in hosts[:5]),
        )
        for target, mount in sorted(volumes.items())
        if hosts
    ]


def _partial(workload: Workload, every: set[str]) -> list[Finding]:
    """An image may be there for all architectures; what is known is where it runs."""
    own = {_architecture(p) for c in workload.containers for p in c.image.platforms} - {""}
    missing = sorted(every - own)
    if not own or not missing:
        return []
    return [
        Finding(
            workload=workload.name,
            code="architecture-partial",
            subject="image",
            reason=f"it runs on {', '.join(sorted(own))} and nowhere on {', '.join(missing)}: its pods stay there",
            sides=tuple((c.name, ", ".join(c.image.platforms)) for c in workload.containers),
            todo="where the image has the others too, widen the node affinity by an override",
        )
    ]


def _architecture(platform: str) -> str:
    return platform.split("/")[1] if "/" in platform else ""
