"""Instances of one group become one workload: who counts, which revision, and where they differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ..decisions import Decisions
from ..fields.verdict import Finding, Source
from ..workload import Container, Image, Mount, MountKind, Name, Setting, SiteCount, Workload
from .differences import differences_of, findings_of, ordinal
from .facets import origins_within
from .grouping import RUNNING, Group
from .host_ports import without_host_ports
from .injected import without_injected
from .joining import joined

_SEVERAL_DIGESTS = "two-digests"
_KEPT = (MountKind.VOLUME, MountKind.ANONYMOUS)


def merged(group: Group, decisions: Decisions) -> tuple[Workload, tuple[tuple[str, str], ...]]:
    """One workload of a group's members, and the members that do not count: (document, why)."""
    members = without_injected(group.members, group.runtime_env)
    current, left, findings = _current(members, group, decisions)
    first = current[0]
    common, of_ports = without_host_ports(group.name, _without_own_hostnames(_with_like_mounts(current)))
    differences = differences_of(common)
    whole = joined(common)
    container = replace(
        whole.containers[0],
        image=_image(current),
        name=_container_name(group.container or group.name),
    )
    stopped = all(member.instances[0].state not in RUNNING for member in current)
    by_hand = stopped and (first.restart.policy in ("always", "unless-stopped") or _paused(current))
    if by_hand:
        findings.append(_stopped(group.name, current))
    counts = Counter(m.instances[0].site for m in current)
    if group.runs and stopped:
        counts = Counter(dict.fromkeys(counts, 1))
    replicas = tuple(SiteCount(site=site, count=0 if by_hand else n) for site, n in sorted(counts.items()))
    findings += [f for member in current for f in member.findings]
    findings += of_ports
    findings += findings_of(group.name, differences, [m.instances[0] for m in current], decisions)
    workload = replace(
        whole,
        name=group.name,
        namespace_hint=group.namespace_hint or first.namespace_hint,
        grouping_key=group.key,
        scheduler=group.scheduler,
        containers=(container,),
        names=_names(common),
        replicas=replicas,
        instances=tuple(m.instances[0] for m in current),
        differences=differences,
        findings=tuple(dict.fromkeys(replace(f, workload=group.name) for f in findings)),
    )
    return _with_leftovers(workload, current), tuple(left)


def _names(members: Sequence[Workload]) -> tuple[Name, ...]:
    """Names of all members. One instance's own name among several is no name of the application."""
    made: dict[tuple[str, str, str], Name] = {}
    for name in (name for member in members for name in member.names):
        if len(members) == 1 or name.kind != "container":
            key = (name.network, name.kind, name.name)
            before = made.get(key)
            made[key] = name if before is None else replace(before, origins=before.origins + name.origins)
    return tuple(made[key] for key in sorted(made))


def _with_leftovers(workload: Workload, members: Sequence[Workload]) -> Workload:
    """Atoms of what only some instances have and nothing compares become a setting, so that each gets a verdict."""
    if len(members) < 2:
        return workload
    known = set(origins_within(workload))
    left: dict[Source, None] = {s: None for m in members for s in origins_within(m) if s not in known}
    if not left:
        return workload
    value = Setting(code="instance-value", value=sorted({s.path for s in left}), origins=tuple(left))
    return replace(workload, settings=(*workload.settings, value))


def _container_name(name: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63].strip("-") or "main"


def _with_like_mounts(current: Sequence[Workload]) -> list[Workload]:
    """The engine's name of an anonymous volume says nothing of the workload, and changes with each container; of
    measured sizes the greatest counts."""
    sizes: dict[tuple[MountKind, str], int] = {}
    for mount in (m for member in current for m in member.containers[0].mounts if m.kind in _KEPT):
        if mount.size_bytes is not None:
            key = (mount.kind, mount.target)
            sizes[key] = max(sizes.get(key, 0), mount.size_bytes)

    def alike(mount: Mount) -> Mount:
        if mount.kind not in _KEPT:
            return mount
        source = "" if mount.kind is MountKind.ANONYMOUS else mount.source
        return replace(mount, source=source, size_bytes=sizes.get((mount.kind, mount.target)))

    return [
        replace(m, containers=(replace(m.containers[0], mounts=tuple(map(alike, m.containers[0].mounts))),))
        if m.containers[0].mounts
        else m
        for m in current
    ]


def _without_own_hostnames(current: Sequence[Workload]) -> list[Workload]:
    """A scheduler that gives each instance its own name as host name asks for no more than a pod has anyway, unless
    the names follow from a number: those a StatefulSet keeps."""
    instances = [m.instances[0] for m in current]
    names = [m.hostname for m in current]
    own = all(name.partition(".")[0] == i.name.partition(".")[0] for name, i in zip(names, instances, strict=True))
    if len(current) < 2 or not own or ordinal(names, instances)[0]:
        return list(current)
    made = []
    for member in current:
        origins = dict(member.origins)
        value = Setting(code="hostname-of-instance", value="the container's name", origins=origins.pop("hostname", ()))
        made.append(replace(member, hostname="", origins=origins, settings=(*member.settings, value)))
    return made


def _current(
    members: Sequence[Workload], group: Group, decisions: Decisions
) -> tuple[list[Workload], list[tuple[str, str]], list[Finding]]:
    """The instances of the current revision, the others with the reason, and what was found.

    Where none runs, those that were paused stand for the workload, else all of them: a job that ended, or one that was
    stopped by hand.
    """
    active = [m for m in members if m.instances[0].state in RUNNING]
    chosen = active or [m for m in members if m.instances[0].state == "paused"] or list(members)
    kept = {id(m) for m in chosen}
    beside = "running" if active else "paused"
    left = [
        (m.instances[0].document, f"{m.instances[0].state}, beside {beside} instances")
        for m in members
        if id(m) not in kept
    ]
    revisions = _revisions(chosen)
    counts = Counter(revisions)
    if len(counts) == 1:
        return chosen, left, []
    answered = decisions.answer(group.name, _SEVERAL_DIGESTS, "image")
    given = answered.answer if answered and answered.answer in counts else ""
    taken = given or max(sorted(counts), key=lambda revision: counts[revision])
    current = [m for m, revision in zip(chosen, revisions, strict=True) if revision == taken]
    for member, revision in zip(chosen, revisions, strict=True):
        if revision != taken:
            left.append((member.instances[0].document, f"runs another digest than {taken}"))
    reason = f"{len(counts)} digests {'run' if active else 'are there'} at once; {taken} is taken for now"
    if answered and not given:
        reason += f", since {answered.answer!r}, as answered, is none of them"
    finding = Finding(
        workload=group.name,
        code=_SEVERAL_DIGESTS,
        subject="image",
        reason=f"{reason}: {len(current)} of {len(chosen)} instances count",
        sides=tuple((_where(revision, chosen, revisions), revision) for revision in sorted(counts)),
        options=tuple((revision, "take this one") for revision in sorted(counts)),
        open=not given,
        answer=given,
    )
    return current, left, [finding]


def _revisions(members: Sequence[Workload]) -> list[str]:
    """What tells two revisions apart: the index digest. Where an image was not read, the digest that its reference has
    elsewhere, else the reference itself (an image ID differs by architecture)."""
    known: dict[str, set[str]] = {}
    for member in members:
        image = member.containers[0].image
        if image.digest:
            known.setdefault(image.reference, set()).add(image.digest)
    made = []
    for member in members:
        image = member.containers[0].image
        elsewhere = known.get(image.reference, set())
        unread = not image.digest and not image.local_only and len(elsewhere) == 1
        made.append(image.digest or (next(iter(elsewhere)) if unread else image.reference))
    return made


def _where(revision: str, members: Sequence[Workload], revisions: Sequence[str]) -> str:
    sites = Counter(m.instances[0].site for m, its in zip(members, revisions, strict=True) if its == revision)
    number = sum(sites.values())
    by_site = ", ".join(f"{site} {n}" for site, n in sorted(sites.items()) if site)
    return f"{number} instance{'' if number == 1 else 's'}" + (f" ({by_site})" if by_site else "")


def _paused(current: Sequence[Workload]) -> bool:
    return any(m.instances[0].state == "paused" for m in current)


def _stopped(name: str, current: Sequence[Workload]) -> Finding:
    what = "all instances are paused" if _paused(current) else "no instance runs"
    return Finding(
        workload=name,
        code="stopped-by-hand",
        subject="state",
        reason=f"restart policy {current[0].restart.policy or 'no'}, and {what}",
        sides=tuple((m.instances[0].document, m.instances[0].state) for m in current),
    )


def _image(current: Sequence[Workload]) -> Image:
    images = [m.containers[0].image for m in current]
    best = next((i for i in images if i.digest), images[0])
    platforms = tuple(sorted({p for i in images for p in i.platforms}))
    return replace(best, platforms=platforms, local_only=all(i.local_only for i in images))


def containers_of(workloads: Sequence[Workload]) -> tuple[Container, ...]:
    """The containers of several workloads that are one pod, their names made unique."""
    taken: dict[str, int] = {}
    made = []
    for workload in workloads:
        for container in workload.containers:
            taken[container.name] = taken.get(container.name, 0) + 1
            n = taken[container.name]
            made.append(container if n == 1 else replace(container, name=f"{container.name[:60]}-{n}"))
    return tuple(made)
