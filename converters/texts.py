"""Texts of a workload in which names and addresses of others may stand."""

from __future__ import annotations

from collections.abc import Iterator

from .workload import Workload


def texts_of(workload: Workload) -> Iterator[tuple[str, str]]:
    """Values of environment, words of the command and of checks, each with where it stands."""
    for container in workload.containers:
        for env in container.env:
            if env.value:
                yield f"env {env.name}", env.value
        for word in (*(container.entrypoint or ()), *(container.args or ())):
            yield "command", word
        for check in container.checks:
            for word in check.argv:
                yield "check", word
