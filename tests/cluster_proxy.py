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
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from migrate.cluster import Cluster
from tests.engine_proxy import EngineProxy, Fault
from tests.lab.cluster import GivenCluster


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

    def _asked(self, method: str, path: str) -> str:
        return f"{method} {path}"

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host = str(self._behind.hostname)
        return await asyncio.open_connection(host, self._behind.port or 443, ssl=self._tls, server_hostname=host)


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
