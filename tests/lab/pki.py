"""The certificates of the lab's cluster, made by openssl: one authority, one pair for each who speaks."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from tests.lab.host import SEARCH, HostError

DAYS = "30"


class Authority:
    """Signs what the cluster's programs show each other; every file lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700)
        self.certificate = folder / "ca.crt"
        self._make("ca", "/CN=lab", ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"], [])

    def issue(self, name: str, subject: str, *, addresses: Sequence[str] = ()) -> tuple[Path, Path]:
        """A certificate and its key; `addresses` as openssl spells them: ``IP:10.99.1.2``, ``DNS:kubernetes``."""
        extensions = [
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature,keyEncipherment",
            "extendedKeyUsage=clientAuth,serverAuth",
            *([f"subjectAltName={','.join(addresses)}"] if addresses else []),
        ]
        signed = ["-CA", str(self.certificate), "-CAkey", str(self.folder / "ca.key")]
        self._make(name, subject, extensions, signed)
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def issue_late(self, name: str, subject: str) -> tuple[Path, Path]:
        """A client's certificate that ended yesterday, and its key."""
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        _openssl(
            "req", "-new", "-nodes", "-subj", subject, "-config", "/dev/null",
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", str(key), "-out", str(request),
        )  # fmt: skip
        # `req` takes no days of the past
        _openssl(
            "x509", "-req", "-days", "-1", "-in", str(request), "-CA", str(self.certificate),
            "-CAkey", str(self.folder / "ca.key"), "-CAcreateserial", "-out", str(certificate),
        )  # fmt: skip
        return certificate, key

    def kubeconfig(self, path: Path, server: str, subject: str, *, context: str) -> Path:
        """A kubeconfig that holds all it needs, so that it still works where only this file can be seen."""
        certificate, key = self.issue(path.stem, subject)
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [
                        {
                            "name": context,
                            "cluster": {"server": server, "certificate-authority-data": _text(self.certificate)},
                        }
                    ],
                    "users": [
                        {
                            "name": path.stem,
                            "user": {
                                "client-certificate-data": _text(certificate),
                                "client-key-data": _text(key),
                            },
                        }
                    ],
                    "contexts": [{"name": context, "context": {"cluster": context, "user": path.stem}}],
                    "current-context": context,
                }
            )
        )
        path.chmod(0o600)
        return path

    def _make(self, name: str, subject: str, extensions: Sequence[str], signed: Sequence[str]) -> None:
        _openssl(
            "req", "-x509", "-nodes", "-days", DAYS, "-subj", subject,
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-config", "/dev/null", *signed,
            *[word for extension in extensions for word in ("-addext", extension)],
            "-keyout", str(self.folder / f"{name}.key"), "-out", str(self.folder / f"{name}.crt"),
        )  # fmt: skip


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False, env={"PATH": SEARCH})
    if done.returncode:
        raise HostError(f"openssl {' '.join(arguments[:2])} failed: {done.stderr.strip()}")


def _text(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
