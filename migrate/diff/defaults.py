"""What the API server fills in, as a table: it is filled into the planned object too, so that it is no difference.

Only ever applied to the planned side. On the live side a missing field is missing: whoever took away a field that
the plan gives a value must show. Source: the ``SetDefaults_*`` functions of Kubernetes' pkg/apis, 1.31 to 1.37;
tests/cluster holds it against an API server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from .copying import copied

Body = dict[str, Any]

_PROBE = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
_POD = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
    "enableServiceLinks": True,
}
_CONTAINER = {"resources": {}, "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
# Volume sources whose files have mode 0644 unless somebody says otherwise.
_MODED = ("configMap", "secret", "downwardAPI", "projected")

# Plain fields (no pointers) that are not stored while they are empty: false, 0 and "" say the same as nothing.
_UNSTORED = frozenset(
    (
        "hostNetwork", "hostPID", "hostIPC", "tty", "stdin", "stdinOnce", "readOnly", "paused",
        "publishNotReadyAddresses", "initialDelaySeconds", "minReadySeconds", "hostPort", "workingDir", "subPath",
        "medium", "hostname", "subdomain", "priorityClassName", "nodeName", "value", "host",
    )
)  # fmt: skip
# Maps whose keys are the user's.
_FREE = frozenset(("data", "stringData", "binaryData", "labels", "annotations", "matchLabels", "nodeSelector"))

_SPEC: Mapping[str, Body] = {
    "Deployment": {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600},
    "StatefulSet": {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "podManagementPolicy": "OrderedReady",
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "updateStrategy": {"type": "RollingUpdate"},
    },
    "DaemonSet": {"revisionHistoryLimit": 10, "updateStrategy": {"type": "RollingUpdate"}},
    "Job": {
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "completions": 1,
        "parallelism": 1,
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
        "manualSelector": False,
    },
    "CronJob": {
        "concurrencyPolicy": "Allow",
        "failedJobsHistoryLimit": 1,
        "successfulJobsHistoryLimit": 3,
        "suspend": False,
    },
    "Service": {"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"},
    "PersistentVolumeClaim": {"volumeMode": "Filesystem"},
    "HorizontalPodAutoscaler": {"minReplicas": 1},
}
_ROLLING: Mapping[str, Body] = {
    "Deployment": {"maxSurge": "25%", "maxUnavailable": "25%"},
    "StatefulSet": {"partition": 0},
    "DaemonSet": {"maxSurge": 0, "maxUnavailable": 1},
}


def with_defaults(planned: Mapping[str, Any]) -> Body:
    """The object as the API server would store it, as far as the plan decides that."""
    made: Body = copied(planned)
    _drop_unstored(made)
    kind = made["kind"]
    if kind in _SPEC:
        spec = made.setdefault("spec", {})
        _fill(spec, _SPEC[kind])
    special: Mapping[str, Callable[[Body], None]] = {
        "Deployment": _deployment,
        "StatefulSet": _stateful_set,
        "DaemonSet": _daemon_set,
        "CronJob": _cron_job,
        "Service": _service,
        "HorizontalPodAutoscaler": _autoscaler,
        "HTTPRoute": _http_route,
    }
    if kind in special:
        special[kind](made["spec"])
    for template in templates(made):
        _pod(template.setdefault("spec", {}))
    return made


def templates(made: Mapping[str, Any]) -> Iterator[Body]:
    """The pod template of a controller."""
    spec = made.get("spec")
    if isinstance(spec, dict) and isinstance(spec.get("jobTemplate"), dict):
        spec = spec["jobTemplate"].get("spec")
    if isinstance(spec, dict) and isinstance(spec.get("template"), dict):
        yield spec["template"]


def _drop_unstored(value: Body) -> None:
    """Written for speed: every map of every planned object passes here."""
    if not _UNSTORED.isdisjoint(value):
        for key in [k for k in _UNSTORED.intersection(value) if value[k] in (False, 0, "")]:
            del value[key]
    for key, each in value.items():
        if type(each) is dict:
            if key not in _FREE:
                _drop_unstored(each)
        elif type(each) is list:
            for item in each:
                if type(item) is dict:
                    _drop_unstored(item)


def _fill(into: Body, defaults: Mapping[str, Any]) -> None:
    for key, value in defaults.items():
        if key not in into:
            into[key] = deepcopy(value)


def _deployment(spec: Body) -> None:
    strategy = spec.setdefault("strategy", {"type": "RollingUpdate"})
    strategy.setdefault("type", "RollingUpdate")
    _rolling(strategy, "Deployment")


def _stateful_set(spec: Body) -> None:
    _rolling(spec["updateStrategy"], "StatefulSet")
    for claim in spec.get("volumeClaimTemplates", ()):
        _fill(claim, {"apiVersion": "v1", "kind": "PersistentVolumeClaim"})
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")


def _daemon_set(spec: Body) -> None:
    _rolling(spec["updateStrategy"], "DaemonSet")


def _rolling(strategy: Body, kind: str) -> None:
    if strategy.get("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("type", "RollingUpdate")
        _fill(strategy.setdefault("rollingUpdate", {}), _ROLLING[kind])


def _cron_job(spec: Body) -> None:
    # The API server fills in a CronJob's pod template and leaves the Job around it as it is, but for these.
    spec.setdefault("jobTemplate", {}).setdefault("spec", {})


def _service(spec: Body) -> None:
    for port in spec.get("ports", ()):
        _fill(port, {"protocol": "TCP", "targetPort": port["port"]})
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if spec["type"] == "ExternalName":
        spec.pop("internalTrafficPolicy", None)
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10800}})


def _autoscaler(spec: Body) -> None:
    """pkg/apis/autoscaling/v2/defaults.go: a behaviour that is named in part is filled in whole."""
    behavior = spec.get("behavior")
    if not behavior:
        return
    up = behavior.setdefault("scaleUp", {})
    _fill(up, {"selectPolicy": "Max", "stabilizationWindowSeconds": 0})
    up.setdefault(
        "policies",
        [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ],
    )
    down = behavior.setdefault("scaleDown", {})
    _fill(down, {"selectPolicy": "Max"})
    down.setdefault("policies", [{"type": "Percent", "value": 100, "periodSeconds": 15}])


def _http_route(spec: Body) -> None:
    """The defaults in Gateway API's own CRD, as far as a plan has such fields."""
    for parent in spec.get("parentRefs", ()):
        _fill(parent, {"group": "gateway.networking.k8s.io", "kind": "Gateway"})
    for rule in spec.get("rules", ()):
        for backend in rule.get("backendRefs", ()):
            _fill(backend, {"group": "", "kind": "Service", "weight": 1})


def _pod(spec: Body) -> None:
    _fill(spec, _POD)
    if spec.get("serviceAccountName"):
        spec.setdefault("serviceAccount", spec["serviceAccountName"])
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        _container(container, host_network=spec.get("hostNetwork", False))
    for volume in spec.get("volumes", ()):
        for source in _MODED:
            if isinstance(volume.get(source), dict):
                volume[source].setdefault("defaultMode", 420)
        if isinstance(volume.get("hostPath"), dict):
            volume["hostPath"].setdefault("type", "")
        for part in (volume.get("projected") or {}).get("sources", ()):
            if "serviceAccountToken" in part:
                part["serviceAccountToken"].setdefault("expirationSeconds", 3600)
            _fields((part.get("downwardAPI") or {}).get("items", ()))
        _fields((volume.get("downwardAPI") or {}).get("items", ()))
        template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
        if template:
            template.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")


def _container(container: Body, *, host_network: bool) -> None:
    _fill(container, _CONTAINER)
    container.setdefault("imagePullPolicy", _pull_policy(container.get("image", "")))
    resources = container["resources"]
    if resources.get("limits"):
        requests = {**resources["limits"], **resources.get("requests", {})}
        resources["requests"] = requests
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
        if host_network:
            port.setdefault("hostPort", port["containerPort"])
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(probe), dict):
            _fill(container[probe], _PROBE)
            _handler(container[probe])
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _handler(hook)
    _fields([each["valueFrom"] for each in container.get("env", ()) if isinstance(each.get("valueFrom"), dict)])


def _handler(handler: Body) -> None:
    if isinstance(handler.get("httpGet"), dict):
        _fill(handler["httpGet"], {"path": "/", "scheme": "HTTP"})
    if isinstance(handler.get("grpc"), dict):
        handler["grpc"].setdefault("service", "")


def _fields(sources: Any) -> None:
    for source in sources:
        if isinstance(source.get("fieldRef"), dict):
            source["fieldRef"].setdefault("apiVersion", "v1")
        if isinstance(source.get("resourceFieldRef"), dict):
            source["resourceFieldRef"].setdefault("divisor", "0")


def _pull_policy(image: str) -> str:
    """Always for ``latest``, said or unsaid; IfNotPresent for another tag and for a digest."""
    if "@" in image:
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"
