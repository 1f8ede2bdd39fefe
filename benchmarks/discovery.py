"""Figure 4: one host with 300 containers, 5 ms away: calls made, and the time against docker-py's containers.list().

A real engine of our own (as root), containers created and not started, and a process of its own before the socket that
holds every request for 5 ms and counts it.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import docker

from migrate.engine import discover
from tests.engine_proxy import EngineProxy
from tests.lab import packages
from tests.lab.engine import Lab

CONTAINERS = 300
LATENCY_S = 0.005
RUNS = 5


def main() -> None:
    packages.ensure(lambda line: print(line, file=sys.stderr))
    with Lab() as lab, tempfile.TemporaryDirectory() as folder:
        engine = lab.engine("edge-a1")
        engine.import_image("bench/app:1", config={"Cmd": ["sleep", "600"]})
        for n in range(CONTAINERS):
            engine.client.api.create_container("bench/app:1", name=f"app-{n:03}", environment={"N": str(n)})
        with delayed(engine.socket, Path(folder) / "engine.sock") as (url, requests):
            ways: dict[str, Callable[[], int]] = {
                "docker-py containers.list(all=True)": lambda: listed(url),
                "podlift discover": lambda: discovered(url),
            }
            seconds: dict[str, list[float]] = {name: [] for name in ways}
            asked: dict[str, Counter[str]] = {}
            # in turns, so that a slow moment of the machine meets both
            for _ in range(RUNS):
                for name, way in ways.items():
                    del requests[:]
                    began = time.perf_counter()
                    assert way() == CONTAINERS
                    seconds[name].append(time.perf_counter() - began)
                    # the other process hands its list on with a delay
                    time.sleep(0.2)
                    asked[name] = Counter(kind(each) for each in requests)
    slowest = statistics.median(seconds["docker-py containers.list(all=True)"])
    print(f"| {CONTAINERS} containers, {1000 * LATENCY_S:g} ms away | calls | s, median of {RUNS} | s, all | ratio |")
    print("|---|---|---|---|---|")
    for name, each in seconds.items():
        median = statistics.median(each)
        print(
            f"| {name} | {asked[name].total()} | {median:.2f} | {min(each):.2f} to {max(each):.2f} "
            f"| {slowest / median:.1f}x |"
        )
    print(f"\ncalls of discover: {', '.join(f'{n} {what}' for what, n in sorted(asked['podlift discover'].items()))}")


def listed(url: str) -> int:
    client = docker.DockerClient(base_url=url, version="auto")
    try:
        return len(client.containers.list(all=True))
    finally:
        client.close()


def discovered(url: str) -> int:
    (host,) = discover([f"edge-a1={url}"]).hosts
    assert not host.error, host.error
    return len(host.containers)


def kind(request: str) -> str:
    """A request without its version, IDs and names."""
    method, _, path = request.partition(" ")
    steps = [step for step in path.partition("?")[0].split("/") if step and not step.startswith("v1.")]
    if len(steps) > 1 and steps[-1] == "json" and steps[0] in ("containers", "images"):
        return f"{method} {steps[0]} {'list' if len(steps) == 2 else 'inspect'}"
    return f"{method} {steps[0]}"


@contextmanager
def delayed(socket: Path, listen: Path) -> Iterator[tuple[str, Any]]:
    """A process that holds each request for a while; the URL and the requests, which can be emptied."""
    with multiprocessing.get_context("spawn").Manager() as manager:
        requests = manager.list()
        ready = manager.Event()
        process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(socket, listen, requests, ready), daemon=True
        )
        process.start()
        ready.wait(30)
        try:
            yield f"unix://{listen}", requests
        finally:
            process.terminate()
            process.join()


def _serve(socket: Path, listen: Path, requests: Any, ready: Any) -> None:
    with EngineProxy(listen, upstream=socket, latency_s=LATENCY_S) as proxy:
        ready.set()
        sent = 0
        while True:
            time.sleep(0.001)
            # handed on outside the way of a request
            if new := proxy.requests[sent:]:
                requests.extend(new)
                sent += len(new)


if __name__ == "__main__":
    main()
