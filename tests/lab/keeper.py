"""The process behind a standing lab (standing.py): it starts one, holds it, and answers what is asked of it.

    python -m tests.lab.keeper CHECKOUT ID stay|hold

Lines about its progress go to stdout, `ready` is the last one; until then whoever started it has to read them. SIGTERM
ends it and the lab in order; so does, with `hold`, the end of its stdin. However it ends, the kernel ends the lab's
hosts with it: each of them waits at a pipe that this process holds. In the lab's folder lie `lab.json`, which says what
the lab is, and `keeper.sock`, where a line of JSON is answered by another one:

    {"do": "parts"}                               [{"name", "running", "log": its last lines}]
    {"do": "load", "engine": NAME, "image": TAG}  {"nodes": [NAME]}
    what cannot be done                           {"error": REASON}
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.lab.cluster import Cluster
    from tests.lab.engine import Lab

STATE = "lab.json"
SOCKET = "keeper.sock"
LOG = "keeper.log"
READY = "ready"
ENGINES = {"edge-a1": "site-a", "edge-a2": "site-a", "edge-b1": "site-b"}
ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _EndedError(BaseException):
    """Somebody wants the lab to end."""


def _end(*_: object) -> None:
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    raise _EndedError


def main() -> int:
    """Holds a lab until its end; 1 where it did not come up."""
    checkout, ident, how = sys.argv[1:]
    for number in ENDINGS:
        signal.signal(number, _end)
    # no folder of somebody's stays in use
    os.chdir("/")
    try:
        _keep(checkout, ident, hold=how == "hold")
    except _EndedError:
        pass
    except _troubles() as error:
        # whoever started it may be gone
        try:
            _say(f"lab: {error}")
        except OSError:
            return 1
        return 1
    return 0


def _keep(checkout: str, ident: str, *, hold: bool) -> None:
    from tests.lab import programs
    from tests.lab.engine import Lab

    with Lab() as lab:
        state: dict[str, Any] = {"checkout": checkout, "id": ident, "pid": os.getpid(), "name": lab.name}
        _write(lab.folder / STATE, {**state, "ready": False})
        cluster = _start(lab)
        state |= {
            "ready": True,
            "context": cluster.context,
            "engines": [
                {"name": one.name, "site": ENGINES[one.name], "address": one.address, "url": one.url}
                for one in lab.engines
            ],
            "kubeconfig": str(cluster.kubeconfig),
            "nodes": [{"name": node.name, "address": node.address} for node in cluster.nodes],
            "programs": str(programs.ensure(_say)),
            "registry": {"name": lab.registries[0].name, "address": lab.registries[0].address},
        }
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(lab.folder / SOCKET))
            listener.listen()
            _write(lab.folder / STATE, state)
            _say(READY)
            _leave(lab.folder / LOG)
            _serve(listener, lab, cluster, hold=hold)


def _start(lab: Lab) -> Cluster:
    began = time.monotonic()

    def up(what: str) -> None:
        _say(f"lab: {time.monotonic() - began:4.1f} s  {what}")

    up(f"network {lab.network.subnet} of {lab.name}")
    registry = lab.registry()
    up(f"registry {registry.name} ({registry.address})")
    for name, site in ENGINES.items():
        engine = lab.engine(name)
        up(f"engine {name} at {site} ({engine.address})")
    cluster = lab.cluster()
    up(f"Kubernetes: {', '.join(node.name for node in cluster.nodes)} Ready, names resolve")
    return cluster


def _serve(listener: socket.socket, lab: Lab, cluster: Cluster, *, hold: bool) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        if hold:
            selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    _answer(listener, lab, cluster)
                elif not os.read(sys.stdin.fileno(), 4096):
                    return


def _answer(listener: socket.socket, lab: Lab, cluster: Cluster) -> None:
    connection, _ = listener.accept()
    try:
        with connection, connection.makefile("rw") as stream:
            connection.settimeout(10)
            request = json.loads(stream.readline())
            try:
                answer = _do(request, lab, cluster)
            except _troubles() as error:
                answer = {"error": str(error)}
            stream.write(json.dumps(answer) + "\n")
    except (OSError, ValueError):
        # whoever asked has gone, or asked nothing
        return


def _do(request: dict[str, str], lab: Lab, cluster: Cluster) -> object:
    if request["do"] == "parts":
        return list(_parts(lab, cluster))
    return _load(request["engine"], request["image"], lab, cluster)


def _load(name: str, image: str, lab: Lab, cluster: Cluster) -> object:
    import docker.errors

    engine = next((one for one in lab.engines if one.name == name), None)
    if engine is None:
        return {"error": f"There is no engine {name}; there are {', '.join(one.name for one in lab.engines)}."}
    try:
        cluster.load(engine, image)
    except docker.errors.ImageNotFound:
        there = sorted(tag for one in engine.client.images.list() for tag in one.tags)
        return {
            "error": f"{name} has no image {image}; it has {', '.join(there) or 'none'}. Put it there first, as by "
            f"`docker save {image} | DOCKER_HOST={engine.url} docker load`."
        }
    return {"nodes": [node.name for node in cluster.nodes]}


def _parts(lab: Lab, cluster: Cluster) -> Iterator[dict[str, object]]:
    from tests.lab.host import tail

    hosts = [*(one.host for one in lab.registries), *(one.host for one in lab.engines)]
    hosts += [cluster.control, *(node.host for node in cluster.nodes)]
    for host in hosts:
        yield {"name": host.name, "running": host.process.poll() is None, "log": tail(host.log)}
    daemons = [("control", daemon) for daemon in cluster.daemons.values()]
    daemons += [(node.name, daemon) for node in cluster.nodes for daemon in node.daemons.values()]
    for place, daemon in daemons:
        yield {"name": f"{daemon.name} on {place}", "running": daemon.running(), "log": tail(daemon.log)}


def _troubles() -> tuple[type[Exception], ...]:
    """What may go wrong with a lab: each has a message that says what and where."""
    import docker.errors
    from requests.exceptions import RequestException

    from tests.lab.host import HostError
    from tests.lab.packages import LabUnavailableError
    from tests.lab.slots import SlotError

    return (
        HostError, LabUnavailableError, SlotError, OSError, subprocess.SubprocessError,
        docker.errors.DockerException, RequestException,
    )  # fmt: skip


def _write(file: Path, state: dict[str, Any]) -> None:
    """All of it or nothing, for whoever reads it meanwhile."""
    part = file.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(state, indent=2) + "\n")
    part.rename(file)


def _leave(log: Path) -> None:
    """Lets go of whoever started it."""
    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
