"""Reads the directory of a capture. Whatever is wrong with one of its files is one error with the file's path."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from converters.capture import Capture, ConfigDocument, Engine, HostDocuments
from converters.errors import PodliftError
from converters.workload import Host

from .documents import digest
from .secrets import APART, MismatchError, PutBack
from .stored import StoredDocuments
from .values import with_environment, with_texts

CAPTURE_FILE = "capture.json"


class CaptureReader:
    """Reads one capture. OSError passes through, but for a file that is not there."""

    def __init__(self, directory: Path, *, schema: str, kinds: Sequence[str]) -> None:
        self._directory = directory
        self._schema = schema
        self._kinds = kinds
        self._secrets = directory / "secrets"
        self._handed_on = self._secrets.is_dir()
        self._withheld = False

    def read(self) -> Capture:
        file = self._directory / CAPTURE_FILE
        if not file.is_file():
            raise PodliftError(
                code="no-capture",
                phase="read",
                subject=str(self._directory),
                reason=f"there is no {CAPTURE_FILE}, so this is no capture",
                next_step="make one with podlift discover --out DIR",
            )
        body = self._parsed(file, self._bytes(file))
        schema = body.get("schema") if isinstance(body, dict) else None
        if schema != self._schema:
            raise PodliftError(
                code="capture-schema",
                phase="read",
                subject=str(file),
                reason=f"its schema is {schema!r}, and this podlift reads {self._schema}",
                next_step="discover again with this version, or use the podlift that wrote it",
            )
        try:
            hosts = tuple(self._host(each) for each in body["hosts"])
            configs = self._configs(body["configs"])
            redacted = bool(body["redacted"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._broken(file, "it does not list what a capture lists") from error
        self._refuse_strangers("hosts", {each["folder"] for each in body["hosts"]})
        return Capture(hosts=hosts, configs=configs, redacted=redacted or self._withheld)

    def _host(self, listed: Mapping[str, Any]) -> HostDocuments:
        folder = listed["folder"]
        place = f"hosts/{folder}"
        body = self._checked(f"{place}/host.json", listed["sha256"])
        secrets = self._apart(f"hosts/{folder}.json")
        documents = {kind: self._documents(place, kind, body.get(kind, ()), secrets) for kind in self._kinds}
        accounts = self._list(place, "accounts", body.get("accounts", ()))
        engine = None
        if "engine" in body:
            ((name, sha256),) = body["engine"]
            said = self._checked(f"{place}/{name}", sha256)
            engine = Engine(api_version=said["apiVersion"], version=said["version"], info=said["info"])
        return HostDocuments(
            host=Host(**{key: body[key] for key in ("name", "url", "address", "site", "labels")}),
            engine=engine,
            accounts={each["image"]: (each["passwd"], each["group"]) for each in accounts},
            volume_bytes=body["volumeBytes"],
            vanished=tuple((name, said) for name, said in body["vanished"]),
            error=body["error"],
            read_at=listed["readAt"],
            **documents,
        )

    def _documents(
        self, place: str, kind: str, listed: Sequence[Sequence[str]], secrets: Mapping[str, Any] | None
    ) -> Sequence[Mapping[str, Any]]:
        """Checked now, so that a capture is read whole or not at all, and parsed later."""
        if not listed:
            return ()
        stored = StoredDocuments(len(listed), lambda: self._parsed_documents(place, kind, listed, secrets)[0])
        texts = self._texts(place, kind, listed)
        apart = any(f"{kind}/{name}" in (secrets or ()) for name, _ in listed)
        if apart or any(APART.encode() in text for text in texts):
            self._withheld |= self._parsed_documents(place, kind, listed, secrets)[1]
        return stored

    def _parsed_documents(
        self, place: str, kind: str, listed: Sequence[Sequence[str]], secrets: Mapping[str, Any] | None
    ) -> tuple[list[Any], bool]:
        """The documents with their secret values, and whether one was withheld."""
        found = self._list(place, kind, listed)
        if kind not in ("containers", "images"):
            return found, False
        made, withheld = [], False
        for (name, _), document in zip(listed, found, strict=True):
            put_back = PutBack(None if secrets is None else secrets.get(f"{kind}/{name}", ()))
            try:
                made.append(with_environment(document, put_back))
                put_back.finish()
            except MismatchError as error:
                raise self._broken(
                    self._secrets / f"{place}.json", f"it does not hold the values of {kind}/{name}"
                ) from error
            withheld |= put_back.withheld
        return made, withheld

    def _list(self, place: str, kind: str, listed: Sequence[Sequence[str]]) -> list[Any]:
        """The documents of one kind. Parsed as one text: their keys are then kept once, which halves the memory."""
        if not listed:
            return []
        text = b"[" + b",".join(self._texts(place, kind, listed)) + b"]"
        return list(self._parsed(self._directory / place / kind, text))

    def _texts(self, place: str, kind: str, listed: Sequence[Sequence[str]]) -> list[bytes]:
        texts = [self._checked_bytes(f"{place}/{kind}/{name}", sha256) for name, sha256 in listed]
        self._refuse_strangers(f"{place}/{kind}", {name for name, _ in listed})
        return texts

    def _configs(self, listed: Sequence[Sequence[str]]) -> tuple[ConfigDocument, ...]:
        secrets = self._apart("configs.json")
        made = []
        for name, sha256 in listed:
            body = self._checked(f"configs/{name}", sha256)
            put_back = PutBack(None if secrets is None else secrets.get(name, ()))
            try:
                value = with_texts(body["value"], put_back)
                put_back.finish()
            except MismatchError as error:
                reason = f"it does not hold the values of configs/{name}"
                raise self._broken(self._secrets / "configs.json", reason) from error
            self._withheld |= put_back.withheld
            lines = {tuple(at): line for at, line in body["lines"]}
            made.append(ConfigDocument(name=body["name"], index=body["index"], value=value, lines=lines))
        return tuple(made)

    def _apart(self, name: str) -> Mapping[str, Any] | None:
        """Values that lie apart, by file; None where nobody handed them on."""
        if not self._handed_on:
            return None
        file = self._secrets / name
        if not file.is_file():
            return {}
        values = self._parsed(file, self._bytes(file))
        if not isinstance(values, dict):
            raise self._broken(file, "it is no object")
        return values

    def _refuse_strangers(self, place: str, known: set[str]) -> None:
        """A document that was put there by hand would else be passed over without a word."""
        try:
            there = set(os.listdir(self._directory / place))  # noqa: PTH208
        except OSError:
            return
        for name in sorted(there - known):
            if not name.startswith("."):
                raise self._broken(self._directory / place / name, "it stands in no list of the capture")

    def _checked(self, name: str, sha256: str) -> dict[str, Any]:
        value = self._parsed(self._directory / name, self._checked_bytes(name, sha256))
        if not isinstance(value, dict):
            raise self._broken(self._directory / name, "it is no object")
        return value

    def _checked_bytes(self, name: str, sha256: str) -> bytes:
        file = self._directory / name
        data = self._bytes(file)
        if digest(data) != sha256:
            raise self._broken(file, "it is not as it was written")
        return data

    def _bytes(self, file: Path) -> bytes:
        try:
            with open(file, "rb") as opened:  # noqa: PTH123 - half the time of pathlib, for ten thousand files
                return opened.read()
        except FileNotFoundError as error:
            raise self._broken(file, "it is not there") from error

    def _parsed(self, file: Path, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._broken(file, "it is no whole JSON: cut off or edited") from error

    def _broken(self, file: Path, reason: str) -> PodliftError:
        return PodliftError(
            code="capture-broken",
            phase="read",
            subject=str(file),
            reason=f"{reason}; a capture is evidence and is used whole",
            next_step="discover again, or fetch the file again; what should differ belongs in decisions.yaml",
        )
