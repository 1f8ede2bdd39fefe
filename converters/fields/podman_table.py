"""Podman's dialect of inspect: the rows that differ from Docker's, and the keys that Docker has not.

Podman prints what its engine does as if it had been asked for: variables it injects, namespaces of its own, limits of
processes. Those are unset here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .container_table import CONTAINER_ROWS
from .row import Row, config, observed

_OBSERVED = observed(
    "ImageDigest",
    "ImageName",
    "Rootfs",
    "Pod",
    "StaticDir",
    "OCIConfigPath",
    "OCIRuntime",
    "ConmonPidFile",
    "PidFile",
    "EffectiveCaps",
    "BoundingCaps",
    "Dependencies",
    "Namespace",
    "IsInfra",
    "IsService",
    "KubeExitCodePropagation",
    "lockNumber",
    "UseImageHosts",
    "UseImageHostname",
    "Config.Annotations",
    "Config.CreateCommand",
    "Config.HealthLogDestination",
    "Config.HealthcheckMaxLogCount",
    "Config.HealthcheckMaxLogSize",
    "Config.Passwd",
    "Config.sdNotifyMode",
    "HostConfig.CgroupManager",
    "HostConfig.CgroupMode",
    "HostConfig.CgroupConf",
    "HostConfig.Cgroups",
    "HostConfig.CgroupParent",
    "HostConfig.HostsFile",
    "HostConfig.AutoRemoveImage",
    "HostConfig.LogConfig.Path",
    "HostConfig.LogConfig.Size",
    "HostConfig.LogConfig.Tag",
    "HostConfig.IDMappings",
)

_OWN = (
    config(
        "Config.HealthcheckOnFailureAction",
        "check",
        "container.checks",
        "podman",
        sample="restart",
        unset=("", "none"),
        seen_by="outside: the engine acts on it",
    ),
    config(
        "Config.Umask",
        "umask",
        "setting",
        "podman",
        sample="0027",
        unset=("", "0022"),
        seen_by="umask",
    ),
    config(
        "Config.Timeout",
        "unknown-field",
        "setting",
        "podman",
        sample=30,
        unset=(0,),
        seen_by="outside: the engine ends the container",
    ),
)

_MORE_UNSET: dict[str, tuple[object, ...]] = {
    "Config.StopSignal": ("SIGTERM", "15", 15),
    "Config.Env[env]": ("@podman-env",),
    "HostConfig.Annotations[map]": ("@podman-annotation",),
    "HostConfig.PidMode": ("private",),
    "HostConfig.UTSMode": ("private",),
    "HostConfig.UsernsMode": ("private",),
    "HostConfig.ShmSize": (65_536_000,),
    "HostConfig.Runtime": ("oci", "crun", "runc"),
    "HostConfig.MemorySwappiness": (0,),
    "HostConfig.PidsLimit": (2048,),
}

PODMAN_ROWS: tuple[Row, ...] = (
    *(
        replace(row, unset=(*row.unset, *_MORE_UNSET[row.pattern]))
        for row in CONTAINER_ROWS
        if row.pattern in _MORE_UNSET
    ),
    *_OBSERVED,
    *_OWN,
)


def is_podman(document: Mapping[str, Any]) -> bool:
    """Podman's own keys; Docker has never had them."""
    return "OCIConfigPath" in document or "lockNumber" in document or "ImageName" in document
