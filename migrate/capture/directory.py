"""The directory of a capture.

    CAPTURE/  capture.json                      schema, redacted?, hosts with the time of reading, configs
              hosts/HOST/host.json              the host, what could not be read, and the list of its documents
              hosts/HOST/engine.json            the bodies of /version and /info
              hosts/HOST/{containers,images,volumes,networks}/NAME.json    as the engine sent them, one a file
              hosts/HOST/accounts/IMAGE.json    texts of /etc/passwd and /etc/group
              configs/NAME.json                 a config's document and its lines
              secrets/                          values of secret entries: 0700, 0600, ignored by git

The same documents give the same bytes; only the times in capture.json differ. Each list names the sha256 of its files,
except of those in secrets/: a digest of a short password tells it. Without ``secrets/`` a capture can still be read:
its secret values are then withheld, as in a redacted one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from converters.capture import Capture, ConfigDocument, HostDocuments
from converters.errors import PodliftError

from ..plan.swap import recover, replace_directory
from .documents import FileNames, digest, text_of
from .reading import CAPTURE_FILE, CaptureReader
from .secrets import Taken
from .stored import cannot_read
from .values import with_environment, with_texts

SCHEMA = "podlift.dev/capture/v1"
KINDS = ("containers", "images", "volumes", "networks")


def write_capture(capture: Capture, path: Path | str, *, replace: bool = False) -> None:
    """Writes a capture as a new directory, whole or not at all.

    replace  put it in the place of a capture that is there

    Raises PodliftError ``capture-foreign`` for a directory that is not empty (with ``replace``: and is no capture),
    ``cannot-write``.
    """
    directory = Path(path).absolute()
    try:
        recover(directory)
        refuse_taken(path, replace=replace)
        replace_directory(directory, lambda empty: _Writer(empty).write(capture))
    except OSError as error:
        raise PodliftError(
            code="cannot-write",
            phase="read",
            subject=str(path),
            reason=f"the capture cannot be written: {(error.strerror or str(error)).lower()}",
            next_step="free space or permissions, or give another --out; nothing was changed",
        ) from error


def read_capture(path: Path | str) -> Capture:
    """The capture in a directory, as it was written.

    Raises PodliftError ``no-capture``, ``capture-schema``, ``capture-broken`` with the path of a file that is missing,
    cut off or edited, ``cannot-read``.
    """
    directory = Path(path)
    try:
        recover(directory.absolute())
        return CaptureReader(directory, schema=SCHEMA, kinds=KINDS).read()
    except OSError as error:
        raise cannot_read(error, str(path)) from error


def refuse_taken(path: Path | str, *, replace: bool) -> None:
    """Raises PodliftError ``capture-foreign`` where a capture may not be written; OSError passes through."""
    directory = Path(path)
    if not directory.exists():
        return
    if directory.is_dir() and (not any(directory.iterdir()) or (replace and (directory / CAPTURE_FILE).is_file())):
        return
    what = "a directory that is not empty" if directory.is_dir() else "a file"
    raise PodliftError(
        code="capture-foreign",
        phase="read",
        subject=str(path),
        reason=f"{what} is there already, and a capture is never mixed with anything",
        next_step="give another --out, or remove it",
    )


class _Writer:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._secrets = directory / "secrets"

    def write(self, capture: Capture) -> None:
        self._secrets.mkdir(mode=0o700)
        self._write_secret(".gitignore", b"# values of secrets\n*\n")
        # the sums count bytes: git must not turn line ends around
        (self._directory / ".gitattributes").write_bytes(b"* -text\n")
        folders = FileNames()
        hosts = [self._host(each, folders.take(each.host.name)) for each in capture.hosts]
        configs = self._configs(capture.configs)
        self._write(CAPTURE_FILE, {"schema": SCHEMA, "redacted": capture.redacted, "hosts": hosts, "configs": configs})

    def _host(self, read: HostDocuments, folder: str) -> dict[str, Any]:
        place = f"hosts/{folder}"
        (self._directory / place).mkdir(parents=True)
        secrets: dict[str, list[list[str]]] = {}
        listed: dict[str, Any] = {}
        for kind in KINDS:
            documents = getattr(read, kind)
            if documents:
                listed[kind] = self._documents(place, kind, documents, secrets)
        if read.accounts:
            listed["accounts"] = self._accounts(place, read.accounts)
        if read.engine is not None:
            engine = read.engine
            value = {"apiVersion": engine.api_version, "version": engine.version, "info": engine.info}
            listed["engine"] = [["engine.json", self._write(f"{place}/engine.json", value)]]
        host = read.host
        body = {
            "name": host.name,
            "url": host.url,
            "address": host.address,
            "site": host.site,
            "labels": host.labels,
            "error": read.error,
            "vanished": [list(each) for each in read.vanished],
            "volumeBytes": read.volume_bytes,
            **listed,
        }
        sha256 = self._write(f"{place}/host.json", body)
        if secrets:
            self._write_secret(f"hosts/{folder}.json", text_of(secrets))
        return {"folder": folder, "readAt": read.read_at, "sha256": sha256}

    def _documents(
        self, place: str, kind: str, documents: Sequence[Mapping[str, Any]], secrets: dict[str, list[list[str]]]
    ) -> list[list[str]]:
        (self._directory / place / kind).mkdir()
        names = FileNames()
        listed = []
        for document in documents:
            file = f"{names.take(_name(kind, document))}.json"
            taken = Taken()
            sha256 = self._write(f"{place}/{kind}/{file}", with_environment(document, taken))
            listed.append([file, sha256])
            if taken.values:
                secrets[f"{kind}/{file}"] = taken.values
        return listed

    def _accounts(self, place: str, accounts: Mapping[str, tuple[str, str]]) -> list[list[str]]:
        (self._directory / place / "accounts").mkdir()
        names = FileNames()
        listed = []
        for image, (passwd, group) in accounts.items():
            file = f"{names.take(_short(image))}.json"
            value = {"image": image, "passwd": passwd, "group": group}
            listed.append([file, self._write(f"{place}/accounts/{file}", value)])
        return listed

    def _configs(self, configs: tuple[ConfigDocument, ...]) -> list[list[str]]:
        names = FileNames()
        listed = []
        secrets: dict[str, list[list[str]]] = {}
        if configs:
            (self._directory / "configs").mkdir()
        for config in configs:
            file = f"{names.take(f'{config.name}#{config.index}' if config.index else config.name)}.json"
            taken = Taken()
            value = {
                "name": config.name,
                "index": config.index,
                "value": with_texts(config.value, taken),
                "lines": [[list(at), line] for at, line in config.lines.items()],
            }
            listed.append([file, self._write(f"configs/{file}", value)])
            if taken.values:
                secrets[file] = taken.values
        if secrets:
            self._write_secret("configs.json", text_of(secrets))
        return listed

    def _write(self, name: str, value: Any) -> str:
        data = text_of(value)
        # open() by its name alone: pathlib costs as much again, and there may be ten thousand
        with open(f"{self._directory}/{name}", "wb") as file:  # noqa: PTH123
            file.write(data)
        return digest(data)

    def _write_secret(self, name: str, data: bytes) -> None:
        file = self._secrets / name
        file.parent.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(data)


def _name(kind: str, document: Mapping[str, Any]) -> str:
    identity = str(document.get("Id") or "")
    if kind == "images":
        return _short(identity)
    return str(document.get("Name") or "").lstrip("/") or identity[:12]


def _short(image: str) -> str:
    return image.removeprefix("sha256:")[:12]
