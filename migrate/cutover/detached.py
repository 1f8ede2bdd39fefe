"""A run that is driven in the cluster itself: one Deployment of podlift that drives it and keeps its slices. Pure."""

from __future__ import annotations

from typing import Any

from converters.objects.context import MANAGED_BY

from .endpoints import MANAGER
from .run import Spec

NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
SECRETS = "/etc/podlift"
"""Where the Secret with what reaches engines is mounted: the run's hosts name files there."""
_USER = 65532


def detached(spec: Spec, *, image: str, secret: str = "") -> tuple[dict[str, Any], ...]:
    """The objects, in the order in which they are made; they go, as they came, when the run has ended.

    image   image/Dockerfile, with what the run's hooks call
    secret  a Secret of the namespace with the keys and certificates that reach the engines

    It needs the cluster roles podlift-cutover and podlift-target. No pod of it bears a label of the workload: else the
    workload's Services would lead callers there.
    """
    name = f"cutover-{spec.name}"
    labels = {NAME: MANAGER, INSTANCE: name, MANAGED_BY: MANAGER}
    metadata = {"name": name, "namespace": spec.namespace, "labels": labels}
    account = {"kind": "ServiceAccount", "name": name, "namespace": spec.namespace}
    group = "rbac.authorization.k8s.io"
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "subjects": [account],
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "podlift-cutover"},
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            # which nodes are ready is asked of the whole cluster
            "metadata": {"name": f"podlift-{spec.namespace}-{name}", "labels": labels},
            "subjects": [account],
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "podlift-target"},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": 1,
                # a second one would only wait for the first one's leases
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": {INSTANCE: name}},
                "template": {"metadata": {"labels": labels}, "spec": _pod(spec, name, image, secret)},
            },
        },
    )


def _pod(spec: Spec, account: str, image: str, secret: str) -> dict[str, Any]:
    mounts = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - a volume of the pod's own
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {}}]
    if secret:
        mounts.append({"name": "secrets", "mountPath": SECRETS, "readOnly": True})  # type: ignore[dict-item]
        # ssh takes no key that others may read
        volumes.append({"name": "secrets", "secret": {"secretName": secret, "defaultMode": 0o440}})
    return {
        "serviceAccountName": account,
        # what is being written is finished: a container's stop with its grace is the longest
        "terminationGracePeriodSeconds": int(
            max([each.stop_s or 10.0 for each in spec.originals], default=10.0) + spec.timings.hook_timeout_s
        ),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "podlift",
                "image": image,
                "args": ["cutover", "keep", spec.name, "--drive", "-n", spec.namespace, "--progress", "json"],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }
