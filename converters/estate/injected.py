"""Variables that a scheduler writes into each instance: no part of a workload, unless something of it reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from ..workload import Container, Env, Setting, Workload

_INDEX = re.compile(r"(^|_)(INDEX|INSTANCE_NO)$")
_OF_INSTANCE = re.compile(r"(^|_)(ID|UUID|TASK|INSTANCE|CONTAINER_NAME|SANDBOX|STARTED_AT)$")


def without_injected(members: Sequence[Workload], globs: Sequence[str]) -> list[Workload]:
    """The members of a group, their injected variables as settings ``env-injected``: accounted for, in no comparison
    and in no manifest. What argv, a check or another variable reads stays: with its value where all instances have
    the same, else as a value that only the running pod knows."""
    if not globs:
        return list(members)
    values: dict[str, set[str | None]] = {}
    for member in members:
        for env in member.containers[0].env:
            values.setdefault(env.name, set()).add(env.value)
    common = {name for name, seen in values.items() if len(seen) == 1}
    return [_without(member, globs, common, several=len(members) > 1) for member in members]


def _without(member: Workload, globs: Sequence[str], common: set[str], *, several: bool) -> Workload:
    container = member.containers[0]
    kept: list[Env] = []
    settings: list[Setting] = list(container.settings)
    texts = [*(container.entrypoint or ()), *(container.args or ()), *(e.value or "" for e in container.env)]
    texts += [word for check in container.checks for word in (*check.argv, check.path, check.host)]
    used = "\n".join(texts)
    for env in container.env:
        if not any(fnmatchcase(env.name, glob) for glob in globs):
            kept.append(env)
        elif re.search(rf"\$\(?\{{?{re.escape(env.name)}\b", used):
            kept.append(_recreated(env, container, common=env.name in common and several))
        else:
            settings.append(Setting(code="env-injected", value=env.name, origins=env.origins))
    return replace(member, containers=(replace(container, env=tuple(kept), settings=tuple(settings)),))


def _recreated(env: Env, container: Container, *, common: bool) -> Env:
    """What stands for the value in a pod. An index stays a difference between instances, which has an ordinal; an
    address with a port has no counterpart, and is asked for."""
    if "ADDR" in env.name:
        return replace(env, value=None, runtime="container_address")
    if "PORT" in env.name:
        return replace(env, value=None, runtime=f"container_port({_port(env, container)})")
    if env.name.endswith(("HOST", "_IP")):
        return replace(env, value=None, runtime="pod_ip")
    if _INDEX.search(env.name) or common or not _OF_INSTANCE.search(env.name):
        return env
    return replace(env, value=None, runtime="pod_name")


def _port(env: Env, container: Container) -> str:
    """The container port behind a host port that was dealt out, else by number, by index (PORT, PORT0, PORT1) or by
    the name that the variable ends in (NOMAD_PORT_http)."""
    value = env.value or ""
    for port in container.ports:
        if any(str(published.host_port) == value for published in port.published if published.host_port):
            return str(port.container_port)
    if any(str(port.container_port) == value for port in container.ports):
        return value
    index = re.fullmatch(r"PORT(\d*)", env.name)
    return (index[1] or "0") if index else env.name.rpartition("PORT_")[2]
