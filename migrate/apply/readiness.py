"""Whether a controller has what it wants, and what the cluster says where it has not.

Pure: live objects in, words out. The rules are those of ``kubectl rollout status``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

WATCHED = ("Deployment", "StatefulSet", "DaemonSet")
# A container's waiting reasons that pass by themselves.
_PASSING = frozenset({"ContainerCreating", "PodInitializing"})
# Warnings that a pod's status says better.
_SAID_BY_STATUS = frozenset({"FailedScheduling", "BackOff", "Failed", "ErrImageNeverPull"})


def unready(live: Mapping[str, Any]) -> str:
    """Why a controller is not ready, ``""`` where it is."""
    status, spec = live.get("status") or {}, live.get("spec") or {}
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        return "its controller has not seen the change yet"
    if live["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        updated, ready = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    else:
        wanted = spec.get("replicas", 1)
        updated = status.get("updatedReplicas", 0)
        ready = status.get("availableReplicas", 0)
    for condition in status.get("conditions") or ():
        late = condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded"
        refused = condition.get("type") == "ReplicaFailure" and condition.get("status") == "True"
        if refused or (late and ready < wanted and not _refused(status)):
            return f"{ready} of {wanted} ready: {condition.get('message', '')}"
    if updated < wanted:
        return f"{updated} of {wanted} started"
    if live["kind"] == "Deployment" and status.get("replicas", 0) > updated:
        return f"{status['replicas'] - updated} of the old revision still end"
    return "" if ready >= wanted else f"{ready} of {wanted} ready"


def runs(live: Mapping[str, Any]) -> bool:
    """Whether a controller has any pod that could end."""
    status = live.get("status") or {}
    return bool(status.get("replicas") or status.get("currentNumberScheduled"))


def _refused(status: Mapping[str, Any]) -> bool:
    return any(
        each.get("type") == "ReplicaFailure" and each.get("status") == "True" for each in status.get("conditions") or ()
    )


def troubles(
    controller: Mapping[str, Any], pods: Iterable[Mapping[str, Any]], warnings: Sequence[Mapping[str, Any]]
) -> list[str]:
    """What keeps a controller's pods, in the cluster's own words: images that are not pulled, containers that end,
    checks that fail, nodes that do not fit, pods that a quota or an admission refuses. What several pods have alike is
    said once, with the first of them.

    pods      of the controller's namespace, of whatever owner
    warnings  the events of type Warning there
    """
    name = controller["metadata"]["name"]
    selector: Mapping[str, str] = controller["spec"]["selector"]["matchLabels"]
    own = [
        (pod["metadata"]["name"], pod.get("status") or {})
        for pod in pods
        if selector.items() <= (pod["metadata"].get("labels") or {}).items()
        and not pod["metadata"].get("deletionTimestamp")
    ]
    alike: dict[str, list[str]] = {}
    for pod_name, status in own:
        if not _is_ready(status):
            for said in _of_pod(pod_name, status, warnings):
                alike.setdefault(said, []).append(pod_name)
    if not alike:
        # a container that ends again and again is ready for a moment each time
        for pod_name, status in own:
            for said in _containers(status):
                alike.setdefault(said, []).append(pod_name)
    made = [f"{_some(names)}: {said}" for said, names in alike.items()]
    made += [f"{name}: {said}" for said in _newest(warnings, controller["kind"], name)]
    return made


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _of_pod(name: str, status: Mapping[str, Any], warnings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    known = [*_unscheduled(status), *_containers(status)]
    yield from known
    for said in _newest(warnings, "Pod", name, but=_SAID_BY_STATUS if known else frozenset()):
        if not any(said in each for each in known):
            yield said


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in status.get("conditions") or ())


def _unscheduled(status: Mapping[str, Any]) -> Iterator[str]:
    for each in status.get("conditions") or ():
        if each.get("type") == "PodScheduled" and each.get("status") == "False":
            yield f"not scheduled: {each.get('message', each.get('reason', ''))}"


def _containers(status: Mapping[str, Any]) -> Iterator[str]:
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state = each.get("state") or {}
        waiting = state.get("waiting") or {}
        ended = state.get("terminated") or (each.get("lastState") or {}).get("terminated") or {}
        if waiting.get("reason") and waiting["reason"] not in _PASSING:
            message = f": {waiting['message']}" if waiting.get("message") else ""
            yield f"container {each['name']}: {waiting['reason']}{message}"
        if ended and ended.get("exitCode"):
            yield f"container {each['name']} ended with {ended['exitCode']} ({ended.get('reason', '')})"


def _newest(
    warnings: Sequence[Mapping[str, Any]], kind: str, name: str, but: frozenset[str] = frozenset()
) -> list[str]:
    """The newest warning of each reason about an object."""
    newest: dict[str, tuple[str, str]] = {}
    for event in warnings:
        about, reason = event.get("involvedObject") or {}, event.get("reason", "")
        if about.get("kind") != kind or about.get("name") != name or reason in but:
            continue
        when = event.get("lastTimestamp") or event.get("eventTime") or ""
        if when >= newest.get(reason, ("", ""))[0]:
            newest[reason] = (when, f"{reason}: {event.get('message', '')}")
    return [said for _, said in newest.values()]
