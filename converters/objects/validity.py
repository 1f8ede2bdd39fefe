"""What schemas cannot check and the API server would refuse, or accept and never satisfy.

A guard: podlift's own objects have no such problem, and an override that makes one is told so before anything is
written. Sources: apimachinery/pkg/util/validation, kubernetes/pkg/apis/*/validation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .. import quantity
from ..errors import PodliftError
from .controller import cron_fits

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_SERVICE_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_KEY_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?", re.ASCII)
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
    check = _BY_KIND.get(kind)
    if check is not None:
        yield from check(each, spec)
    template = pod_template_of(each)
    if template is not None:
        yield from _pod(template, kind)
        # Claims of a StatefulSet's templates are volumes as well.
        claims = {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", ())}
        yield from _volumes(template["spec"], claims)


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
        pattern = _SERVICE_LABEL if kind == "Service" else _LABEL
        if not pattern.fullmatch(name):
            yield f"{name!r} is no name of a {kind}: letters a to z, digits and dashes, 63 at most"
    elif len(name) > 253 or not _SUBDOMAIN.fullmatch(name):
        yield f"{name!r} is no DNS name of 253 characters at most"
    limit = CRON_JOB_NAME_LIMIT if kind == "CronJob" else CONTROLLER_NAME_LIMIT
    if (kind == "CronJob" or kind in _LABELLED_NAMES) and len(name) > limit:
        yield f"a name of {len(name)} characters, and {limit} is the most, since pods' names are made of it"
    if "namespace" in metadata and not _LABEL.fullmatch(metadata["namespace"]):
        yield f"{metadata['namespace']!r} is no namespace"
    yield from _labels(metadata.get("labels") or {})
    annotations = metadata.get("annotations") or {}
    for key, value in annotations.items():
        if not _key(key):
            yield f"annotation {key!r} is no key"
        if not isinstance(value, str):
            yield f"annotation {key} is no text"
    size = sum(len(str(k).encode()) + len(str(v).encode()) for k, v in annotations.items())
    if size > ANNOTATIONS_LIMIT:
        yield f"annotations of {size} bytes, and {ANNOTATIONS_LIMIT} is the most"


def _labels(labels: Mapping[str, Any]) -> Iterator[str]:
    for key, value in labels.items():
        if not _key(key):
            yield f"label {key!r} is no key"
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            yield f"label {key} has no label's value: {value!r}"


def _key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    return _KEY_NAME.fullmatch(name) is not None and (
        not slash or (len(prefix) <= 253 and _SUBDOMAIN.fullmatch(prefix) is not None)
    )


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
    yield from _twice((c["metadata"]["name"] for c in spec.get("volumeClaimTemplates", ())), "claim template")
    for claim in spec.get("volumeClaimTemplates", ()):
        yield from _claim(claim, claim["spec"])


def _cron_job(_: Object, spec: Mapping[str, Any]) -> Iterator[str]:
    if not cron_fits(spec["schedule"]):
        yield f"schedule {spec['schedule']!r} has not five fields"
    if spec.get("timeZone") == "Local":
        yield "timeZone Local is refused"


def _service(_: Object, spec: Mapping[str, Any]) -> Iterator[str]:
    ports = spec.get("ports") or ()
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        yield "no ports, which only a headless Service may have"
    yield from _twice((f"{p['port']}/{p.get('protocol', 'TCP')}" for p in ports), "port")
    yield from _twice((p["name"] for p in ports if "name" in p), "port name")
    for port in ports:
        if len(ports) > 1 and not port.get("name"):
            yield f"port {port['port']} has no name"
        if "name" in port and not _LABEL.fullmatch(port["name"]):
            yield f"{port['name']!r} is no port name"
        yield from _range(port["port"], "port")
        target = port.get("targetPort", port["port"])
        if isinstance(target, int):
            yield from _range(target, "targetPort")
    yield from _labels(spec.get("selector") or {})


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
                yield from _amount(target[key], f"metric {key}", positive=True)


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
        yield from _amount(size, "storage", positive=True)


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


# ---------------------------------------------------------------- pods


def _pod(template: Mapping[str, Any], kind: str) -> Iterator[str]:
    spec = template["spec"]
    yield from _labels((template.get("metadata") or {}).get("labels") or {})
    policy = spec.get("restartPolicy", "Always")
    allowed = ("Never", "OnFailure") if kind in ("Job", "CronJob") else ("Always",)
    if policy not in allowed:
        yield f"restartPolicy {policy}, and a {kind} takes {' or '.join(allowed)}"
    containers = [*spec.get("initContainers", ()), *spec["containers"]]
    if not spec["containers"]:
        yield "no containers"
    yield from _twice((c["name"] for c in containers), "container")
    yield from _twice(
        (
            f"{p.get('hostIP', '')}:{p['hostPort']}/{p.get('protocol', 'TCP')}"
            for c in spec["containers"]
            for p in c.get("ports", ())
            if "hostPort" in p
        ),
        "host port",
    )
    yield from _twice((p["name"] for c in spec["containers"] for p in c.get("ports", ()) if "name" in p), "port name")
    for container in containers:
        for problem in _container(container, host_network=bool(spec.get("hostNetwork"))):
            yield f"container {container['name']}: {problem}"
    grace = spec.get("terminationGracePeriodSeconds", 30)
    if grace < 0:
        yield f"terminationGracePeriodSeconds {grace}"
    yield from _twice((s["name"] for s in (spec.get("securityContext") or {}).get("sysctls", ())), "sysctl")
    if len((spec.get("dnsConfig") or {}).get("nameservers") or ()) > 3:
        yield "more than three name servers"


def _container(container: Mapping[str, Any], *, host_network: bool) -> Iterator[str]:
    if not _LABEL.fullmatch(container["name"]):
        yield "the name is no DNS label"
    if not container.get("image", "").strip():
        yield "no image"
    yield from _twice((e["name"] for e in container.get("env", ())), "variable")
    ports = container.get("ports", ())
    yield from _twice((f"{p['containerPort']}/{p.get('protocol', 'TCP')}" for p in ports), "port")
    for port in ports:
        yield from _range(port["containerPort"], "containerPort")
        if "hostPort" in port:
            yield from _range(port["hostPort"], "hostPort")
            if host_network and port["hostPort"] != port["containerPort"]:
                yield f"hostPort {port['hostPort']} is not {port['containerPort']}, in the node's network"
        if "name" in port and not _PORT_NAME.fullmatch(port["name"]):
            yield f"{port['name']!r} is no port name"
    yield from _resources(container.get("resources") or {})
    for role in ("livenessProbe", "readinessProbe", "startupProbe"):
        if role in container:
            yield from (f"{role}: {problem}" for problem in _probe(container[role], role))


def _resources(resources: Mapping[str, Any]) -> Iterator[str]:
    limits, asked = resources.get("limits") or {}, resources.get("requests") or {}
    for part, amounts in (("limit", limits), ("request", asked)):
        for name, amount in amounts.items():
            yield from _amount(amount, f"{name} {part}")
    for name in sorted(limits.keys() & asked.keys()):
        wanted, most = _parsed(asked[name]), _parsed(limits[name])
        if wanted is not None and most is not None and wanted > most:
            yield f"{name} request {asked[name]} is above the limit {limits[name]}"


def _probe(probe: Mapping[str, Any], role: str) -> Iterator[str]:
    handlers = [key for key in ("exec", "httpGet", "tcpSocket", "grpc") if key in probe]
    if len(handlers) != 1:
        yield f"{len(handlers)} handlers"
    for key in ("periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold"):
        if probe.get(key, 1) < 1:
            yield f"{key} {probe[key]}"
    if role != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        yield f"successThreshold {probe['successThreshold']}, and 1 is due"
    for key in ("httpGet", "tcpSocket", "grpc"):
        port = (probe.get(key) or {}).get("port")
        if isinstance(port, int):
            yield from _range(port, "port")


def _volumes(spec: Mapping[str, Any], claims: set[str]) -> Iterator[str]:
    names = [volume["name"] for volume in spec.get("volumes", ())]
    yield from _twice([*names, *claims], "volume")
    known = {*names, *claims}
    for name in names:
        if not _LABEL.fullmatch(name):
            yield f"volume {name!r} has no DNS label's name"
    for volume in spec.get("volumes", ()):
        size = (volume.get("emptyDir") or {}).get("sizeLimit")
        if size is not None:
            yield from _amount(size, f"volume {volume['name']}: sizeLimit")
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        mounts = container.get("volumeMounts", ())
        yield from _twice((m["mountPath"] for m in mounts), f"container {container['name']}: mount path")
        for mount in mounts:
            if mount["name"] not in known:
                yield f"container {container['name']}: volume {mount['name']} is not there"
            if ":" in mount["mountPath"]:
                yield f"container {container['name']}: mount path {mount['mountPath']} holds a colon"


# ---------------------------------------------------------------- between objects


def _between(objects: Sequence[Object]) -> Iterator[str]:
    yield from _twice(
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


# ---------------------------------------------------------------- values


def _twice(names: Iterable[str], what: str) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{what} {name} {count} times"


def _range(port: int, what: str) -> Iterator[str]:
    if not 1 <= port <= 65535:
        yield f"{what} {port} is not from 1 to 65535"


def _amount(value: object, what: str, *, positive: bool = False) -> Iterator[str]:
    amount = _parsed(value)
    if amount is None:
        yield f"{what}: {value!r} is no quantity"
    elif amount < 0 or (positive and not amount):
        yield f"{what}: {value!r} is {'not positive' if positive else 'negative'}"


def _parsed(value: object) -> Any:
    try:
        return quantity.parse(str(value))
    except PodliftError:
        return None
