"""One numbered place on the machine for each run of the lab, so that runs at the same time never meet.

A run owns its folder by a lock that the kernel drops when the owner dies, however it dies. A folder whose lock is free
is what a dead run left behind; whoever comes next removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Not tempfile.gettempdir(): a long TMPDIR would break the 107 bytes of a unix socket's path, and later runs must find
# what a dead one left.
PLACE = Path("/var/tmp")
STEM = "podlift-lab-"
LOCK = "lock"
SLOTS = range(1, 250)
CGROUPS = Path("/sys/fs/cgroup")


class NoSlotError(RuntimeError):
    """Every place is taken by a run that is alive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place owned by this process: a number, a folder, and the names that follow from the number."""

    number: int
    folder: Path
    lock: int

    @property
    def name(self) -> str:
        return f"{STEM}{self.number}"

    @property
    def device(self) -> str:
        """The network device in the machine's own namespace; 15 characters at most."""
        return f"podlift{self.number}"

    @property
    def prefix(self) -> str:
        """The first three bytes of the run's own network."""
        return f"10.99.{self.number}"

    def release(self) -> None:
        """Removes the folder and what the run left outside of it; its processes must be gone."""
        _remove_cgroups(self.name)
        _empty(self.folder)
        # The lock goes last: the folder without it would look free while its content still goes.
        (self.folder / LOCK).unlink()
        with suppress(OSError):  # somebody has taken the place in between, which is fine
            self.folder.rmdir()
        os.close(self.lock)


def take_slot() -> Slot:
    """Takes a free place, after removing what dead runs left."""
    sweep()
    for number in SLOTS:
        slot = _lock(number, create=True)
        if slot is not None:
            return slot
    raise NoSlotError(f"{len(SLOTS)} runs of the lab are alive under {PLACE}")


def sweep() -> list[str]:
    """Removes what dead runs left; says which."""
    swept = []
    for folder in sorted(PLACE.glob(f"{STEM}*")):
        number = folder.name.removeprefix(STEM)
        if not number.isdigit():
            continue
        slot = _lock(int(number), create=False)
        if slot is not None:
            slot.release()
            swept.append(slot.name)
    return swept


def _lock(number: int, *, create: bool) -> Slot | None:
    folder = PLACE / f"{STEM}{number}"
    if create:
        folder.mkdir(mode=0o700, exist_ok=True)
    # /var/tmp is writable by all: a folder that somebody else put there, or a link, is none of ours.
    try:
        status = folder.lstat()
        if status.st_uid != os.geteuid() or folder.is_symlink() or not folder.is_dir():
            return None
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The last owner may have removed the file between our open and our lock: then we hold a lock on nothing.
        current = (folder / LOCK).stat().st_ino == os.fstat(lock).st_ino
    except (BlockingIOError, FileNotFoundError):
        current = False
    if not current:
        os.close(lock)
        return None
    _empty(folder)
    return Slot(number=number, folder=folder, lock=lock)


def _empty(folder: Path) -> None:
    deadline = time.monotonic() + 5
    while left := [path for path in folder.iterdir() if path.name != LOCK]:
        for path in left:
            try:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            except OSError:
                # a dead run's last processes may still be writing while the kernel takes them down
                if time.monotonic() > deadline:
                    raise
        time.sleep(0.02)


def cgroups(name: str) -> list[Path]:
    """The cgroups of a run, children first: in the one hierarchy of version 2, or once a controller in version 1."""
    return [path for top in _tops(name) for path in sorted(_below(top), reverse=True)]


def _tops(name: str) -> Iterator[Path]:
    yield from (top for top in (CGROUPS / name, *CGROUPS.glob(f"*/{name}")) if top.is_dir())


def _below(top: Path) -> Iterator[Path]:
    yield top
    yield from (path for path in top.rglob("*") if path.is_dir())


def _remove_cgroups(name: str) -> None:
    deadline = time.monotonic() + 5
    while left := cgroups(name):
        for path in left:
            try:
                path.rmdir()
            except OSError:
                # busy for as long as the kernel still takes down the last process
                if time.monotonic() > deadline:
                    raise
        time.sleep(0.02)
