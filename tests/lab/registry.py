"""Debian's docker-registry as a host of its own: what is pushed to it gets a digest, as in production."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path

from tests.lab.host import Host, Network

# Port 80 of an address of its own, so that image names look like real ones: `registry.lab.example/web:1.4`.
PORT = 80


class Registry:
    """A registry that every engine of the run trusts and reaches by `name`."""

    def __init__(self, network: Network, name: str) -> None:
        self.name = name
        self.host = Host(network, "registry-" + name.replace(".", "-"), _command)
        self.address = self.host.address
        network.name(self.address, name)
        try:
            self.host.wait(self._answers)
        except BaseException:
            self.close()
            raise

    def _answers(self) -> bool:
        try:
            socket.create_connection((self.address, PORT), timeout=1).close()
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Ends the registry with all that was pushed to it."""
        self.host.close()


def _command(folder: Path, address: str) -> Sequence[str]:
    # JSON is YAML enough for it, and Debian's own configuration asks for a password.
    config = folder / "registry.json"
    content = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
        "http": {"addr": f"{address}:{PORT}"},
    }
    config.write_text(json.dumps(content))
    return ["docker-registry", "serve", str(config)]
