"""Pods that are bad while the containers are good: each kind is caught by a gate, at a share that is known before, or
is one that no gate sees unless it is told where to look. Good pods raise no alarm.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.gates.judging import PROBE
from tests.cluster.cutover.gated import ASKED, GATED, GRACEFUL, Bad, Caught, driven
from tests.cluster.served import Pods, several
from tests.cluster.traffic import Load
from tests.lab import packages
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine, say
from tests.lab.prometheus import Prometheus

AT_ONCE = 3
LOAD = Load(new=20, keep=4, keep_rate=2)
GOOD, GOOD_AT_ONCE = 20, 4
LIGHT = Load(new=5, keep=2, keep_rate=2)
ROOT = {"requests": [{"path": "/"}], "ignore": {"patterns": ["traffic-app .*"]}}

BAD = (
    Bad(
        name="errors",
        pods=Pods(flags=["-errors=0.05"]),
        settings={"gates": (ASKED,)},
        by=("probe: ",),
        outcome=Outcome.ROLLED_BACK,
        share=1 / 3,
    ),
    Bad(
        name="slow",
        pods=Pods(flags=["-slow=0.03", "-slow-by=1s"]),
        settings={"gates": (ASKED,)},
        by=("p99 is",),
        outcome=Outcome.ROLLED_BACK,
        share=1 / 2,
    ),
    Bad(
        name="wrong",
        pods=Pods(flags=["-wrong=1"]),
        settings={"parity": ROOT},
        by=("line 1: legacy",),
        outcome=Outcome.PAUSED,
        share=0,
    ),
    Bad(
        name="crash",
        pods=Pods(flags=["-crash=30s"]),
        by=("restarted", "no longer ready"),
        outcome=Outcome.ROLLED_BACK,
        share=1 / 3,
        settings={"timings": replace(GATED, window_s=15)},
    ),
    # at once, so that no node is seen to follow before they do; and under way
    *(
        Bad(
            name=name,
            pods=Pods(flags=[f"-refuse-after={count}", "-health-port=8081"], ready=8081, check={"kind": "exec"}),
            by=("refused",),
            outcome=Outcome.ROLLED_BACK,
            share=1 / 3,
        )
        for name, count in (("refusing", 1), ("refusing-later", 100))
    ),
    Bad(
        name="exhausted",
        pods=Pods(flags=["-fail-after=300"]),
        settings={"gates": (ASKED,)},
        by=("probe: ",),
        outcome=Outcome.ROLLED_BACK,
        share=1 / 2,
    ),
    Bad(
        name="unasked",
        pods=Pods(flags=["-errors=0.05", "-slow=0.03", "-slow-by=1s", "-wrong=0.05"]),
        by=(),
        outcome=Outcome.REST,
        share=1,
    ),
)


def metered(url: str) -> tuple[Bad, ...]:
    """Seen by what pods say of themselves, while the gates' own requests ask for nothing but their health."""

    def gate(name: str, counter: str) -> dict[str, Any]:
        by = '{service="{workload}",namespace="{namespace}"}[10s]'
        query = f"sum(rate({counter}{by})) / sum(rate(app_requests_total{by}))"
        return {"name": name, "prometheus": {"url": url, "query": query, "condition": "result < 0.01", "timeout_s": 5}}

    def bad(name: str, counter: str, *flags: str) -> Bad:
        return Bad(
            name=name,
            pods=Pods(flags=flags),
            # a rate needs two scrapes
            settings={"timings": replace(GATED, window_s=10), "gates": (PROBE, gate(f"{name}-gate", counter))},
            by=(f"{name}-gate: the result is",),
            outcome=Outcome.ROLLED_BACK,
            share=1 / 3,
        )

    return (
        bad("metered-errors", "app_failed_total", "-errors=0.05"),
        bad("metered-slow", "app_late_total", "-slow=0.05", "-slow-by=1s"),
    )


@pytest.mark.prove
def test_bad_pods(lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path) -> None:
    packages.ensure(say, extra=packages.PROMETHEUS)
    hosts = [lab_engines["edge-a1"], lab_engines["edge-b1"]]
    with ExitStack() as stack:
        prometheus = stack.enter_context(Prometheus(lab_cluster, port_name="tcp-8080"))
        cases = (*BAD, *metered(prometheus.url))
        pods = {bad.name: bad.pods for bad in cases}
        found = stack.enter_context(
            several(lab_cluster, hosts, space, tmp_path, names=list(pods), flags=GRACEFUL, timings=GATED, pods=pods)
        )
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        running = [pool.submit(driven, found[bad.name], bad.settings, LOAD) for bad in cases]
        wrong = []
        for bad, of in zip(cases, running, strict=True):
            caught = of.result()
            print(f"{bad.name}: {caught.figures}")  # noqa: T201 - the figures are asked for with -s
            wrong += [f"{bad.name}: {each}" for each in wrongs(bad, caught)]
    assert not wrong, "\n".join(wrong)


def wrongs(bad: Bad, caught: Caught) -> Iterator[str]:
    if caught.outcome is not bad.outcome:
        yield f"it ended as {caught.outcome}: {caught.said}"
    if bad.by and not any(each in caught.said for each in bad.by):
        yield f"it was caught by something else: {caught.said}"
    if caught.share > bad.share:
        yield f"{caught.share:.0%} of callers were on pods"
    if caught.outcome is Outcome.ROLLED_BACK and (late := [*caught.report.series][-2:-1]):
        yield from (f"{kind} still fails" for second in late for kind, of in second.items() if of["failed"])


@pytest.mark.prove
def test_good_pods_raise_no_alarm(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path
) -> None:
    """Several at once, asked as often as by default, to the last stop."""
    hosts = [lab_engines["edge-a1"], lab_engines["edge-b1"]]
    names = [f"good-{number}" for number in range(GOOD)]
    pods = dict.fromkeys(names, Pods())
    began = time.monotonic()
    with (
        several(
            lab_cluster, hosts, space, tmp_path, names=names, instances=1, flags=GRACEFUL, timings=GATED, pods=pods
        ) as found,
        ThreadPoolExecutor(GOOD_AT_ONCE) as pool,
    ):
        made = list(pool.map(lambda name: driven(found[name], {"gates": (ASKED,)}, LIGHT), names))
    wrong = [f"{name}: {each.figures}" for name, each in zip(names, made, strict=True) if each.outcome != Outcome.REST]
    sent, failed = sum(each.report.sent for each in made), sum(each.report.failed for each in made)
    print(  # noqa: T201 - the figures are asked for with -s
        f"{len(made) - len(wrong)} of {len(made)} good runs without an alarm in {time.monotonic() - began:.0f} s, "
        f"{GOOD_AT_ONCE} at once; windows that failed: {sum(each.failed_windows for each in made)} of "
        f"{sum(each.windows for each in made)}; requests that failed: {failed} of {sent:,}"
    )
    assert not wrong, "\n".join(wrong)
    assert not failed, "\n".join(each.report.told() for each in made if each.report.failed)
