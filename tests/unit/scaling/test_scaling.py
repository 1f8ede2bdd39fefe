"""HPAs from legacy rules: what a fraction is of, what an adapter must serve, how fast, and when there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from converters.decisions import Answered, Decisions
from converters.errors import PodliftError
from converters.fields.ledger import Ledger
from converters.fields.verdict import Level, Verdict
from converters.names import NameMap
from converters.objects.context import Context
from converters.objects.controller import pod_prefixes
from converters.objects.scaling import Scaled, budgets, scaling, with_answered_requests
from converters.objects.sites import parts_of, sites_of
from converters.target import MetricNames, Site, Target
from converters.workload import Container, Controller, Metric, Port, Rollout, Scaling, SiteCount, Step, Workload
from tests.schemas import assert_valid
from tests.workloads import atom

REQUESTS = 'sum(rate(http_requests_total{service="{service}"}[1m]))'
LATENCY = 'histogram_quantile({percentile}, sum by(le)(rate(took{service="{service}"}[5m])))'
ADAPTER = Target(metrics=MetricNames(source="prometheus-adapter", requests=REQUESTS, latency=LATENCY))


@dataclass(frozen=True)
class Made:
    scaled: Scaled
    verdicts: dict[str, Verdict]
    budgets: list[dict[str, Any]]
    blocked: tuple[str, ...]

    @property
    def spec(self) -> dict[str, Any]:
        (only,) = self.scaled.objects
        spec: dict[str, Any] = only["spec"]
        return spec

    def said(self, path: str) -> tuple[str, str]:
        return self.verdicts[path].code, self.verdicts[path].level.value


def metric(kind: str, target: float, **more: Any) -> Metric:
    return Metric(kind=kind, target=target, origins=atom("fleet.yml", f"scale.{kind}"), **more)


def count(number: int, site: str = "", path: str = "count") -> SiteCount:
    return SiteCount(site=site, count=number, origins=atom("fleet.yml", f"scale.{path}"))


def web(*metrics: Metric, container: dict[str, Any] | None = None, **scaling: Any) -> Workload:
    rules = {"min": (count(2, path="min"),), "max": (count(8, path="max"),), **scaling}
    box = Container(name="web", **{"cpu_request_m": 500.0, "ports": (Port(container_port=80),), **(container or {})})
    return Workload(name="web", containers=(box,), scaling=Scaling(metrics=metrics, **rules), replicas=(count(3),))


def make(
    workload: Workload,
    *,
    target: Target | None = None,
    kind: Controller = Controller.DEPLOYMENT,
    answers: dict[str, str] | None = None,
) -> Made:
    """``answers``: code to answer."""
    decisions = Decisions(answers=tuple(Answered(code=code, answer=text) for code, text in (answers or {}).items()))
    ledger = Ledger("web", decisions)
    context = Context(names=NameMap(workloads={"web": "web"}), target=target or Target(), decisions=decisions)
    sites = sites_of(workload, target=context.target, ledger=ledger)
    parts = parts_of(workload, sites, kind=kind, separate=False, context=context)
    context = replace(context, pods=pod_prefixes(kind, parts))
    workload = with_answered_requests(workload, kind, context=context, ledger=ledger)
    scaled = scaling(workload, kind, parts, sites, context=context, ledger=ledger)
    kept = budgets(workload, kind, parts, scaled, context=context, ledger=ledger)
    assert_valid([*scaled.objects, *kept])
    verdicts = {v.source.path: v for v in ledger.verdicts() if v.source is not None}
    return Made(scaled=scaled, verdicts=verdicts, budgets=kept, blocked=ledger.blocked())


@pytest.mark.parametrize(
    ("basis", "container", "percent"),
    [
        ("request", {}, 70),
        ("limit", {"cpu_limit_m": 2000.0}, 280),
        ("share", {"cpu_shares": 512}, 70),
        ("share", {}, 140),
    ],
)
def test_cpu_is_rebased_to_the_request(basis: str, container: dict[str, Any], percent: int) -> None:
    """70 % of a limit of 2 CPU is 1.4 CPU, which is 280 % of a request of half a CPU."""
    made = make(web(metric("cpu", 0.7, basis=basis), container=container))
    (only,) = made.spec["metrics"]
    assert only["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}
    assert made.said("scale.cpu") == ("scale-metric", "exact" if basis == "request" else "approximated")


def test_memory_is_rebased_to_its_request() -> None:
    """Without a reservation the request is the limit, and 80 % of the limit stays 80 %."""
    made = make(web(metric("memory", 0.8, basis="limit"), container={"memory_limit_bytes": 1 << 28}))
    assert made.spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 80
    less = {"memory_limit_bytes": 1 << 28, "memory_request_bytes": 1 << 27}
    made = make(web(metric("memory", 0.8, basis="limit"), container=less))
    assert made.spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 160


def test_a_fraction_of_the_host_is_asked_for() -> None:
    """Nobody said how large the hosts were: no HPA until then, and with the answer one."""
    workload = web(metric("cpu", 0.5, basis="host"))
    made = make(workload)
    assert made.scaled.objects == ()
    assert made.said("scale.cpu") == ("scale-basis", "undecided")
    assert made.said("scale.max") == ("scale-waits", "approximated")
    assert made.blocked == ()
    made = make(workload, answers={"scale-basis": "4"})
    assert made.spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 400


def test_a_fraction_of_a_request_needs_one_that_somebody_chose() -> None:
    """podlift's default request would make of 70 % an amount that nobody meant: blocking, and an answer is taken."""
    workload = web(metric("cpu", 0.7), container={"cpu_request_m": None})
    made = make(workload)
    assert made.said("scale.cpu") == ("scale-request", "undecided")
    assert made.blocked == ("scale-request",)
    made = make(workload, answers={"scale-request": "250m"})
    assert made.spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 70
    assert made.blocked == ()


def test_several_containers_scale_by_the_first() -> None:
    """A sidecar's idle CPU would dilute the pod's average."""
    workload = web(metric("cpu", 0.7))
    workload = replace(workload, containers=(*workload.containers, Container(name="log")))
    (only,) = make(workload).spec["metrics"]
    assert only["type"] == "ContainerResource"
    assert only["containerResource"]["container"] == "web"


def test_requests_and_latency_by_the_targets_templates() -> None:
    """Per instance an average, latency a value; the adapter's rule selects the same series and keeps its matchers."""
    made = make(web(metric("requests", 200), metric("latency", 0.25, percentile=99.0)), target=ADAPTER)
    requests, latency = made.spec["metrics"]
    assert requests["external"]["target"] == {"type": "AverageValue", "averageValue": "200"}
    assert latency["external"]["target"] == {"type": "Value", "value": "250m"}
    assert made.scaled.extras["prometheus-adapter-web.yaml"].splitlines()[2:] == [
        "externalRules:",
        '- seriesQuery: "http_requests_total{service=\\"web\\"}"',
        "  resources:",
        "    namespaced: false",
        "  name:",
        '    as: "web_requests_per_second_0"',
        '  metricsQuery: "sum(rate(http_requests_total{service=\\"web\\",<<.LabelMatchers>>}[1m]))"',
        '- seriesQuery: "took{service=\\"web\\"}"',
        "  resources:",
        "    namespaced: false",
        "  name:",
        '    as: "web_latency_seconds_1"',
        '  metricsQuery: "histogram_quantile(0.99, sum by(le)(rate(took{service=\\"web\\",<<.LabelMatchers>>}[5m])))"',
    ]


def test_totals_are_values() -> None:
    """A total is compared as it is; a query may be a plain name."""
    made = make(web(metric("query", 30, per="total", query="queue_depth")), target=ADAPTER)
    assert made.spec["metrics"][0]["external"]["target"] == {"type": "Value", "value": "30"}
    assert '"sum(queue_depth{<<.LabelMatchers>>})"' in made.scaled.extras["prometheus-adapter-web.yaml"]


def test_no_half_of_an_hpa() -> None:
    """CPU alone would scale otherwise than CPU and requests did; "without" is the user's to say."""
    workload = web(metric("cpu", 0.7), metric("requests", 200))
    made = make(workload)
    assert made.scaled == Scaled()
    assert made.said("scale.requests") == ("scale-metric-name", "undecided")
    assert "install prometheus-adapter" in made.verdicts["scale.requests"].why
    assert made.said("scale.cpu") == ("scale-waits", "approximated")
    decided = make(workload, answers={"scale-metric-name": "without"})
    assert [m["type"] for m in decided.spec["metrics"]] == ["Resource"]
    assert decided.said("scale.requests") == ("scale-metric-name", "dropped")
    named = make(workload, answers={"scale-metric-name": "edge_rps"})
    assert named.spec["metrics"][1]["external"]["metric"] == {"name": "edge_rps"}


@pytest.mark.parametrize("kind", [Controller.DAEMONSET, Controller.JOB, Controller.CRONJOB])
def test_what_cannot_be_scaled_says_so(kind: Controller) -> None:
    """No HPA of a DaemonSet or a job: every rule is dropped by name."""
    made = make(web(metric("cpu", 0.7), steps=(Step(direction="up", amount=2, origins=atom("f", "step")),)), kind=kind)
    assert made.scaled.objects == ()
    assert {v.code for v in made.verdicts.values()} == {"scale-unfit"}
    assert {v.level for v in made.verdicts.values()} == {Level.DROPPED}


def test_cooldowns_and_steps() -> None:
    """Cooldowns are windows, a step without a period goes once a cooldown; what is beyond an HPA is cut and said."""
    origins = {"cooldown_out_s": atom("f", "out"), "cooldown_in_s": atom("f", "in")}
    steps = (Step(direction="up", amount=50, unit="percent", origins=atom("f", "up")),)
    made = make(web(metric("cpu", 0.7), cooldown_out_s=120.0, cooldown_in_s=7200.0, steps=steps, origins=origins))
    assert made.spec["behavior"] == {
        "scaleUp": {
            "stabilizationWindowSeconds": 120,
            "policies": [{"type": "Percent", "value": 50, "periodSeconds": 120}],
            "selectPolicy": "Max",
        },
        "scaleDown": {"stabilizationWindowSeconds": 3600},
    }
    assert made.said("in") == ("scale-limits", "approximated")
    assert made.said("out") == ("scale-cooldown", "approximated")
    assert made.said("up") == ("scale-step", "approximated")
    slow = make(web(metric("cpu", 0.7), cooldown_out_s=4000.0, origins=origins))
    assert slow.spec["behavior"] == {"scaleUp": {"stabilizationWindowSeconds": 3600}}
    assert slow.said("out") == ("scale-limits", "approximated")


def test_bounds_by_site() -> None:
    """Each site scales between its own bounds; a bound for all together is divided as the instances are."""
    workload = replace(
        web(metric("cpu", 0.7), min=(count(2, "ams"), count(1, "syd", "min-syd")), max=(count(9, path="all"),)),
        replicas=(count(4, "ams"), count(2, "syd")),
    )
    made = make(workload, target=Target(sites=(Site(name="ams"), Site(name="syd"))))
    bounds = [(o["metadata"]["name"], o["spec"]["minReplicas"], o["spec"]["maxReplicas"]) for o in made.scaled.objects]
    assert bounds == [("web-ams", 2, 6), ("web-syd", 1, 3)]
    assert made.said("scale.all") == ("scale-max", "approximated")
    merged = make(workload, target=Target(merge_sites=True))
    assert (merged.spec["minReplicas"], merged.spec["maxReplicas"]) == (3, 9)


def test_a_sites_requests_are_its_own() -> None:
    """A template that counts all sites' requests would make each site scale for all of them."""
    workload = replace(
        web(metric("requests", 200), min=(count(2, "ams"), count(2, "syd"))),
        replicas=(count(4, "ams"), count(2, "syd")),
    )
    target = replace(ADAPTER, sites=(Site(name="ams"), Site(name="syd")))
    assert make(workload, target=target).said("scale.requests") == ("scale-metric-name", "undecided")
    by_site = MetricNames(source="prometheus-adapter", requests='sum(rate(hits{site="{site}"}[1m]))')
    text = make(workload, target=replace(target, metrics=by_site)).scaled.extras["prometheus-adapter-web.yaml"]
    assert 'site=\\"ams\\"' in text
    assert 'site=\\"syd\\"' in text


def test_an_upper_bound_is_not_guessed() -> None:
    """An HPA needs one; without it there is no HPA, and the question takes a number."""
    workload = web(metric("cpu", 0.7), max=())
    assert make(workload).scaled == Scaled()
    assert make(workload, answers={"scale-max": "12"}).spec["maxReplicas"] == 12


def test_scale_to_zero_keeps_one() -> None:
    """minReplicas 0 needs a gate."""
    made = make(web(metric("cpu", 0.7), min=(count(0, path="min"),)))
    assert made.spec["minReplicas"] == 1
    assert made.said("scale.min") == ("scale-min", "approximated")


def test_an_unknown_kind_of_rule_is_refused() -> None:
    """One clear error for a mapping that gives another word."""
    with pytest.raises(PodliftError, match="'disk' is no kind of autoscaling rule"):
        make(web(metric("disk", 1)))


def test_a_budget_only_from_two_pods() -> None:
    """Of one pod a budget would only stand in the way of drains; the HPA's floor counts where there is one."""
    plain = replace(web(), scaling=None)
    (budget,) = make(plain).budgets
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert make(replace(plain, replicas=(count(1),))).budgets == []
    assert make(web(metric("cpu", 0.7), min=(count(1),))).budgets == []
    (budget,) = make(replace(plain, rollout=Rollout(max_unavailable="25%"))).budgets
    assert budget["spec"]["maxUnavailable"] == "25%"
