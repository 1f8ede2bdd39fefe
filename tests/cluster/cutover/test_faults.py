"""Things go wrong around a real run under load, each with a bound for what that may cost callers.

One run stands in SHIFT, and later in the bake, while one fault after the other happens to it; -s prints what each cost.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from migrate.cutover.states import State
from tests.cluster.cutover import breaking
from tests.cluster.cutover.aborting import GRACEFUL
from tests.cluster.cutover.driven import HELD, Driven, Suffered
from tests.cluster.cutover.faults import IN_SHIFT, IN_THE_BAKE, PODS, SLOW_S, journal_is_deleted, proxies_are_slow
from tests.cluster.served import several
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

pytestmark = pytest.mark.prove

# A node's pods are taken from Services when its kubelet was silent for 50 s.
LOST_S = 65.0


@pytest.fixture(scope="module")
def begun(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Driven]]:
    """Begins runs on these hosts, each of a workload of its own."""
    with ExitStack() as stack:

        def begin(*hosts: str) -> Driven:
            space = f"test-{uuid.uuid4().hex[:8]}"
            lab_cluster.kubectl("create", "namespace", space)
            stack.callback(lab_cluster.kubectl, "delete", "namespace", space, "--wait=false")
            engines, folder = [lab_engines[each] for each in hosts], tmp_path_factory.mktemp(space)
            found = several(lab_cluster, engines, space, folder, names=["web"], flags=GRACEFUL, timings=HELD)
            driven = Driven(stack.enter_context(found)["web"].with_pods(PODS))
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


def test_a_node_is_lost(driven: Driven) -> None:
    """No more are failed than callers of the same pods by a Service that no run has anything to do with."""
    driven.at_last_step()
    web, node = driven.web, driven.web.lab.nodes[1]
    before = breaking.serving(web)
    assert breaking.serving(web, node)
    assert len(before) == PODS
    without: list[Suffered] = []

    def lost() -> None:
        with breaking.cut_off(node):
            time.sleep(LOST_S)
            assert not breaking.serving(web, node)
        breaking.until(lambda: breaking.serving(web) == before)

    with breaking.plain_service(web) as plain:
        suffered = driven.under_load(lambda: without.append(driven.under_load(lost, to=plain)))
    bound = without[0].report.failed
    assert bound > 0
    costs_no_more("SHIFT", f"node cut off for {LOST_S:g} s", suffered, bound)
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


def test_a_journal_is_deleted(begun: Callable[..., Driven]) -> None:
    """Its driver says so and writes nothing more; an abort makes it again and leads back."""
    driven = begun("edge-a2")
    driven.at(State.SHIFT)
    costs_nothing("SHIFT", "journal deleted, then abort", driven.under_load(lambda: journal_is_deleted(driven)))


def costs_nothing(where: str, fault: str, suffered: Suffered) -> None:
    costs_no_more(where, fault, suffered, 0)


def costs_no_more(where: str, fault: str, suffered: Suffered, bound: int) -> None:
    report = suffered.report
    row = (where, fault, f"{report.sent:,}", report.failed, bound, f"{suffered.seconds:.0f}")
    print(f"\n| {' | '.join(map(str, row))} |")  # noqa: T201 - the figures are asked for with -s
    assert report.failed <= bound, report.told()
    assert report.sent > 100
