"""What is tried from where the workload's pods are: from a pod beside them that bears their labels.

It is nobody's endpoint, since it never becomes ready, and no controller's, since the run's Lease is its owner: a
ReplicaSet adopts what it could have made. With the Lease goes what a killed driver left.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from converters.errors import PodliftError

from .edges import Backend, Reached
from .endpoints import BESIDE, LEASE, RUN, lease_as_owner, lease_name
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
_NO_SIDECAR = {"sidecar.istio.io/inject": "false", "linkerd.io/inject": "disabled"}
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
        asks = [
            {"address": each.address, "port": each.port, "kind": "tcp", "timeout_s": _TIMEOUT_S} for each in remotes
        ]
        template, owner = self._template(spec), self._api.get(LEASE, "Lease", spec.namespace, lease_name(spec.name))
        failed: dict[str, dict[str, str]] = {}
        silent: dict[str, str] = {}
        limit_s = self._timeout_s + math.ceil(len(asks) / 8) * _TIMEOUT_S
        with ThreadPoolExecutor(_NODES_AT_ONCE) as pool:
            running = {
                node: pool.submit(self._asked, spec, template, node, {"asks": asks}, limit_s, owner)
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
    own = (template.get("metadata") or {}).get("labels") or {}
    made["metadata"]["labels"] = {key: each for key, each in own.items() if key not in _OWN}
    made["metadata"]["labels"][BESIDE] = spec.id
    made["metadata"]["annotations"] = {RUN: spec.id, **_NO_SIDECAR}
    if owner:
        made["metadata"]["ownerReferences"] = [{**lease_as_owner(owner), "controller": True}]
    theirs = template.get("spec") or {}
    made["spec"] |= {key: theirs[key] for key in _OF_NETWORK if key in theirs}
    made["spec"]["readinessGates"] = [{"conditionType": "podlift.dev/never"}]
    return made
