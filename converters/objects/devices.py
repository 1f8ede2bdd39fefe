"""Host devices. A pod has no field for them: each becomes what the user answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..errors import PodliftError
from ..fields.ledger import Ledger
from ..workload import Container, Device
from .context import Context, short_hash
from .pod_security import refused

# An extended resource is a domain and a name: example.com/serial.
_RESOURCE = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """
    resources  resource name of a device plugin to how many
    mounts     volumeMounts of devices that are mounted from the host; the pod needs device_volumes() beside them,
               and the container is privileged: a device node alone is closed by the device cgroup
    """

    resources: dict[str, int]
    mounts: list[dict[str, Any]]


def devices(container: Container, *, name: str, context: Context, ledger: Ledger) -> Devices:
    """What the devices of the pod's container ``name`` become."""
    counted: dict[str, int] = {}
    mounts: list[dict[str, Any]] = []
    for device in container.devices:
        answer = ledger.ask("device", device.origins, _subject(device))
        what = f"{device.host_path} ({device.permissions})"
        if answer is None:
            ledger.undecided(
                device.origins, "device", why=f"{what}: a pod has no field for it", subject=_subject(device)
            )
        elif answer == "drop":
            ledger.dropped(device.origins, "device", why=f"{what}: left out, as decided")
        elif answer == "hostPath":
            if not _refused(device, context, ledger):
                mounts.append({"name": _volume(device), "mountPath": device.container_path})
                ledger.approximated(
                    device.origins,
                    "device",
                    *context.in_pod(f"spec.containers[{name}].volumeMounts[{device.container_path}]"),
                    *context.in_pod(f"spec.volumes[{_volume(device)}]"),
                    *context.in_pod(f"spec.containers[{name}].securityContext.privileged"),
                    *context.in_pod(f"spec.containers[{name}].securityContext.seccompProfile"),
                    why=f"{what}: mounted from the node, as decided; a privileged container has all devices",
                )
        elif _RESOURCE.fullmatch(answer):
            counted[answer] = counted.get(answer, 0) + 1
            ledger.approximated(
                device.origins,
                "device",
                *context.in_pod(f"spec.containers[{name}].resources.limits[{answer}]"),
                why=f"{what}: one of {answer} from a device plugin, as decided",
            )
        else:
            raise PodliftError(
                code="answer-unfit",
                phase="convert",
                subject=f"device {device.host_path}",
                reason=f"{answer!r} is neither hostPath, a resource name nor drop",
                next_step="answer with hostPath, drop, or a device plugin's resource, for example example.com/serial",
            )
    return Devices(resources=counted, mounts=mounts)


def device_volumes(container: Container, *, context: Context, ledger: Ledger) -> list[dict[str, Any]]:
    """The pod's volumes for devices that the user has mounted from the host; one for each host path."""
    if context.target.pod_security != "privileged":
        return []
    paths = {
        device.host_path: {"name": _volume(device), "hostPath": {"path": device.host_path}}
        for device in container.devices
        if ledger.ask("device", device.origins, _subject(device)) == "hostPath"
    }
    return [volume for _, volume in sorted(paths.items())]


def _refused(device: Device, context: Context, ledger: Ledger) -> bool:
    what = f"the device {device.host_path} from the host, in a privileged container"
    return refused("privileged", device.origins, what=what, context=context, ledger=ledger, subject=_subject(device))


def _subject(device: Device) -> str:
    return f"device {device.host_path}"


def _volume(device: Device) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", device.host_path.lower()).strip("-")[:40].strip("-")
    return f"device-{words}-{short_hash(device.host_path)}"
