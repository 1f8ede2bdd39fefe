"""What lies in a plan directory, as it lies there: its files, their sums, the JSON in them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from converters.errors import PodliftError

from .model import PLAN_SCHEMA, digest

PLAN_FILE = "plan.json"
SECRETS_FOLDER = "secrets/"
# Sums of the files in secrets/ lie there too: a sum of a short password, read elsewhere, would tell it.
SECRET_SUMS = "secrets/.sha256"


def is_plan(path: Path) -> bool:
    return (path / PLAN_FILE).is_file()


def body_of(directory: Path) -> dict[str, Any]:
    """plan.json. Raises PodliftError ``no-plan``, ``plan-schema`` or ``plan-broken``; OSError passes through."""
    if not is_plan(directory):
        raise PodliftError(
            code="no-plan",
            phase="plan",
            subject=str(directory),
            reason=_lack(directory),
            next_step="make a plan with podlift plan --out DIR",
        )
    body = json_of(directory, PLAN_FILE)
    if body.get("schema") != PLAN_SCHEMA:
        raise PodliftError(
            code="plan-schema",
            phase="plan",
            subject=f"{directory}/{PLAN_FILE}",
            reason=f"its schema is {body.get('schema')!r}, this podlift reads {PLAN_SCHEMA}",
            next_step="plan again with this version",
        )
    if not isinstance(body.get("sha256"), dict):
        raise broken(directory, PLAN_FILE, "it lists no sha256")
    return body


def _lack(directory: Path) -> str:
    if directory.is_dir():
        return "there is no plan.json in it"
    return "this is a file, and a plan is a directory" if directory.exists() else "there is no such directory"


def json_of(directory: Path, name: str) -> dict[str, Any]:
    """The JSON object in a file. Raises PodliftError ``plan-broken``."""
    try:
        body = json.loads((directory / name).read_bytes())
    except (ValueError, RecursionError) as error:
        raise broken(directory, name, f"it is no JSON ({error})") from error
    if not isinstance(body, dict):
        raise broken(directory, name, "it holds no JSON object")
    return body


def broken(directory: Path, name: str, reason: str) -> PodliftError:
    return PodliftError(
        code="plan-broken",
        phase="plan",
        subject=f"{directory}/{name}",
        reason=reason,
        next_step="take the file from git, or remove the directory and plan again",
    )


def files_in(directory: Path) -> Iterator[str]:
    """Every file by its path in the directory; a link counts as a file, wherever it leads."""
    for folder, folders, files in os.walk(directory):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in (*files, *links):
            yield Path(folder, name).relative_to(directory).as_posix()


def sum_of_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sum_of_file(directory: Path, name: str) -> str:
    """``""`` for what is no file of its own, as a link to a directory."""
    file = directory / name
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def sum_of_body(body: Mapping[str, Any]) -> str:
    """plan.json's own sum: over all that it says but this."""
    others = {name: each for name, each in body["sha256"].items() if name != PLAN_FILE}
    return digest({**body, "sha256": others})


def sums_of_secrets(directory: Path) -> dict[str, str]:
    """File to sha256, as they were when the secrets were written; empty where nobody noted them."""
    try:
        lines = (directory / SECRET_SUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {name: text for text, _, name in (line.partition("  ") for line in lines)}
