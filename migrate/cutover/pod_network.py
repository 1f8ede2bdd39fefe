"""What is tried from where the workload's pods are, or its callers': from a pod beside them that bears their labels.

It is nobody's endpoint, since it never becomes ready, and no controller's, since the run's Lease is its owner: a
ReplicaSet adopts what it could have made. With the Lease goes what a killed driver left. Callers have another owner,
since no run has begun.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from converters.errors import PodliftError

from ..aside import carried
from .edges import Backend, CallingPods, Reached
from .endpoints import BESIDE, LEASE, RUN, as_owner, lease_as_owner, lease_name
from .probe_pods import LABELS, LogApi, ProbePods, plain_pod
from .run import Spec

_TIMEOUT_S = 2.0
_NAME_S = 10.0
_NODES_AT_ONCE = 8
# What controllers tell their pods apart by.
_OWN = frozenset(
    {"pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name",
     "apps.kubernetes.io/pod-index"}
)  # fmt: skip
_OF_NETWORK = ("dnsPolicy", "dnsConfig", "hostAliases", "hostNetwork", "imagePullSecrets", "serviceAccountName")
_NEVER_READY = {"conditionType": "podlift.dev/never"}
_NO_SIDECAR = {"sidecar.istio.io/inject": "false", "linkerd.io/inject": "disabled"}
# In every namespace (kube-controller-manager puts it there): a pod that it controls is adopted by nobody else.
_IN_EVERY_NAMESPACE = "kube-root-ca.crt"
# A policy may be in force for a new pod a moment later than its network.
_TRIES = 3
NO_IMAGE = "no image of podlift-probe is given (podlift.yaml: cutover: probe_image)"


class PodNetwork:
    """``edges.PodNetwork``, by pods of ``image``; none where it is empty."""

    def __init__(self, api: LogApi, image: str, ready: Callable[[], Collection[str]], *, timeout_s: float = 60) -> None:
        """``ready``: the nodes that are, each time anew."""
        self._api = api
        self._image = image
        self._ready = ready
        self._timeout_s = timeout_s

    def reach(self, spec: Spec, nodes: Collection[str], remotes: Sequence[Backend]) -> Reached:
        if not self._image:
            return Reached(failed={}, silent=dict.fromkeys(nodes, NO_IMAGE))
        task = _opening(remotes)
        template, owner = self._template(spec), self._api.get(LEASE, "Lease", spec.namespace, lease_name(spec.name))
        failed: dict[str, dict[str, str]] = {}
        silent: dict[str, str] = {}
        limit_s = self._limit_s(remotes)
        with ThreadPoolExecutor(_NODES_AT_ONCE) as pool:
            running = {
                node: pool.submit(carried(self._asked), spec, template, node, task, limit_s, owner)
                for node in sorted(nodes)
            }
        for node, future in running.items():
            try:
                answers = future.result()["asks"]
            except PodliftError as error:
                silent[node] = error.reason
                continue
            for remote, answer in zip(remotes, answers, strict=True):
                if answer["error"]:
                    failed.setdefault(str(remote), {})[node] = answer["error"]
        return Reached(failed=failed, silent=silent)

    def call(self, callers: Sequence[CallingPods], remotes: Sequence[Backend]) -> tuple[Mapping[str, str] | str, ...]:
        made: list[Mapping[str, str] | str] = []
        for each in callers:
            try:
                made.append(self._called(each, remotes))
            except PodliftError as error:
                made.append(error.reason)
        return tuple(made)

    def resolve(self, namespace: str, names: Sequence[str]) -> Mapping[str, tuple[str, ...]] | None:
        """In a pod that no policy knows by its labels. A name server that gives no answer is not asked again."""
        nodes = self._ready()
        if not self._image or not names or not nodes:
            return None if names else {}
        node, limit_s = min(nodes), self._timeout_s + len(names) * _NAME_S
        task = {"names": [{"name": each, "timeout_s": _NAME_S} for each in names]}
        name = f"podlift-names-{uuid.uuid4().hex[:10]}"
        pod = plain_pod(name, namespace, node, self._image, task, limit_s=limit_s)
        pod["metadata"]["labels"] = LABELS
        pod["metadata"]["annotations"] = _NO_SIDECAR
        try:
            found = ProbePods(self._api, namespace).run(pod, node, limit_s)["names"]
        except PodliftError:
            return None
        if any(each["error"] for each in found):
            return None
        return {each: tuple(sorted(one["addresses"])) for each, one in zip(names, found, strict=True)}

    def _called(self, caller: CallingPods, remotes: Sequence[Backend]) -> Mapping[str, str] | str:
        """From one node: what nodes get to is tried by nodes, and policies are the same on all."""
        if not self._image:
            return NO_IMAGE
        nodes = self._ready()
        owner = self._api.get("v1", "ConfigMap", caller.namespace, _IN_EVERY_NAMESPACE)
        if not nodes or owner is None:
            return f"there is no namespace {caller.namespace}" if nodes else "no node is ready"
        node, limit_s = min(nodes), self._limit_s(remotes)
        failed: dict[str, str] = {}
        for _ in range(_TRIES):
            name = f"podlift-caller-{uuid.uuid4().hex[:10]}"
            pod = pod_of(name, caller, node, self._image, _opening(remotes), limit_s=limit_s, owner=owner)
            answers = ProbePods(self._api, caller.namespace).run(pod, node, limit_s)["asks"]
            failed = {str(to): one["error"] for to, one in zip(remotes, answers, strict=True) if one["error"]}
            if not failed:
                break
        return failed

    def _limit_s(self, remotes: Sequence[Backend]) -> float:
        return self._timeout_s + math.ceil(len(remotes) / 8) * _TIMEOUT_S

    def _asked(
        self,
        spec: Spec,
        template: Mapping[str, Any],
        node: str,
        task: Mapping[str, Any],
        limit_s: float,
        owner: Mapping[str, Any] | None,
    ) -> Mapping[str, Any]:
        name = f"podlift-reach-{uuid.uuid4().hex[:10]}"
        pod = pod_beside(name, spec, template, node, self._image, task, limit_s=limit_s, owner=owner)
        return ProbePods(self._api, spec.namespace).run(pod, node, limit_s)

    def _template(self, spec: Spec) -> Mapping[str, Any]:
        for each in spec.controllers:
            live = self._api.get("apps/v1", each.kind, spec.namespace, each.name)
            if live is not None:
                template: Mapping[str, Any] = live["spec"].get("template") or {}
                return template
        return {}


def _opening(remotes: Sequence[Backend]) -> Mapping[str, Any]:
    """The probe's task: a connection to each."""
    return {
        "asks": [
            {"address": each.address, "port": each.port, "kind": "tcp", "timeout_s": _TIMEOUT_S} for each in remotes
        ]
    }


def pod_of(
    name: str,
    caller: CallingPods,
    node: str,
    image: str,
    task: Mapping[str, Any],
    *,
    limit_s: float,
    owner: Mapping[str, Any],
) -> dict[str, Any]:
    """With a caller's labels, and nobody's endpoint. ``owner``: what controls it, so that no ReplicaSet does."""
    made = plain_pod(name, caller.namespace, node, image, task, limit_s=limit_s)
    return _nobodys(made, caller.labels, as_owner("v1", "ConfigMap", owner))


def pod_beside(
    name: str,
    spec: Spec,
    template: Mapping[str, Any],
    node: str,
    image: str,
    task: Mapping[str, Any],
    *,
    limit_s: float,
    owner: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """``owner``: the run's Lease."""
    made = plain_pod(name, spec.namespace, node, image, task, limit_s=limit_s)
    labels = (template.get("metadata") or {}).get("labels") or {}
    made = _nobodys(made, labels, lease_as_owner(owner) if owner else None)
    made["metadata"]["labels"][BESIDE] = spec.id
    made["metadata"]["annotations"][RUN] = spec.id
    theirs = template.get("spec") or {}
    made["spec"] |= {key: theirs[key] for key in _OF_NETWORK if key in theirs}
    return made


def _nobodys(made: dict[str, Any], labels: Mapping[str, str], owner: dict[str, Any] | None) -> dict[str, Any]:
    """With labels by which others go, no Service's endpoint and no ReplicaSet's pod: ``owner`` controls it."""
    made["metadata"]["labels"] = {key: each for key, each in labels.items() if key not in _OWN}
    made["metadata"]["annotations"] = dict(_NO_SIDECAR)
    if owner:
        made["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    made["spec"]["readinessGates"] = [_NEVER_READY]
    return made
