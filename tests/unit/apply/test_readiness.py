"""When a controller is ready, and in what words it is said why it is not."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.apply.readiness import troubles, unready
from tests.apply_plans import deployment

CONTROLLER = deployment("web")


def live(kind: str = "Deployment", *, replicas: int = 3, conditions: Any = (), seen: int = 2, **status: int) -> Any:
    counts = {"observedGeneration": seen, "conditions": list(conditions), **status}
    return {"kind": kind, "metadata": {"generation": 2}, "spec": {"replicas": replicas}, "status": counts}


@pytest.mark.parametrize(
    ("controller", "why"),
    [
        (live(replicas=3, updatedReplicas=3, availableReplicas=3), ""),
        (live(replicas=0), ""),
        (live(seen=1), "its controller has not seen the change yet"),
        (live(updatedReplicas=1), "1 of 3 started"),
        (live(updatedReplicas=3, availableReplicas=2), "2 of 3 ready"),
        (live("StatefulSet", updatedReplicas=3, availableReplicas=1), "1 of 3 ready"),
        (live("DaemonSet", desiredNumberScheduled=2, updatedNumberScheduled=2, numberAvailable=2), ""),
        (live("DaemonSet", desiredNumberScheduled=2, updatedNumberScheduled=1, numberAvailable=2), "1 of 2 started"),
        (live("DaemonSet", desiredNumberScheduled=2, updatedNumberScheduled=2, numberAvailable=0), "0 of 2 ready"),
    ],
)
def test_when_it_is_ready(controller: Any, why: str) -> None:
    assert unready(controller) == why


def test_pods_of_the_old_revision_are_waited_for() -> None:
    made = live(updatedReplicas=3, availableReplicas=3)
    made["status"]["replicas"] = 4
    assert unready(made) == "1 of the old revision still end"


def test_what_a_deployment_says_itself() -> None:
    """Pods that are refused, and a rollout that takes too long."""
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    late = {"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "timed out progressing"}
    assert unready(live(conditions=[late, refused], updatedReplicas=0)) == "0 of 3 ready: exceeded quota"
    assert unready(live(conditions=[late], updatedReplicas=3)) == "0 of 3 ready: timed out progressing"
    # it came after all
    assert unready(live(conditions=[late], updatedReplicas=3, availableReplicas=3)) == ""


def pod(name: str, *, app: str = "web", ready: bool = False, **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}, *status.pop("conditions", ())]
    labels = {"podlift.dev/workload": app}
    return {"metadata": {"name": name, "labels": labels}, "status": {"conditions": conditions, **status}}


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    return {"containerStatuses": [{"name": "web", "state": state, **more}]}


def event(reason: str, message: str, when: str = "1", *, kind: str = "Pod", name: str = "web-a") -> dict[str, Any]:
    about = {"kind": kind, "name": name}
    return {"reason": reason, "message": message, "lastTimestamp": when, "involvedObject": about}


def test_what_several_pods_have_alike_is_said_once() -> None:
    stuck = waiting("ImagePullBackOff", 'Back-off pulling image "x"')
    pods = [pod("web-a", **stuck), pod("web-b", **stuck), pod("web-c", ready=True), pod("api-a", app="api", **stuck)]
    assert troubles(CONTROLLER, pods, []) == [
        'web-a and 1 more: container web: ImagePullBackOff: Back-off pulling image "x"'
    ]


def test_a_container_that_ends() -> None:
    ended = {"lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
    assert troubles(CONTROLLER, [pod("web-a", **waiting("CrashLoopBackOff", "back-off 10s", **ended))], []) == [
        "web-a: container web: CrashLoopBackOff: back-off 10s",
        "web-a: container web ended with 137 (OOMKilled)",
    ]


def test_a_container_that_ends_is_told_while_it_runs_again() -> None:
    """Without a readiness check its pod is ready then, and its controller has not counted it yet."""
    before = {"state": {"running": {}}, "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}}
    again = pod("web-a", ready=True, containerStatuses=[{"name": "web", **before}])
    assert troubles(CONTROLLER, [again], []) == ["web-a: container web ended with 3 (Error)"]
    # what keeps another pod back is nearer to the reason
    stuck = pod("web-b", **waiting("ErrImagePull"))
    assert troubles(CONTROLLER, [again, stuck], []) == ["web-b: container web: ErrImagePull"]


def test_a_node_that_does_not_fit() -> None:
    """The event that repeats it is left out."""
    unfit = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}
    found = troubles(
        CONTROLLER, [pod("web-a", conditions=[unfit])], [event("FailedScheduling", "0/2 nodes, differently")]
    )
    assert found == ["web-a: not scheduled: 0/2 nodes are available"]


def test_the_newest_warning_of_each_reason() -> None:
    """Of this pod alone."""
    warnings = [
        event("Unhealthy", "Readiness probe failed: 500", "2"),
        event("Unhealthy", "Readiness probe failed: 503", "1"),
        event("FailedMount", "no such claim", "1"),
        event("Unhealthy", "another's", "9", name="api-a"),
    ]
    assert troubles(CONTROLLER, [pod("web-a")], warnings) == [
        "web-a: Unhealthy: Readiness probe failed: 500",
        "web-a: FailedMount: no such claim",
    ]


def test_pods_that_are_not_made_at_all() -> None:
    refused = event("FailedCreate", "exceeded quota", kind="Deployment", name="web")
    assert troubles(CONTROLLER, [], [refused]) == ["web: FailedCreate: exceeded quota"]


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing"])
def test_what_passes_by_itself_is_no_trouble(reason: str) -> None:
    going = pod("web-b", **waiting("ImagePullBackOff"))
    going["metadata"]["deletionTimestamp"] = "2026-11-28T06:00:00Z"
    assert troubles(CONTROLLER, [pod("web-a", **waiting(reason)), going], []) == []


class Scenes:
    """A cluster whose Deployments are another at each look."""

    namespace = "shop"

    def __init__(self, *looks: Any) -> None:
        self._looks = iter(looks)

    def list(self, _version: str, kind: str, _namespace: str, **_how: Any) -> list[Any]:
        return [next(self._looks)] if kind == "Deployment" else []


def scene(*, replicas: int = 1, ready: int = 0) -> Any:
    made = live(replicas=replicas, updatedReplicas=replicas, availableReplicas=ready)
    made["metadata"]["name"] = "web"
    made["status"]["replicas"] = replicas
    return made


def left(monkeypatch: pytest.MonkeyPatch, *looks: Any) -> list[str]:
    """What is not ready when it ends, which so many looks must do."""
    from migrate.apply import waiting as module

    monkeypatch.setattr(module, "_POLL_S", 0.01)
    cluster: Any = Scenes(*looks)
    items = [("web", deployment("web"))]
    return [each.why for each in module.wait_for(cluster, items, 60, None, None)]


def test_ready_for_a_moment_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that ends at once is ready before it ends."""
    up, down = scene(ready=1), scene()
    assert left(monkeypatch, up, up) == []
    assert left(monkeypatch, up, down, up, up, down) == []
    # what is gated has nothing that could end
    assert left(monkeypatch, scene(replicas=0)) == []
