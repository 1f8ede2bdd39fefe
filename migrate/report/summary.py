"""A plan at a glance: the summary line and one row for each workload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from converters.fields.verdict import Level

from ..plan.model import Plan
from .table import count

SUMMARY_SCHEMA = "podlift.dev/summary/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a reviewer wants to know first of a workload, as texts; ``-`` where there is nothing."""

    name: str
    kind: str
    replicas: str
    ports: str
    exposure: str
    probes: str
    scaling: str
    undecided: int
    withheld: tuple[str, ...]


def summary_line(plan: Plan) -> str:
    """The line that scripts may rely on.

    ``Plan: 12 workloads, 48 objects; 310 verdicts: 260 exact, 30 approximated, 12 dropped, 8 undecided; 3 findings
    open.`` Defaulted targets have no source and are no verdicts on fields: they are not in it. Withheld workloads
    and unread hosts are added where there are any.
    """
    counts = levels(plan)
    said = sum(counts[level] for level in Level if level is not Level.DEFAULTED)
    told = ", ".join(f"{counts[level]:,} {level.value}" for level in Level if level is not Level.DEFAULTED)
    line = (
        f"Plan: {count(len(plan.workloads), 'workload')}, {count(len(plan.objects), 'object')}; "
        f"{count(said, 'verdict')}: {told}; {count(plan.open_findings, 'finding')} open"
    )
    if plan.withheld:
        line += f"; {count(len(plan.withheld), 'workload')} withheld"
    if plan.unread:
        line += f"; {count(len(plan.unread), 'host')} unread"
    return line + "."


def tally_line(plan: Plan) -> str:
    """How the leaves of all documents divide, ``""`` for a plan of none."""
    tally = plan.tally
    if not tally.get("leaves"):
        return ""
    atoms = sum(v.source is not None and v.level is not Level.DEFAULTED for v in plan.verdicts)
    classes = ", ".join(f"{tally.get(kind, 0):,} {kind}" for kind in ("inherited", "unset", "observed", "mirror"))
    return f"{tally['leaves']:,} leaves: {tally.get('present', 0):,} present under {atoms:,} verdicts, {classes}."


def assumed(plan: Plan) -> str:
    """What was taken for granted because no target was given, ``""`` if one was."""
    if plan.target.get("stated"):
        return ""
    version = ".".join(str(part) for part in plan.target.get("version", (1, 31)))
    return f"No target file: Kubernetes {version}, pod security baseline, no CRDs."


def levels(plan: Plan) -> Counter[Level]:
    return Counter(v.level for v in plan.verdicts)


def rows(plan: Plan) -> tuple[Row, ...]:
    objects: dict[str, list[Mapping[str, Any]]] = {}
    for workload, each in plan.objects:
        objects.setdefault(workload, []).append(each)
    undecided = Counter(v.workload for v in plan.verdicts if v.level is Level.UNDECIDED)
    undecided += Counter(f.workload for f in plan.findings if f.open)
    return tuple(_row(entry, objects.get(entry["name"], []), undecided[entry["name"]]) for entry in plan.workloads)


def summary_json(plan: Plan) -> dict[str, Any]:
    """The summary as data."""
    counts = levels(plan)
    return {
        "schema": SUMMARY_SCHEMA,
        "estate": plan.estate,
        "hash": plan.hash,
        "objects": len(plan.objects),
        "verdicts": {level.value: counts[level] for level in Level},
        "openFindings": plan.open_findings,
        "tally": dict(plan.tally),
        "targetStated": bool(plan.target.get("stated")),
        "unread": list(plan.unread),
        "acceptedUnread": list(plan.accepted_unread),
        "unusedAnswers": list(plan.unused_answers),
        "workloads": [
            {
                "name": row.name,
                "kind": row.kind,
                "class": entry["class"],
                "replicas": dict(entry["replicas"]),
                "ports": row.ports,
                "exposure": row.exposure,
                "probes": row.probes,
                "scaling": row.scaling,
                "undecided": row.undecided,
                "withheld": list(row.withheld),
            }
            for row, entry in zip(rows(plan), plan.workloads, strict=True)
        ],
    }


def _row(entry: Mapping[str, Any], objects: list[Mapping[str, Any]], undecided: int) -> Row:
    return Row(
        name=entry["name"],
        kind=_kind(entry, objects),
        replicas=_replicas(entry["replicas"], entry["kubernetesName"]),
        ports=", ".join(_port(p) for p in entry["ports"]) or "-",
        exposure=", ".join(dict.fromkeys(_exposures(objects))) or "-",
        probes=_probes(objects) or "-",
        scaling=_scaling(entry, objects) or "-",
        undecided=undecided,
        withheld=tuple(entry["withheld"]),
    )


_CONTROLLERS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")


def _kind(entry: Mapping[str, Any], objects: Iterable[Mapping[str, Any]]) -> str:
    """As written; for a withheld workload, what it would become."""
    made = [each["kind"] for each in objects if each["kind"] in _CONTROLLERS]
    if made:
        return f"{made[0]} x{len(made)}" if len(made) > 1 else str(made[0])
    known = {kind.lower(): kind for kind in _CONTROLLERS}
    return known.get(entry["controller"], entry["controller"] or "-")


def _replicas(replicas: Mapping[str, int], name: str) -> str:
    """``5``, or ``5 (ams 3, syd 2)`` where several controllers share them."""
    if len(replicas) < 2:
        return next((str(number) for number in replicas.values()), "-")
    parts = ", ".join(f"{controller.removeprefix(f'{name}-')} {number}" for controller, number in replicas.items())
    return f"{sum(replicas.values())} ({parts})"


def _port(port: Mapping[str, Any]) -> str:
    same = port["servicePort"] == port["containerPort"]
    number = f"{port['containerPort']}" if same else f"{port['servicePort']}->{port['containerPort']}"
    return f"{number}/{str(port['protocol']).lower()}"


def _exposures(objects: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for each in objects:
        if each["kind"] == "Service":
            spec = each["spec"]
            yield "headless" if spec.get("clusterIP") == "None" else spec.get("type", "ClusterIP")
        elif each["kind"] in ("Ingress", "HTTPRoute"):
            yield each["kind"]
        for container in containers(each):
            if any("hostPort" in port for port in container.get("ports", ())):
                yield "hostPort"


_HANDLERS = {"httpGet": "http", "tcpSocket": "tcp", "grpc": "grpc", "exec": "exec"}


def _probes(objects: Iterable[Mapping[str, Any]]) -> str:
    """``readiness+liveness http``: probes by what they ask."""
    by_handler: dict[str, dict[str, None]] = {}
    for each in objects:
        for container in containers(each):
            for probe in ("readiness", "liveness", "startup"):
                body = container.get(f"{probe}Probe") or {}
                for handler in _HANDLERS.keys() & body.keys():
                    by_handler.setdefault(_HANDLERS[handler], {})[probe] = None
    return ", ".join(f"{'+'.join(probes)} {handler}" for handler, probes in sorted(by_handler.items()))


def _scaling(entry: Mapping[str, Any], objects: Iterable[Mapping[str, Any]]) -> str:
    """``2-6, 1-3 by cpu, requests``: the ranges of its HPAs, and the legacy rules that became their metrics."""
    specs = [each["spec"] for each in objects if each["kind"] == "HorizontalPodAutoscaler"]
    if not specs:
        return ""
    ranges = ", ".join(f"{spec.get('minReplicas', 1)}-{spec['maxReplicas']}" for spec in specs)
    rules = entry["workload"].get("scaling", {}).get("metrics", ())
    kinds = ", ".join(dict.fromkeys(str(rule["kind"]) for rule in rules))
    return f"{ranges} by {kinds}" if kinds else ranges


def containers(each: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The containers of a controller's pod template."""
    spec = each.get("spec") or {}
    if "jobTemplate" in spec:
        spec = spec["jobTemplate"].get("spec", {})
    yield from spec.get("template", {}).get("spec", {}).get("containers", ())
