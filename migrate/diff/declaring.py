"""Which differences between a container and its pod the plan's verdicts said beforehand.

A verdict names a field of a document and paths in objects; both are told in the words of the normal form here, and a
change that lies there was declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from converters.fields.verdict import Level, Verdict

from .comparison import Declared
from .walk import Change

# A document's path, and what of the normal form it is about. \1 is what stands in brackets. The field table's
# ``seen_by`` is no source for it: it knows what one container shows, and not that what takes ports has none to show, or
# that a limit becomes a part of the argv. A test holds the two together.
_OF_DOCUMENTS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), facets)
    for pattern, facets in (
        (r"Config\.Env\[([^\]=]+)\]?.*", (r"env.\1",)),
        (r"(?:Config\.(?:Entrypoint|Cmd|Shell)|Path|Args)\b.*", ("argv",)),
        (r"Config\.WorkingDir", ("workingDir",)),
        (r"(?:Config\.User|HostConfig\.GroupAdd)\b.*", ("user",)),
        (r"(?:Config\.Image|Image|ImageDigest)\b.*", ("image",)),
        (r"(?:Config\.ExposedPorts|HostConfig\.PortBindings|NetworkSettings\.Ports)\[([^\]]+)\].*", (r"ports[\1]",)),
        (r"(?:HostConfig\.(?:Tmpfs|Binds|Mounts)|Config\.Volumes)\[([^\]]+)\].*", (r"mounts[\1]",)),
        (r"Mounts\[([^\]]+)\].*", (r"mounts[\1]",)),
        (r"HostConfig\.(?:ShmSize|IpcMode)\b.*", ("mounts[/dev/shm]",)),
        (r"(?:Host)?Config\.Memory", ("limits.memory",)),
        (r"HostConfig\.(?:NanoCpus|CpuQuota|CpuPeriod)", ("limits.cpu",)),
        (r"HostConfig\.(?:CapAdd|CapDrop|Capabilities)\b.*", ("capabilities",)),
        (r"HostConfig\.Privileged", ("capabilities", "privileged")),
        (r"HostConfig\.ReadonlyRootfs", ("readOnlyRoot",)),
        (r"Config\.Healthcheck\b.*", ("checks",)),
        (r"HostConfig\.(?:Ulimits|Init)\b.*", ("argv",)),
    )
)
# The same for what stands behind ``containers[NAME].`` in an object's path, or behind the pod's ``spec.``.
_OF_OBJECTS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), facets)
    for pattern, facets in (
        (r"env\[([^\]]+)\].*", (r"env.\1",)),
        (r"(?:command|args)\b.*", ("argv",)),
        (r"workingDir", ("workingDir",)),
        (r"image", ("image",)),
        (r"ports\[([^\]/]+)/(\w+)\].*", (r"ports[\1/\2]",)),
        (r"volumeMounts\[([^\]]+)\].*", (r"mounts[\1]",)),
        (r"resources\.limits\.(\w+)", (r"limits.\1",)),
        (r"securityContext\.capabilities\b.*", ("capabilities",)),
        (r"securityContext\.privileged", ("capabilities", "privileged")),
        (r"securityContext\.readOnlyRootFilesystem", ("readOnlyRoot",)),
        (r"securityContext\.(?:runAs\w+|supplementalGroups)\b.*", ("user",)),
        (r"(?:readiness|liveness|startup)Probe\b.*", ("checks",)),
    )
)
_IN_CONTAINER = re.compile(r".*\bcontainers\[([^\]]+)\]\.(.*)")
_IN_POD = re.compile(r".*\btemplate\.spec\.(securityContext\..*)")


def told_apart(
    found: Iterable[Change], verdicts: Sequence[Verdict], container: str
) -> tuple[tuple[Change, ...], tuple[Declared, ...]]:
    """The changes that nobody declared, and those that verdicts on this container did."""
    said = [(facet, verdict.code) for verdict in verdicts for facet in facets(verdict, container)]
    undeclared, declared = [], []
    for change in found:
        codes = tuple(sorted({code for facet, code in said if _meets(facet, change.path)}))
        if codes:
            declared.append(Declared(change=change, codes=codes))
        else:
            undeclared.append(change)
    return tuple(undeclared), tuple(declared)


def facets(verdict: Verdict, container: str) -> frozenset[str]:
    """Paths of the normal form in which a verdict says that the pod may differ; none for an exact one."""
    if verdict.level is Level.EXACT:
        return frozenset()
    made: set[str] = set()
    if verdict.source is not None and "/container/" in verdict.source.document:
        made.update(_of(verdict.source.path, _OF_DOCUMENTS))
    for target in verdict.targets:
        match = _IN_CONTAINER.fullmatch(target)
        if match and match[1] == container:
            made.update(_of(match[2], _OF_OBJECTS))
        elif not match and (shared := _IN_POD.fullmatch(target)):
            made.update(_of(shared[1], _OF_OBJECTS))
    return frozenset(made)


def _of(path: str, table: Iterable[tuple[re.Pattern[str], tuple[str, ...]]]) -> Iterable[str]:
    for pattern, found in table:
        match = pattern.fullmatch(path)
        if match:
            yield from (
                match.expand(each).lower() if each.startswith("ports") else match.expand(each) for each in found
            )


def _meets(facet: str, path: str) -> bool:
    """Whether one of the two lies in the other."""
    short, long = sorted((facet, path), key=len)
    return long == short or long.startswith((f"{short}.", f"{short}["))
