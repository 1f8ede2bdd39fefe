"""What schemas let through and an API server would refuse; and that the schemas of the tests do refuse the rest."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from converters.objects.validity import problems
from tests.schemas import assert_valid

LABELS = {"podlift.dev/workload": "web"}
POD: dict[str, Any] = {
    "metadata": {"labels": LABELS},
    "spec": {
        "restartPolicy": "Always",
        "containers": [
            {
                "name": "web",
                "image": "reg.example/web@sha256:" + "a" * 64,
                "ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}],
                "env": [{"name": "A", "value": "1"}],
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                "readinessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 5, "timeoutSeconds": 1},
            }
        ],
        "volumes": [{"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}],
    },
}


def named(kind: str, version: str, spec: dict[str, Any], name: str = "web") -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": dict(LABELS)}, "spec": spec}


def everything() -> dict[str, dict[str, Any]]:
    """One legal object of each kind that is looked into, by kind."""
    selector = {"matchLabels": LABELS}
    job = deepcopy(POD)
    job["spec"]["restartPolicy"] = "Never"
    objects = [
        named(
            "Deployment", "apps/v1",
            {
                "selector": selector, "minReadySeconds": 10, "template": deepcopy(POD),
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            },
        ),
        named(
            "DaemonSet", "apps/v1",
            {
                "selector": selector, "template": deepcopy(POD),
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            },
        ),
        named(
            "StatefulSet", "apps/v1",
            {"selector": selector, "serviceName": "web", "template": deepcopy(POD), "volumeClaimTemplates": []},
        ),
        named("Job", "batch/v1", {"backoffLimit": 0, "template": job}),
        named("CronJob", "batch/v1", {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": deepcopy(job)}}}),
        named(
            "Service", "v1",
            {"selector": dict(LABELS), "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}]},
        ),
        named(
            "HorizontalPodAutoscaler", "autoscaling/v2",
            {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "minReplicas": 2, "maxReplicas": 4,
                "metrics": [
                    {"type": "Resource",
                     "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
                    {"type": "External",
                     "external": {"metric": {"name": "rps"}, "target": {"type": "Value", "value": "250m"}}},
                ],
                "behavior": {"scaleUp": {"stabilizationWindowSeconds": 0, "policies": [
                    {"type": "Pods", "value": 1, "periodSeconds": 60}]}},
            },
        ),
        named("PodDisruptionBudget", "policy/v1", {"maxUnavailable": 1, "selector": selector}),
        named(
            "PersistentVolumeClaim", "v1",
            {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        ),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"A_b.c-d": "1"}},
    ]  # fmt: skip
    return {each["kind"]: each for each in objects}


def test_legal_objects_have_no_problem() -> None:
    """The base of the tests below passes, and the schemas agree."""
    objects = list(everything().values())
    assert problems(objects) == ()
    assert_valid(objects)


def test_the_schemas_are_strict() -> None:
    """An unknown field and a wrong type deep in a pod are refused in both versions."""
    broken = everything()["Deployment"]
    broken["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"
    broken["spec"]["minReadySeconds"] = "10"
    with pytest.raises(AssertionError) as complaint:
        assert_valid([broken])
    assert str(complaint.value).count("imagePullPolice") == 2
    assert str(complaint.value).count("minReadySeconds") == 2


CONTAINER = "spec.template.spec.containers.0"

BROKEN: list[tuple[str, str, Any, str]] = [
    ("Deployment", "metadata.name", "Web_1", "no DNS name"),
    ("Deployment", "metadata.name", "w" * 64, "63 is the most"),
    ("Deployment", "metadata.namespace", "Edge", "no namespace"),
    ("Deployment", "metadata.labels", {"a b": "c"}, "is no key"),
    ("Deployment", "metadata.labels", {"a": "b" * 64}, "no label's value"),
    ("Deployment", "metadata.labels", {"a": "-b"}, "no label's value"),
    ("Deployment", "metadata.annotations", {"a/b/c": ""}, "is no key"),
    ("Deployment", "metadata.annotations", {"a": 1}, "is no text"),
    ("Deployment", "metadata.annotations", {"a": "x" * 300_000}, "262144 is the most"),
    ("Deployment", "spec.selector.matchLabels", {"app": "web"}, "the pods lack it"),
    ("Deployment", "spec.selector.matchLabels", {}, "an empty selector"),
    ("Deployment", "spec.strategy.rollingUpdate", {"maxSurge": "0%", "maxUnavailable": 0}, "nothing could be replaced"),
    ("Deployment", "spec.strategy.type", "Recreate", "takes no rollingUpdate"),
    ("Deployment", "spec.progressDeadlineSeconds", 10, "not above minReadySeconds"),
    ("Deployment", "spec.minReadySeconds", 600, "not above minReadySeconds"),
    ("Deployment", "spec.template.spec.restartPolicy", "OnFailure", "takes Always"),
    ("Deployment", "spec.template.spec.containers", [], "no containers"),
    ("Deployment", "spec.template.spec.terminationGracePeriodSeconds", -1, "terminationGracePeriodSeconds -1"),
    ("Deployment", f"{CONTAINER}.name", "Web", "no DNS label"),
    ("Deployment", f"{CONTAINER}.image", " ", "no image"),
    ("Deployment", f"{CONTAINER}.env", [{"name": "A"}, {"name": "A"}], "variable A 2 times"),
    ("Deployment", f"{CONTAINER}.ports.0.containerPort", 0, "not from 1 to 65535"),
    ("Deployment", f"{CONTAINER}.ports.0.hostPort", 65536, "not from 1 to 65535"),
    ("Deployment", f"{CONTAINER}.ports.0.name", "8080", "no port name"),
    ("Deployment", f"{CONTAINER}.ports.0.name", "a-very-long-name", "no port name"),
    ("Deployment", f"{CONTAINER}.ports.0.name", "a--b", "no port name"),
    ("Deployment", f"{CONTAINER}.ports", [{"containerPort": 80}, {"containerPort": 80}], "port 80/TCP 2 times"),
    ("Deployment", f"{CONTAINER}.ports", [{"name": "a", "containerPort": 80}, {"name": "a", "containerPort": 81}],
     "port name a 2 times"),
    ("Deployment", f"{CONTAINER}.resources.requests.cpu", "1zz", "no quantity"),
    ("Deployment", f"{CONTAINER}.resources.requests.cpu", "-1", "negative"),
    ("Deployment", f"{CONTAINER}.resources.requests.cpu", "1001m", "above the limit"),
    ("Deployment", f"{CONTAINER}.resources.requests.memory", "65Mi", "above the limit"),
    ("Deployment", f"{CONTAINER}.readinessProbe.tcpSocket.port", 70000, "not from 1 to 65535"),
    ("Deployment", f"{CONTAINER}.readinessProbe.timeoutSeconds", 0, "timeoutSeconds 0"),
    ("Deployment", f"{CONTAINER}.readinessProbe.exec", {"command": ["true"]}, "2 handlers"),
    ("Deployment", f"{CONTAINER}.livenessProbe", {"tcpSocket": {"port": 80}, "successThreshold": 2}, "1 is due"),
    ("Deployment", f"{CONTAINER}.volumeMounts.0.name", "cache", "volume cache is not there"),
    ("Deployment", f"{CONTAINER}.volumeMounts.0.mountPath", "/a:b", "holds a colon"),
    ("Deployment", f"{CONTAINER}.volumeMounts",
     [{"name": "data", "mountPath": "/a"}, {"name": "data", "mountPath": "/a"}], "mount path /a 2 times"),
    ("Deployment", "spec.template.spec.volumes.0.emptyDir.sizeLimit", "much", "no quantity"),
    ("Deployment", "spec.template.spec.dnsConfig", {"nameservers": list("1234")}, "more than three"),
    ("DaemonSet", "spec.updateStrategy.rollingUpdate", {"maxSurge": 1, "maxUnavailable": 1}, "must be 0"),
    ("StatefulSet", "spec.serviceName", "pods", "Service pods is not there"),
    ("StatefulSet", "spec.volumeClaimTemplates",
     [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}], "volume data 2 times"),
    ("Job", "spec.template.spec.restartPolicy", "Always", "takes Never or OnFailure"),
    ("CronJob", "metadata.name", "c" * 53, "52 is the most"),
    ("CronJob", "spec.schedule", "0 0 3 * * *", "none of five fields"),
    ("CronJob", "spec.timeZone", "Local", "no name of a time zone"),
    ("Service", "metadata.name", "2fa", "no name of a Service"),
    ("Service", "spec.ports", [], "no ports"),
    ("Service", "spec.ports", [{"port": 80}, {"port": 81, "name": "b"}], "port 80 has no name"),
    ("Service", "spec.ports", [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}], "port 80/TCP 2 times"),
    ("Service", "spec.ports.0.targetPort", 0, "targetPort 0"),
    ("HorizontalPodAutoscaler", "spec.minReplicas", 5, "above maxReplicas"),
    ("HorizontalPodAutoscaler", "spec.metrics", [], "no metrics"),
    ("HorizontalPodAutoscaler", "spec.metrics.1.external.target.value", "0", "not positive"),
    ("HorizontalPodAutoscaler", "spec.scaleTargetRef.name", "api", "Deployment/api is not there"),
    ("HorizontalPodAutoscaler", "spec.behavior.scaleUp.stabilizationWindowSeconds", 3601, "3600 is the most"),
    ("HorizontalPodAutoscaler", "spec.behavior.scaleUp.policies.0.periodSeconds", 1801, "1800 is the most"),
    ("Deployment", "spec.replicas", 3, "states its replicas"),
    ("Deployment", f"{CONTAINER}.resources", {}, "requests no cpu"),
    ("PodDisruptionBudget", "spec.minAvailable", 1, "exclude each other"),
    ("PersistentVolumeClaim", "spec.accessModes", [], "no access modes"),
    ("PersistentVolumeClaim", "spec.resources", {}, "no size"),
    ("PersistentVolumeClaim", "spec.resources.requests.storage", "0", "not positive"),
    ("ConfigMap", "data", {"a/b": ""}, "is no key"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "path", "value", "problem"), BROKEN)
def test_each_problem_is_found(kind: str, path: str, value: Any, problem: str) -> None:
    """One change to the legal objects gives the problem, under the object's name."""
    objects = everything()
    *above, last = path.split(".")
    at: Any = objects[kind]
    for step in above:
        at = at[int(step)] if isinstance(at, list) else at[step]
    at[last] = value
    found = problems(list(objects.values()))
    assert any(problem in each for each in found), found


def test_one_object_twice() -> None:
    """Two objects of one kind and name in one namespace would overwrite each other."""
    claim = everything()["PersistentVolumeClaim"]
    assert problems([claim, deepcopy(claim)]) == ("object PersistentVolumeClaim/web in the current namespace 2 times",)
