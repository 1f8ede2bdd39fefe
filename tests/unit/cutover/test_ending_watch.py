"""A pod's end is watched beside the driver: from before the pod is told until its last connection has ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from converters.errors import PodliftError
from migrate.aside import Threads
from migrate.cutover.edges import Api, Backend, Ended, Request
from migrate.cutover.ending_watch import EndingWatch
from migrate.cutover.propagation import ProbedNodes
from migrate.cutover.world import SeenPod
from tests.cutover.model import Model

POD = SeenPod(
    name="web-1", uid="u1", version="7", address="10.244.0.4", node="node-a", controller="web", template="t1",
    ready=True, available=True, admitted="", restarts=0, ending=False,
)  # fmt: skip
REQUEST = Request(backend=Backend("10.244.0.4", 8080))


class Pods:
    def get(self, *_: str) -> dict[str, Any]:
        return {"spec": {"terminationGracePeriodSeconds": 45}}


class Held:
    """Holds connections until it is told that they end, or fails."""

    def __init__(self, error: PodliftError | None = None) -> None:
        self.error = error
        self.ends = threading.Event()
        self.asked: dict[str, Any] = {}

    def hold(
        self, request: Request, *, connections: int, seconds: float, near: str, begun: Callable[[], None]
    ) -> Mapping[str, Any]:
        self.asked = {"request": request, "connections": connections, "seconds": seconds, "near": near}
        if self.error:
            raise self.error
        begun()
        assert self.ends.wait(10)
        return {"answers": 9, "told": 4, "lost": {}, "closed": 0, "reset": 0, "open": 0, "unopened": {}}


def test_it_begins_goes_on_and_is_over() -> None:
    """For longer than the pod's own grace."""
    nodes = Held()
    watch = EndingWatch(cast(Api, Pods()), nodes, Threads())
    assert watch.hold_to(Model().spec(), POD, REQUEST) == ""
    assert watch.ended("u1") is None
    assert (nodes.asked["near"], nodes.asked["connections"]) == ("node-a", 4)
    assert nodes.asked["seconds"] > 45
    nodes.ends.set()
    end = time.monotonic() + 5
    while watch.ended("u1") is None and time.monotonic() < end:
        time.sleep(0.02)
    assert watch.ended("u1") == Ended(answers=9, told=4)


def test_where_no_connection_can_be_held_it_is_said_before_anything_is_deleted() -> None:
    error = PodliftError(code="command-missing", phase="cutover", subject="node-a", reason="no probe", next_step="x")
    assert (
        EndingWatch(cast(Api, Pods()), Held(error), Threads()).hold_to(Model().spec(), POD, REQUEST)
        == "node-a: no probe"
    )


def test_who_began_it_and_died_left_nobody_who_knows() -> None:
    assert EndingWatch(cast(Api, Pods()), Held(), Threads()).ended("u1") == "nobody watches it"


@pytest.mark.parametrize(("near", "node"), [("b", "b"), ("c", "a")])
def test_the_node_of_the_pod_is_asked_where_it_can_be(near: str, node: str) -> None:
    asked: list[str] = []

    class Nodes(ProbedNodes):
        def _probe(self, node: str, task: Mapping[str, Any], *_: Any) -> Mapping[str, Any]:
            asked.append(node)
            (one,) = task["ends"]
            assert (one["connections"], one["seconds"], one["path"]) == (4, 60, "/")
            return {"ends": [{"answers": 1}]}

    nodes = Nodes({"a": ["probe"], "b": ["probe"]}, there=lambda: dict.fromkeys("abc", True))
    assert nodes.hold(REQUEST, connections=4, seconds=60, near=near, begun=lambda: None) == {"answers": 1}
    assert asked == [node]
