"""Rows on files of callers that a user names (nginx, haproxy, Consul): where instances are called past the Service."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from converters.texts import addresses_in

from ..edges import Backend
from .row import Notice, Rule, warn
from .seen import Seen, is_headless, name_of, target_of

# An address and its port are told so many lines apart at most: in Consul's JSON each has a line.
_NEAR = 2
_NUMBER = re.compile(r"(?<![\w.])\d{1,5}(?![\w.])")


def called_as(seen: Seen) -> dict[tuple[str, int], Backend]:
    """Where the running instances answer, by the address and by each name of their host."""
    made = {}
    for backend, container in seen.backends.items():
        host = seen.host(container.host)
        for name in (backend.address, container.host, str((host.info if host else {}).get("Name") or "")):
            made[name, backend.port] = backend
    return {called: backend for called, backend in made.items() if called[0]}


def calls_in(text: str, wanted: Mapping[tuple[str, int], Backend]) -> Iterator[tuple[int, Backend]]:
    """Each line, counted from 1, by which one of them is called: ``ADDRESS:PORT`` stands there, or the address with the
    port not far. What ``#`` begins is a comment."""
    lines = ["" if line.lstrip().startswith("#") else line for line in text.splitlines()]
    for number, line in enumerate(lines, 1):
        near = {
            int(each) for one in lines[max(0, number - 1 - _NEAR) : number + _NEAR] for each in _NUMBER.findall(one)
        }
        whole = set(addresses_in(line))
        found = {
            backend
            for (name, port), backend in wanted.items()
            if (name, port) in whole or _bracketed(backend, line) or (port in near and _alone(name, line))
        }
        yield from ((number, backend) for backend in sorted(found))


def _bracketed(backend: Backend, line: str) -> bool:
    return ":" in backend.address and re.search(rf"{re.escape(str(backend))}(?!\d)", line) is not None


def _alone(name: str, line: str) -> bool:
    return re.search(rf"(?<![\w.:-]){re.escape(name)}(?![\w.:-])", line) is not None


def _in_files(seen: Seen) -> Iterator[Notice]:
    wanted = called_as(seen)
    for file, text in sorted(seen.caller_files.items()):
        for number, backend in calls_in(text, wanted):
            container = seen.backends[backend]
            yield Notice(
                subject=f"{file}:{number}",
                reason=f"it leads to {backend}, which is {container.name} on {container.host}, past the Service",
                next_step=f"let it lead to {_way(seen, backend)} before FRONTED: from outside the cluster by a "
                "NodePort, a load balancer or a gateway",
            )


def _way(seen: Seen, backend: Backend) -> str:
    mine = seen.backends[backend].ports
    ways = [
        f"{name_of(each)}.{seen.namespace}:{port['port']}"
        for each in seen.services
        if not is_headless(each)
        for port in each["spec"].get("ports") or ()
        if mine.get(target_of(port)) == backend
    ]
    return " or ".join(ways) or "the Service"


RULES: tuple[Rule, ...] = (warn("called-in-file", _in_files),)
