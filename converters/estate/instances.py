"""Instances of one group become one workload: who counts, which revision, and where they differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from ..decisions import Decisions
from ..fields.verdict import Finding
from ..workload import Container, Difference, Env, Image, Port, Published, Setting, SiteCount, Workload
from .facets import Facet, facets, origins_within, shown
from .grouping import RUNNING, Group, number_of

_SEVERAL_DIGESTS = "two-digests"


def merged(group: Group, decisions: Decisions) -> tuple[Workload, tuple[tuple[str, str], ...]]:
    """One workload of a group's members, and the members that do not count: (document, why)."""
    members = [_without_injected(member, group.runtime_env) for member in group.members]
    current, left, findings = _current(members, group, decisions)
    first = current[0]
    image = _image(current)
    common = _without_host_ports(current)
    differences = differences_of(common)
    container = replace(common[0].containers[0], image=image, name=_container_name(group.name))
    stopped = all(member.instances[0].state not in RUNNING for member in current)
    by_hand = stopped and first.restart.policy in ("always", "unless-stopped")
    if by_hand:
        findings.append(
            Finding(
                workload=group.name,
                code="stopped-by-hand",
                subject="state",
                reason=f"restart policy {first.restart.policy}, and no instance runs",
                sides=tuple((m.instances[0].document, m.instances[0].state) for m in current),
            )
        )
    counts = Counter(m.instances[0].site for m in current)
    replicas = tuple(SiteCount(site=site, count=0 if by_hand else n) for site, n in sorted(counts.items()))
    findings += [f for member in current for f in member.findings]
    findings += [_differ(group.name, d, decisions) for d in differences]
    workload = replace(
        common[0],
        name=group.name,
        namespace_hint=group.namespace_hint or first.namespace_hint,
        grouping_key=group.key,
        scheduler=group.scheduler,
        containers=(container,),
        replicas=replicas,
        instances=tuple(m.instances[0] for m in current),
        differences=differences,
        findings=tuple(dict.fromkeys(replace(f, workload=group.name) for f in findings)),
    )
    return workload, tuple(left)


def _container_name(name: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63].strip("-") or "main"


def _without_injected(member: Workload, names: Iterable[str]) -> Workload:
    """Injected variables become settings ``env-injected``: accounted for, in no comparison and in no manifest, unless
    something of the container uses them (then they stay, as values that only the running pod knows)."""
    globs = tuple(names)
    if not globs:
        return member
    container = member.containers[0]
    kept: list[Env] = []
    settings: list[Setting] = list(container.settings)
    used = " ".join((*(container.entrypoint or ()), *(container.args or ()), *(e.value or "" for e in container.env)))
    ports = {p.container_port: p.name for p in container.ports}
    for env in container.env:
        if not any(fnmatchcase(env.name, glob) for glob in globs):
            kept.append(env)
        elif re.search(rf"\$\(?\{{?{re.escape(env.name)}\b", used):
            kept.append(replace(env, value=None, runtime=_runtime(env, ports)))
        else:
            settings.append(Setting(code="env-injected", value=env.name, origins=env.origins))
    return replace(member, containers=(replace(container, env=tuple(kept), settings=tuple(settings)),))


def _runtime(env: Env, ports: dict[int, str]) -> str:
    if "PORT" in env.name:
        port = int(env.value) if env.value and env.value.isdigit() else 0
        return f"container_port({port if port in ports else next(iter(sorted(ports)), 0)})"
    if env.name.endswith(("HOST", "_IP")):
        return "pod_ip"
    return "pod_name"


def _current(
    members: Sequence[Workload], group: Group, decisions: Decisions
) -> tuple[list[Workload], list[tuple[str, str]], list[Finding]]:
    """The instances of the current revision, the others with the reason, and what was found."""
    running = [m for m in members if m.instances[0].state in RUNNING]
    left: list[tuple[str, str]] = []
    if not running:
        # Created or exited, all of them: a job that ended, or stopped by hand. The newest image stands for them.
        return list(members), left, []
    for member in members:
        if member not in running:
            left.append((member.instances[0].document, f"{member.instances[0].state}, beside running instances"))
    digests = Counter(_digest(m) for m in running)
    if len(digests) == 1:
        return running, left, []
    answered = decisions.answer(group.name, _SEVERAL_DIGESTS, "image")
    chosen = answered.answer if answered else max(sorted(digests), key=lambda d: digests[d])
    current = [m for m in running if _digest(m) == chosen] or running
    for member in running:
        if member not in current:
            left.append((member.instances[0].document, f"runs another digest than {chosen}"))
    finding = Finding(
        workload=group.name,
        code=_SEVERAL_DIGESTS,
        subject="image",
        reason=f"{len(digests)} digests run at once; {chosen} is taken for now",
        sides=tuple((f"{n} instances", d) for d, n in sorted(digests.items())),
        options=tuple((d, "take this one") for d in sorted(digests)),
        open=answered is None,
        answer=chosen if answered else "",
    )
    return current, left, [finding]


def _digest(member: Workload) -> str:
    """What tells two revisions apart: the index digest; without one, the reference (an image ID differs by
    architecture)."""
    image = member.containers[0].image
    return image.digest or image.reference


def _image(current: Sequence[Workload]) -> Image:
    images = [m.containers[0].image for m in current]
    best = next((i for i in images if i.digest), images[0])
    platforms = tuple(sorted({p for i in images for p in i.platforms}))
    return replace(best, platforms=platforms, local_only=all(i.local_only for i in images))


def _without_host_ports(current: Sequence[Workload]) -> list[Workload]:
    """A host port that is not the same on all instances was dealt out by the scheduler: no part of the workload. Its
    atoms stay, on a Published without a number."""
    if len(current) < 2:
        return list(current)
    by_port: dict[tuple[int, str], set[tuple[int, ...]]] = {}
    sources: dict[tuple[int, str], dict[Any, None]] = {}
    for member in current:
        for port in member.containers[0].ports:
            key = (port.container_port, port.protocol)
            by_port.setdefault(key, set()).add(tuple(sorted(p.host_port for p in port.published)))
            sources.setdefault(key, {}).update(dict.fromkeys(origins_within(port)))
    dealt = {key for key, seen in by_port.items() if len(seen) > 1}
    if not dealt:
        return list(current)

    def free(port: Port) -> Port:
        key = (port.container_port, port.protocol)
        if key not in dealt:
            return port
        address = port.published[0].host_ip if port.published else ""
        return replace(port, published=(Published(host_ip=address, host_port=0, origins=tuple(sources[key])),))

    return [
        replace(m, containers=(replace(m.containers[0], ports=tuple(free(p) for p in m.containers[0].ports)),))
        for m in current
    ]


def differences_of(current: Sequence[Workload]) -> tuple[Difference, ...]:
    """Where workloads of one instance each differ; the values stand under the instances' documents."""
    if len(current) < 2:
        return ()
    taken = [facets(member) for member in current]
    subjects = {subject: None for facet in taken for subject in facet}
    made = []
    for subject in subjects:
        sides = [facet.get(subject) for facet in taken]
        if (
            all(side is not None and side.value == sides[0].value for side in sides if sides[0] is not None)
            and sides[0]
        ):
            continue
        made.append(_difference(subject, current, sides))
    made += _own_volumes(current)
    return tuple(sorted(made, key=lambda d: d.subject))


def _difference(subject: str, current: Sequence[Workload], sides: Sequence[Facet | None]) -> Difference:
    secret = _is_secret(subject, current)
    values = tuple(
        (
            m.instances[0].document,
            "unset" if side is None else "a secret value" if secret else shown(_telling(side.value)),
        )
        for m, side in zip(current, sides, strict=True)
    )
    origins: dict[Any, None] = {}
    for side in sides:
        origins.update(dict.fromkeys(side.origins if side else ()))
    template, first = _ordinal([text for _, text in values], current)
    return Difference(subject=subject, values=values, origins=tuple(origins), ordinal=template, first=first)


def _is_secret(subject: str, current: Sequence[Workload]) -> bool:
    """Whether this is an environment variable whose value may not be shown on any side."""
    name = subject.removeprefix("env ")
    return name != subject and any(e.secret for m in current for e in m.containers[0].env if e.name == name)


def _telling(value: Any) -> Any:
    """Of an element, what can differ while its key is the same: (name, value, …) shows its value."""
    if isinstance(value, tuple) and len(value) > 1:
        return tuple(v for v in value[1:] if v not in ("", None, (), False)) or value[0]
    return value


def _ordinal(values: Sequence[str], current: Sequence[Workload]) -> tuple[str, int]:
    """The template by which the values follow from a number that grows by one, ``("", 0)`` if there is none.

    Instances are taken in the order of the number at the end of their names; without such numbers nothing says which
    instance would be which pod."""
    numbers = [number_of(m.instances[0].name) for m in current]
    if any(n is None for n in numbers) or len(set(numbers)) != len(numbers):
        return "", 0
    ordered = [value for _, value in sorted(zip(numbers, values, strict=True), key=lambda pair: pair[0] or 0)]
    matches = [list(re.finditer(r"\d+", value)) for value in ordered]
    if not matches[0] or len({len(m) for m in matches}) != 1:
        return "", 0
    for which in range(len(matches[0])):
        found = [int(m[which][0]) for m in matches]
        frames = {
            value[: m[which].start()] + "{n}" + value[m[which].end() :]
            for value, m in zip(ordered, matches, strict=True)
        }
        if len(frames) == 1 and found == list(range(found[0], found[0] + len(found))):
            return frames.pop(), found[0]
    return "", 0


def _own_volumes(current: Sequence[Workload]) -> list[Difference]:
    """One named volume on several hosts is one volume a host: each instance has data of its own."""
    made = []
    for mount in current[0].containers[0].mounts:
        if mount.kind != "volume" or mount.driver not in ("", "local") or mount.driver_options:
            continue
        hosts = [m.instances[0].host for m in current]
        if len(set(hosts)) < 2:
            continue
        values = tuple((m.instances[0].document, f"{mount.source} on {m.instances[0].host}") for m in current)
        made.append(
            Difference(
                subject=f"volume {mount.target} data",
                values=values,
                ordinal="own" if len(set(hosts)) == len(hosts) else "",
            )
        )
    return made


def _differ(workload: str, difference: Difference, decisions: Decisions) -> Finding:
    answered = decisions.answer(workload, "instances-differ", difference.subject)
    answer = answered.answer if answered else "statefulset" if difference.ordinal else ""
    reason = f"instances differ in {difference.subject}"
    if difference.ordinal == "own":
        reason = f"each instance has its own data: {difference.subject}"
    elif difference.ordinal:
        reason += f"; the value follows from the instance's number ({difference.ordinal})"
    return Finding(
        workload=workload,
        code="instances-differ",
        subject=difference.subject,
        reason=reason,
        sides=difference.values,
        open=not answer,
        answer=answer,
    )


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
