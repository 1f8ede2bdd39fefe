"""A stand-in before an engine's socket: it records what is asked, delays it, and fails in the ways engines fail.

    with EngineProxy(tmp_path / "s.sock", upstream=engine.socket, fault=lambda path: HANG if "/json" in path else None):
        ...

Without an upstream it is an engine that has nothing but faults. A request goes on as it came, with its body, and its
answer comes back byte for byte. ``fault`` is asked with the path. ``down()`` and ``up()``: the engine goes and returns
at the same place.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Fault:
    """What is answered instead: bytes, at most one each ``pause_s`` seconds. ``end``: then the connection closes."""

    data: bytes = b""
    pause_s: float = 0
    end: bool = False
    again: bool = False


HANG = Fault()
DROP = Fault(end=True)
RESET = Fault()
"""The connection is reset before anything is done."""
LOST = Fault()
"""The request arrives and is done, and its answer does not come back."""
CUT = Fault()
"""The request arrives and is done, and its answer ends in the middle."""


def answer(status: int, body: Any) -> Fault:
    """A whole answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Fault(f"HTTP/1.1 {status} Made\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)


def trickle(data: bytes, pause_s: float = 0.02) -> Fault:
    """Bytes one by one, over and over."""
    return Fault(data, pause_s=pause_s, again=True)


_ROUNDS = 5
"""Rounds of the loop in which a connection that was let in surely reaches its task."""


class EngineProxy:
    """Listens at a path, or at ``("127.0.0.1", 0)``; ``requests`` holds ``METHOD PATH`` of all that was asked."""

    def __init__(
        self,
        listen: Path | tuple[str, int],
        *,
        upstream: Path | None = None,
        latency_s: float = 0,
        fault: Callable[[str], Fault | None] = lambda _path: None,
    ) -> None:
        self.requests: list[str] = []
        self.connections = 0
        self.most_connections = 0
        self.url = f"unix://{listen}"
        self._listen = listen
        self._upstream = upstream
        self._latency_s = latency_s
        self._fault = fault
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._done(self._serve())
        return self

    def __exit__(self, *_raised: object) -> None:
        self._done(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def gets(self) -> list[str]:
        """The paths that were asked for by GET."""
        return [path for method, _, path in (each.partition(" ") for each in self.requests) if method == "GET"]

    def down(self) -> None:
        """Every connection ends, and a new one is refused."""
        self._done(self._end())

    def up(self) -> None:
        """Listens again where it did."""
        if not isinstance(self._listen, Path):
            parts = urlsplit(self.url)
            self._listen = (str(parts.hostname), int(parts.port or 0))
        self._server = self._done(self._serve())

    def _asked(self, method: str, path: str) -> str:
        """What ``fault`` is asked with."""
        del method
        return path

    async def _dealt_with(self, method: str, path: str, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Whether a subclass has answered this request in a way of its own; then the connection ends."""
        del method, path, request, writer
        return False

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """To who really answers; None where nobody does."""
        return await asyncio.open_unix_connection(self._upstream) if self._upstream is not None else None

    def _done(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self) -> asyncio.Server:
        if isinstance(self._listen, Path):
            return await asyncio.start_unix_server(self._accept, self._listen)
        server = await asyncio.start_server(self._accept, *self._listen)
        host, port = server.sockets[0].getsockname()[:2]
        self.url = f"tcp://{host}:{port}"
        return server

    async def _end(self) -> None:
        # A connection that the loop let in and did not hand over yet is lost, open, where its server has closed
        # (python/cpython#109564): first nobody new is let in, then who is there comes through, then the server closes.
        for listening in self._server.sockets:
            self._loop.remove_reader(listening.fileno())
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # a connection goes in the round after the one in which it was closed
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._converse(reader, writer)
        except asyncio.CancelledError:
            # the proxy ends, and waits for nobody who does not read
            writer.transport.abort()
        finally:
            self.connections -= 1
            self._tasks.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up: asyncio.StreamWriter | None = None
        back: asyncio.Task[None] | None = None
        try:
            while True:
                head = await reader.readexactly(1)
                if head == b"\x16":
                    # a TLS greeting; this is what an engine without TLS says to it
                    writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                    return
                head += await reader.readuntil(b"\r\n\r\n")
                method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
                request = head + await reader.readexactly(_length(head))
                self.requests.append(f"{method} {path}")
                if self._latency_s:
                    await asyncio.sleep(self._latency_s)
                if await self._dealt_with(method, path, request, writer):
                    return
                fault = self._fault(self._asked(method, path))
                if fault is RESET:
                    _reset(writer)
                    return
                if fault is LOST or fault is CUT:
                    await self._interrupted(request, writer, whole=fault is LOST)
                    return
                if fault is None and up is None and (connected := await self._connected()) is not None:
                    from_up, up = connected
                    back = asyncio.create_task(_pump(from_up, writer))
                if fault is not None or up is None:
                    await self._fail(fault or HANG, writer)
                    continue
                up.write(request)
                await up.drain()
        finally:
            if up is not None and back is not None:
                # TLS would say farewell, and nobody would wait for it
                up.transport.abort()
                back.cancel()
                with suppress(OSError, asyncio.CancelledError):
                    await back

    async def _interrupted(self, request: bytes, writer: asyncio.StreamWriter, *, whole: bool) -> None:
        connected = await self._connected()
        assert connected is not None
        from_up, up = connected
        up.write(request)
        await up.drain()
        began = await from_up.readuntil(b"\r\n\r\n")
        if not whole:
            writer.write(began + await from_up.read(20))
            await writer.drain()
        up.transport.abort()

    async def _fail(self, fault: Fault, writer: asyncio.StreamWriter) -> None:
        if fault.pause_s:
            while True:
                for byte in fault.data:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(fault.pause_s)
                if not fault.again:
                    break
        elif fault.data:
            writer.write(fault.data)
            await writer.drain()
        elif not fault.end:
            await asyncio.sleep(3600)
        if fault.end:
            raise ConnectionAbortedError


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _reset(writer: asyncio.StreamWriter) -> None:
    raw: socket.socket = writer.get_extra_info("socket")
    # to linger for no time is to reset
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
