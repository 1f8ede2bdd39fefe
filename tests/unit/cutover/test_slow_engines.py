"""Engines that hang or are slow hold nobody up: neither a look at the others nor a change that one was asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from converters.errors import PodliftError
from converters.workload import Host
from migrate.cutover.connecting import edges_of
from migrate.cutover.cutover import Attached
from migrate.cutover.driver import Edges
from migrate.cutover.legacy import HostsLegacy
from migrate.engine.control import EngineControl
from migrate.hosts import Access
from migrate.hosts_file import HostEntry
from tests.cutover.model import NAME, SPACE, Model
from tests.engine_proxy import HANG, EngineProxy, Fault, answer

if TYPE_CHECKING:
    from migrate.cluster import Cluster

LOOK_S = 0.5
VERSION = {"Version": "28.0", "ApiVersion": "1.47", "MinAPIVersion": "1.24"}


def entry(proxy: EngineProxy, name: str = "edge-a1") -> HostEntry:
    return HostEntry(host=Host(name=name, url=proxy.url, address="192.0.2.21"))


def empty(path: str) -> Fault:
    """An engine without containers, which hangs at whatever changes one."""
    if path.endswith("/version"):
        return answer(200, VERSION)
    return answer(200, []) if "/containers/json" in path else HANG


def seconds_of(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def soon(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.1)
    return held


def test_a_host_that_hangs_is_waited_for_once(tmp_path: Path) -> None:
    hangs = True
    with (
        EngineProxy(tmp_path / "a", fault=empty) as well,
        EngineProxy(tmp_path / "b", fault=lambda path: HANG if hangs else empty(path)) as hung,
    ):
        legacy = HostsLegacy([entry(well), entry(hung, "edge-a2")], "name:web", call_timeout_s=2, host_timeout_s=LOOK_S)
        assert seconds_of(legacy.find) < 2
        for _ in range(5):
            time.sleep(0.1)
            assert seconds_of(legacy.find) < LOOK_S
            assert [*legacy.find().unread] == ["edge-a2"]
        # one look, and no other beside it
        assert hung.connections == 1
        assert soon(lambda: "engine-silent" in legacy.find().unread["edge-a2"])
        hangs = False
        assert soon(lambda: not legacy.find().unread)
        assert not legacy.find().unread
        legacy.close()


def test_a_slow_engine_is_waited_for_once_it_is_known(tmp_path: Path) -> None:
    with EngineProxy(tmp_path / "a", fault=empty, latency_s=1) as slow:
        legacy = HostsLegacy([entry(slow)], "name:web", host_timeout_s=LOOK_S)
        assert legacy.find().unread
        assert soon(lambda: not legacy.find().unread)
        assert not any(legacy.find().unread for _ in range(3))
        legacy.close()


@pytest.mark.parametrize("what", ["start", "remove", "stop", "set-restart"])
def test_a_change_at_which_an_engine_hangs(tmp_path: Path, what: str) -> None:
    """Who asked goes on; it is sent once, and what became of it is told to who asks again."""
    with EngineProxy(tmp_path / "a", fault=empty) as proxy:
        legacy = HostsLegacy([entry(proxy)], "name:web", call_timeout_s=2, change_timeout_s=2)
        ask: Callable[[], None] = {
            "start": lambda: legacy.start("edge-a1", "c0"),
            "remove": lambda: legacy.remove("edge-a1", "c0"),
            "stop": lambda: legacy.stop("edge-a1", "c0", 0),
            "set-restart": lambda: legacy.set_restart("edge-a1", "c0", {"Name": "no"}),
        }[what]
        assert seconds_of(ask) < 1.8
        assert legacy.under_way() == {(what, "edge-a1", "c0")}
        if what != "stop":
            assert soon(lambda: not legacy.under_way())
            with pytest.raises(PodliftError, match="engine-silent"):
                ask()
        assert len([each for each in proxy.requests if not each.startswith("GET ")]) == 1
        legacy.close()


def test_the_time_of_a_change_goes_on_while_its_engine_is_connected_with(tmp_path: Path) -> None:
    with EngineProxy(tmp_path / "a", fault=empty, latency_s=1.5) as proxy:
        control = EngineControl(entry(proxy), call_timeout_s=2, change_timeout_s=2)
        began = time.monotonic()
        with pytest.raises(PodliftError, match="engine-silent"):
            control.start("c0")
        assert time.monotonic() - began < 2.8
        control.close()


@pytest.mark.parametrize(
    ("verb", "again"),
    [
        (lambda run: list(run.resume()), True),
        (lambda run: list(run.abort()), True),
        (lambda run: list(run.keep()), True),
        (lambda run: run.world(run.entry()), False),
    ],
    ids=["resume", "abort", "keep", "status"],
)
def test_who_looks_again_and_again_waits_for_no_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verb: Callable[[Attached], object], again: bool
) -> None:
    """Who looks but once has the time for it."""
    waited: list[bool] = []

    def edges(*given: Any, **more: Any) -> Edges:
        with EngineProxy(tmp_path / "a", fault=lambda _: HANG) as hung:
            made = edges_of(given[0], given[1], [Access(entry=entry(hung, "h0"))], **more)
            waited.append(seconds_of(made.legacy.find) < 5)
            made.legacy.close()
        raise LookedError

    world = Model()
    world.begin()
    monkeypatch.setattr("migrate.cutover.cutover.edges_of", edges)
    with pytest.raises(LookedError):
        verb(Attached(cast("Cluster", world), SPACE, NAME, clock=world))
    assert waited == [again]


class LookedError(Exception):
    """It has been seen how long it waits."""
