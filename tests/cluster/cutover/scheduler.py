"""A small legacy scheduler: it keeps so many containers of a workload running, on ports that its engine chooses, and
looks every few seconds. It can be told to keep off, and says when it does.

    with Scheduler(web, folder) as scheduler:
        scheduler.hooks          # freeze, frozen, unfreeze, as podlift.yaml has them
        scheduler.count = 1      # it scales
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Self

from tests.cluster.served import Served
from tests.cluster.traffic import IMAGE


class Scheduler:
    """``started``, ``removed``: what it did, by container's name."""

    def __init__(self, web: Served, folder: Path, *, interval_s: float = 1.0) -> None:
        self.count = len(web.containers)
        self.started: list[str] = []
        self.removed: list[str] = []
        self._web = web
        self._interval_s = interval_s
        self._told, self._keeps_off = folder / "told-to-keep-off", folder / "keeps-off"
        self._end = threading.Event()
        self._looked = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def hooks(self) -> dict[str, tuple[str, ...]]:
        return {
            "freeze": ("touch", str(self._told)),
            "frozen": ("test", "-e", str(self._keeps_off)),
            "unfreeze": ("rm", "-f", str(self._told)),
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._end.set()
        self._thread.join()

    def thaw(self) -> None:
        """Somebody lets it go on; returns when it does."""
        self._told.unlink()
        self.look()

    def look(self) -> None:
        """Returns when it has looked once more, from now on."""
        for _ in range(2):
            self._looked.clear()
            assert self._looked.wait(30)

    def _run(self) -> None:
        while not self._end.wait(self._interval_s):
            if self._told.exists():
                self._keeps_off.touch()
            else:
                self._keeps_off.unlink(missing_ok=True)
                self._reconcile()
            self._looked.set()

    def _reconcile(self) -> None:
        client = self._web.engine.client
        label = f"com.docker.compose.service={self._web.name}"
        found: list[Any] = client.containers.list(all=True, filters={"label": label})
        running = sorted((each for each in found if each.status == "running"), key=lambda each: str(each.name))
        for each in running[self.count :]:
            each.stop()
            each.remove()
            self.removed.append(str(each.name))
        labels = {"com.docker.compose.project": self._web.space, "com.docker.compose.service": self._web.name}
        for number in range(self.count - len(running)):
            name = f"{self._web.name}-new-{len(self.started) + number}"
            client.containers.run(IMAGE, ["app"], name=name, labels=labels, ports={"8080/tcp": None}, detach=True)
            self.started.append(name)
