"""Which differences verdicts said beforehand."""

from __future__ import annotations

import re

import pytest

from converters.fields.container_table import CONTAINER_ROWS
from converters.fields.verdict import Level, Source, Verdict
from migrate.diff import Change, Op
from migrate.diff.declaring import facets, told_apart


def verdict(path: str = "", *targets: str, level: Level = Level.APPROXIMATED) -> Verdict:
    source = Source(document="h1/container/web-1", path=path) if path else None
    return Verdict(workload="web", level=level, code="said", source=source, targets=targets, why="")


# What of a running container is in the normal form, as the field table has it.
SHOWN = re.compile(
    r"argv|cwd|files\.digest|environ\.\{key\}|[ug]id\.\*|groups\.\*|mounts\.(\{key\}|/dev/shm)\.\*|mounts\./\.read_only"
    r"|capabilities\.(\*|\{key\})|health\..*|cgroup\.(memory\.limit|cpu\.(quota|period))"
)


def test_every_field_that_the_normal_form_shows_can_be_declared() -> None:
    """A field that comes to the table with such a fact needs a line of ours."""
    rows = [row for row in CONTAINER_ROWS if any(SHOWN.fullmatch(fact) for fact in row.seen_by.split(", "))]
    assert len(rows) > 25
    paths = [re.sub(r"\[\w+\]", "[KEY]", row.pattern) for row in rows]
    assert [path for path in paths if not facets(verdict(path), "web")] == []


POD = "Deployment/web:spec.template.spec."


@pytest.mark.parametrize(
    ("said", "path"),
    [
        (verdict("Config.Env[MODE]"), "env.MODE"),
        (verdict("Config.Cmd"), "argv"),
        (verdict("HostConfig.Memory"), "limits.memory"),
        (verdict("HostConfig.CapAdd[NET_ADMIN]"), "capabilities.NET_ADMIN"),
        (verdict("HostConfig.PortBindings[80/tcp][:8080]"), "ports[80/tcp]"),
        (verdict("Mounts[/data]"), "mounts[/data].kind"),
        (verdict("Config.Healthcheck.Interval"), "checks.interval"),
        (verdict("", f"{POD}containers[web].env[MODE]"), "env.MODE"),
        (verdict("", f"{POD}containers[web].ports[80/TCP]"), "ports[80/tcp]"),
        (verdict("", f"{POD}containers[web].volumeMounts[/data]"), "mounts[/data].readOnly"),
        (verdict("", f"{POD}containers[web].resources.limits.cpu"), "limits.cpu"),
        (verdict("", f"{POD}securityContext.supplementalGroups"), "user.groups.4"),
    ],
)
def test_declared(said: Verdict, path: str) -> None:
    """By the field of the document or by the path in the object."""
    undeclared, declared = told_apart([Change(op=Op.CHANGED, path=path)], [said], "web")
    assert undeclared == ()
    assert declared[0].codes == ("said",)


@pytest.mark.parametrize(
    ("said", "path"),
    [
        (verdict("Config.Env[MODE]", level=Level.EXACT), "env.MODE"),
        (verdict("Config.Env[MODE]"), "env.MODE_2"),
        (verdict("", f"{POD}containers[other].env[MODE]"), "env.MODE"),
        (verdict("", f"{POD}containers[web].resources.requests.cpu"), "limits.cpu"),
        (verdict("HostConfig.MemoryReservation"), "limits.memory"),
    ],
)
def test_not_declared(said: Verdict, path: str) -> None:
    """An exact verdict promises that nothing differs; another field's says nothing of this one."""
    undeclared, declared = told_apart([Change(op=Op.CHANGED, path=path)], [said], "web")
    assert (len(undeclared), declared) == (1, ())
