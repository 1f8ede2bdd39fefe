"""Whether another distribution in this environment installs a package called ``migrate`` too.

The name is an old one (sqlalchemy-migrate has it). Two that share it overwrite each other's files, and what then goes
wrong looks like anything but that. Reads the records beside our own files and not packages_distributions(), which
takes longer than the whole of ``podlift --help``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

OURS = "podlift"


def strangers(folders: Iterable[str] | None = None) -> tuple[str, ...]:
    """Names of the other distributions that own ``migrate``, as their folders of metadata are called."""
    found = set()
    for folder in sys.path if folders is None else folders:
        try:
            infos = [each for each in Path(folder).iterdir() if each.suffix in (".dist-info", ".egg-info")]
        except OSError:
            continue
        for info in infos:
            name = info.stem.split("-")[0]
            if name != OURS and _owns(info):
                found.add(name.replace("_", "-"))
    return tuple(sorted(found))


def _owns(info: Path) -> bool:
    record = _read(info / "RECORD")
    return (
        b"\nmigrate/" in record or record.startswith(b"migrate/") or b"migrate" in _read(info / "top_level.txt").split()
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
