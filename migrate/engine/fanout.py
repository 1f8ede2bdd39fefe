"""The same call for many things, a few at once. Threads are daemons: one that hangs never keeps the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def fan_out(
    call: Callable[[Item], Result], items: Sequence[Item], *, at_once: int, results: dict[Item, Result]
) -> None:
    """Calls ``call`` for each item and puts its result under the item, as soon as it is there.

    The first error ends it: no further call begins, and the error is raised when those under way have ended.
    """
    waiting = iter(items)
    lock = threading.Lock()
    failed: list[BaseException] = []

    def work() -> None:
        while True:
            with lock:
                item = next(waiting, _NONE)
                if isinstance(item, _None) or failed:
                    return
            try:
                results[item] = call(item)
            except BaseException as error:  # noqa: BLE001 - raised again where it was called from
                failed.append(error)
                return

    threads = [threading.Thread(target=work, name="podlift-call", daemon=True) for _ in items[: at_once - 1]]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


class _None:
    """Stands for the end, since any item may be None."""


_NONE = _None()
