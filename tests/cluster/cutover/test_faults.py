"""Things go wrong around a real run under load, each with a bound for what that may cost callers.

One run stands in SHIFT, and later in the bake, while one fault after the other happens to it; -s prints what each cost.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from migrate.cutover.states import State
from tests.cluster.cutover import breaking
from tests.cluster.cutover.aborting import GRACEFUL
from tests.cluster.cutover.driven import HELD, Driven, Suffered
from tests.cluster.cutover.faults import (
    IN_SHIFT,
    IN_THE_BAKE,
    ON_THE_LEGACY_SIDE,
    PODS,
    SLOW_S,
    a_stranger_takes_a_port,
    journal_is_deleted,
    proxies_are_slow,
)
from tests.cluster.served import several
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

pytestmark = pytest.mark.prove

# A node's pods are taken from Services when its kubelet was silent for 50 s.
LOST_S = 65.0
# What proxies take to follow, and what was under way then.
PROXIES_S = 2.0


@pytest.fixture(scope="module")
def begun(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Driven]]:
    """Begins runs on these hosts, each of a workload of its own."""
    with ExitStack() as stack:

        def begin(*hosts: str, name: str = "web", **settings: Any) -> Driven:
            space = f"test-{uuid.uuid4().hex[:8]}"
            lab_cluster.kubectl("create", "namespace", space)
            stack.callback(lab_cluster.kubectl, "delete", "namespace", space, "--wait=false")
            engines, folder = [lab_engines[each] for each in hosts], tmp_path_factory.mktemp(space)
            found = several(lab_cluster, engines, space, folder, names=[name], flags=GRACEFUL, timings=HELD, **settings)
            driven = Driven(stack.enter_context(found)[name].with_pods(PODS))
            stack.callback(driven.leave)
            return driven

        yield begin


@pytest.fixture(scope="module")
def driven(begun: Callable[..., Driven]) -> Driven:
    return begun("edge-a1", "edge-b1")


@pytest.mark.parametrize("fault", IN_SHIFT)
def test_in_shift(driven: Driven, fault: str) -> None:
    driven.at(State.SHIFT)
    costs_nothing("SHIFT", fault, driven.under_load(lambda: IN_SHIFT[fault](driven)))


@pytest.mark.parametrize("fault", ON_THE_LEGACY_SIDE)
def test_on_the_legacy_side_in_shift(driven: Driven, fault: str) -> None:
    driven.at(State.SHIFT)
    on_the_legacy_side(driven, "SHIFT", fault)


def test_a_node_is_lost(driven: Driven) -> None:
    """No more are failed than callers of the same pods by a Service that no run has anything to do with."""
    driven.at_last_step()
    web, node = driven.web, driven.web.lab.nodes[1]
    before = breaking.serving(web)
    assert breaking.serving(web, node)
    assert len(before) == PODS

    def lost() -> None:
        with breaking.cut_off(node):
            time.sleep(LOST_S)
            assert not breaking.serving(web, node)
        breaking.until(lambda: breaking.serving(web) == before)

    with breaking.plain_service(web) as plain:
        suffered, without = with_and_without(driven, lost, plain)
    costs_no_more("SHIFT", f"node cut off for {LOST_S:g} s", suffered, without.report.failed)
    driven.rests()


def test_a_slow_proxy(driven: Driven) -> None:
    driven.at_last_step()
    costs_nothing(
        "to BAKING", f"kube-proxy stopped for {SLOW_S:g} s", driven.under_load(lambda: proxies_are_slow(driven))
    )


@pytest.mark.parametrize("fault", IN_THE_BAKE)
def test_in_the_bake(driven: Driven, fault: str) -> None:
    driven.at(State.BAKING)
    costs_nothing("BAKING", fault, driven.under_load(lambda: IN_THE_BAKE[fault](driven)))


@pytest.mark.parametrize("fault", ON_THE_LEGACY_SIDE)
def test_on_the_legacy_side_in_the_bake(driven: Driven, fault: str) -> None:
    driven.at(State.BAKING)
    on_the_legacy_side(driven, "BAKING", fault)


def test_a_stranger_at_a_container_s_port(begun: Callable[..., Driven]) -> None:
    """Once slices have followed, not one of its answers is taken for the application's."""
    driven = begun("edge-a1", "edge-b1", name="moving", dynamic=True)
    driven.at(State.SHIFT)
    followed: list[float] = []
    with breaking.legacy_service(driven.web) as plain:
        suffered, without = with_and_without(driven, lambda: followed.append(a_stranger_takes_a_port(driven)), plain)
    costs_no_more("SHIFT", "port taken by a stranger", suffered, without.report.failed)
    assert foreign(without, followed[0]) > 0
    assert foreign(suffered, followed[0]) == 0, suffered.report.told()
    driven.rests()


def test_a_journal_is_deleted(begun: Callable[..., Driven]) -> None:
    """Its driver says so and writes nothing more; an abort makes it again and leads back."""
    driven = begun("edge-a2")
    driven.at(State.SHIFT)
    costs_nothing("SHIFT", "journal deleted, then abort", driven.under_load(lambda: journal_is_deleted(driven)))


def on_the_legacy_side(driven: Driven, where: str, fault: str) -> None:
    """No more are failed than callers of the same containers whom no run leads anywhere."""
    with breaking.legacy_service(driven.web) as plain:
        suffered, without = with_and_without(driven, lambda: ON_THE_LEGACY_SIDE[fault](driven), plain)
    costs_no_more(where, fault, suffered, without.report.failed)


def with_and_without(driven: Driven, fault: Callable[[], Any], plain: str) -> tuple[Suffered, Suffered]:
    """What callers of the run meet, and those of another Service at the same time."""
    without: list[Suffered] = []
    suffered = driven.under_load(lambda: without.append(driven.under_load(fault, to=plain)))
    assert without[0].report.failed > 0
    return suffered, without[0]


def foreign(suffered: Suffered, followed: float) -> int:
    """Answers of another program to what was asked once proxies had followed."""
    report = suffered.report
    after = report.series[math.ceil(followed + PROXIES_S - report.started_at) :]
    return sum(kind["failed"].get("foreign", 0) for second in after for kind in second.values())


def costs_nothing(where: str, fault: str, suffered: Suffered) -> None:
    costs_no_more(where, fault, suffered, 0)


def costs_no_more(where: str, fault: str, suffered: Suffered, bound: int) -> None:
    report = suffered.report
    row = (where, fault, f"{report.sent:,}", report.failed, bound, f"{suffered.seconds:.0f}")
    print(f"\n| {' | '.join(map(str, row))} |")  # noqa: T201 - the figures are asked for with -s
    assert report.failed <= bound, report.told()
    assert report.sent > 100
