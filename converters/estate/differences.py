"""Where the instances of one application differ, and whether the difference follows from an instance's number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..decisions import Decisions
from ..fields.verdict import Finding
from ..secrecy import secrets_within
from ..workload import Difference, Instance, Mount, MountKind, Workload
from .facets import Facet, facets, shown
from .grouping import number_of

IDLE = ("label ", "annotations ", "setting ", "networks ", "log_driver", "log_options ")
"""Subjects that reach no behaviour of a pod: annotations at most. They are told once, by a verdict."""

_SECRET = "a secret value"  # what stands in place of one


def differences_of(current: Sequence[Workload]) -> tuple[Difference, ...]:
    """Where workloads of one instance each differ; the values stand under the instances' documents."""
    if len(current) < 2:
        return ()
    instances = [member.instances[0] for member in current]
    known = _secrets(current)
    taken = [facets(_comparable(member)) for member in current]
    subjects = {subject: None for facet in taken for subject in facet}
    made = []
    for subject in subjects:
        sides = [facet.get(subject) for facet in taken]
        first = sides[0]
        if first is not None and all(side is not None and side.value == first.value for side in sides):
            continue
        made.append(_difference(subject, current, sides, known))
    differing = {d.subject for d in made}
    made += [d for d in _data_by_host(current[0], instances) if d.subject.removesuffix(" data") not in differing]
    return tuple(sorted(made, key=lambda d: d.subject))


def _comparable(member: Workload) -> Workload:
    """Without what differs by nature: the engine's names of anonymous volumes, and how full volumes are."""

    def same(mount: Mount) -> Mount:
        if mount.kind is MountKind.ANONYMOUS:
            return replace(mount, source="", size_bytes=None)
        return replace(mount, size_bytes=None) if mount.kind is MountKind.VOLUME else mount

    containers = tuple(replace(c, mounts=tuple(map(same, c.mounts))) if c.mounts else c for c in member.containers)
    return replace(member, containers=containers)


def _difference(
    subject: str, current: Sequence[Workload], sides: Sequence[Facet | None], known: dict[str, str]
) -> Difference:
    hidden = _is_secret(subject, current)
    texts = []
    for side in sides:
        text = "unset" if side is None else _text(side.value, variable=subject.startswith("env "))
        # What a command, a label or an option holds of a secret must not reach a report either.
        texts.append(_SECRET if side is not None and (hidden or secrets_within(text, known)) else text)
    instances = [member.instances[0] for member in current]
    origins: dict[Any, None] = {}
    for side in sides:
        origins.update(dict.fromkeys(side.origins if side else ()))
    template, first = ordinal(texts, instances)
    if _own_volumes(subject, current):
        template, first = "own", 0
    values = tuple((i.document, text) for i, text in zip(instances, texts, strict=True))
    return Difference(subject=subject, values=values, origins=tuple(origins), ordinal=template, first=first)


def _secrets(current: Sequence[Workload]) -> dict[str, str]:
    every = (e for member in current for c in member.containers for e in c.env)
    return {e.name: e.value for e in every if e.secret and e.value}


def _is_secret(subject: str, current: Sequence[Workload]) -> bool:
    """Whether this is an environment variable whose value may not be shown on any side."""
    name = subject.rpartition("env ")[2]
    variable = subject == f"env {name}" or subject.endswith(f": env {name}")
    return variable and any(e.secret for m in current for c in m.containers for e in c.env if e.name == name)


def _text(value: Any, *, variable: bool) -> str:
    """What differs, as text. Of a variable its value to the letter, since a controller of one instance is given it."""
    return str(value[1]) if variable and value[1] is not None else shown(_telling(value))


def _telling(value: Any) -> Any:
    """Of an element, what can differ while its key is the same: (name, value, …) shows its value."""
    if isinstance(value, tuple) and len(value) > 1:
        return tuple(v for v in value[1:] if v not in ("", None, (), False)) or value[0]
    return value


def ordinal(values: Sequence[str], instances: Sequence[Instance]) -> tuple[str, int]:
    """The template by which the values follow from a number that grows by one, ``("", 0)`` if there is none.

    Instances are taken in the order of the number at the end of their names; without such numbers nothing says which
    instance would be which pod."""
    numbers = [number_of(i.name) for i in instances]
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


def _own_volumes(subject: str, current: Sequence[Workload]) -> bool:
    """Whether a volume of its own is mounted there in each instance, and nothing else differs in the mount."""
    target = subject.removeprefix("volume ")
    if target == subject or any(len(m.containers) != 1 for m in current):
        return False
    mounts = [next((x for x in m.containers[0].mounts if x.target == target), None) for m in current]
    named = [m for m in mounts if m is not None and m.kind is MountKind.VOLUME and m.source]
    if len(named) != len(current) or not all(_local(m) for m in named):
        return False
    alike = {replace(m, source="", size_bytes=None, origins=(), shared_with=()).target for m in named}
    places = {(m.source, member.instances[0].host) for m, member in zip(named, current, strict=True)}
    settings = {(m.read_only, m.driver, tuple(sorted(m.options.items())), m.content) for m in named}
    return len(places) == len(current) and len(alike) == 1 and len(settings) == 1


def _local(mount: Mount) -> bool:
    return mount.driver in ("", "local") and not mount.driver_options


def _data_by_host(first: Workload, instances: Sequence[Instance]) -> list[Difference]:
    """One named volume on several hosts is one volume a host: each instance has data of its own."""
    hosts = [i.host for i in instances]
    if len(set(hosts)) < 2:
        return []
    own = "own" if len(set(hosts)) == len(hosts) else ""
    return [
        Difference(
            subject=f"volume {mount.target} data",
            values=tuple((i.document, f"{mount.source} on {i.host}") for i in instances),
            ordinal=own,
        )
        for container in first.containers
        for mount in container.mounts
        if mount.kind is MountKind.VOLUME and _local(mount)
    ]


def by_site(difference: Difference, instances: Sequence[Instance]) -> bool:
    """Whether all instances of a site have one value, which may be shown."""
    sites = {i.document: i.site for i in instances}
    seen: dict[str, set[str]] = {}
    for document, value in difference.values:
        seen.setdefault(sites.get(document, ""), set()).add(value)
    return "" not in seen and len(seen) > 1 and all(len(v) == 1 and _SECRET not in v for v in seen.values())


def findings_of(
    workload: str, differences: Sequence[Difference], instances: Sequence[Instance], decisions: Decisions
) -> list[Finding]:
    """A finding for each difference that reaches a pod; open where neither the values nor the user say what becomes
    of it. Where a value follows from the site the verdict asks, if the target gives the site no controller."""
    return [
        _finding(workload, d, d.subject.startswith("env ") and by_site(d, instances), decisions)
        for d in differences
        if not d.subject.startswith(IDLE)
    ]


def _finding(workload: str, difference: Difference, sited: bool, decisions: Decisions) -> Finding:
    answered = decisions.answer(workload, "instances-differ", difference.subject)
    answer = answered.answer if answered else "statefulset" if difference.ordinal else ""
    reason = f"instances differ in {difference.subject}"
    if difference.ordinal == "own":
        reason = f"each instance has its own data: {difference.subject}"
    elif difference.ordinal:
        reason += f"; the value follows from the instance's number ({difference.ordinal})"
    elif sited:
        reason += "; the value follows from the site"
    return Finding(
        workload=workload,
        code="instances-differ",
        subject=difference.subject,
        reason=reason,
        sides=difference.values,
        open=not answer and not sited,
        answer=answer,
    )
