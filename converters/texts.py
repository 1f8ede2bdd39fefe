"""Texts of a workload in which names and addresses of others may stand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .workload import Workload

_WITH_PORT = re.compile(r"(?<![\w.-])([A-Za-z0-9][\w.-]*):(\d{1,5})(?![\w.-])")


def addresses_in(text: str) -> list[tuple[str, int]]:
    """Names or addresses that stand before a port in a text: ``http://api:9090/`` has ``("api", 9090)``."""
    return [(called, int(number)) for called, number in _WITH_PORT.findall(text)]


def texts_of(workload: Workload) -> Iterator[tuple[str, str]]:
    """Values of environment, words of the command and of checks and whom these ask, each with where it stands."""
    for container in workload.containers:
        for env in container.env:
            if env.value:
                yield f"env {env.name}", env.value
        for word in (*(container.entrypoint or ()), *(container.args or ())):
            yield "command", word
        for check in container.checks:
            for word in filter(None, (*check.argv, check.host)):
                yield "check", word
