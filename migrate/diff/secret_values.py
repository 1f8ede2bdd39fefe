"""Secret values in reports: never themselves, only a keyed hash of each, by which two sides can be told alike.

The key lies under the project's ``.podlift/hmac.key`` (0600, ignored by git, made once): without it nobody can guess a
short password from a report, and reports of different days can be held against each other.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converters.errors import PodliftError

FOLDER = ".podlift"
KEY_FILE = "hmac.key"
_KEY_BYTES = 32


def hmac_key(project: Path) -> bytes:
    """The project's key, made where there is none. Raises PodliftError ``cannot-write``, ``cannot-read``."""
    folder = project / FOLDER
    file = folder / KEY_FILE
    try:
        if not file.exists():
            _make(folder, file)
        key = file.read_bytes()
    except OSError as error:
        raise PodliftError(
            code="cannot-write",
            phase="diff",
            subject=str(file),
            reason=f"the key for comparing secrets cannot be made: {(error.strerror or str(error)).lower()}",
            next_step="give the project's folder write permission, or take secrets/ away to leave them out",
        ) from error
    if len(key) < _KEY_BYTES:
        raise PodliftError(
            code="cannot-read",
            phase="diff",
            subject=str(file),
            reason=f"it holds {len(key)} bytes, and the key for comparing secrets has {_KEY_BYTES}",
            next_step="remove it: a new one is made, and hashes in older reports no longer compare",
        )
    return key


def _make(folder: Path, file: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    # whole or not at all, and of two that make it at once the first counts
    fresh = folder / f".{KEY_FILE}.{os.getpid()}"
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(secrets.token_bytes(_KEY_BYTES))
        try:
            os.link(fresh, file)
        except FileExistsError:
            return
    finally:
        fresh.unlink(missing_ok=True)


def sealed(secret: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """A Secret whose values are hashes; ``stringData`` stands with the data, as the server would store it."""
    name = secret["metadata"]["name"]
    values = {each: decoded(value) for each, value in (secret.get("data") or {}).items()}
    values |= {each: str(value).encode() for each, value in (secret.get("stringData") or {}).items()}
    made = {each: value for each, value in secret.items() if each != "stringData"}
    made["data"] = {each: seal(key, f"{name}\0{each}", value) for each, value in values.items()}
    return made


def seal(key: bytes, place: str, value: bytes) -> str:
    """``place``: equal values in two places shall not be told to be equal."""
    return "hmac:" + hmac.digest(key, place.encode() + b"\0" + value, "sha256").hex()[:16]


def decoded(value: Any) -> bytes:
    """A value of a Secret's data."""
    try:
        return base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        return str(value).encode()
