"""Autoscaling rules as metrics of an HPA, and what an adapter must be told to serve them.

CPU and memory are a fraction of something: the legacy side's limit, host or share; the HPA's is of the request. What
else a rule goes by (requests, latency, a query) must be served to the cluster under a name, which only the target can
give: then it is an External metric, and a rule of prometheus-adapter for it lies beside the manifests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .. import quantity
from ..errors import PodliftError
from ..fields.ledger import Ledger
from ..target import Target
from ..workload import Container, Metric, Workload
from .context import Context
from .resources import requests
from .service import has_service
from .sites import Part

ADAPTER = "prometheus-adapter"
SHARES_OF_ONE_CPU = 1024
WITHOUT = "without"
_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SERIES = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{([^{}]*)\}|(?=\[))")
_BARE = re.compile(r"\(\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterRule:
    """One ``externalRules`` entry of prometheus-adapter."""

    name: str
    series: str
    query: str

    def text(self) -> str:
        """YAML; a JSON string is one of YAML's."""
        return (
            f"- seriesQuery: {json.dumps(self.series)}\n"
            "  resources:\n"
            "    namespaced: false\n"
            "  name:\n"
            f"    as: {json.dumps(self.name)}\n"
            f"  metricsQuery: {json.dumps(self.query)}\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """One rule for one part: the HPA's metric, and the adapter's rule for it. ``missing``: nobody said how; no HPA."""

    spec: dict[str, Any] | None = None
    rule: AdapterRule | None = None
    missing: bool = False


def lacks_request(metric: Metric, container: Container, target: Target) -> bool:
    """Whether a rule goes by utilization and nobody stated what of. podlift's default CPU request would make of 70 % of
    the request an amount that nobody meant; to a fraction of something else it may be re-based."""
    if metric.kind == "cpu":
        return metric.basis == "request" and container.cpu_request_m is None
    return metric.kind == "memory" and requests(container, target).memory_bytes is None


def request_subject(place: int) -> str:
    """How decisions name the question for a request where no document asks it."""
    return f"scaling metric {place}: request"


def translated(
    metric: Metric,
    place: int,
    workload: Workload,
    part: Part,
    *,
    written: int,
    split: bool,
    context: Context,
    ledger: Ledger,
) -> Translated:
    """``place``: which of the workload's rules it is; ``written``: how many stand in the HPA before it."""
    question = _Question(metric, place, written, workload, part, split, context, ledger)
    if metric.kind in ("cpu", "memory"):
        return question.resource()
    if metric.kind in ("requests", "latency", "query"):
        return question.external()
    raise PodliftError(
        code="scale-kind",
        phase="convert",
        subject=f"{workload.name}: autoscaling",
        reason=f"{metric.kind!r} is no kind of autoscaling rule",
        next_step="let the mapping give cpu, memory, requests, latency or query",
    )


@dataclass(frozen=True, slots=True)
class _Question:
    metric: Metric
    place: int
    written: int
    workload: Workload
    part: Part
    split: bool
    context: Context
    ledger: Ledger

    @property
    def target(self) -> str:
        return f"HorizontalPodAutoscaler/{self.part.name}:spec.metrics[{self.written}]"

    @property
    def subject(self) -> str:
        return f"scaling metric {self.place}"

    # ------------------------------------------------------------ cpu and memory

    def resource(self) -> Translated:
        """The first container is the one that the rule is about: the others are its sidecars."""
        metric, container = self.metric, self.workload.containers[0]
        asked = requests(container, self.context.target)
        request = asked.cpu_m if metric.kind == "cpu" else asked.memory_bytes
        if lacks_request(metric, container, self.context.target) or request is None:
            what = f"{metric.target * 100:g} % of the {metric.kind} {metric.basis}"
            why = f"{what}, and no {metric.kind} request is stated"
            subject = request_subject(self.place)
            self.ledger.undecided(metric.origins, "scale-request", self.target, why=why, subject=subject)
            return Translated(missing=True)
        whole = self._basis(container, request)
        if whole is None:
            return Translated(missing=True)
        if not whole:
            return Translated()
        percent = max(1, round(metric.target * whole * 100 / request))
        if metric.basis == "request":
            exact = abs(percent - metric.target * 100) < 1e-6
            why = "" if exact else f"{metric.target * 100:g} % in whole per cent"
        else:
            why = f"{metric.target * 100:g} % of the {metric.basis} is {percent} % of the request"
        if why:
            self.ledger.approximated(metric.origins, "scale-metric", self.target, why=why)
        else:
            self.ledger.exact(metric.origins, "scale-metric", self.target)
        aim = {"type": "Utilization", "averageUtilization": percent}
        if len(self.workload.containers) > 1:
            spec: dict[str, Any] = {
                "type": "ContainerResource",
                "containerResource": {"name": metric.kind, "container": container.name, "target": aim},
            }
        else:
            spec = {"type": "Resource", "resource": {"name": metric.kind, "target": aim}}
        return Translated(spec=spec)

    def _basis(self, container: Container, request: int) -> float | None:
        """What the legacy fraction is of, in the request's unit; None where that is not known, 0 where the user goes
        without the rule."""
        metric = self.metric
        if metric.basis == "request":
            return request
        known: float | None = None
        if metric.basis == "limit":
            known = container.cpu_limit_m if metric.kind == "cpu" else container.memory_limit_bytes
        elif metric.basis == "share" and metric.kind == "cpu":
            known = (container.cpu_shares or SHARES_OF_ONE_CPU) * 1000 / SHARES_OF_ONE_CPU
        if known:
            return known
        answer = self.ledger.ask("scale-basis", metric.origins, self.subject)
        if answer == WITHOUT:
            self.ledger.dropped(metric.origins, "scale-basis", why="scales without this rule, as decided")
            return 0
        if answer is not None:
            amount = quantity.parse(answer)
            return float(amount * 1000 if metric.kind == "cpu" else amount)
        why = f"{metric.target * 100:g} % of the {metric.basis}, and how much {metric.kind} that is is not known"
        self.ledger.undecided(metric.origins, "scale-basis", self.target, why=why, subject=self.subject)
        return None

    # ------------------------------------------------------------ what an adapter serves

    def external(self) -> Translated:
        metric, targets = self.metric, (self.target,)
        answer = self.ledger.ask("scale-metric-name", metric.origins, self.subject)
        if answer == WITHOUT:
            self.ledger.dropped(metric.origins, "scale-metric-name", why="scales without this rule, as decided")
            return Translated()
        if answer is not None:
            why = f"{self._said()}: the external metric {answer}, as decided"
            self.ledger.approximated(metric.origins, "scale-metric", *targets, why=why)
            return Translated(spec=self._spec(answer))
        template, lacking = self._template()
        if lacking:
            why = f"{self._said()}: {lacking}; no HPA is written until then, and the count stays as it is"
            self.ledger.undecided(metric.origins, "scale-metric-name", *targets, why=why, subject=self.subject)
            return Translated(missing=True)
        name = self._name()
        query = self._filled(template)
        rule = _rule(name, query)
        if rule is None:
            why = f"{self._said()}: the query names no series, so that no adapter could find it"
            self.ledger.undecided(metric.origins, "scale-metric-name", *targets, why=why, subject=self.subject)
            return Translated(missing=True)
        why = f"{self._said()}: the external metric {name}, which the adapter serves by the rule in extras"
        if metric.kind == "latency" and metric.percentile is None and "{percentile}" in template:
            why += "; percentile 95, since none is said"
        self.ledger.approximated(metric.origins, "scale-metric", *targets, why=why)
        return Translated(spec=self._spec(name), rule=rule)

    def _said(self) -> str:
        metric = self.metric
        what = {"requests": "requests a second", "latency": "latency"}.get(metric.kind, "a query")
        return (
            f"{what}, {metric.target:g} per {metric.per}" if metric.kind != "latency" else f"{what} {metric.target:g} s"
        )

    def _template(self) -> tuple[str, str]:
        """The query, and what is lacking."""
        names = self.context.target.metrics
        template = {"requests": names.requests, "latency": names.latency, "query": self.metric.query}[self.metric.kind]
        if names.source != ADAPTER:
            what = "metrics: in target.yaml names no source; install prometheus-adapter and say so there"
            return template, what
        if not template:
            where = "the rule has no query" if self.metric.kind == "query" else f"metrics.{self.metric.kind} is not set"
            return template, f"{where} in target.yaml" if self.metric.kind != "query" else where
        if self.split and "{site}" not in template and self.metric.kind == "requests":
            return template, "each site scales by itself, and the template has no {site} to count a site's requests"
        if "{service}" in template and not has_service(self.workload):
            return template, "the template goes by the Service, and the workload has none"
        return template, ""

    def _filled(self, template: str) -> str:
        percentile = 95.0 if self.metric.percentile is None else self.metric.percentile
        values = {
            "{service}": self.context.name(self.workload.name),
            "{namespace}": self.context.namespace(self.workload.name) or "default",
            "{percentile}": _plain(percentile / 100),
            "{site}": self.part.site,
            "{workload}": self.part.name,
        }
        if self.metric.kind == "query":
            return template
        return re.sub("|".join(map(re.escape, values)), lambda m: values[m.group()], template)

    def _name(self) -> str:
        kind = {"requests": "requests_per_second", "latency": "latency_seconds"}.get(self.metric.kind, "query")
        stem = re.sub(r"[^a-zA-Z0-9_]", "_", self.part.name)
        return f"{stem}_{kind}_{self.place}"

    def _spec(self, name: str) -> dict[str, Any]:
        amount = _amount(self.metric.target)
        each = self.metric.per == "instance" and self.metric.kind != "latency"
        aim = {"type": "AverageValue", "averageValue": amount} if each else {"type": "Value", "value": amount}
        return {"type": "External", "external": {"metric": {"name": name}, "target": aim}}


def _rule(name: str, query: str) -> AdapterRule | None:
    """The adapter lists series by ``seriesQuery`` and puts a request's own matchers where ``<<.LabelMatchers>>``
    stands. A plain metric name is a query too. None: no series is named."""
    text = query.strip()
    if _METRIC_NAME.fullmatch(text):
        return AdapterRule(name=name, series=text, query=f"sum({text}{{<<.LabelMatchers>>}})")
    found = next((m for m in _SERIES.finditer(text) if m.group(2) is not None), None) or _SERIES.search(text)
    if found is None:
        found = _BARE.search(text)
        if found is None:
            return None
        series = found.group(1)
        return AdapterRule(name=name, series=series, query=text.replace(series, series + "{<<.LabelMatchers>>}", 1))
    matchers = found.group(2)
    series = found.group(1) + (f"{{{matchers}}}" if matchers else "")

    def selecting(match: re.Match[str]) -> str:
        inner = (match.group(2) or "").strip().rstrip(",")
        return f"{match.group(1)}{{{inner + ',' if inner else ''}<<.LabelMatchers>>}}"

    return AdapterRule(name=name, series=series, query=_SERIES.sub(selecting, text))


def _plain(number: float) -> str:
    return format(Decimal(repr(round(number, 6))).normalize(), "f")


def _amount(number: float) -> str:
    """A quantity: whole, or in thousandths."""
    if number == int(number):
        return str(int(number))
    return f"{max(1, round(number * 1000))}m"


def adapter_text(workload: str, rules: Sequence[AdapterRule]) -> str:
    """The file in ``extras/``: what to add to the adapter's configuration."""
    head = (
        f"# Rules of prometheus-adapter for autoscaling {workload}: add them to the externalRules of its\n"
        "# configuration. This is not applied with the manifests.\n"
        "externalRules:\n"
    )
    return head + "".join(rule.text() for rule in rules)
