"""Work aside ends when it is given up, and takes away what it made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from converters.errors import PodliftError
from migrate.aside import Threads, carried, given_up
from migrate.cutover.hooks import CommandHooks
from migrate.cutover.pod_network import PodNetwork
from migrate.cutover.probe_pods import LogApi, ProbePods
from migrate.cutover.propagation import ProbedNodes
from migrate.hosts import Command
from migrate.unsaid import as_said
from tests.cutover.model import Model

SOON_S = 10.0
HANGS = ("sleep", "60")


class Pods:
    """Pods that run and never end; ``made`` and ``gone``: their names."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.gone: list[str] = []
        self.looked = threading.Event()

    def create(self, pod: Mapping[str, Any], **_more: Any) -> None:
        self.made.append(pod["metadata"]["name"])

    def get(self, _version: str, kind: str, *_of: str) -> dict[str, Any] | None:
        if kind != "Pod":
            return None
        self.looked.set()
        return {"status": {"phase": "Running"}}

    def delete(self, _version: str, _kind: str, _namespace: str, name: str) -> None:
        self.gone.append(name)


def test_what_it_makes_and_what_it_raises() -> None:
    aside = Threads()
    made = aside.begin(lambda: 7)
    assert (made.over(SOON_S), made.result()) == (True, 7)
    failed = aside.begin(lambda: 1 // 0)
    assert failed.over(SOON_S)
    with pytest.raises(ZeroDivisionError):
        failed.result()


def _one_pod(pods: Pods) -> object:
    return ProbePods(cast(LogApi, pods), "shop").run({"metadata": {"name": "probe-1"}}, "node-a", 60)


def _pods_beside(pods: Pods) -> object:
    return PodNetwork(cast(LogApi, pods), "probe:1", lambda: ()).reach(Model().spec(), ["node-a", "node-b"], [])


@pytest.mark.parametrize(("work", "count"), [(_one_pod, 1), (_pods_beside, 2)])
def test_pods_are_gone(work: Callable[[Pods], object], count: int) -> None:
    pods, aside = Pods(), Threads()
    begun = aside.begin(lambda: work(pods))
    while len(pods.made) < count or not pods.looked.is_set():
        assert not begun.over(0.02)
    aside.end(SOON_S)
    assert begun.over()
    assert (len(pods.made), sorted(pods.gone)) == (count, sorted(pods.made))


def test_what_was_given_up_before_it_began_makes_no_pod() -> None:
    pods, aside, go = Pods(), Threads(), threading.Event()

    def work() -> object:
        assert go.wait(SOON_S)
        return _one_pod(pods)

    begun = aside.begin(work)
    begun.give_up()
    go.set()
    assert begun.over(SOON_S)
    with pytest.raises(PodliftError, match="nobody waits"):
        begun.result()
    assert pods.made == []


@pytest.mark.parametrize(
    "work",
    [
        lambda: Command(name="h0").run(HANGS, timeout_s=60),
        lambda: ProbedNodes({"node-a": HANGS, "node-b": HANGS}).ask([]),
        lambda: CommandHooks({"frozen": HANGS}, timeout_s=60, aside=Threads(), hide=as_said).refuses("frozen", {}),
    ],
)
def test_programs_are_ended(work: Callable[[], object]) -> None:
    begun = Threads().begin(work)
    assert not begun.over(0.3)
    begun.give_up()
    assert begun.over(SOON_S)


def test_what_it_began_itself_is_given_up_with_it() -> None:
    """In threads of its own, and aside."""
    aside, seen = Threads(), threading.Event()

    def waits(_number: int = 0) -> bool:
        while not given_up():
            seen.wait(0.02)
        return True

    def work() -> list[bool]:
        inner = aside.begin(waits)
        with ThreadPoolExecutor() as pool:
            return [*pool.map(carried(waits), range(3)), inner.over(SOON_S)]

    begun = aside.begin(work)
    assert not begun.over(0.1)
    begun.give_up()
    assert begun.over(SOON_S)
    assert begun.result() == [True] * 4
    assert not given_up()


def test_the_end_is_waited_for_but_not_for_ever() -> None:
    aside, ends = Threads(), threading.Event()
    begun = aside.begin(lambda: ends.wait(SOON_S))
    aside.end(0.05)
    assert not begun.over()
    ends.set()
    assert begun.over(SOON_S)
