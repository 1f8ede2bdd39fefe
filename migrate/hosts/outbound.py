"""Where a container connects to, as the kernel's tables in its own network namespace have it.

There an address is still what the container asked for: no rule of the host's has changed it yet. In the host's network
the table is everybody's, so sockets are told apart by who holds them. Whatever ended within the last minute is seen
too, but for that network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..cutover.edges import Backend
from ..cutover.outbound import End
from .connections import socket_end

_MARK = "--"
_ESTABLISHED, _SYN_SENT, _LISTENS = "01", "02", "0A"
_TABLES = ("tcp", "tcp6", "udp", "udp6")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A container's first one. ``shared``: it is in the host's network."""

    container: str
    pid: int
    shared: bool = False


def script(processes: Sequence[Process]) -> str:
    """What a shell of the host is to run. A part of a container that is not there any more is empty."""
    return "; ".join([*(_part(each) for each in processes), ":"])


def _part(each: Process) -> str:
    # a number may be another process's by now; the names of its own mounts have the container's ID
    there = f"grep -qs {each.container} /proc/{each.pid}/mountinfo /proc/{each.pid}/cgroup"
    tables = [f"echo {_MARK} {name}; cat /proc/{each.pid}/net/{name} 2>/dev/null" for name in _TABLES]
    if each.shared:
        ours = f"grep -ls {each.container} /proc/[0-9]*/mountinfo /proc/[0-9]*/cgroup 2>/dev/null"
        tables.append(f"echo {_MARK} held; for p in $({ours}); do ls -l ${{p%/*}}/fd 2>/dev/null; done")
    return f"echo {_MARK} {each.container}; if {there}; then {'; '.join(tables)}; fi"


def ends_of(printed: str, processes: Sequence[Process]) -> dict[str, tuple[End, ...]]:
    """The script's output: container to its connections; without those of which nothing could be read. Raises
    ValueError for what is none."""
    made = {}
    parts = _parts(printed)
    for each in processes:
        tables = parts.get(each.container, {})
        if tables.get("tcp"):
            made[each.container] = tuple(_ends(tables, shared=each.shared))
    return made


def _parts(printed: str) -> dict[str, dict[str, list[str]]]:
    """Container to table to lines."""
    made: dict[str, dict[str, list[str]]] = {}
    tables: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in printed.splitlines():
        if line.startswith(f"{_MARK} "):
            name, lines = line.removeprefix(f"{_MARK} "), []
            if name in (*_TABLES, "held"):
                tables[name] = lines
            else:
                tables = made.setdefault(name, {})
        else:
            lines.append(line)
    return made


def _ends(tables: dict[str, list[str]], *, shared: bool) -> Iterator[End]:
    held = {found for line in tables.get("held", ()) for found in re.findall(r"socket:\[(\d+)\]", line)}
    for protocol in ("tcp", "udp"):
        rows = [line.split() for name in (protocol, f"{protocol}6") for line in tables.get(name, ())[1:]]
        listens = {socket_end(row[1])[1] for row in rows if row[3] == _LISTENS}
        for row in rows:
            (_, port), (address, to) = socket_end(row[1]), socket_end(row[2])
            passes = row[3] in (_SYN_SENT, _LISTENS) if protocol == "tcp" else row[3] != _ESTABLISHED
            if passes or port in listens or address.is_loopback or address.is_unspecified:
                continue
            if shared and row[9] not in held:
                continue
            stands = row[3] == _ESTABLISHED
            yield End(protocol=protocol, remote=Backend(str(address), to), stands=stands)
