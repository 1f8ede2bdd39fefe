"""How each legacy host is asked who holds its connections."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from converters.errors import PodliftError

from ..engine.connect import endpoint_of
from ..hosts_file import HostEntry
from ..unsaid import Hide, as_said
from .command import PHASE, Command, command_for
from .connections import HostConnections, Probe
from .probe import answer_of, probe

CONTAINER = "container"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """
    how    ``ssh``, ``container``, the words of a command that takes a program after its own, ``""`` for what the URL
           gives (``command_for``)
    probe  what starts podlift-probe there, asked where the host has no conntrack program; nothing: it is not there
    image  the probe's image (probe/Dockerfile) on the engine, for ``container``
    """

    entry: HostEntry
    how: str | Sequence[str] = ""
    probe: tuple[str, ...] = ()
    image: str = ""


def command_of(host: Access, *, hide: Hide = as_said) -> Command | None:
    """How commands are run on it; None: they are not, or only the probe is, in a container. ``hide``: as Command's.
    Raises as ``connections_for``."""
    command = None if host.how == CONTAINER else command_for(endpoint_of(host.entry), host.how)
    return command and replace(command, hide=hide)


def connections_for(hosts: Iterable[Access], *, timeout_s: float = 30, hide: Hide = as_said) -> HostConnections:
    """``edges.Connections`` over these hosts. ``hide``: as Command's. Raises PodliftError ``bad-hosts``, and what
    ``endpoint_of`` raises."""
    commands, probes = {}, dict[str, Probe]()
    for host in hosts:
        name = host.entry.host.name
        if host.how == CONTAINER:
            probes[name] = _in_container(host, timeout_s)
            continue
        command = command_of(host, hide=hide)
        if command is None:
            continue
        commands[name] = command
        if host.probe:
            probes[name] = partial(probe, command, host.probe, timeout_s=timeout_s)
    return HostConnections(commands, probes, timeout_s=timeout_s)


def _in_container(host: Access, timeout_s: float) -> Probe:
    name = host.entry.host.name
    if not host.image:
        raise PodliftError(
            code="bad-hosts",
            phase=PHASE,
            subject=name,
            reason="exec: container needs the image of podlift-probe",
            next_step="build it from probe/Dockerfile, load it on the host, and name it",
        )
    # with it comes docker's client
    from ..engine.one_shot import OneShot

    engine = OneShot(host.entry)

    def asked(task: Mapping[str, Any]) -> dict[str, Any]:
        ended = engine.run(host.image, {"PODLIFT_PROBE": json.dumps(task)}, timeout_s=timeout_s)
        if ended.code:
            raise PodliftError(
                code="command-failed",
                phase=PHASE,
                subject=name,
                reason=f"a container of {host.image} ended with {ended.code}: {ended.stderr.strip()[-300:]}",
                next_step="give the image that probe/Dockerfile makes, of this version",
            )
        return answer_of(ended.stdout, name)

    return asked
