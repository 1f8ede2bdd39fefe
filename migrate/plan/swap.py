"""Replacing a directory by two renames, so that at any moment a whole one exists and a crash can be mended.

``NAME`` is the directory; beside it lie, while it is replaced, ``.NAME.writing`` (half-written), ``.NAME.next``
(whole, not yet in place) and ``.NAME.previous`` (whole, to be removed). ``recover`` looks at which of them exist and
completes or undoes the swap; every reader and writer calls it first. Renames order what a killed process leaves;
against a power cut the sha256 of each file in plan.json stands guard.

A writer holds a lock on what it writes, which ends with its process: what a living one has beside the directory is
no crash, and nobody mends it. A symbolic link is followed: what it names is replaced, the link stays.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def beside(directory: Path, stage: str) -> Path:
    """Where a stage of ``directory`` lies: on the same file system, since a rename cannot cross one."""
    return directory.parent / f".{directory.name}.{stage}"


def followed(directory: Path) -> Path:
    """The directory itself, where a symbolic link names it. Path.resolve raises RuntimeError for links in a circle."""
    return Path(os.path.realpath(directory))


def recover(directory: Path) -> str:
    """Completes or undoes a swap that was cut short; says what it did, ``""`` if there was nothing to do."""
    place = followed(directory)
    left = [beside(place, stage) for stage in ("writing", "next", "previous")]
    if not any(each.exists() for each in left) or any(_held(each) for each in (place, *left)):
        return ""
    return _settled(place, called=directory)


def _settled(directory: Path, *, called: Path) -> str:
    writing, ready, previous = (beside(directory, stage) for stage in ("writing", "next", "previous"))
    said = ""
    if ready.exists() and not directory.exists():
        ready.rename(directory)
        said = f"completed an interrupted replacement of {called}"
    elif previous.exists() and not directory.exists():
        previous.rename(directory)
        said = f"undid an interrupted replacement of {called}"
    elif ready.exists():
        shutil.rmtree(ready)
        said = f"removed a replacement of {called} that was not put in place"
    if previous.exists():
        shutil.rmtree(previous)
        said = said or f"removed what a completed replacement of {called} had left"
    if writing.exists():
        shutil.rmtree(writing)
        said = said or f"removed a half-written replacement of {called}"
    return said


def replace_directory(directory: Path, write: Callable[[Path], None]) -> None:
    """Fills a directory beside by ``write`` and puts it in place. What was there is there, whole, until the new one
    is. OSError passes through, EBUSY where another process replaces it now; nothing half-written stays."""
    place = followed(directory)
    writing, ready, previous = (beside(place, stage) for stage in ("writing", "next", "previous"))
    if place.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(directory))
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        writing.mkdir()
    except FileExistsError as error:
        raise OSError(errno.EBUSY, "another podlift is writing it", str(directory)) from error
    with _holding(writing):
        try:
            write(writing)
            writing.rename(ready)
            if place.exists():
                place.rename(previous)
            ready.rename(place)
            if previous.exists():
                shutil.rmtree(previous)
        except BaseException:
            shutil.rmtree(writing, ignore_errors=True)
            _settled(place, called=directory)
            raise


@contextmanager
def _holding(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY)
    try:
        _lock(handle)
        yield
    finally:
        os.close(handle)


def _held(directory: Path) -> bool:
    """Whether a living process writes it."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _lock(handle)
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    """False where another process has the lock. Where a file system has no locks, nobody has."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES)
    return True
