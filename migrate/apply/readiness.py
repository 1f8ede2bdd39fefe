"""Whether a controller has what it wants, and what the cluster says where it has not.

Pure: live objects in, words out. The rules are those of ``kubectl rollout status``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

WATCHED = ("Deployment", "StatefulSet", "DaemonSet")
# A container's waiting reasons that pass by themselves.
_PASSING = frozenset({"ContainerCreating", "PodInitializing"})


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
        ready = status.get("availableReplicas" if live["kind"] == "Deployment" else "readyReplicas", 0)
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return f"{ready} of {wanted} ready: {condition.get('message', '')}"
    if updated < wanted:
        return f"{updated} of {wanted} started"
    if live["kind"] == "Deployment" and status.get("replicas", 0) > updated:
        return f"{status['replicas'] - updated} of the old revision still end"
    return "" if ready >= wanted else f"{ready} of {wanted} ready"


def troubles(pods: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]) -> list[str]:
    """What keeps pods from being ready, in the cluster's own words, each once: images that are not pulled, containers
    that end, nodes that do not fit, and the newest warning of each pod."""
    made: dict[str, None] = {}
    warnings = _warnings(events)
    for pod in pods:
        name = pod["metadata"]["name"]
        status = pod.get("status") or {}
        if _is_ready(status) or pod["metadata"].get("deletionTimestamp"):
            continue
        said = [*_unscheduled(status), *_containers(status)]
        warning = warnings.get(name, "")
        if warning and not any(warning in each for each in said):
            said.append(warning)
        made |= dict.fromkeys(f"{name}: {each}" for each in said)
    return list(made)


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in status.get("conditions") or ())


def _unscheduled(status: Mapping[str, Any]) -> list[str]:
    return [
        f"not scheduled: {each.get('message', each.get('reason', ''))}"
        for each in status.get("conditions") or ()
        if each.get("type") == "PodScheduled" and each.get("status") == "False"
    ]


def _containers(status: Mapping[str, Any]) -> list[str]:
    made = []
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state = each.get("state") or {}
        waiting = state.get("waiting") or {}
        ended = state.get("terminated") or (each.get("lastState") or {}).get("terminated") or {}
        if waiting.get("reason") and waiting["reason"] not in _PASSING:
            message = f": {waiting['message']}" if waiting.get("message") else ""
            made.append(f"container {each['name']}: {waiting['reason']}{message}")
        if ended and ended.get("exitCode"):
            made.append(f"container {each['name']} ended with {ended['exitCode']} ({ended.get('reason', '')})")
    return made


def _warnings(events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The newest warning about each pod."""
    newest: dict[str, tuple[str, str]] = {}
    for event in events:
        about = event.get("involvedObject") or {}
        if event.get("type") != "Warning" or about.get("kind") != "Pod":
            continue
        when = event.get("lastTimestamp") or event.get("eventTime") or ""
        if when >= newest.get(about["name"], ("", ""))[0]:
            newest[about["name"]] = (when, f"{event.get('reason', '')}: {event.get('message', '')}")
    return {name: said for name, (_, said) in newest.items()}
