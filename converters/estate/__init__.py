"""The estate: all workloads and instances with their findings, and the ledger of what was left.

``reconcile`` is where readings of running containers and of configs meet. It is pure and reproducible: the same
readings and decisions give the same estate, in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..decisions import Decisions
from ..errors import PodliftError
from ..fields.verdict import Finding, Tally
from ..sources.reading import Expected, Reading
from ..workload import Host, Setting, SiteCount, Workload
from .addresses import of_legacy_hosts
from .evidence import acts_unasked
from .grouping import RUNNING, by_container, excluded, groups
from .instances import merged
from .intent import with_intent
from .pods import joined, one_pod, with_groups_joined
from .risks import risks
from .sharing import ambiguous, of_one_instance, with_asked_ports, with_names, with_references, with_shared_volumes

__all__ = ["Estate", "reconcile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """
    excluded   containers that are no workload or do not count: (document, why)
    left       fields of configs that stand outside every workload and that nothing took
    unread     hosts that could not be read
    """

    workloads: tuple[Workload, ...] = ()
    hosts: tuple[Host, ...] = ()
    findings: tuple[Finding, ...] = ()
    tallies: tuple[Tally, ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()
    left: tuple[Setting, ...] = ()
    unread: tuple[str, ...] = ()


def reconcile(readings: Sequence[Reading], *, decisions: Decisions) -> Estate:
    """Readings of any number of hosts and configs as one estate.

    Raises PodliftError ``name-collision`` where two configs define one workload.
    """
    configs = _configs(readings)
    expected = [e for r in readings for e in r.expected]
    running, pods, left_out = _running(readings, expected, configs, decisions)
    hosts = tuple({h.name: h for r in readings for h in r.hosts}.values())
    read = {h.name for h in hosts} - {name for r in readings for name in r.unread}
    workloads: list[Workload] = []
    findings: list[Finding] = [f for r in readings for f in r.findings]
    configured = any(r.source == "config" for r in readings)
    for workload in running:
        config = configs.pop(workload.name, None)
        if config is not None:
            workload = with_intent(workload, config, decisions)
        elif configured:
            findings.append(_extra(workload))
        workloads.append(_everywhere(workload, read))
    for config in configs.values():
        findings.append(_missing(config, any(r.source == "inspect" for r in readings)))
        workloads.append(config)
    workloads = joined(workloads, pods, decisions)
    workloads = with_references(with_asked_ports(with_names(with_shared_volumes(workloads))))
    findings += ambiguous(workloads, decisions) + of_one_instance(workloads, decisions) + risks(workloads)
    findings += of_legacy_hosts(workloads, hosts, decisions)
    by_owner: dict[str, list[Finding]] = {}
    for finding in findings:
        by_owner.setdefault(finding.workload, []).append(finding)
    known = {w.name for w in workloads}
    made = []
    for workload in sorted(workloads, key=lambda w: w.name):
        own = (*workload.findings, *by_owner.get(workload.name, ()), acts_unasked(workload, decisions))
        made.append(replace(workload, findings=tuple(dict.fromkeys(own))))
    return Estate(
        workloads=tuple(made),
        hosts=hosts,
        findings=tuple(f for f in findings if f.workload not in known),
        tallies=tuple(t for r in readings for t in r.tallies),
        excluded=(*(e for r in readings for e in r.excluded), *left_out),
        left=tuple(s for r in readings for s in r.left),
        unread=tuple(dict.fromkeys(name for r in readings for name in r.unread)),
    )


def _configs(readings: Sequence[Reading]) -> dict[str, Workload]:
    found: dict[str, Workload] = {}
    for reading in readings:
        if reading.source != "config":
            continue
        for workload in reading.workloads:
            if workload.name in found:
                raise PodliftError(
                    code="workload-twice",
                    phase="reconcile",
                    subject=workload.name,
                    reason="two configs define a workload of this name",
                    next_step="let the mapping's name: tell them apart, for example by file() or a group",
                )
            found[workload.name] = workload
    return found


def _running(
    readings: Sequence[Reading],
    expected: Sequence[Expected],
    configs: Mapping[str, Workload],
    decisions: Decisions,
) -> tuple[list[Workload], dict[str, tuple[str, ...]], list[tuple[str, str]]]:
    counted, apart, left_out = [], [], []
    for reading in readings:
        if reading.source != "inspect":
            continue
        for workload in reading.workloads:
            why = excluded(workload)
            if why:
                apart.append(workload)
                left_out.append((workload.instances[0].document, why))
            else:
                counted.append(workload)
    workloads, pods = [], {}
    for group in with_groups_joined(groups(counted, expected), apart):
        parts = []
        for part in by_container(group, configs.get(group.expected)):
            workload, left = merged(part, decisions)
            parts.append(workload)
            left_out += left
        workloads.append(one_pod(parts, decisions) if len(parts) > 1 else parts[0])
        pods[group.name] = tuple(pod for pod in group.pods if pod)
    return workloads, pods, left_out


def _everywhere(workload: Workload, read: set[str]) -> Workload:
    """Exactly one running instance on each of several hosts is what a daemon looks like."""
    hosts = [i.host for i in workload.instances if i.state in RUNNING]
    if len(read) > 1 and len(hosts) == len(read) and set(hosts) == read:
        return replace(workload, on_every_host=True)
    return workload


def _extra(workload: Workload) -> Finding:
    return Finding(
        workload=workload.name,
        code="config-extra",
        subject="config",
        reason="it runs, and no config intends it",
        sides=tuple(("running", i.document) for i in workload.instances[:5]),
    )


def _missing(config: Workload, containers_read: bool) -> Finding:
    return Finding(
        workload=config.name,
        code="config-missing",
        subject="running",
        reason="the config intends it, and nothing of it runs"
        if containers_read
        else "the config intends it; no engine was read",
        sides=(("config", _counts(config.replicas)),),
        open=False,
    )


def _counts(replicas: Sequence[SiteCount]) -> str:
    return ", ".join(f"{c.site}: {c.count}" if c.site else str(c.count) for c in replicas)
