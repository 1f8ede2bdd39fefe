"""What a shape's containers do beside reporting, provoked and watched on both sides; ``Place.behaviour`` holds it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.cluster import cgroups
from tests.cluster.legacy import Legacy, called_in_vain, checking, connects, ending, events
from tests.cluster.pods import Pods, identity, status_of
from tests.cluster.shape import Shape

# How long a container may take until it runs, from when its manifests are sent.
START_S = 270.0
# How much later a pod may come to the same end as the engine: the kubelet waits longer, the machine may be busy.
SETTLE_S = 45.0
_POLL_S = 0.5


@dataclass(slots=True, kw_only=True)
class Place:
    """Where a container went: ``workload`` is podlift's name for it, ``label`` the one in the cluster."""

    shape: Shape
    workload: str
    label: str
    namespace: str
    container: str
    number: int
    pod: str = ""
    said: Mapping[str, Any] | None = None
    calls: Future[bool] | None = None
    behaviour: dict[str, tuple[Any, Any]] = field(default_factory=dict)


class Behaviour:
    """Of all shapes; ``places``: container to where it went."""

    def __init__(self, legacy: Legacy, pods: Pods, places: Mapping[str, Place]) -> None:
        self.legacy = legacy
        self.pods = pods
        self.places = places
        self._callers = ThreadPoolExecutor(32, thread_name_prefix="call")
        self._closed = threading.Event()

    def close(self) -> None:
        self._closed.set()
        self._callers.shutdown(wait=False, cancel_futures=True)

    def call(self, place: Place) -> None:
        """Begins to call its Service, as soon as its container runs."""
        place.calls = self._callers.submit(self._calls, place)

    def watch(self, shape: Shape) -> str:
        """All that the shape asks for; returns what went wrong."""
        try:
            self._reach(shape)
            self._health(shape)
            self._restart(shape)
            self._stop(shape)
        except Exception as error:  # noqa: BLE001 whatever one shape meets, the others go on
            return f"behaviour: {type(error).__name__}: {error}"
        return ""

    def _reach(self, shape: Shape) -> None:
        for reach in shape.reach:
            place = self.places[reach.caller]
            here = self.legacy.call(reach)
            there = self.pods.call(place.namespace, place.pod, place.container, reach)
            place.behaviour[f"reach.{reach}"] = here, there

    def _health(self, shape: Shape) -> None:
        if not shape.health_s:
            return
        for name in shape.containers:
            place = self.places[name]
            here = self.legacy.health(name)
            began = self._began(place)
            while time.time() < began + shape.health_s:
                time.sleep(_POLL_S)
            went = self.pods.watch.readiness(place.namespace, place.pod, began + shape.health_s)
            again = status_of(self.pods.watch.pod(place.namespace, place.pod), place.container)["restartCount"] > 0
            outcomes = ["healthy" if ready else "not" for ready in went]
            place.behaviour["health.outcomes"] = here["outcomes"], outcomes
            place.behaviour["health.restarted"] = here["again"], again
            assert place.calls is not None
            if here["out_of_service"] is not None:
                place.behaviour["health.out_of_service"] = here["out_of_service"], place.calls.result()
            times = checking(events(self.legacy.log(name)))
            others = checking(events(self.pods.log(place.namespace, place.pod, place.container)))
            for fact in times.keys() & others.keys():
                place.behaviour[fact] = times[fact], others[fact]

    def _restart(self, shape: Shape) -> None:
        if shape.restarts is None:
            return
        end = time.monotonic() + shape.restarts.for_s
        left = {(name, side): shape.restarts.signals for name in shape.containers for side in ("engine", "pod")}
        struck: dict[tuple[str, str], float] = {}
        while time.monotonic() < end:
            for key in [key for key, signals in left.items() if signals]:
                if time.monotonic() > struck.get(key, 0) + shape.restarts.every_s and self._strike(*key):
                    struck[key] = time.monotonic()
                    left[key] -= 1
            time.sleep(_POLL_S)
        for name in shape.containers:
            place = self.places[name]
            here, there = self.legacy.state(name), self._pod_state(place)
            patience = time.monotonic() + SETTLE_S
            while here != there and time.monotonic() < patience:
                time.sleep(_POLL_S)
                here, there = self.legacy.state(name), self._pod_state(place)
            for fact in ("lasts", "exit_code", "again", "kept"):
                place.behaviour[f"restart.{fact}"] = here[fact], there[fact]

    def _strike(self, name: str, side: str) -> bool:
        """Sends SIGUSR1 to the probe from outside: an engine that sends a signal may take it for a stop."""
        identities = {self._identity(name, side)} - {""}
        for found in cgroups.processes(identities).values():
            for process in found:
                if process.exe == "/bin/probe":
                    os.kill(process.pid, signal.SIGUSR1)
                    return True
        return False

    def _identity(self, name: str, side: str) -> str:
        if side == "engine":
            return self.legacy.ids[name]
        place = self.places[name]
        return identity(self.pods.watch.pod(place.namespace, place.pod), place.container)

    def _pod_state(self, place: Place) -> Mapping[str, Any]:
        # a job makes a new pod where its pods are never started again
        pods = self.pods.watch.of(place.namespace, place.label)
        statuses = [status_of(pod, place.container) for pod in pods]
        states = [each.get("state", {}) for each in statuses]
        ended = [
            s["terminated"]
            for each in statuses
            for k in ("lastState", "state")
            if "terminated" in (s := each.get(k, {}))
        ]
        ended.sort(key=lambda state: str(state["finishedAt"]))
        lasts = any("running" in state or "waiting" in state for state in states)
        return {
            "lasts": lasts,
            "again": len(pods) > 1 or any(each.get("restartCount", 0) > 0 for each in statuses),
            "exit_code": ended[-1]["exitCode"] if ended and not lasts else None,
            # what is gone is in the watch all the same
            "kept": any("deletionTimestamp" not in pod["metadata"] for pod in pods),
        }

    def _stop(self, shape: Shape) -> None:
        if not shape.stop:
            return
        by_pod: dict[tuple[str, str], list[str]] = {}
        for name in shape.containers:
            place = self.places[name]
            by_pod.setdefault((place.namespace, place.pod), []).append(name)
        with ThreadPoolExecutor(8) as threads:
            here = dict(zip(shape.containers, threads.map(self._stopped_here, shape.containers), strict=False))
            there = list(threads.map(lambda one: self._stopped_there(*one), by_pod.items()))
        for name, facts in here.items():
            other = next(each[name] for each in there if name in each)
            place = self.places[name]
            for fact in {*facts, *other}:
                place.behaviour[fact] = facts.get(fact), other.get(fact)

    def _stopped_here(self, name: str) -> dict[str, Any]:
        began = self.legacy.stop(name)
        return ending(events(self.legacy.log(name)), began)

    def _stopped_there(self, key: tuple[str, str], names: Sequence[str]) -> dict[str, dict[str, Any]]:
        inside = {name: self.places[name].container for name in names}
        began, said = self.pods.stop(*key, list(inside.values()))
        return {name: ending(said[container], began) for name, container in inside.items()}

    def _calls(self, place: Place) -> bool:
        """Whether its Service was called in vain for a while, from its container's start to the end of the watch.
        Raises LookupError where it could not be called."""
        patience = time.monotonic() + START_S
        while not (began := self._began(place)) and time.monotonic() < patience:
            if self._closed.wait(_POLL_S):
                break
        calls = []
        while time.time() < began + place.shape.health_s:
            if address := self.pods.service(place.namespace, place.label):
                calls.append((time.monotonic(), connects(self.pods.cluster.nodes[0].host, *address)))
            time.sleep(_POLL_S)
        if not calls:
            raise LookupError(f"{place.workload}: it has no Service, or ran too late to be called")
        return called_in_vain(calls)

    def _began(self, place: Place) -> float:
        """When its container started, 0 where it has not."""
        pods = self.pods.watch.of(place.namespace, place.label)
        if len(pods) <= place.number:
            return 0.0
        states = status_of(pods[place.number], place.container).get("state", {})
        return next((_time(state["startedAt"]) for state in states.values() if "startedAt" in state), 0.0)


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
