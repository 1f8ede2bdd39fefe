"""Pods that fail once they take callers, and real gates: in a model, where a driver can be taken away at any time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.edges import Backend, Draw, Request, Response
from migrate.cutover.endpoints import ADMITTED
from migrate.cutover.gates.live import LiveGates
from tests.cutover import model
from tests.cutover.killing import as_in_the_lab
from tests.cutover.model import TIMINGS


@dataclass
class Pods:
    """What is wrong with a model's pods now.

    refuse   those that are admitted take no connection
    takes_s  what a look from nodes takes
    """

    world: model.Model
    fail: bool = False
    refuse: bool = False
    takes_s: float = 0
    drawn: list[float] = field(default_factory=list)

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answered, drew = self.world.ask, self.world.draw

        def ask(requests: Sequence[Request]) -> Mapping[str, tuple[Response, ...]]:
            self.world.time += self.takes_s
            found = answered(requests)
            return {node: tuple(map(self._one, requests, each)) for node, each in found.items()}

        def draw(target: Backend, times: int) -> Mapping[str, Draw]:
            found, refusing = drew(target, times), self._refusing
            made = {}
            for node, each in found.items():
                taken = {backend: count for backend, count in each.backends.items() if backend.address not in refusing}
                if len(taken) < len(each.backends):
                    self.drawn.append(self.world.time)
                    each = Draw(backends=taken, failed={**each.failed, "refused": times})
                made[node] = each
            return made

        monkeypatch.setattr(self.world, "ask", ask)
        monkeypatch.setattr(self.world, "draw", draw)
        monkeypatch.setattr(model, "Pass", lambda: LiveGates(self.world, self.world))

    def _addresses(self, label: str = "") -> frozenset[str]:
        return frozenset(
            each["status"].get("podIP")
            for (kind, _), each in self.world.store.items()
            if kind == "Pod" and (not label or label in each["metadata"].get("labels", {}))
        )

    @property
    def _refusing(self) -> frozenset[str]:
        return self._addresses(ADMITTED) if self.refuse else frozenset()

    def _one(self, request: Request, response: Response) -> Response:
        if request.backend.address in self._refusing:
            return Response(error="refused")
        if request.backend.address not in self._addresses() | {each.address for each in self.world.containers}:
            # the Service, behind which somebody answers
            return Response(status=200)
        return Response(status=500) if self.fail and request.backend.address in self._addresses() else response


def test_a_window_that_failed_is_not_forgotten_with_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """One fails, the driver goes; with the next one a window passes and one fails. That is two, as without a kill."""
    world = as_in_the_lab()
    pods = Pods(world)
    pods.patch(monkeypatch)
    first, windows = world.driver(), 0
    for event in first.events():
        pods.fail = event.state == "DEPLOYED"
        if event.kind == "gate":
            windows += 1
            assert "status 500" in event.text
            break
    first.let_go()
    entry = world.journal.read()
    assert entry is not None
    assert dict(entry.run.failures) == {"shift-0": 1}
    pods.fail = False
    second, told = world.driver("two"), []
    for event in second.events():
        if event.kind == "gate" and event.state == "DEPLOYED":
            told.append("status 500" in event.text)
            pods.fail = True
    assert second.outcome is Outcome.ROLLED_BACK, second.why
    assert told == [False, True]
    entry = world.journal.read()
    assert entry is not None
    assert entry.run.evidence["failed"].startswith("2 of 3 windows failed")


@pytest.mark.parametrize("takes_s", [0, 3])
def test_pods_that_refuse_before_nodes_were_seen_to_follow_are_led_away_from(
    monkeypatch: pytest.MonkeyPatch, takes_s: float
) -> None:
    """The gates look before the wait for the nodes is over: it would end in a pause, with callers on such pods. Where
    looks take long, too."""
    world = as_in_the_lab()
    pods = Pods(world, refuse=True, takes_s=takes_s)
    pods.patch(monkeypatch)
    driver = world.driver()
    windows = [event.text for event in driver.events() if event.kind == "gate"]
    assert driver.outcome is Outcome.ROLLED_BACK, driver.why
    assert len(windows) == TIMINGS.failures
    assert takes_s or pods.drawn[-1] - pods.drawn[0] < TIMINGS.observe_timeout_s / 2


def test_a_node_that_does_not_follow_is_no_fault_of_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gates find them well, and the run waits for the node, then pauses."""
    world = as_in_the_lab()
    pods = Pods(world)
    pods.patch(monkeypatch)
    whole = world.draw

    def draw(target: Backend, times: int) -> Mapping[str, Draw]:
        found = dict(whole(target, times))
        if world.state == "DEPLOYED":
            found[min(found)] = Draw(backends={}, failed={"timeout": times})
        return found

    monkeypatch.setattr(world, "draw", draw)
    driver = world.driver()
    assert driver.drive()[0] is Outcome.PAUSED
    assert driver.why.startswith("cutover-timeout: every node is to reach"), driver.why
    assert world.state == "DEPLOYED"
