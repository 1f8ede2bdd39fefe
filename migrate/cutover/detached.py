"""A run that is driven in the cluster itself, by one Deployment of podlift that also keeps its slices. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from converters.errors import PodliftError
from converters.objects.context import MANAGED_BY

from .endpoints import MANAGER, RUN, lease_as_owner
from .environment import variables_in
from .run import FOR_EVER_S, Spec, grace_of

ACCOUNT = "podlift"
FOLDER = "/etc/podlift"
"""Where the Secret is mounted. The image leads ssh there too."""
_USER = 65532
# What the image has of itself.
_THERE = frozenset({"ssh", "sh"})
# A node that is gone keeps its pods for five minutes else, and nobody drives meanwhile.
_UNREACHABLE_S = 60
_FILES = ("ca", "cert", "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detachment:
    """
    image    image/Dockerfile's, with what the run calls
    secret   a Secret of the namespace: files by which engines are reached, values of variables that are sent
    account  a ServiceAccount of the namespace, with the rights of podlift-cutover and podlift-target
    """

    image: str
    secret: str = ""
    account: str = ACCOUNT


def deployment_name(spec: Spec) -> str:
    return f"cutover-{spec.name}-{spec.id}"


def deployment(spec: Spec, by: Detachment, lease: Mapping[str, Any]) -> dict[str, Any]:
    """``lease``: the keeper's, which is there as long as the run lasts: the Deployment goes with it, whoever ends the
    run. No pod of it bears a label of the workload: else the workload's Services would lead callers there."""
    labels = {"app.kubernetes.io/name": "podlift", MANAGED_BY: MANAGER, RUN: spec.id}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": deployment_name(spec),
            "namespace": spec.namespace,
            "labels": labels,
            "ownerReferences": [lease_as_owner(lease)],
        },
        "spec": {
            "replicas": 1,
            # a second one would only wait for the first one's leases
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {RUN: spec.id}},
            "template": {"metadata": {"labels": labels}, "spec": _pod(spec, by)},
        },
    }


def _pod(spec: Spec, by: Detachment) -> dict[str, Any]:
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - a volume of the pod's own
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {}}]
    if by.secret:
        mounts.append({"name": "secret", "mountPath": FOLDER, "readOnly": True})
        # ssh takes no key that others may read
        volumes.append({"name": "secret", "secret": {"secretName": by.secret, "defaultMode": 0o440}})
    graces = (grace_of(each.stop_s) for each in spec.originals)
    # none waits for a stop without an end
    stop_s = max((each for each in graces if each < FOR_EVER_S), default=0.0)
    return {
        "serviceAccountName": by.account,
        # what is being written is finished: a container's stop with its grace is the longest
        "terminationGracePeriodSeconds": int(stop_s + spec.timings.hook_timeout_s),
        # ssh leaves jumps of its own to process 1, which is then the pause container and takes them
        "shareProcessNamespace": True,
        "enableServiceLinks": False,
        "tolerations": [
            {
                "key": f"node.kubernetes.io/{key}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": _UNREACHABLE_S,
            }
            for key in ("not-ready", "unreachable")
        ],
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
                "image": by.image,
                "args": [
                    *("cutover", "keep", spec.name, "--drive", "-n", spec.namespace),
                    *(("--files", FOLDER) if by.secret else ()),
                ],
                "env": [
                    {"name": name, "valueFrom": {"secretKeyRef": {"name": by.secret, "key": name}}}
                    for name in variables_of(spec)
                ],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                # measured with two instances: a tenth of a core, and 42 MiB
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }


def variables_of(spec: Spec) -> tuple[str, ...]:
    """The environment variables whose values the run sends."""
    check = [spec.check.get(each) for each in ("headers", "host")]
    return tuple(sorted(variables_in([spec.gates, spec.parity, check])))


def files_of(spec: Spec) -> dict[str, str]:
    """Name in the Secret to the path here, of the files by which engines are reached by TLS.

    Raises PodliftError ``detach-refused`` where two have the same name.
    """
    found: dict[str, str] = {}
    for name, host in spec.hosts.items():
        for path in (str(host[part]) for part in _FILES if host.get(part)):
            key = PurePath(path).name
            if found.setdefault(key, path) != path:
                step = "in a Secret they lie side by side: give them names that differ, in podlift.yaml too"
                raise refusal(name, f"{found[key]} and {path} have the same name", step)
    return found


def check_reach(spec: Spec, by: Detachment, environment: Mapping[str, str]) -> None:
    """Whether a pod finds the engines by what the journal says of them; ``environment``: of this process. Raises
    PodliftError ``detach-refused``."""
    for name, host in spec.hosts.items():
        url = str(host.get("url", ""))
        if reason := _local(url, host, environment):
            step = "give the host an ssh:// or tcp:// URL in podlift.yaml that pods reach; or start without --detach"
            raise refusal(name, reason, step)
        if url.startswith("ssh://") and not by.secret:
            step = "give --secret with a Secret that holds id_ed25519 and known_hosts, and config if ssh needs one"
            raise refusal(name, f"{url} is reached by ssh, whose key a pod has not", step)
    files = files_of(spec)
    if files and not by.secret:
        key, path = next(iter(files.items()))
        step = f"give --secret with a Secret that holds {key}"
        raise refusal(path, "engines are reached by it, and a pod has it not", step)
    if (names := variables_of(spec)) and not by.secret:
        step = f"give --secret with a Secret that holds {', '.join(names)}"
        raise refusal(f"${{{names[0]}}}", "it is sent, and a pod has not your environment", step)


def _local(url: str, host: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """Why only this machine finds the engine; ``""``: others do too."""
    if not url:
        return "it has no URL, so that this machine's own settings lead to its engine, and a pod has not these"
    parts = urlsplit(url)
    if parts.scheme == "context":
        return f"{url} is a Docker context of this machine, and a pod has not that"
    if parts.scheme == "unix" or _loopback(parts.hostname or ""):
        return f"{url} is an engine of this machine alone, and a pod runs elsewhere"
    of_environment = [each for each in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH") if environment.get(each)]
    if parts.scheme == "tcp" and of_environment and not any(host.get(part) for part in _FILES):
        return f"its certificates are found by {of_environment[0]}, which a pod has not; name them under tls:"
    return ""


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def called(spec: Spec) -> tuple[tuple[str, str], ...]:
    """The programs that the run starts where it is driven, and for what: the image has to have them."""
    return tuple(dict.fromkeys((program, what) for program, what in _called(spec) if program not in _THERE))


def _called(spec: Spec) -> Iterator[tuple[str, str]]:
    for name, argv in spec.hooks.items():
        yield from ((argv[0], f"hook {name}") for _ in argv[:1])
    for gate in spec.gates:
        if "command" in gate:
            yield gate["command"]["argv"][0], f"gate {gate['name']}"
    for name, host in spec.hosts.items():
        how = host.get("exec", "")
        words = shlex.split(how) if isinstance(how, str) else list(how)
        if words and how != "container":
            yield words[0], f"exec of host {name}"
    for name, node in spec.nodes.items():
        if node.get("probe"):
            yield node["probe"][0], f"probe of node {name}"


def refusal(subject: str, reason: str, next_step: str) -> PodliftError:
    return PodliftError(code="detach-refused", phase="cutover", subject=subject, reason=reason, next_step=next_step)
