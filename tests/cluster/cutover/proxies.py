"""Every write of a run, counted: to the API server, to the engine, and each hook; and a kill before it or after it.

    watch = Watch("web")
    with WatchedCluster(cluster, watch) as api, WatchedEngine(folder / "docker.sock", engine, watch), \\
            CountedHooks(folder, watch) as hooks:
        watch.fate = lambda label: "before" if label == "SHIFT: patch Service/web" else ""
        watch.began(pid)                            # whose writes these are

Fates: ``before``: the process is killed and its request goes nowhere. ``after``: what it asked is done, then it is
killed, and the answer is lost. ``stopped``: it is done, and the process stands still from then on until ``go_on``.
``late``: the request is held on its way until ``let_through``, while its process lives and waits for the answer.
Leases and Events are no writes here: they come by the clock; with `leases` renewals are.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.cluster_proxy import ClusterProxy
from tests.cutover.labels import object_label
from tests.engine_proxy import EngineProxy
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

_VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}
_KINDS = {
    "configmaps": "ConfigMap",
    "services": "Service",
    "endpointslices": "EndpointSlice",
    "pods": "Pod",
    "deployments": "Deployment",
    "poddisruptionbudgets": "PodDisruptionBudget",
    "horizontalpodautoscalers": "HorizontalPodAutoscaler",
}
# By the clock, or no writes: questions that are asked by POST.
_NOT_COUNTED = frozenset({"leases", "events", "selfsubjectaccessreviews", "selfsubjectreviews", "tokenreviews"})
_KNOWN_S = 10.0
_ENGINE = re.compile(r"/containers/(?P<id>[^/]+)/(?P<verb>stop|start|update)$|/containers/(?P<removed>[^/]+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """``status`` of the answer; 0: it was killed before."""

    label: str
    status: int
    at: float


class Watch:
    """All writes of one workload's run, one after the other. ``fate`` says of a label what becomes of its process."""

    def __init__(self, workload: str) -> None:
        self.workload = workload
        self.writes: list[Write] = []
        self.fate: Callable[[str], str] = lambda _label: ""
        self.arriving: Callable[[str], None] = lambda _label: None
        self.instances: dict[str, str] = {}
        self.state = "-"
        self.leases = False
        self.stood = threading.Event()
        self.held = threading.Event()
        self._through = threading.Event()
        self._process = 0
        self._known = threading.Event()

    @property
    def labels(self) -> list[str]:
        return [each.label for each in self.writes]

    def begins(self) -> None:
        """A process is about to be started."""
        self._known.clear()

    def began(self, pid: int) -> None:
        """It is this one. Its number is another's as soon as it is gone: what holds it is opened now."""
        with suppress(ProcessLookupError):
            self._process = os.pidfd_open(pid)
            self._known.set()

    def ended(self) -> None:
        if self._known.is_set():
            self._known.clear()
            os.close(self._process)

    def carry(self, label: str, act: Callable[[], tuple[int, Any]], state: Callable[[], str] = str) -> Any:
        """Does a write, unless its process is killed before. Raises ConnectionAbortedError where nobody waits for the
        answer any more. ``state``: that the journal has from now on, ``""``: as before."""
        where = f"{self.state}: {label}"
        self.arriving(where)
        fate = self.fate(where)
        if fate == "before":
            self._kill()
            self.writes.append(Write(label=where, status=0, at=time.time()))
            raise ConnectionAbortedError
        if fate == "late":
            self._through.clear()
            self.held.set()
            self._through.wait()
        status, answer = act()
        self.writes.append(Write(label=where, status=status, at=time.time()))
        if status < 300:
            self.state = state() or self.state
        if fate == "after":
            self._kill()
            raise ConnectionAbortedError
        if fate == "stopped":
            self._send(signal.SIGSTOP)
            self.stood.set()
        return answer

    def go_on(self) -> None:
        """The process that stood still."""
        self.stood.clear()
        self._send(signal.SIGCONT)

    def let_through(self) -> None:
        """The request that is held."""
        self.held.clear()
        self._through.set()

    def _kill(self) -> None:
        self._send(signal.SIGKILL)
        # it can be read when its process is dead
        select.select([self._process], [], [])

    def _send(self, number: signal.Signals) -> None:
        assert self._known.wait(_KNOWN_S), "who wrote is not known"
        signal.pidfd_send_signal(self._process, number)


class _Watched(EngineProxy):
    watch: Watch

    def _label(self, method: str, path: str, body: Any) -> str:
        raise NotImplementedError

    async def _dealt_with(self, method: str, path: str, request: bytes, writer: asyncio.StreamWriter) -> bool:
        if method in ("GET", "HEAD"):
            return False
        head, _, content = request.partition(b"\r\n\r\n")
        body = json.loads(content) if content else None
        label = self._label(method, path, body)
        if not label:
            return False
        loop = asyncio.get_running_loop()

        def act() -> tuple[int, bytes]:
            answer = asyncio.run_coroutine_threadsafe(self._exchanged(head, content), loop).result(120)
            return int(answer.split(b" ", 2)[1]), answer

        def state() -> str:
            named = label.split("/")[-1].split(" ")[0] == f"cutover-{self.watch.workload}"
            return str((body.get("data") or {}).get("state", "")) if named and body else ""

        writer.write(await loop.run_in_executor(None, lambda: self.watch.carry(label, act, state)))
        await writer.drain()
        return True

    async def _exchanged(self, head: bytes, content: bytes) -> bytes:
        """A whole answer, over a connection of its own."""
        lines = [each for each in head.split(b"\r\n") if not each.lower().startswith(b"connection:")]
        connected = await self._connected()
        assert connected is not None
        reader, writer = connected
        try:
            writer.write(b"\r\n".join([*lines, b"Connection: close", b"", content]))
            return await reader.read()
        finally:
            writer.transport.abort()


class WatchedCluster(_Watched, ClusterProxy):
    """The API server of a lab."""

    def __init__(self, cluster: Cluster, watch: Watch) -> None:
        super().__init__(cluster)
        self.watch = watch

    def _label(self, method: str, path: str, body: Any) -> str:
        url = urlsplit(path)
        parts = url.path.strip("/").split("/")
        space = parts.index("namespaces") + 2 if "namespaces" in parts else 3
        plural, name = (parts[space], (parts[space + 1 :] or [""])[0]) if len(parts) > space else (parts[-1], "")
        if plural == "leases" and self.watch.leases and method == "PATCH":
            return f"renew Lease/{name} for {body['spec'].get('leaseDurationSeconds', 0)} s"
        if plural in _NOT_COUNTED or "dryRun" in parse_qs(url.query):
            return ""
        name = name or body["metadata"]["name"]
        return object_label(_VERBS[method], _KINDS[plural], name, self.watch.workload, body)


class WatchedEngine(_Watched):
    """An engine's socket."""

    def __init__(self, listen: Path, engine: LabEngine, watch: Watch) -> None:
        super().__init__(listen, upstream=engine.socket)
        self.watch = watch

    def _label(self, method: str, path: str, body: Any) -> str:
        del body
        found = _ENGINE.search(urlsplit(path).path)
        assert found is not None, f"{method} {path}"
        if found["removed"]:
            assert method == "DELETE", f"{method} {path}"
            return f"remove {self.watch.instances[found['removed']]}"
        verb = {"update": "set-restart"}.get(found["verb"], found["verb"])
        return f"{verb} {self.watch.instances[found['id']]}"


_ASK = (
    "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
    "s.sendall(sys.argv[2].encode()); sys.exit(s.recv(1) != b'.')"
)


class CountedHooks:
    """A legacy scheduler that keeps off while a file is there, which the hooks tell it by a socket; and a front that
    leads nobody anywhere."""

    def __init__(self, folder: Path, watch: Watch) -> None:
        self._watch = watch
        self._frozen = folder / "frozen"
        self._at = str(folder / "hooks.sock")
        self._socket = socket.socket(socket.AF_UNIX)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def hooks(self) -> dict[str, tuple[str, ...]]:
        ask = (sys.executable, "-S", "-E", "-c", _ASK, self._at)
        return {
            "freeze": (*ask, "freeze"),
            "frozen": ("test", "-e", str(self._frozen)),
            "unfreeze": (*ask, "unfreeze"),
            "front": (*ask, "front"),
        }

    @property
    def frozen(self) -> bool:
        return self._frozen.exists()

    def __enter__(self) -> Self:
        self._socket.bind(self._at)
        self._socket.listen()
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                asked, _ = self._socket.accept()
                with asked:
                    self._answer(asked, asked.recv(100).decode())

    def _answer(self, asked: socket.socket, name: str) -> None:
        def act() -> tuple[int, bytes]:
            if name == "freeze":
                self._frozen.touch()
            elif name == "unfreeze":
                self._frozen.unlink(missing_ok=True)
            return 200, b"."

        # nobody hears the answer of a hook whose run was killed
        with suppress(ConnectionError):
            asked.sendall(self._watch.carry(f"hook {name}", act))
