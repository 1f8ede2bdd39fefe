"""Replacing a directory by two renames, so that at any moment a whole one exists and a crash can be mended.

``NAME`` is the directory; beside it lie, while it is replaced, ``.NAME.writing`` (half-written), ``.NAME.next``
(whole, not yet in place) and ``.NAME.previous`` (whole, to be removed). ``recover`` looks at which of them exist and
completes or undoes the swap; every reader and writer calls it first. Renames order what a killed process leaves;
against a power cut the sha256 of each file in plan.json stands guard.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path


def beside(directory: Path, stage: str) -> Path:
    """Where a stage of ``directory`` lies: on the same file system, since a rename cannot cross one."""
    return directory.parent / f".{directory.name}.{stage}"


def recover(directory: Path) -> str:
    """Completes or undoes a swap that was cut short; says what it did, ``""`` if there was nothing to do."""
    writing, ready, previous = (beside(directory, stage) for stage in ("writing", "next", "previous"))
    said = ""
    if ready.exists() and not directory.exists():
        ready.rename(directory)
        said = f"completed an interrupted replacement of {directory}"
    elif previous.exists() and not directory.exists():
        previous.rename(directory)
        said = f"undid an interrupted replacement of {directory}"
    elif ready.exists():
        shutil.rmtree(ready)
        said = f"removed a replacement of {directory} that was not put in place"
    if previous.exists():
        shutil.rmtree(previous)
        said = said or f"removed what a completed replacement of {directory} had left"
    if writing.exists():
        shutil.rmtree(writing)
        said = said or f"removed a half-written replacement of {directory}"
    return said


def replace_directory(directory: Path, write: Callable[[Path], None]) -> None:
    """Fills a directory beside by ``write`` and puts it in place. What was there is there, whole, until the new one
    is. OSError passes through; nothing half-written stays."""
    writing, ready, previous = (beside(directory, stage) for stage in ("writing", "next", "previous"))
    directory.parent.mkdir(parents=True, exist_ok=True)
    writing.mkdir()
    try:
        write(writing)
        writing.rename(ready)
    except BaseException:
        shutil.rmtree(writing, ignore_errors=True)
        raise
    if directory.exists():
        directory.rename(previous)
    ready.rename(directory)
    if previous.exists():
        shutil.rmtree(previous)
