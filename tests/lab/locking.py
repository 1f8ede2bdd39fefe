"""One at a time, among all processes of the machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(folder: Path, *, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Holds a folder, which can be locked like a file, so that nothing is left behind; ``on_wait`` is called where
    somebody else holds it. The kernel lets go of it when its holder dies."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait is not None:
                on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
