"""An engine that speaks TLS on a port of its host's, and wants a certificate of whoever asks.

tls = TlsEngine(lab, "edge-t1")
tls.url, tls.files      # tcp://10.99.N.M:2376; the paths of a client's ca, cert and key
"""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

from tests.lab.engine import Lab
from tests.lab.pki import Authority

PORT = 2376


class TlsEngine:
    """Its certificates lie in the lab's folder, and go with it."""

    def __init__(self, lab: Lab, name: str) -> None:
        authority = Authority(lab.folder / f"{name}-certificates")
        # which address it gets is known only when it stands
        addresses = [f"IP:{address}" for address in IPv4Network(lab.network.subnet).hosts()]
        certificate, key = authority.issue("server", "/CN=engine", addresses=addresses)
        self.engine = lab.engine(
            name,
            flags=[
                f"--host=tcp://0.0.0.0:{PORT}",
                "--tlsverify",
                f"--tlscacert={authority.certificate}",
                f"--tlscert={certificate}",
                f"--tlskey={key}",
            ],
        )
        self.url = f"tcp://{self.engine.address}:{PORT}"
        certificate, key = authority.issue("client", "/CN=client")
        self.files: dict[str, Path] = {"ca": authority.certificate, "cert": certificate, "key": key}
