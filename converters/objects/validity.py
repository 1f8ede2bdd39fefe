"""What schemas cannot check and the API server would refuse, or accept and never satisfy.

A guard: podlift's own objects have no such problem, and an override that makes one is told so before anything is
written. Sources: apimachinery/pkg/util/validation, kubernetes/pkg/apis/*/validation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .cron import cron_fits, zone_fits
from .legality import LABEL, SUBDOMAIN, amount, is_key, labels, port_range, twice
from .pod_validity import pod_problems

_SERVICE_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}", re.ASCII)
ANNOTATIONS_LIMIT = 256 * 1024
CRON_JOB_NAME_LIMIT = 52
CONTROLLER_NAME_LIMIT = 63
_LABELLED_NAMES = ("StatefulSet", "Job", "DaemonSet", "Deployment")

Object = Mapping[str, Any]


def problems(objects: Sequence[Object]) -> tuple[str, ...]:
    """Each problem as ``Kind/name: what``, in order; none for objects that an API server takes."""
    found: list[str] = []
    for each in objects:
        found += (f"{_called(each)}: {problem}" for problem in _of_one(each))
    found += _between(objects)
    return tuple(found)


def _called(each: Object) -> str:
    return f"{each.get('kind', '?')}/{each.get('metadata', {}).get('name', '?')}"


def _of_one(each: Object) -> Iterator[str]:
    kind, spec = each["kind"], each.get("spec") or {}
    yield from _metadata(each["metadata"], kind)
    replicas = spec.get("replicas", 0)
    if kind in ("Deployment", "StatefulSet") and not (type(replicas) is int and 0 <= replicas < 2**31):
        yield f"replicas: {str(replicas)[:20]!r} is no number of pods"
    check = _BY_KIND.get(kind)
    if check is not None:
        yield from check(each, spec)
    template = pod_template_of(each)
    if template is not None:
        claims = {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", ())}
        yield from pod_problems(template, kind, claims=claims)


def pod_template_of(each: Object) -> dict[str, Any] | None:
    """The pod template within a controller, None for what has none."""
    spec = each.get("spec") or {}
    if each["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template: dict[str, Any] | None = spec.get("template") if each["kind"] in _CONTROLLERS else None
    return template


# ---------------------------------------------------------------- names and labels


def _metadata(metadata: Mapping[str, Any], kind: str) -> Iterator[str]:
    name = metadata.get("name", "")
    if kind in ("Service", "Namespace"):
        pattern = _SERVICE_LABEL if kind == "Service" else LABEL
        if not pattern.fullmatch(name):
            yield f"{name!r} is no name of a {kind}: letters a to z, digits and dashes, 63 at most"
    elif len(name) > 253 or not SUBDOMAIN.fullmatch(name):
        yield f"{name!r} is no DNS name of 253 characters at most"
    limit = CRON_JOB_NAME_LIMIT if kind == "CronJob" else CONTROLLER_NAME_LIMIT
    if (kind == "CronJob" or kind in _LABELLED_NAMES) and len(name) > limit:
        yield f"a name of {len(name)} characters, and {limit} is the most, since pods' names are made of it"
    if "namespace" in metadata and not LABEL.fullmatch(metadata["namespace"]):
        yield f"{metadata['namespace']!r} is no namespace"
    yield from labels(metadata.get("labels") or {})
    annotations = metadata.get("annotations") or {}
    for key, value in annotations.items():
        if not is_key(key):
            yield f"annotation {key!r} is no key"
        if not isinstance(value, str):
            yield f"annotation {key} is no text"
    size = sum(len(str(k).encode()) + len(str(v).encode()) for k, v in annotations.items())
    if size > ANNOTATIONS_LIMIT:
        yield f"annotations of {size} bytes, and {ANNOTATIONS_LIMIT} is the most"


# ---------------------------------------------------------------- one kind each


def _selects(_: Object, spec: Mapping[str, Any]) -> Iterator[str]:
    wanted = spec["selector"].get("matchLabels") or {}
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    missing = sorted(key for key, value in wanted.items() if labels.get(key) != value)
    if not wanted:
        yield "an empty selector"
    if missing:
        yield f"the selector asks for {', '.join(missing)} and the pods lack it"


def _deployment(each: Object, spec: Mapping[str, Any]) -> Iterator[str]:
    yield from _selects(each, spec)
    strategy = spec.get("strategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    if strategy.get("type") == "Recreate" and rolling:
        yield "Recreate takes no rollingUpdate"
    if rolling and _nothing(rolling.get("maxSurge", "25%")) and _nothing(rolling.get("maxUnavailable", "25%")):
        yield "maxSurge 0 and maxUnavailable 0: nothing could be replaced"
    deadline, ready = spec.get("progressDeadlineSeconds", 600), spec.get("minReadySeconds", 0)
    if deadline <= ready:
        yield f"progressDeadlineSeconds {deadline} is not above minReadySeconds {ready}"


def _daemon_set(each: Object, spec: Mapping[str, Any]) -> Iterator[str]:
    yield from _selects(each, spec)
    rolling = (spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
    if rolling:
        surge, unavailable = _nothing(rolling.get("maxSurge", 0)), _nothing(rolling.get("maxUnavailable", 1))
        if surge == unavailable:
            yield "one of maxSurge and maxUnavailable must be 0, and the other not"


def _nothing(amount: object) -> bool:
    return str(amount).rstrip("%").strip("0") == ""


def _stateful_set(each: Object, spec: Mapping[str, Any]) -> Iterator[str]:
    yield from _selects(each, spec)
    yield from twice((c["metadata"]["name"] for c in spec.get("volumeClaimTemplates", ())), "claim template")
    for claim in spec.get("volumeClaimTemplates", ()):
        yield from _claim(claim, claim["spec"])


def _cron_job(_: Object, spec: Mapping[str, Any]) -> Iterator[str]:
    if not cron_fits(spec["schedule"]):
        yield f"schedule {spec['schedule']!r} is none of five fields"
    if "timeZone" in spec and not zone_fits(spec["timeZone"]):
        yield f"timeZone {spec['timeZone']!r} is no name of a time zone"


def _service(_: Object, spec: Mapping[str, Any]) -> Iterator[str]:
    ports = spec.get("ports") or ()
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        yield "no ports, which only a headless Service may have"
    yield from twice((f"{p['port']}/{p.get('protocol', 'TCP')}" for p in ports), "port")
    yield from twice((p["name"] for p in ports if "name" in p), "port name")
    for port in ports:
        if len(ports) > 1 and not port.get("name"):
            yield f"port {port['port']} has no name"
        if "name" in port and not LABEL.fullmatch(port["name"]):
            yield f"{port['name']!r} is no port name"
        yield from port_range(port["port"], "port")
        target = port.get("targetPort", port["port"])
        if isinstance(target, int):
            yield from port_range(target, "targetPort")
    yield from labels(spec.get("selector") or {})


def _autoscaler(_: Object, spec: Mapping[str, Any]) -> Iterator[str]:
    if spec.get("minReplicas", 1) > spec["maxReplicas"]:
        yield f"minReplicas {spec['minReplicas']} is above maxReplicas {spec['maxReplicas']}"
    if not spec.get("metrics"):
        yield "no metrics"
    for key, rules in (spec.get("behavior") or {}).items():
        window = rules.get("stabilizationWindowSeconds") or 0
        if not 0 <= window <= 3600:
            yield f"{key}: a stabilization window of {window} s, and 3600 is the most"
        for policy in rules.get("policies") or ():
            if not 1 <= policy["periodSeconds"] <= 1800:
                yield f"{key}: a period of {policy['periodSeconds']} s, and 1800 is the most"
    for metric in spec.get("metrics") or ():
        target: Mapping[str, Any] = next((part["target"] for part in metric.values() if isinstance(part, Mapping)), {})
        for key in ("value", "averageValue"):
            if key in target:
                yield from amount(target[key], f"metric {key}", positive=True)


def _budget(_: Object, spec: Mapping[str, Any]) -> Iterator[str]:
    if "minAvailable" in spec and "maxUnavailable" in spec:
        yield "minAvailable and maxUnavailable exclude each other"


def _claim(_: Object, spec: Mapping[str, Any]) -> Iterator[str]:
    if not spec.get("accessModes"):
        yield "no access modes"
    size = (spec.get("resources") or {}).get("requests", {}).get("storage")
    if size is None:
        yield "no size"
    else:
        yield from amount(size, "storage", positive=True)


def _data(each: Object, _: Mapping[str, Any]) -> Iterator[str]:
    for part in ("data", "stringData", "binaryData"):
        for key in each.get(part) or {}:
            if not _DATA_KEY.fullmatch(key) or key in (".", ".."):
                yield f"{key!r} is no key"


_BY_KIND: dict[str, Callable[[Object, Mapping[str, Any]], Iterator[str]]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "CronJob": _cron_job,
    "Service": _service,
    "HorizontalPodAutoscaler": _autoscaler,
    "PodDisruptionBudget": _budget,
    "PersistentVolumeClaim": _claim,
    "ConfigMap": _data,
    "Secret": _data,
}
_CONTROLLERS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")


# ---------------------------------------------------------------- between objects


def _between(objects: Sequence[Object]) -> Iterator[str]:
    yield from twice(
        (f"{_called(o)} in {o['metadata'].get('namespace', 'the current namespace')}" for o in objects), "object"
    )
    by_name = {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in objects}
    for each in objects:
        if each["kind"] != "HorizontalPodAutoscaler":
            continue
        to = each["spec"]["scaleTargetRef"]
        scaled = by_name.get((to["kind"], each["metadata"].get("namespace", ""), to["name"]))
        if scaled is None:
            yield f"{_called(each)}: {to['kind']}/{to['name']} is not there"
            continue
        if scaled["spec"].get("replicas"):
            yield f"{_called(each)}: {_called(scaled)} states its replicas, and each apply would reset what was scaled"
        yield from (f"{_called(each)}: {problem}" for problem in _requests(each, scaled))
    for each in objects:
        if each["kind"] == "StatefulSet":
            service = each["spec"].get("serviceName")
            if ("Service", each["metadata"].get("namespace", ""), service) not in by_name:
                yield f"{_called(each)}: Service {service} is not there"


def _requests(autoscaler: Object, scaled: Object) -> Iterator[str]:
    template = pod_template_of(scaled)
    containers = template["spec"]["containers"] if template else ()
    for metric in autoscaler["spec"].get("metrics", ()):
        part = metric.get("resource") or metric.get("containerResource")
        if part is None or part["target"]["type"] != "Utilization":
            continue
        for container in containers:
            if part.get("container", container["name"]) != container["name"]:
                continue
            resources = container.get("resources") or {}
            if part["name"] not in (resources.get("requests") or {}) and part["name"] not in (
                resources.get("limits") or {}
            ):
                yield f"container {container['name']} requests no {part['name']}"
