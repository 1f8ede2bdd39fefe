"""A reading: what a source made of its documents, and what it took and left."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields.verdict import Finding, Tally
from ..workload import Host, Setting, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """
    source     ``inspect`` or ``config``
    workloads  from inspect documents: one for each container, with exactly one instance, present fields only;
               from a config: one for each application, instances empty, counts in ``replicas``
    tallies    one for each document, the classes of its leaves
    excluded   what was read and is no workload (compose one-offs, agents, pause containers): (name, why)
    expected   config only: how each workload is recognised among running containers
    left       config only: fields that stand outside every workload and that nothing took
    """

    source: str
    workloads: tuple[Workload, ...] = ()
    hosts: tuple[Host, ...] = ()
    tallies: tuple[Tally, ...] = ()
    findings: tuple[Finding, ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()
    api_versions: tuple[tuple[str, str], ...] = ()
    expected: tuple[Expected, ...] = ()
    left: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How a config's workload is recognised among running containers.

    containers   a regular expression that the whole container name matches; named groups ``site`` and ``n`` count
    label, env   ``KEY=VALUE`` that it carries instead
    runtime_env  names (globs) that the scheduler injects into every instance
    """

    workload: str
    containers: str = ""
    label: str = ""
    env: str = ""
    runtime_env: tuple[str, ...] = ()
