"""A stand-in before a real API server: it records what is asked and fails in the ways API servers fail.

    with ClusterProxy(cluster, fault=lambda asked: DROP if asked.startswith("PATCH") else None) as proxy:
        edge = proxy.edge(tmp_path)                     # a migrate Cluster that speaks to it, with the cluster's rights
        proxy.down(), proxy.up()                        # the server goes and comes back at the same address

It speaks plain HTTP, and TLS with the certificate of the cluster's kubeconfig to the server behind. ``fault`` is asked
with ``METHOD PATH?QUERY``. A request goes on as it came; what is answered comes back byte for byte.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from migrate.cluster import Cluster
from tests.engine_proxy import EngineProxy, Fault
from tests.lab.cluster import GivenCluster

RESET = Fault()
"""The connection is reset before anything is done."""
LOST = Fault()
"""The request arrives and is done, and its answer does not come back."""
CUT = Fault()
"""The request arrives and is done, and its answer ends in the middle."""


class ClusterProxy(EngineProxy):
    """``requests`` holds ``METHOD PATH?QUERY`` of all that was asked."""

    def __init__(
        self,
        cluster: GivenCluster,
        *,
        fault: Callable[[str], Fault | None] = lambda _asked: None,
        latency_s: float = 0,
        anonymous: bool = False,
    ) -> None:
        """``anonymous``: shows no certificate to the server behind: who asks must show a token."""
        super().__init__(("127.0.0.1", 0), fault=fault, latency_s=latency_s)
        body = yaml.safe_load(cluster.kubectl("config", "view", "--raw", "--minify"))
        self._behind = urlsplit(body["clusters"][0]["cluster"]["server"])
        self._tls = _context(body, anonymous=anonymous)

    @property
    def server(self) -> str:
        """Its own URL."""
        return self.url.replace("tcp://", "http://")

    def kubeconfig(self, folder: Path, **user: Any) -> Path:
        """A kubeconfig that leads to it; ``user`` as kubeconfigs spell it."""
        file = folder / "proxied.kubeconfig"
        file.write_text(kubeconfig_text(self.server, **user))
        return file

    def edge(self, folder: Path, **options: Any) -> Cluster:
        return Cluster("proxied", self.kubeconfig(folder), **options)

    def down(self) -> None:
        """Every connection ends, and a new one is refused."""
        self._done(self._end())

    def up(self) -> None:
        """Listens again where it did."""
        parts = urlsplit(self.url)
        self._listen = (str(parts.hostname), int(parts.port or 0))
        self._server = self._done(self._serve())

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up: asyncio.StreamWriter | None = None
        back: asyncio.Task[None] | None = None
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
                request = head + await reader.readexactly(_length(head))
                asked = f"{method} {path}"
                self.requests.append(asked)
                if self._latency_s:
                    await asyncio.sleep(self._latency_s)
                fault = self._fault(asked)
                if fault is RESET:
                    _reset(writer)
                    return
                if fault is LOST or fault is CUT:
                    await self._interrupted(request, writer, whole=fault is LOST)
                    return
                if fault is not None:
                    await self._fail(fault, writer)
                    continue
                if up is None:
                    from_up, up = await self._connected()
                    back = asyncio.create_task(_pump(from_up, writer))
                up.write(request)
                await up.drain()
        finally:
            if up is not None and back is not None:
                # TLS would say farewell, and nobody would wait for it
                up.transport.abort()
                back.cancel()
                with suppress(OSError, asyncio.CancelledError):
                    await back

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host = str(self._behind.hostname)
        return await asyncio.open_connection(host, self._behind.port or 443, ssl=self._tls, server_hostname=host)

    async def _interrupted(self, request: bytes, writer: asyncio.StreamWriter, *, whole: bool) -> None:
        from_up, up = await self._connected()
        up.write(request)
        await up.drain()
        began = await from_up.readuntil(b"\r\n\r\n") + await from_up.read(20)
        if not whole:
            writer.write(began)
            await writer.drain()
        up.transport.abort()


def kubeconfig_text(server: str, *, context: str = "proxied", cluster: Any = None, **user: Any) -> str:
    """A kubeconfig of one context."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
            "users": [{"name": "u", "user": user}],
        }
    )


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


def _context(body: Any, *, anonymous: bool) -> ssl.SSLContext:
    from tempfile import TemporaryDirectory

    authority = base64.b64decode(body["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    user = body["users"][0]["user"]
    if not anonymous:
        with TemporaryDirectory() as folder:
            pair = Path(folder) / "pair.pem"
            pair.write_bytes(
                b"\n".join(base64.b64decode(user[f"client-{each}-data"]) for each in ("certificate", "key"))
            )
            context.load_cert_chain(pair)
    return context
