"""One container of a pod: what runs, as whom, within what limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from ..rewriting import Rewrite, renamed
from ..secrecy import referable
from ..workload import Container, Workload
from .context import Context
from .devices import devices
from .expansion import escape_by_reference
from .image import image
from .ports import container_ports
from .resources import device_resources, resources
from .security import security_context


def container_spec(
    workload: Workload,
    container: Container,
    *,
    name: str,
    env: Sequence[dict[str, Any]],
    volume_mounts: Sequence[dict[str, Any]],
    probes: Mapping[str, Any],
    context: Context,
    ledger: Ledger,
    lifecycle: Mapping[str, Any] | None = None,
    rewrite: Rewrite | None = None,
) -> dict[str, Any]:
    """The pod's container ``name``, and the verdicts on the container's own attributes: image, process, security,
    limits, devices, ulimits and ports.

    env            configuration.py's list, in order
    volume_mounts  storage.py's; those of host devices are added here (their volumes: devices.device_volumes)
    probes         probes.py's: readinessProbe, livenessProbe, startupProbe
    lifecycle      a preStop hook, composed by the pod
    rewrite        replaces legacy host names in command and args; without it the name map's hosts are replaced
    """
    found = devices(container, name=name, context=context, ledger=ledger)
    counted = device_resources(container.device_requests, name=name, context=context, ledger=ledger)
    for resource, count in found.resources.items():
        counted[resource] = counted.get(resource, 0) + count
    spec: dict[str, Any] = {
        "name": name,
        "image": image(container, name=name, context=context, ledger=ledger),
        "imagePullPolicy": "IfNotPresent",
    }
    for target in context.in_pod(f"spec.containers[{name}].imagePullPolicy"):
        ledger.defaulted("pull-policy-default", target, why="Docker pulls only what its host lacks")
    spec.update(
        _command(
            container,
            rewrite or context.names.rewrite_for(workload.name),
            name=name,
            context=context,
            ledger=ledger,
        )
    )
    spec.update(_working_dir(container, name=name, context=context, ledger=ledger))
    if ports := container_ports(workload, container, name=name, context=context, ledger=ledger):
        spec["ports"] = ports
    if env:
        spec["env"] = list(env)
    spec["resources"] = resources(container, name=name, context=context, ledger=ledger, devices=counted)
    if mounts := [*volume_mounts, *found.mounts]:
        spec["volumeMounts"] = mounts
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if probe in probes:
            spec[probe] = probes[probe]
    if lifecycle:
        spec["lifecycle"] = dict(lifecycle)
    spec["securityContext"] = security_context(
        container, name=name, context=context, ledger=ledger, device_access=bool(found.mounts)
    )
    spec.update(_terminal(container, name=name, context=context, ledger=ledger))
    _ulimits(container, ledger=ledger)
    return spec


def _command(
    container: Container, rewrite: Rewrite, *, name: str, context: Context, ledger: Ledger
) -> dict[str, list[str]]:
    """``command`` and ``args``. A pod that has a command ignores the image's CMD, one that has only args keeps the
    image's ENTRYPOINT, and an empty list counts as none: so what Docker ran after a cleared entrypoint is the command.
    A secret value of the environment that stands in them is written as a reference to its variable.
    """
    e_origins, a_origins = container.origins.get("entrypoint", ()), container.origins.get("args", ())
    entrypoint = None if container.entrypoint is None else [rewrite(word) for word in container.entrypoint]
    args = None if container.args is None else [rewrite(word) for word in container.args]
    secrets = referable({env.name: rewrite(env.value).text for env in container.env if env.secret and env.value})
    made: dict[str, list[str]] = {}
    if entrypoint:
        made["command"] = [escape_by_reference(word.text, secrets) for word in entrypoint]
        if args:
            made["args"] = [escape_by_reference(word.text, secrets) for word in args]
    elif args:
        made["command" if entrypoint == [] else "args"] = [escape_by_reference(word.text, secrets) for word in args]
    elif entrypoint == [] or args == []:
        why = "cleared, and nothing in its place: a pod cannot clear it, the image's own is used"
        ledger.approximated(e_origins + a_origins, "command", why=why)
    targets = tuple(target for key in made for target in context.in_pod(f"spec.containers[{name}].{key}"))
    for origins, words in ((e_origins, entrypoint or []), (a_origins, args or [])):
        if why := renamed(words):
            ledger.approximated(origins, "command", *targets, why=why, todo="check that the new name is right")
        ledger.exact(origins, "command", *targets)
    return made


def _working_dir(container: Container, *, name: str, context: Context, ledger: Ledger) -> dict[str, str]:
    origins = container.origins.get("working_dir", ())
    if not container.working_dir:
        ledger.exact(origins, "working-dir", why="empty: the image's own, on both sides")
        return {}
    ledger.exact(origins, "working-dir", *context.in_pod(f"spec.containers[{name}].workingDir"))
    return {"workingDir": container.working_dir}


def _terminal(container: Container, *, name: str, context: Context, ledger: Ledger) -> dict[str, bool]:
    made: dict[str, bool] = {}
    switches = (
        ("stdin", "stdin", "stdin", container.stdin),
        ("stdin_once", "stdin", "stdinOnce", container.stdin_once),
        ("tty", "tty", "tty", container.tty),
    )
    for attribute, code, key, on in switches:
        origins: Origins = container.origins.get(attribute, ())
        if on:
            made[key] = True
            ledger.exact(origins, code, *context.in_pod(f"spec.containers[{name}].{key}"))
        else:
            ledger.exact(origins, code)
    return made


def _ulimits(container: Container, *, ledger: Ledger) -> None:
    for limit in container.ulimits:
        spelled = f"{limit.name}={_spelled(limit.soft)}:{_spelled(limit.hard)}"
        subject = f"ulimit {limit.name}"
        answer = ledger.ask("ulimit", limit.origins, subject)
        if answer == "node":
            why = f"{spelled}: the default of the nodes' runtime, as decided"
            ledger.dropped(limit.origins, "ulimit", why=why)
        elif answer == "drop":
            ledger.dropped(limit.origins, "ulimit", why=f"{spelled}: left out, as decided")
        else:
            why = f"{spelled}: a pod has no field for it, the runtime's default counts"
            ledger.undecided(limit.origins, "ulimit", why=why, subject=subject)


def _spelled(limit: int) -> str:
    return "unlimited" if limit == -1 else str(limit)
