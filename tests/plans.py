"""Small plans for tests: of plain containers, without an engine, a capture or a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converters.capture import Capture, HostDocuments
from converters.decisions import Decisions
from converters.target import Target
from converters.workload import Host
from migrate.plan.making import make_plan
from migrate.plan.model import Plan
from tests.inspect_documents import ENGINE, container, image

VERSION = {"Version": "20.10.24", "ApiVersion": ENGINE.api_version, "Os": "linux", "Arch": "amd64"}
ALWAYS = {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}


def web(name: str = "web", *, host: Mapping[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    """A container that restarts always and publishes port 80, which leaves two questions: exposure, acts-unasked."""
    identity = hashlib.sha256(name.encode()).hexdigest()
    published = {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}}
    return container({"Labels": {}, **config}, {**ALWAYS, **published, **(host or {})}, Id=identity, Name=f"/{name}")


def capture(*containers: Mapping[str, Any], error: str = "", **more: Any) -> Capture:
    """A capture of one host; with ``error`` a second one could not be read."""
    documents = containers or (web(),)
    hosts = [HostDocuments(host=Host(name="h1"), engine=ENGINE, containers=tuple(documents), images=(image(),))]
    if error:
        hosts.append(HostDocuments(host=Host(name="h2"), error=error))
    return Capture(hosts=tuple(hosts), **more)


def plan(*containers: Mapping[str, Any], target: Target | None = None, **more: Any) -> Plan:
    given: dict[str, Any] = {"decisions": Decisions(), **more}
    return make_plan(capture(*containers), target=target or Target(), **given)


def inspect_file(folder: Path, *containers: Mapping[str, Any], name: str = "h1.json") -> Path:
    """What docker inspect prints of the containers and their image, and docker version of their engine."""
    file = folder / name
    file.write_text(json.dumps([*(containers or (web(),)), image(), VERSION]))
    return file
