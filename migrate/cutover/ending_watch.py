"""Watches, from a node, how a pod ends: connections that are held to it by podlift-probe until each has ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from converters.errors import PodliftError

from .edges import Api, Aside, Ended, Request
from .run import Spec
from .world import SeenPod

# Half of them idle, half with a request under way.
_CONNECTIONS = 4
_GRACE_S = 30
# Beside the pod's own grace: until it is told to end, and until its last connection is seen to have ended.
_MORE_S = 15.0
# From when the probe was started until its connections are there, as a rule.
_STARTS_S = 1.0


class Holding(Protocol):
    def hold(
        self, request: Request, *, connections: int, seconds: float, near: str, begun: Callable[[], None]
    ) -> Mapping[str, Any]:
        """One entry of the probe's ``ends``, from one node. Raises PodliftError."""


class EndingWatch:
    """``edges.Endings``. What has begun goes on aside and ends by itself."""

    def __init__(self, api: Api, nodes: Holding, aside: Aside) -> None:
        self._api = api
        self._nodes = nodes
        self._aside = aside
        self._watches: dict[str, _Watch] = {}

    def hold_to(self, spec: Spec, pod: SeenPod, request: Request) -> str:
        live = self._api.get("v1", "Pod", spec.namespace, pod.name) or {}
        grace_s = (live.get("spec") or {}).get("terminationGracePeriodSeconds") or _GRACE_S
        watch = _Watch(self._nodes, request, near=pod.node, seconds=grace_s + _MORE_S)
        self._watches[pod.uid] = watch
        self._aside.begin(watch.run)
        return watch.begun()

    def ended(self, uid: str) -> Ended | str | None:
        watch = self._watches.get(uid)
        return "nobody watches it" if watch is None else watch.result


class _Watch:
    """``result``: how it ended, or why it is not known; None while it goes on."""

    def __init__(self, nodes: Holding, request: Request, *, near: str, seconds: float) -> None:
        self.result: Ended | str | None = None
        self._nodes = nodes
        self._request = request
        self._near = near
        self._seconds = seconds
        self._started = threading.Event()

    def run(self) -> None:
        try:
            seen = self._nodes.hold(
                self._request,
                connections=_CONNECTIONS,
                seconds=self._seconds,
                near=self._near,
                begun=self._started.set,
            )
        except PodliftError as error:
            self.result = f"{error.subject}: {error.reason}"
        else:
            self.result = Ended(**seen)
        self._started.set()

    def begun(self) -> str:
        """Waits until connections are there; why there will be none."""
        self._started.wait()
        end = time.monotonic() + _STARTS_S
        while self.result is None and time.monotonic() < end:
            time.sleep(0.05)
        return self.result if isinstance(self.result, str) else ""
