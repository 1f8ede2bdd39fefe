"""Autoscaling rules of a legacy scheduler, obeyed by real autoscalers: containers on a real engine and a config with a
rule on CPU, one on requests and one on latency become a plan, as a user makes it. Applied as it is, with nothing behind
the metrics but the rule files that the plan wrote, the pods scale out under load and back in, by the legacy numbers.
"""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from converters import quantity
from migrate import read_plan
from migrate.plan.model import Plan
from tests.cluster.migration import applied
from tests.cluster.pods import Api
from tests.lab import packages, programs
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine, Registry, say
from tests.lab.prometheus import MetricsStack, rules_of

HERE = Path(__file__).with_name("scaling")
APP = "scaling/app:1"
SPACE = "scaling"
# How often the lab's autoscaler looks.
SYNC_S = 5.0
# So far from its target an autoscaler lets things be.
TOLERANCE = 0.1
# What it tells of measures is rounded; in pods.
ROUNDING = 0.001
POLL_S = 0.5
# Only a failure takes as long.
DEADLINE_S = 150.0
SETTLED_S = 3 * SYNC_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a workload gets: so many requests a second, and how many instances its legacy rule wants for that."""

    path: str
    rate: float
    wanted: int


LOADS = {
    # 10 ms of a processor each: 240m, of which an instance is to use a quarter of 400m
    "cpu": Load(path="/work?burn=10", rate=24, wanted=3),
    # 20 for each instance
    "requests": Load(path="/work", rate=75, wanted=4),
    # 8 ms for each request of the last second: as many instances as the rule allows are not enough
    "latency": Load(path="/work?each=8", rate=40, wanted=3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An autoscaler and its workload at one moment. ``asks``: measured by target; None before the first measure.
    Times are of the clock, that of the last move in whole seconds."""

    at: float
    count: int
    asks: float | None
    moved_at: float | None

    @property
    def wanted(self) -> int:
        """How many pods that asks for, however many the rule allows."""
        asks = 1 if self.asks is None or abs(self.asks - 1) <= TOLERANCE else self.asks
        return math.ceil(self.count * asks - ROUNDING)


@dataclass(frozen=True, slots=True)
class Move:
    """One change of the number of pods, and what was measured then by the target."""

    before: int
    after: int
    asks: float
    at: float


@dataclass
class History:
    """What was seen from before the load until all was calm again."""

    rules: Mapping[str, Mapping[str, Any]]
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    loaded_at: float = 0
    stopped_at: float = 0

    def moves(self, name: str) -> list[Move]:
        """The changes in order. What an autoscaler tells of one may stand in its status a moment after it."""
        made, seen = [], self.samples[name]
        for place, (before, after) in enumerate(itertools.pairwise(seen), 1):
            if before.count != after.count:
                told = next(each for each in seen[place:] if each.moved_at != before.moved_at)
                assert told.asks is not None
                assert told.moved_at is not None
                made.append(Move(before.count, after.count, told.asks, told.moved_at))
        return made

    def count(self, name: str, at: float) -> int:
        """How many there were then."""
        return [sample.count for sample in self.samples[name] if sample.at <= at][-1]

    def told(self, name: str) -> str:
        """All of it, for the message of a failure."""
        lines = [f"{name}: load for {self.stopped_at - self.loaded_at:.0f} s"]
        for (count, asks), group in itertools.groupby(self.samples[name], key=lambda each: (each.count, each.asks)):
            lines.append(f"{next(group).at - self.loaded_at:6.1f} s: {count} pods, {asks} of the target")
        return "\n".join(lines)


@pytest.fixture(scope="module")
def image(lab_engines: Mapping[str, LabEngine], registry: Registry) -> Iterator[str]:
    """The application on the engine and in the registry; at the end all that was made of it goes from the engine."""
    engine = lab_engines["edge-a1"]
    app = programs.build(HERE / "app", say, name="scaling-app").read_bytes()
    with engine.clean():
        engine.import_image(APP, files={"bin/app": app}, config={"Entrypoint": ["app"], "Cmd": ["serve"]})
        engine.push(APP, f"{registry.name}/{APP}")
        yield f"{registry.name}/{APP}"


@pytest.fixture(scope="module")
def rules() -> Mapping[str, Mapping[str, Any]]:
    """The services of the legacy config."""
    read: Mapping[str, Mapping[str, Any]] = yaml.safe_load((HERE / "config.yml").read_text())["services"]
    return read


@pytest.fixture(scope="module")
def place(
    lab_engines: Mapping[str, LabEngine],
    image: str,
    rules: Mapping[str, Mapping[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The plan's directory, as the command writes it."""
    engine, folder = lab_engines["edge-a1"], tmp_path_factory.mktemp("scaling")
    for name, rule in rules.items():
        for number in range(1, rule["instances"] + 1):
            engine.client.containers.run(image, name=f"{name}-{number}", detach=True, restart_policy={"Name": "always"})
    named = {"config": "config.yml", "mapping": "mapping.yaml", "target": "target.yaml", "decisions": "decisions.yaml"}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "migrate.cli.main", "plan", f"--host=edge-a1={engine.url}"),
            *(f"--{option}={HERE / file}" for option, file in named.items()),
            *("--strict", "--out=plan"),
        ],
        capture_output=True, text=True, check=False, cwd=folder, timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "plan"


@pytest.fixture(scope="module")
def history(place: Path, image: str, rules: Mapping[str, Mapping[str, Any]], lab_cluster: Cluster) -> History:
    """Load on all three at once until each has as many pods as its rule wants, and the time after it."""
    packages.ensure(say, extra=packages.PROMETHEUS)
    plan, made = read_plan(place), History(rules)
    with (
        MetricsStack(lab_cluster, rules=rules_of(place / "extras"), say=say) as stack,
        applied(plan, lab_cluster),
    ):
        for metric in _external_metrics(plan):
            stack.await_metric(metric, SPACE)
        watch = _Watch(Api(lab_cluster.api), made)
        # nothing is known of what an autoscaler does without a metric
        watch.until(lambda name: made.samples[name][-1].asks is not None, deadline_s=DEADLINE_S)
        made.samples.clear()
        watch.watch(POLL_S)
        made.loaded_at = time.time()
        with _loaded(lab_cluster, image):
            if watch.until(lambda name: made.samples[name][-1].count == LOADS[name].wanted, deadline_s=DEADLINE_S):
                watch.watch(SETTLED_S)
            made.stopped_at = time.time()
        watch.until(lambda name: made.samples[name][-1].count <= rules[name]["scale"]["min"], deadline_s=DEADLINE_S)
        watch.watch(SYNC_S)
    return made


def _external_metrics(plan: Plan) -> list[str]:
    scalers = [body for _, body in plan.objects if body["kind"] == "HorizontalPodAutoscaler"]
    metrics = [metric for scaler in scalers for metric in scaler["spec"]["metrics"]]
    return [metric["external"]["metric"]["name"] for metric in metrics if metric["type"] == "External"]


@dataclass(frozen=True, slots=True)
class _Watch:
    api: Api
    history: History

    def until(self, reached: Callable[[str], bool], *, deadline_s: float) -> bool:
        """Watches until it is so of all at one moment; whether that came in time."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            self._look()
            if all(map(reached, LOADS)):
                return True
            time.sleep(POLL_S)
        return False

    def watch(self, for_s: float) -> None:
        self.until(lambda _: False, deadline_s=for_s)

    def _look(self) -> None:
        at = time.time()
        # in this order: a count is never older than the status beside it, which tells of its last move
        scalers = self.api.get(f"/apis/autoscaling/v2/namespaces/{SPACE}/horizontalpodautoscalers")["items"]
        deployments = self.api.get(f"/apis/apps/v1/namespaces/{SPACE}/deployments")["items"]
        counts = {each["metadata"]["name"]: each["spec"]["replicas"] for each in deployments}
        for scaler in scalers:
            name, moved = scaler["metadata"]["name"], scaler["status"].get("lastScaleTime")
            moved_at = datetime.fromisoformat(moved).timestamp() if moved else None
            sample = Sample(at=at, count=counts[name], asks=_asks(scaler), moved_at=moved_at)
            self.history.samples.setdefault(name, []).append(sample)


def _asks(scaler: Mapping[str, Any]) -> float | None:
    (spec,) = scaler["spec"]["metrics"]
    kind = spec["type"].lower()
    measured = scaler["status"].get("currentMetrics") or [{}]
    current, target = measured[0].get(kind, {}).get("current", {}), spec[kind]["target"]
    for key in ("averageUtilization", "averageValue", "value"):
        if key in target and key in current:
            return float(quantity.parse(str(current[key])) / quantity.parse(str(target[key])))
    return None


@contextmanager
def _loaded(cluster: Cluster, image: str) -> Iterator[None]:
    """Pods that send each workload its requests, by its Service."""
    cluster.apply(*(_pod(name, load, image) for name, load in LOADS.items()))
    try:
        yield
    finally:
        cluster.kubectl("-n", "default", "delete", "pods", *(f"load-{name}" for name in LOADS))


def _pod(name: str, load: Load, image: str) -> dict[str, Any]:
    url = f"http://{name}.{SPACE}.svc.cluster.local.:8080{load.path}"
    container = {"name": "load", "image": image, "args": ["load", url, f"{load.rate:g}"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"load-{name}", "namespace": "default"},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }


@pytest.fixture(params=LOADS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_scales_out_to_what_the_rule_wants(
    history: History, name: str, record_testsuite_property: Callable[[str, object], None]
) -> None:
    """And stays there while the load lasts."""
    wanted = LOADS[name].wanted
    reached = [each.at for each in history.samples[name] if each.at > history.loaded_at and each.count >= wanted]
    assert reached, history.told(name)
    record_testsuite_property(f"{name}: seconds out", round(reached[0] - history.loaded_at, 1))
    assert history.count(name, history.stopped_at) == wanted, history.told(name)


def test_stays_within_the_rule_s_bounds(history: History, name: str) -> None:
    scale = history.rules[name]["scale"]
    counts = [each.count for each in history.samples[name]]
    assert min(counts) == scale["min"], history.told(name)
    assert max(counts) <= scale["max"], history.told(name)


def test_each_move_is_what_the_metric_asks_for(history: History, name: str) -> None:
    """To no more pods, and to no fewer, than what was measured is of what the rule wants for each."""
    least = history.rules[name]["scale"]["min"]
    for move in history.moves(name):
        asked = move.before * move.asks
        if move.after > move.before:
            assert move.after <= math.ceil(asked + ROUNDING), history.told(name)
        else:
            assert move.after >= max(least, math.floor(asked)), history.told(name)


def test_comes_back_in(history: History, name: str, record_testsuite_property: Callable[[str, object], None]) -> None:
    moves = history.moves(name)
    assert history.samples[name][-1].count == history.rules[name]["scale"]["min"], history.told(name)
    record_testsuite_property(f"{name}: seconds in", round(moves[-1].at - history.stopped_at, 1))


def test_moves_after_the_cool_down_and_not_before(history: History, name: str) -> None:
    """For so long before a move all that was measured asked for as many pods, or fewer, or more."""
    scale = history.rules[name]["scale"]
    for move in history.moves(name):
        fewer = move.after < move.before
        hold = scale.get("hold_in" if fewer else "hold_out")
        if not hold:
            continue
        # what a sample has was measured a look before it, or a little more on a busy machine; moves have whole seconds
        began = move.at - float(hold.removesuffix("s")) + SYNC_S + 2
        wanted = [each.wanted for each in history.samples[name] if began < each.at < move.at]
        assert wanted, history.told(name)
        assert max(wanted) <= move.after if fewer else min(wanted) >= move.after, history.told(name)


def test_moves_by_the_rule_s_steps(history: History) -> None:
    """One pod in 15 s, out and in."""
    moves = history.moves("requests")
    assert [move.after - move.before for move in moves] == [1, 1, -1, -1], history.told("requests")
    assert all(late.at - early.at >= 15 - 1 for early, late in itertools.pairwise(moves)), history.told("requests")
