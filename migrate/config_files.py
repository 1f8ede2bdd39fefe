"""A scheduler's configs and their mapping, from files.

A config is called by its path from the mapping's folder, so that plans made in different places call it alike and
the mapping's globs match it.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from converters.capture import ConfigDocument
from converters.errors import PodliftError
from converters.sources.mapping import Mapping, parse_mapping

from .documents import parse_documents
from .input_file import read_bytes

SUFFIXES = (".yml", ".yaml", ".json")


def load_mapping(path: Path | str, *, name_as: str = "") -> Mapping:
    """The mapping in a file.

    Raises PodliftError ``bad-mapping`` with file, line and key, ``cannot-read``, and what parsing raises.
    """
    name = name_as or str(path)
    documents = parse_documents(read_bytes(path, what="a mapping file"), name=name)
    if len(documents) > 1:
        raise PodliftError(
            code="bad-mapping",
            phase="read",
            subject=documents[1].where(),
            reason="a second document begins here, and a mapping file holds one",
            next_step="put all into one document, without ---",
        )
    return parse_mapping(documents[0].value, documents[0].marks, name=name)


def load_documents(paths: Iterable[Path | str], *, root: Path | str = ".") -> tuple[ConfigDocument, ...]:
    """The documents in config files, in order of name; a directory stands for the YAML and JSON files below it.

    ``root``: the folder from which documents are named. Raises PodliftError ``cannot-read`` and what parsing raises.
    """
    files = {_name(file, Path(root)): file for path in paths for file in _files(Path(path))}
    return tuple(
        ConfigDocument(name=name, index=each.index, value=each.value, lines=each.marks)
        for name, file in sorted(files.items())
        for each in parse_documents(read_bytes(file, what="a config"), name=name)
    )


def documents_of(mapping: Mapping, root: Path | str) -> tuple[Path, ...]:
    """The files below ``root`` that a mapping's own globs name. Raises PodliftError ``no-config`` for a glob that
    matches nothing."""
    globs = [each for documents in mapping.documents.values() for each in documents.files]
    return expanded(globs, root=root, subject=mapping.name)


def expanded(globs: Iterable[str], *, root: Path | str, subject: str) -> tuple[Path, ...]:
    """Files that globs match below ``root``. Raises PodliftError ``no-config`` for one that matches nothing."""
    made: dict[Path, None] = {}
    for each in globs:
        # Path.glob takes no absolute pattern
        found = sorted(glob.glob(each, root_dir=root, recursive=True))  # noqa: PTH207
        if not found:
            raise PodliftError(
                code="no-config",
                phase="read",
                subject=subject,
                reason=f"no file matches {each!r} in {Path(root)}",
                next_step="correct the pattern, or name the configs with --config FILE",
            )
        made.update(dict.fromkeys(Path(root) / name for name in found))
    return tuple(made)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    if not found:
        raise PodliftError(
            code="no-config",
            phase="read",
            subject=str(path),
            reason=f"no file below it ends in {', '.join(SUFFIXES)}",
            next_step="name the configs with --config FILE",
        )
    return found


def _name(file: Path, root: Path) -> str:
    """The way from ``root``; for a file elsewhere, as it was given."""
    relative = os.path.relpath(file, root)
    return file.as_posix() if relative.startswith("..") else Path(relative).as_posix()
