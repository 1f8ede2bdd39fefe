"""Traffic that sees every request that is lost: a server, an open load for it, and what became of each request.

    make_image(engine)                              # `traffic:lab`: its container is the server
    engine.client.containers.run(IMAGE, ["app", "-lag=2s"], ports={"8080/tcp": 8080}, detach=True)
    cluster.load(engine, IMAGE)                     # for pods
    load = Load(new=1000, keep=20, post=50, sources=pod_addresses(node))
    with Traffic(on_host(node.host), "10.96.0.7:80", load) as traffic:
        ...                                         # what must lose nothing
        traffic.progress()                          # what was sent and answered so far
        report = traffic.stop()                     # waits for what is under way
    assert not report.failed, report.told()
    orders = exactly_once(report, ledgers(host.root / "srv/ledger"))        # LEDGER=/srv/ledger, bound, was given to it
    assert orders.exact, orders

The load runs where `on_host`, `in_pod` or `here` say, and ends with this process. Nothing in it sends a request twice.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.lab import programs
from tests.lab.cluster import GivenCluster
from tests.lab.engine import Engine, say
from tests.lab.host import SEARCH, Host, tail
from tests.lab.node import Node

SOURCES = Path(__file__).with_name("server_and_load")
IMAGE = "traffic:lab"

_PROGRESS = re.compile(r"^load: at_s=(\S+) sent=(\d+) ok=(\d+) failed=(\d+) open=(\d+) lag_ms=(\S+)$", re.MULTILINE)
_START_S = 20.0


class TrafficError(RuntimeError):
    """The load did not start or ended without a report; the message ends with what it said."""


def program() -> Path:
    """The static program; built where it is not there yet."""
    return programs.build(SOURCES, say, name="traffic")


def make_image(engine: Engine, tag: str = IMAGE) -> str:
    """The image of the server on an engine; returns its ID. The command is `app` with its flags."""
    files = {"bin/traffic": program().read_bytes()}
    config = {"Entrypoint": ["/bin/traffic"], "Cmd": ["app"], "ExposedPorts": {"8080/tcp": {}}}
    return engine.import_image(tag, files=files, config=config)


def here() -> list[str]:
    """The program in this process' own network."""
    return [str(program())]


def on_host(host: Host) -> list[str]:
    """The program on a host of the lab: an engine's or a node's `host`, or the control plane."""
    built = program()
    # its key is in the name: a lab may stand for longer than a version
    place = host.folder / built.parent.name
    if not place.exists():
        shutil.copy2(built, place)
    return host.enter(str(place))


def in_pod(cluster: GivenCluster, namespace: str, pod: str) -> list[str]:
    """The program in a running pod of the image."""
    file = [f"--kubeconfig={cluster.kubeconfig}"] if cluster.kubeconfig else []
    kubectl = [cluster.program, *file, f"--context={cluster.context}"]
    return [*kubectl, "exec", "-i", "-n", namespace, pod, "--", "/bin/traffic"]


def pod_addresses(node: Node, count: int = 1) -> list[str]:
    """Addresses in the pods' network for a load on a node, so that Services see it as pods. kube-proxy masquerades what
    comes from a node's own address; at 1,000 new connections a second to one endpoint one in a thousand then takes over
    a second, since source ports come again while the server still waits on them (TIME_WAIT)."""
    network, _, _ = node.subnet.rpartition(".")
    # pods get theirs from the lower end
    made = [f"{network}.{254 - number}" for number in range(count)]
    for address in made:
        node.run("ip", "address", "replace", f"{address}/32", "dev", "lo")
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent side by side; rates are requests a second. `keep` is a number of connections that stay, each with
    its rate; `new`, `poll` and `post` take a connection each. `close` says who closes those first: with `client` each
    keeps a port of its source address for a minute, and from 14,000 of them on connecting itself takes long: name one
    source for each 200 a second."""

    new: float = 0
    keep: int = 0
    keep_rate: float = 1
    poll: float = 0
    poll_for_s: float = 5
    post: float = 0
    timeout_s: float = 10
    size: int = 1024
    close: str = "server"
    sources: Sequence[str] = ()

    def flags(self) -> list[str]:
        """As the program takes them."""
        return [
            f"-new={self.new}", f"-keep={self.keep}", f"-keep-rate={self.keep_rate}", f"-poll={self.poll}",
            f"-poll-for={self.poll_for_s}s", f"-post={self.post}", f"-timeout={self.timeout_s}s", f"-size={self.size}",
            f"-close={self.close}", f"-from={','.join(self.sources)}",
        ]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    at_s: float
    sent: int
    ok: int
    failed: int
    open: int
    lag_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds."""

    p50: float
    p99: float
    p999: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What became of one kind's requests. `failed` counts by reason (client.go lists them), `failures` are the first
    twenty; `from_due` counts from when a request had to be sent, `from_sent` from when it was; `lag` is how much later
    than it could the load itself sent. `idle` counts connections that ended between two requests."""

    sent: int
    ok: int
    unfinished: int
    failed: Mapping[str, int]
    failures: Sequence[Mapping[str, Any]]
    backends: Mapping[str, int]
    from_due: Latency
    from_sent: Latency
    lag: Latency
    over_1_s: int
    connections: int
    idle: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A load's end. `series` has, for each second and kind, `backends` (good answers by who gave them), `failed` by
    reason, and `from_due_ms`; `acknowledged` are the IDs of orders that were answered with 201; `realtime` says whether
    the load went before ordinary processes, which a pod's may not: without it judge latencies by `lag` too."""

    run: str
    to: str
    started_at: float
    seconds: float
    cpu_s: float
    realtime: bool
    kinds: Mapping[str, Kind]
    series: Sequence[Mapping[str, Mapping[str, Any]]] = field(repr=False)
    acknowledged: Sequence[str] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Report:
        """Reads what the program printed."""
        body = json.loads(text)
        return cls(**{**body, "kinds": {name: _kind(kind) for name, kind in body["kinds"].items()}})

    @property
    def sent(self) -> int:
        return sum(kind.sent for kind in self.kinds.values())

    @property
    def failed(self) -> int:
        """Every request that was not answered well."""
        return sum(kind.sent - kind.ok for kind in self.kinds.values())

    @property
    def reasons(self) -> Counter[str]:
        """Failures by reason, over all kinds."""
        return sum((Counter(kind.failed) for kind in self.kinds.values()), Counter[str]())

    def told(self) -> str:
        """A line a kind, then the first failures: for a test's message."""
        lines = [f"{self.sent:,} requests in {self.seconds:.1f} s to {self.to}, {self.failed} failed"]
        for name, kind in self.kinds.items():
            lines.append(
                f"{name}: {kind.sent} sent, {kind.ok} ok, {dict(kind.failed)}, p50 {kind.from_due.p50:g} ms, p99 "
                f"{kind.from_due.p99:g}, p99.9 {kind.from_due.p999:g}, max {kind.from_due.max:g}, over 1 s "
                f"{kind.over_1_s}; lag p99 {kind.lag.p99:g}, max {kind.lag.max:g}; {dict(kind.backends)}"
            )
        for name, kind in self.kinds.items():
            lines += [f"{name}: {dict(failure)}" for failure in kind.failures]
        return "\n".join(lines)


def _kind(body: Mapping[str, Any]) -> Kind:
    times: dict[str, Any] = {name: Latency(**body[f"{name}_ms"]) for name in ("from_due", "from_sent", "lag")}
    return Kind(**{name: value for name, value in body.items() if not name.endswith("_ms")}, **times)


class Traffic:
    """A load while it runs: `command` is one of `here`, `on_host`, `in_pod`; `to` is HOST:PORT."""

    def __init__(self, command: Sequence[str], to: str, load: Load) -> None:
        self._command = [*command, "load", "-stdin", f"-to={to}", *load.flags()]
        self._patience_s = load.timeout_s + load.poll_for_s + 10

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="traffic-")
        self._output, self._log = Path(self._folder.name, "report"), Path(self._folder.name, "log")
        with self._output.open("wb") as output, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=log,
                env={**os.environ, "PATH": SEARCH},
                # Ctrl-C is for the tests; the end of its standard input is what ends it
                start_new_session=True,
            )
        end = time.monotonic() + _START_S
        while "load: started" not in self._log.read_text():
            if self._process.poll() is not None or time.monotonic() > end:
                said = tail(self._log)
                self._end()
                raise TrafficError(f"the load did not start: {said}")
            time.sleep(0.02)
        return self

    def progress(self) -> Progress | None:
        """The last line of each second; None before the first."""
        lines = _PROGRESS.findall(self._log.read_text())
        if not lines:
            return None
        at_s, sent, ok, failed, waiting, lag_ms = lines[-1]
        return Progress(
            at_s=float(at_s), sent=int(sent), ok=int(ok), failed=int(failed), open=int(waiting), lag_ms=float(lag_ms)
        )

    def stop(self) -> Report:
        """Sends no more, waits for what is under way (at most the time-out), and reads the report."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            code = self._process.wait(timeout=self._patience_s)
        except subprocess.TimeoutExpired:
            raise TrafficError(f"the load does not end: {tail(self._log)}") from None
        if code:
            raise TrafficError(f"the load ended with {code}: {tail(self._log)}")
        return Report.parse(self._output.read_text())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Client's and servers' ledgers side by side. `lost` were acknowledged and are nowhere; `doubled` stand more than
    once, on one server or on several; `unacknowledged` were taken, but their client got no good answer and counted a
    failure: no ledger is wrong by them."""

    acknowledged: int
    lost: Sequence[str]
    doubled: Sequence[str]
    unacknowledged: Sequence[str]

    @property
    def exact(self) -> bool:
        """Whether each acknowledged order, and no order twice, is on some server."""
        return not self.lost and not self.doubled


def exactly_once(report: Report, servers: Mapping[str, Iterable[str]]) -> Orders:
    """Compares a load's acknowledged orders with servers' ledgers, by name; orders of other loads are left out."""
    own = f"{report.run}-"
    taken = Counter(order for ledger in servers.values() for order in ledger if order.startswith(own))
    acknowledged = set(report.acknowledged)
    return Orders(
        acknowledged=len(acknowledged),
        lost=sorted(acknowledged - set(taken)),
        doubled=sorted(order for order, times in taken.items() if times > 1),
        unacknowledged=sorted(set(taken) - acknowledged),
    )


def ledgers(*folders: Path) -> dict[str, list[str]]:
    """The ledgers in folders that servers were given as LEDGER, by file."""
    files = [file for folder in folders for file in sorted(folder.iterdir())]
    return {str(file): file.read_text().splitlines() for file in files}
