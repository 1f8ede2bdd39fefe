"""The probe on nodes where no command can be run: one pinned pod in the node's network for each time that it is asked.

That takes seconds where a command takes a moment, and a namespace that lets pods into the host's network. The task
stands in the pod's environment, which many may read, so one that holds a secret is not given to it.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from converters.errors import PodliftError

from ..aside import given_up
from ..hosts.probe import answer_of
from ..unsaid import Hide, as_said
from .edges import Api
from .endpoints import MANAGER
from .propagation import ProbedNodes

# the states of a waiting container from which no pod comes back by itself
_HOPELESS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError",
     "CreateContainerError"}
)  # fmt: skip
_POLL_S = 0.2
_NOBODY = 65534
LABELS = {"app.kubernetes.io/managed-by": "podlift", "app.kubernetes.io/name": "podlift-probe"}


class LogApi(Api, Protocol):
    def raw(self, path: str) -> str | None: ...


class PodNodes(ProbedNodes):
    """By a pod of ``image`` (probe/Dockerfile) in ``namespace`` on each node that is Ready and has none of the
    ``commands``. ``there``: as of ProbedNodes.

    timeout_s  what the pod may take beside its task: image, start and end
    """

    def __init__(
        self,
        api: LogApi,
        namespace: str,
        image: str,
        there: Callable[[], Mapping[str, bool]],
        *,
        timeout_s: float = 60,
        commands: Mapping[str, Sequence[str]] | None = None,
        hide: Hide = as_said,
    ) -> None:
        super().__init__(commands or {}, timeout_s, there=there, hide=hide)
        self._api = api
        self._namespace = namespace
        self._image = image

    def _without_command(
        self, node: str, task: Mapping[str, Any], limit_s: float, secret: bool, begun: Callable[[], None]
    ) -> Mapping[str, Any]:
        if secret:
            reason = "a header comes from the environment, and the pod of its probe would show it"
            raise _failed(node, reason, "give the node a command: cutover: nodes")
        name = f"podlift-probe-{uuid.uuid4().hex[:10]}"
        pod = probe_pod(name, self._namespace, node, self._image, task, limit_s=limit_s)
        return ProbePods(self._api, self._namespace).run(pod, node, limit_s, begun=begun)


class ProbePods:
    """Makes a pod that has a task, and reads what it answers."""

    def __init__(self, api: LogApi, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def run(
        self, pod: Mapping[str, Any], node: str, limit_s: float, *, begun: Callable[[], None] = lambda: None
    ) -> Mapping[str, Any]:
        """Its answer; the pod is gone then, as it is where this work is given up. ``begun`` is called once it runs.
        Raises PodliftError."""
        name = str(pod["metadata"]["name"])
        _check_wanted(node)
        try:
            self._api.create(pod, manager=MANAGER)
            failed = self._awaited(name, node, limit_s, begun)
            log = self._api.raw(f"/api/v1/namespaces/{self._namespace}/pods/{name}/log")
        finally:
            self._api.delete("v1", "Pod", self._namespace, name)
        if log is None:
            raise _failed(node, "the log of its probe's pod may not be read", "allow get on pods/log in this namespace")
        if failed:
            last = "".join(log.strip().splitlines()[-1:])
            raise _failed(node, f"its probe's pod failed: {last or failed}", "see to it, or give a probe by a command")
        return answer_of(log, node)

    def _awaited(self, name: str, node: str, limit_s: float, begun: Callable[[], None]) -> str:
        """Until the pod has ended; why it failed, ``""`` where it did not."""
        end = time.monotonic() + limit_s
        waits = "it does not start"
        while time.monotonic() < end:
            _check_wanted(node)
            pod = self._api.get("v1", "Pod", self._namespace, name)
            if pod is None:
                raise _failed(node, "its probe's pod was deleted by another", "try again")
            status = pod.get("status", {})
            if status.get("phase") in {"Succeeded", "Failed"}:
                return "" if status["phase"] == "Succeeded" else status.get("message") or status.get("reason", "failed")
            for one in status.get("containerStatuses", ()):
                if "running" in one.get("state", {}):
                    begun()
                waiting = one.get("state", {}).get("waiting", {})
                waits = ": ".join(filter(None, (waiting.get("reason", ""), waiting.get("message", "")))) or waits
                if waiting.get("reason") in _HOPELESS:
                    raise _failed(node, f"its probe's pod cannot run: {waits}", "give an image that the node can pull")
            time.sleep(_POLL_S)
        raise _failed(node, f"its probe's pod did not end within {limit_s:g} s: {waits}", "see its node and its image")


def probe_pod(
    name: str, namespace: str, node: str, image: str, task: Mapping[str, Any], *, limit_s: float
) -> dict[str, Any]:
    """The pod in the node's network, with the one right that conntrack needs."""
    made = plain_pod(name, namespace, node, image, task, limit_s=limit_s)
    made["metadata"]["labels"] = LABELS
    made["spec"]["hostNetwork"] = True
    (container,) = made["spec"]["containers"]
    container["securityContext"] = {
        "runAsUser": 0,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
    }
    del container["resources"]
    return made


def plain_pod(
    name: str, namespace: str, node: str, image: str, task: Mapping[str, Any], *, limit_s: float
) -> dict[str, Any]:
    """In the pods' network, with no rights at all; past the scheduler, whatever taints the node has."""
    container = {
        "name": "probe",
        "image": image,
        "env": [{"name": "PODLIFT_PROBE", "value": json.dumps(task)}],
        # a quota may ask for them
        "resources": {each: {"cpu": "50m", "memory": "64Mi"} for each in ("requests", "limits")},
        "securityContext": {
            "runAsUser": _NOBODY,
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": max(1, round(limit_s)),
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
        },
    }


def _check_wanted(node: str) -> None:
    if given_up():
        raise _failed(node, "nobody waits for its probe any more", "nothing: who goes on with the run tries again")


def _failed(node: str, reason: str, next_step: str) -> PodliftError:
    return PodliftError(code="command-failed", phase="cutover", subject=node, reason=reason, next_step=next_step)
