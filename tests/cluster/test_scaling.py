"""Autoscaling for real: converted workloads scale out under load and back in, by the legacy rules' numbers.

Three services run on an engine as the legacy scheduler started them; podlift plans them from engine and config; the
plan's objects are applied as they are. CPU comes from metrics-server. Requests and latency come from Prometheus by an
adapter whose whole configuration is the rule files that the plan wrote.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from converters.decisions import Decisions
from migrate import discover, load_documents, load_hosts, load_mapping, load_target, make_plan, write_plan
from migrate.plan.model import Plan
from tests.cluster.migration import applied
from tests.lab import packages, programs
from tests.lab.cluster import Cluster, KubectlError
from tests.lab.engine import LabEngine, Registry, say
from tests.lab.prometheus import MetricsStack, rules_of

HERE = Path(__file__).with_name("scaling")
SPACE = "scaling"
IMAGE = "scaling/app:1"
COOLDOWN_S = 15
OUT_S, IN_S = 150.0, 180.0
# the HPA is looked at this often, so a time that is measured may be off by so much
EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Rule:
    """A service, the load that its rule is tried under, and what the legacy numbers make of that.

    load    (query of the app, requests a second), and what it calms down to; None: nothing is asked any more
    wanted  instances under that load
    """

    load: tuple[str, float]
    calm: tuple[str, float] | None
    wanted: int
    most: int


RULES: Mapping[str, Rule] = {
    # 50 % of 100 millicores an instance; 300 are burnt, so 6 were wanted, and 3 are the most
    "burner": Rule(load=("burn=30", 10), calm=None, wanted=3, most=3),
    # 5 a second an instance; 12 come
    "counter": Rule(load=("ms=1", 12), calm=None, wanted=3, most=6),
    # the 95th percentile within 100 ms; each takes 300, and more instances change nothing
    "sleeper": Rule(load=("ms=300", 4), calm=("ms=5", 4), wanted=3, most=3),
}


@dataclass(slots=True)
class Seen:
    """What became of one service: (seconds since the load began, replicas), at each change."""

    steps: list[tuple[float, int]] = field(default_factory=list)
    calmed_at: float = 0.0
    trouble: str = ""

    @property
    def peak(self) -> int:
        return max((replicas for _, replicas in self.steps), default=0)

    @property
    def first_in(self) -> float:
        """Seconds from the end of the load to the first instance less."""
        return next((at for at, _ in self.steps if at > self.calmed_at), self.calmed_at) - self.calmed_at


@pytest.fixture(scope="module")
def plan(lab_engines: dict[str, LabEngine], registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The three services, from an engine and a config to a plan directory."""
    engine = lab_engines["edge-a1"]
    program = programs.build((HERE / "app").absolute(), say, name="scaling-app").read_bytes()
    reference = f"{registry.name}/{IMAGE}"
    engine.import_image(IMAGE, files={"bin/app": program}, config={"Entrypoint": ["/bin/app"], "Cmd": ["serve"]})
    engine.push(IMAGE, reference)
    for name in RULES:
        engine.client.containers.run(
            reference, ["serve"], name=f"{name}-1", detach=True, ports={"8080/tcp": None},
            restart_policy={"Name": "always"},
        )  # fmt: skip
    folder = tmp_path_factory.mktemp("scaling")
    hosts = [{"name": engine.name, "url": engine.url, "address": engine.address, "site": "lab"}]
    (folder / "hosts.yaml").write_text(yaml.safe_dump({"hosts": hosts}))
    try:
        configs = load_documents([HERE / "config.yml"], root=HERE)
        capture = discover(load_hosts(folder / "hosts.yaml"), configs=configs)
    finally:
        for name in RULES:
            engine.client.containers.get(f"{name}-1").remove(force=True)
    target, mapping = load_target(HERE / "target.yaml"), load_mapping(HERE / "mapping.yaml")
    return make_plan(capture, mapping=mapping, target=target, decisions=Decisions(), estate="scaling")


@pytest.fixture(scope="module")
def seen(plan: Plan, lab_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Seen]]:
    """All three under load at once, then calm."""
    packages.ensure(say, extra=packages.PROMETHEUS)
    folder = tmp_path_factory.mktemp("rules")
    write_plan(plan, folder / "plan")
    image = next(
        body["spec"]["template"]["spec"]["containers"][0]["image"]
        for _, body in plan.objects
        if body["kind"] == "Deployment"
    )
    with ExitStack() as stack:
        stack.enter_context(applied(plan, lab_cluster, deadline_s=90))
        metrics = stack.enter_context(MetricsStack(lab_cluster, rules=rules_of(folder / "plan" / "extras"), say=say))
        load = _Load(lab_cluster, image)
        # a series exists from the first request on
        for name in RULES:
            load.start(name, "ms=1", 1)
        for name in _external_metrics(plan):
            metrics.await_metric(name, SPACE)
        lab_cluster.await_metrics()
        made = {name: Seen() for name in RULES}
        threads = [
            threading.Thread(target=_tried, args=(lab_cluster, load, name, made[name]), daemon=True) for name in RULES
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield made


class _Load:
    """Pods that ask a service, one each."""

    def __init__(self, cluster: Cluster, image: str) -> None:
        self._cluster = cluster
        self._image = image

    def start(self, name: str, query: str, rate: float) -> None:
        """Instead of what was asked before."""
        self.stop(name)
        url = f"http://{name}.{SPACE}:8080/work?{query}"
        self._cluster.kubectl(
            "run",
            f"load-{name}",
            "-n",
            SPACE,
            f"--image={self._image}",
            "--restart=Never",
            "--",
            "load",
            url,
            str(rate),
        )

    def stop(self, name: str) -> None:
        self._cluster.kubectl(
            "delete", "pod", f"load-{name}", "-n", SPACE, "--ignore-not-found", "--now", "--wait=true"
        )


def _tried(cluster: Cluster, load: _Load, name: str, seen: Seen) -> None:
    rule = RULES[name]
    try:
        load.start(name, *rule.load)
        began = time.monotonic()
        _watch(cluster, name, seen, began, until=lambda replicas: replicas == rule.wanted, deadline_s=OUT_S)
        if rule.calm is None:
            load.stop(name)
        else:
            load.start(name, *rule.calm)
        seen.calmed_at = time.monotonic() - began
        _watch(cluster, name, seen, began, until=lambda replicas: replicas == 1, deadline_s=IN_S)
    except (TimeoutError, KubectlError) as error:
        seen.trouble = f"{error}\n{_describe(cluster, name)}"


def _watch(
    cluster: Cluster, name: str, seen: Seen, began: float, *, until: Callable[[int], bool], deadline_s: float
) -> None:
    end = time.monotonic() + deadline_s
    while True:
        replicas = int(cluster.kubectl("get", "deployment", name, "-n", SPACE, "-o", "jsonpath={.spec.replicas}"))
        if not seen.steps or seen.steps[-1][1] != replicas:
            seen.steps.append((time.monotonic() - began, replicas))
        if until(replicas):
            return
        if time.monotonic() > end:
            raise TimeoutError(f"{name} has {replicas} replicas after {deadline_s:g} s: {seen.steps}")
        time.sleep(EVERY_S)


def _describe(cluster: Cluster, name: str) -> str:
    return cluster.kubectl("describe", "hpa", name, "-n", SPACE)


def _external_metrics(plan: Plan) -> list[str]:
    return [
        metric["external"]["metric"]["name"]
        for _, body in plan.objects
        if body["kind"] == "HorizontalPodAutoscaler"
        for metric in body["spec"]["metrics"]
        if metric["type"] == "External"
    ]


def test_each_rule_became_what_its_kind_of_metric_is(plan: Plan) -> None:
    kinds = {
        body["metadata"]["name"]: [metric["type"] for metric in body["spec"]["metrics"]]
        for _, body in plan.objects
        if body["kind"] == "HorizontalPodAutoscaler"
    }

    assert kinds == {"burner": ["Resource"], "counter": ["External"], "sleeper": ["External"]}


@pytest.mark.parametrize("name", sorted(RULES))
def test_it_scales_out_to_what_the_legacy_rule_wants(
    name: str, seen: Mapping[str, Seen], record_property: Callable[[str, Any], None]
) -> None:
    one, rule = seen[name], RULES[name]
    record_property("steps", json.dumps(one.steps))

    assert not one.trouble, one.trouble
    assert rule.wanted <= one.peak <= rule.most


@pytest.mark.parametrize("name", sorted(RULES))
def test_it_scales_back_in_and_not_before_the_cooldown(name: str, seen: Mapping[str, Seen]) -> None:
    one = seen[name]

    assert not one.trouble, one.trouble
    assert one.steps[-1][1] == 1
    assert one.first_in >= COOLDOWN_S - 2 * EVERY_S
