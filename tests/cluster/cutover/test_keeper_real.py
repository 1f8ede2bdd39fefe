"""A keeper alone, in a process of its own: the driver is gone, and legacy containers crash, come back and move."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from migrate.cutover.driver import Outcome
from migrate.cutover.states import State
from tests.cluster.cutover import breaking
from tests.cluster.cutover.breaking import until
from tests.cluster.served import Served, served
from tests.cluster.traffic import Load, Traffic, on_host, pod_addresses
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

# A look that has just begun, the next one, and what the machine takes for it.
FOLLOWS_S = 3.0


def test_a_keeper_alone_follows_what_crashes_and_moves(
    lab_cluster: Cluster,
    lab_engines: dict[str, LabEngine],
    space: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    with served(lab_cluster, lab_engines["edge-a1"], space, tmp_path, instances=2, dynamic=True) as web:
        left_at(State.FRONTED, web)
        load = Load(new=100, sources=pod_addresses(lab_cluster.nodes[0], 2))
        with keeping(web, tmp_path) as keeper, Traffic(on_host(lab_cluster.nodes[0].host), web.address, load) as calls:
            until(lambda: str(keeper.pid) in holder(web), 30)
            both = breaking.called(web)
            assert both == web.published()
            assert len(both) == 2

            before = web.engine.client.containers.get("web-0")
            before.kill()
            crashed = until(lambda: len(breaking.called(web)) == 1, 30)
            assert breaking.called(web) == web.published()
            served_without_loss(calls)

            before.start()
            back = until(lambda: breaking.called(web) == web.published() and len(breaking.called(web)) == 2, 30)
            assert breaking.called(web) != both
            served_without_loss(calls)

            web.engine.client.containers.get("web-1").restart(timeout=1)
            moved = until(lambda: breaking.called(web) == web.published() and len(breaking.called(web)) == 2, 30)
            served_without_loss(calls)

            for name, seconds in (("crash", crashed), ("start", back), ("move", moved)):
                record_property(f"slices followed a {name} in s", round(seconds, 2))
            assert max(crashed, back, moved) < 2 * web.settings.timings.keeper_s + FOLLOWS_S
            keeper.send_signal(signal.SIGTERM)
            assert keeper.wait(30) == 0
            assert holder(web) == ""
        led_back(web)
        leases = web.lab.get("leases", "-n", space)["items"]
        assert [each["metadata"]["name"] for each in leases] == []


def test_a_keeper_alone_calls_containers_back_while_pods_are_missing(
    lab_cluster: Cluster,
    lab_engines: dict[str, LabEngine],
    space: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    with served(lab_cluster, lab_engines["edge-a1"], space, tmp_path, instances=2) as web:
        left_at(State.STANDBY, web)
        with keeping(web, tmp_path) as keeper:
            until(lambda: str(keeper.pid) in holder(web), 30)
            assert breaking.called(web) == set()
            scale = ("scale", "deployment", web.name, "-n", space)
            web.lab.kubectl(*scale, "--replicas=1")
            called = until(lambda: breaking.called(web) == web.published(), 30)
            web.lab.kubectl(*scale, "--replicas=2")
            until(lambda: breaking.called(web) == set(), 60)
            record_property("containers were called back in s", round(called, 2))
            assert called < 2 * web.settings.timings.keeper_s + FOLLOWS_S
        led_back(web)


def left_at(state: State, web: Served) -> None:
    """From there its driver does nothing any more, as if it was killed."""
    for event in web.cutover().run():
        if event.state == state:
            return


def led_back(web: Served) -> None:
    attached = web.attached()
    for _ in attached.abort():
        pass
    assert attached.outcome is Outcome.ROLLED_BACK, attached.why


@contextmanager
def keeping(web: Served, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = ["cutover", "keep", web.name, "-n", web.space, "--context", web.lab.context]
    words += ["--kubeconfig", str(web.lab.kubeconfig), "--progress", "json"]
    with (folder / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen([sys.executable, "-m", "migrate.cli.main", *words], stderr=log)
        try:
            yield keeper
        finally:
            keeper.kill()
            keeper.wait()


def holder(web: Served) -> str:
    found = web.lab.get("leases", "-n", web.space)["items"]
    named = [each["spec"] for each in found if each["metadata"]["name"] == f"cutover-{web.name}-keeper"]
    return str(named[0].get("holderIdentity", "")) if named else ""


def served_without_loss(calls: Traffic) -> None:
    """Once proxies have followed, new callers are all answered."""
    time.sleep(2)
    began = calls.progress()
    time.sleep(4)
    ended = calls.progress()
    assert began is not None
    assert ended is not None
    assert (ended.failed - began.failed, ended.ok - began.ok > 100) == (0, True), (began, ended)
