"""Plans for tests of apply: objects written by hand, each kind that a plan may hold, in one workload or several.

plan = planned(space, workload("web", deployment("web", replicas=3), service("web")), hosts=("h1",))
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from migrate.plan.model import Plan

Object = dict[str, Any]
ESTATE = "apply-tests"
# The image of the lab's sandboxes: on every node, a shell that waits.
IMAGE = "docker.io/library/pause:lab"
NOWHERE = "registry.invalid/nothing:1"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A workload: its objects, and what plan.json says of it. ``legacy``: how many instances it has there."""

    name: str
    objects: tuple[Object, ...]
    legacy: int = 1
    replicas: Mapping[str, int] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    withheld: tuple[str, ...] = ()
    host: str = "h1"


def workload(name: str, *objects: Object, **more: Any) -> Part:
    return Part(name=name, objects=objects, **more)


def planned(space: str, *parts: Part, shared: Sequence[Object] = (), without_values: bool = False, **more: Any) -> Plan:
    """A plan of these workloads in a namespace. ``without_values``: its secrets/ is not there."""
    objects = [("", _placed(each, space, "")) for each in shared]
    objects += [(part.name, _placed(each, space, part.name)) for part in parts for each in part.objects]
    secrets = [
        (part.name, _placed(secret(name, values), space, part.name))
        for part in parts
        for name, values in part.secrets.items()
    ]
    return Plan(
        estate=ESTATE,
        workloads=tuple(_entry(part, space) for part in parts),
        objects=tuple(objects),
        secrets=() if without_values else tuple(secrets),
        names={"namespaces": {part.name: space for part in parts}, "claims": []},
        **more,
    )


def _entry(part: Part, space: str) -> dict[str, Any]:
    controllers = {
        each["metadata"]["name"]: each["spec"].get("replicas", 1)
        for each in part.objects
        if each["kind"] in ("Deployment", "StatefulSet")
    }
    return {
        "name": part.name,
        "kubernetesName": part.name,
        "namespace": space,
        "replicas": {**controllers, **part.replicas},
        "instances": [{"name": f"{part.name}-{n}", "host": part.host} for n in range(part.legacy)],
        "secrets": [{"name": name, "keys": sorted(values)} for name, values in part.secrets.items()],
        "withheld": list(part.withheld),
    }


def _placed(each: Object, space: str, name: str) -> Object:
    made = deepcopy(each)
    labels = {"app.kubernetes.io/managed-by": "podlift", "podlift.dev/estate": ESTATE}
    labels |= {"podlift.dev/workload": name} if name else {}
    made["metadata"]["labels"] = {**labels, **made["metadata"].get("labels", {})}
    if made["kind"] != "Namespace":
        made["metadata"]["namespace"] = space
    return made


def of(api_version: str, kind: str, name: str, **body: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **body}


def pod(name: str, **container: Any) -> Object:
    """A template; the container's fields by keyword, the pod's in ``pod``."""
    of_pod = container.pop("pod", {})
    main = {"name": name, "image": IMAGE, "imagePullPolicy": "IfNotPresent", **container}
    spec = {"terminationGracePeriodSeconds": 0, **of_pod, "containers": [main]}
    return {"metadata": {"labels": {"podlift.dev/workload": name}}, "spec": spec}


def deployment(name: str, *, replicas: int | None = 1, **container: Any) -> Object:
    """``replicas`` None: an autoscaler says."""
    return _controller("Deployment", name, replicas, container, {})


def stateful(name: str, *, replicas: int | None = 1, governing: str = "", **container: Any) -> Object:
    return _controller("StatefulSet", name, replicas, container, {"serviceName": governing} if governing else {})


def _controller(kind: str, name: str, replicas: int | None, container: Object, more: Object) -> Object:
    spec = {"selector": {"matchLabels": {"podlift.dev/workload": name}}, "template": pod(name, **container), **more}
    return of("apps/v1", kind, name, spec=spec if replicas is None else {"replicas": replicas, **spec})


def daemon(name: str, **container: Any) -> Object:
    spec = {"selector": {"matchLabels": {"podlift.dev/workload": name}}, "template": pod(name, **container)}
    return of("apps/v1", "DaemonSet", name, spec=spec)


def job(name: str, **container: Any) -> Object:
    return of("batch/v1", "Job", name, spec={"backoffLimit": 0, "template": _ending(name, **container)})


def cron(name: str, **container: Any) -> Object:
    inner = {"spec": {"template": _ending(name, **container)}}
    return of("batch/v1", "CronJob", name, spec={"schedule": "15 3 1 1 *", "jobTemplate": inner})


def _ending(name: str, **container: Any) -> Object:
    return pod(name, **container, pod={"restartPolicy": "Never"})


def service(name: str, *, headless: bool = False) -> Object:
    spec = {"selector": {"podlift.dev/workload": name}, "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}
    return of("v1", "Service", name, spec={**spec, "clusterIP": "None"} if headless else spec)


def ingress(name: str) -> Object:
    backend = {"service": {"name": name, "port": {"number": 80}}}
    rule = {"host": f"{name}.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return of("networking.k8s.io/v1", "Ingress", name, spec={"rules": [rule]})


def autoscaler(name: str, *, kind: str = "Deployment", least: int = 2, most: int = 5) -> Object:
    target = {"type": "Utilization", "averageUtilization": 70}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name},
        "minReplicas": least,
        "maxReplicas": most,
        "metrics": [metric],
    }
    return of("autoscaling/v2", "HorizontalPodAutoscaler", name, spec=spec)


def budget(name: str) -> Object:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"podlift.dev/workload": name}}}
    return of("policy/v1", "PodDisruptionBudget", name, spec=spec)


def claim(name: str, *, size: str = "1Gi", storage_class: str = "none") -> Object:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": size}},
    }
    return of("v1", "PersistentVolumeClaim", name, spec=spec)


def config(name: str, **data: str) -> Object:
    return of("v1", "ConfigMap", name, data=data)


def account(name: str) -> Object:
    return of("v1", "ServiceAccount", name, automountServiceAccountToken=False)


def secret(name: str, values: Mapping[str, str]) -> Object:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return of("v1", "Secret", name, type="Opaque", data=data)


def everything(name: str = "web", **more: Any) -> Part:
    """A workload with an object of every kind that a stage tells apart."""
    return workload(
        name,
        account(name),
        config(f"{name}-files", greeting="hello"),
        claim(f"{name}-data"),
        service(name),
        service(f"{name}-members", headless=True),
        deployment(name, replicas=2),
        stateful(f"{name}-store", replicas=None, governing=f"{name}-members"),
        daemon(f"{name}-agent"),
        job(f"{name}-once"),
        cron(f"{name}-nightly"),
        autoscaler(f"{name}-store", kind="StatefulSet"),
        budget(name),
        ingress(name),
        replicas={f"{name}-store": 2},
        secrets={f"{name}-env": {"PASSWORD": "of no meaning"}},
        **more,
    )
