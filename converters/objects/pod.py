"""The pod template: its containers put together, and what belongs to the pod and not to one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import PodliftError
from ..fields.ledger import Ledger
from ..workload import Controller, Workload
from .context import Context
from .lifecycle import grace_seconds, sends_by_field, tell_grace
from .namespaces import host_name, ipc_namespace, network_namespace, runtime_class, user_namespace
from .network_policy import network_labels
from .placement import placement
from .processes import process_namespace
from .resolver import dns, host_aliases
from .security import apparmor_annotations
from .sysctls import sysctls

DEFAULT_BRIDGE = ("", "bridge", "default")
GROUP_LIMIT = (1 << 31) - 1


def pod_template(
    workload: Workload,
    *,
    site: str,
    controller: Controller,
    containers: Sequence[dict[str, Any]],
    init_containers: Sequence[dict[str, Any]] = (),
    volumes: Sequence[dict[str, Any]] = (),
    annotations: Mapping[str, str] | None = None,
    context: Context,
    ledger: Ledger,
) -> dict[str, Any]:
    """``metadata`` and ``spec`` of the workload's pods, and the verdicts on all that is the pod's.

    site         of the part whose template it is, ``""`` where sites have no controllers of their own
    containers   container.py's, with their mounts and lifecycle; init_containers and volumes are storage.py's, with
                 those of devices (devices.device_volumes)
    annotations  configuration.py's
    """
    notes = dict(annotations or {})
    for container in workload.containers:
        notes |= apparmor_annotations(container, name=container.name, context=context)
    metadata: dict[str, Any] = {
        "labels": {**context.labels(workload.name, site), **network_labels(workload, context)},
    }
    if notes:
        metadata["annotations"] = dict(sorted(notes.items()))
    return {"metadata": metadata, "spec": _spec(workload, site, controller, containers, init_containers, volumes,
                                                context, ledger)}  # fmt: skip


def _spec(
    workload: Workload,
    site: str,
    controller: Controller,
    containers: Sequence[dict[str, Any]],
    init_containers: Sequence[dict[str, Any]],
    volumes: Sequence[dict[str, Any]],
    context: Context,
    ledger: Ledger,
) -> dict[str, Any]:
    network = network_namespace(workload, context=context, ledger=ledger)
    processes = process_namespace(workload, context=context, ledger=ledger)
    ipc = ipc_namespace(workload, context=context, ledger=ledger)
    host_network = bool(network.get("hostNetwork"))
    on_host = host_network or bool(processes.get("hostPID")) or bool(ipc)
    tell_grace(workload, context=context, ledger=ledger)
    spec: dict[str, Any] = {
        "restartPolicy": restart_policy(workload, controller),
        "serviceAccountName": context.name(workload.name),
        "automountServiceAccountToken": False,
        "enableServiceLinks": _service_links(workload, context, ledger),
        "terminationGracePeriodSeconds": grace_seconds(workload),
    }
    for target in context.in_pod("spec.automountServiceAccountToken"):
        ledger.defaulted("security-default", target, why="a container of Docker had no token of the cluster")
    if host_network:
        spec["hostNetwork"] = True
    spec |= processes
    spec |= ipc
    spec |= user_namespace(workload, on_host=on_host, context=context, ledger=ledger)
    spec |= host_name(workload, host_network=host_network, controller=controller, context=context, ledger=ledger)
    if sends_by_field(workload, context):
        spec["os"] = {"name": "linux"}
    spec |= runtime_class(workload, context=context, ledger=ledger)
    if secrets := _pull_secrets(context, ledger):
        spec["imagePullSecrets"] = secrets
    spec |= dns(workload, policy=network.get("dnsPolicy", ""), context=context, ledger=ledger)
    if aliases := host_aliases(workload, context=context, ledger=ledger):
        spec["hostAliases"] = aliases
    security: dict[str, Any] = {}
    if groups := _groups(workload, context, ledger):
        security["supplementalGroups"] = groups
    kernel = sysctls(workload, host_network=host_network, host_ipc=bool(ipc), context=context, ledger=ledger)
    if kernel:
        security["sysctls"] = kernel
    if security:
        spec["securityContext"] = security
    spec |= placement(workload, site=site, controller=controller, context=context, ledger=ledger)
    if init_containers:
        spec["initContainers"] = list(init_containers)
    spec["containers"] = list(containers)
    if volumes:
        spec["volumes"] = list(volumes)
    return spec


def restart_policy(workload: Workload, controller: Controller) -> str:
    """Controllers of lasting pods take Always only; a Job's pod never restarts what Docker would not have."""
    if controller not in (Controller.JOB, Controller.CRONJOB):
        return "Always"
    return "Never" if workload.restart.policy in ("", "no") else "OnFailure"


def _service_links(workload: Workload, context: Context, ledger: Ledger) -> bool:
    """Variables for every Service of the namespace, in the form that links of the default bridge injected
    (``DB_PORT_5432_TCP_ADDR``): on only where a link may be read that way, since such names break programs that
    call a setting of theirs ``DB_PORT``."""
    resolved = {legacy for _, legacy in context.names.services}
    links = [
        link
        for network in workload.networks
        if network.name in DEFAULT_BRIDGE
        for link in network.links
        if link.key in resolved
    ]
    at = context.in_pod("spec.enableServiceLinks")
    for link in links:
        service = context.names.links.get((workload.name, link.key), link.key)
        prefix = link.key.upper().replace("-", "_")
        why = (
            f"{link.key}: the Service {service}, and its variables with those of all other Services of the namespace; "
            f"no {prefix}_NAME and {prefix}_ENV_*"
        )
        if service != link.key.lower():
            why += f", and {service.upper().replace('-', '_')} in place of {prefix}"
        ledger.approximated(link.origins, "link", *at, why=why, todo="check that none of them is a setting's name")
    if not links:
        for target in at:
            ledger.defaulted("service-default", target, why="variables of Services break settings of the same name")
    return bool(links)


def _pull_secrets(context: Context, ledger: Ledger) -> list[dict[str, str]]:
    names = context.target.pull_secrets
    for target in context.in_pod("spec.imagePullSecrets") if names else ():
        ledger.defaulted("pull-secret", target, why="the target's pull secrets")
    return [{"name": name} for name in names]


def _groups(workload: Workload, context: Context, ledger: Ledger) -> list[int]:
    """``supplementalGroups``: the pod's, so each container gets those of all."""
    found: set[int] = set()
    alike = len({frozenset(item.value for item in container.groups) for container in workload.containers}) == 1
    at = context.in_pod("spec.securityContext.supplementalGroups")
    for container in workload.containers:
        for item in container.groups:
            number = _number(item.value)
            decided = ""
            if number is None:
                subject = f"{container.name}: group {item.value}"
                answer = ledger.ask("user-unresolved", item.origins, subject)
                if answer is None:
                    why = f"{item.value} is a name, and the groups of the image are not known; a pod takes numbers"
                    ledger.undecided(item.origins, "user-unresolved", *at, why=why, subject=subject)
                    continue
                number, decided = _answered_group(answer, item.value), f"{item.value} is {answer}, as decided"
            found.add(number)
            if not alike:
                why = f"{item.value}: all containers of the pod are in this group"
                ledger.approximated(item.origins, "group-add", *at, why=why)
            ledger.exact(item.origins, "group-add", *at, why=decided)
    return sorted(found)


def _number(text: str) -> int | None:
    if text == "root":
        return 0
    return int(text) if text.isascii() and text.isdigit() and int(text) <= GROUP_LIMIT else None


def _answered_group(answer: str, name: str) -> int:
    number = _number(answer)
    if number is None:
        raise PodliftError(
            code="answer-unfit",
            phase="convert",
            subject=f"user-unresolved ({name})",
            reason=f"{answer!r} is no number of a group",
            next_step="answer with the group's number, for example 1000",
        )
    return number
