"""When a value is what Docker takes where nobody said anything: the ``@name`` entries of a row's ``unset``.

Defaults that an engine's /info tells are known only with it; without it such a value counts as present.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .walk import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a field's class depends on beside its value.

    document   the whole document it stands in
    image      path to value of the fields of the instance's own image (as a container would show them); None: unknown
    info       body of the engine's /info; None: unknown
    """

    document: Mapping[str, Any]
    image: Mapping[str, Any] | None = None
    info: Mapping[str, Any] | None = None

    def part(self, name: str) -> Mapping[str, Any]:
        value = self.document.get(name)
        return value if isinstance(value, Mapping) else {}


_MASKED = re.compile(
    r"/proc/(acpi|asound|interrupts|kcore|keys|latency_stats|timer_list|timer_stats|sched_debug|scsi)"
    r"|/sys/(firmware|devices/virtual/powercap|devices/system/cpu/cpu\d+/thermal_throttle)"
)
_READ_ONLY = re.compile(r"/proc/(asound|bus|fs|irq|sys|sysrq-trigger)")
_MASKED_CORE = frozenset(
    f"/proc/{name}"
    for name in ("acpi", "kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug", "scsi")
) | {"/sys/firmware"}
_READ_ONLY_CORE = frozenset({"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"})
_BRIDGE: dict[str, tuple[str, ...] | None] = {
    "com.docker.network.bridge.default_bridge": ("true", "false"),
    "com.docker.network.bridge.enable_icc": ("true",),
    "com.docker.network.bridge.enable_ip_masquerade": ("true",),
    "com.docker.network.bridge.host_binding_ipv4": ("0.0.0.0",),  # noqa: S104 (compared with, never bound)
    "com.docker.network.bridge.name": ("docker0",),
    "com.docker.network.driver.mtu": ("1500",),
    "com.docker.network.enable_ipv4": ("true",),
    "com.docker.network.enable_ipv6": ("false",),
    "com.docker.network.driver.overlay.vxlanid_list": None,
}


def _name_only(found: Field, around: Surroundings) -> bool:
    """``NAME`` without ``=`` unsets the image's variable; where the image has none, it does nothing."""
    if around.image is None or not isinstance(found.value, str) or "=" in found.value:
        return False
    return found.path not in around.image


def _assigned_hostname(found: Field, around: Surroundings) -> bool:
    """The first 12 characters of the ID, or of the ID whose network is joined; the host's own name on its network."""
    mode = around.part("HostConfig").get("NetworkMode") or ""
    shared = around.part("HostConfig").get("UTSMode") == "host" or mode == "host"
    if shared and around.info is not None and found.value == around.info.get("Name"):
        return True
    joined = mode.removeprefix("container:") if isinstance(mode, str) and mode.startswith("container:") else ""
    identity = str(around.document.get("Id") or "")
    return found.value in (identity[:12], joined[:12] or None)


def _derived_swap(found: Field, around: Surroundings) -> bool:
    """The engine writes twice the memory limit where nobody said a swap limit; -1 says nothing without a limit."""
    memory = around.part("HostConfig").get("Memory") or around.part("Config").get("Memory")
    return bool(found.value == 2 * memory if isinstance(memory, int) and memory else found.value == -1)


def _cgroup_namespace(found: Field, around: Surroundings) -> bool:
    version = str((around.info or {}).get("CgroupVersion") or "")
    return found.value is not None and {"1": "host", "2": "private"}.get(version) == found.value


def _no_user_namespaces(found: Field, around: Surroundings) -> bool:
    if around.info is None:
        return False
    options = around.info.get("SecurityOptions") or ()
    return found.value == "host" and not any("userns" in str(option) for option in options)


def _default_runtime(found: Field, around: Surroundings) -> bool:
    default = (around.info or {}).get("DefaultRuntime")
    return default is not None and found.value in (default, *(("io.containerd.runc.v2",) if default == "runc" else ()))


def _default_log_driver(found: Field, around: Surroundings) -> bool:
    return around.info is not None and found.value == around.info.get("LoggingDriver")


def _idle_security_option(found: Field, around: Surroundings) -> bool:
    """The engine itself adds ``label=disable`` beside what makes SELinux labels impossible; ``builtin`` is the
    default profile's name."""
    option = str(found.value).replace(":", "=", 1)
    if option in ("seccomp=builtin", "no-new-privileges=false"):
        return True
    host = around.part("HostConfig")
    shared = any(str(host.get(mode) or "").startswith(("host", "container:")) for mode in ("PidMode", "IpcMode"))
    return option == "label=disable" and (bool(host.get("Privileged")) or shared)


def _usual(core: frozenset[str], known: re.Pattern[str]) -> Callable[[Field, Surroundings], bool]:
    def rule(found: Field, around: Surroundings) -> bool:  # noqa: ARG001 (all rules take both)
        paths = found.value
        if not isinstance(paths, list):
            return paths is None
        return core <= set(map(str, paths)) and all(known.fullmatch(str(path)) for path in paths)

    return rule


def _restarts_never(found: Field, around: Surroundings) -> bool:  # noqa: ARG001
    return isinstance(found.value, dict) and found.value.get("Name") in ("", "no", None)


def _hollow(found: Field, around: Surroundings) -> bool:  # noqa: ARG001
    """Nothing in it but empty values: ``{}``, ``[0, 0]``, ``{"IPv4Address": ""}``."""
    return _empty(found.value)


def _empty(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_empty, value.values()))
    if isinstance(value, list):
        return all(map(_empty, value))
    return not value


def _network_of_mode(found: Field, around: Surroundings) -> bool:
    """A network that NetworkMode names already, or that its default implies."""
    name = found.path.partition("[")[2].rpartition("]")[0]
    mode = around.part("HostConfig").get("NetworkMode") or "default"
    if name in ("host", "none") or (name in ("bridge", "podman", "nat") and mode in ("default", "bridge", "nat")):
        return True
    return mode in (name, found.value)


def _own_name(found: Field, around: Surroundings) -> bool:
    """The engine lets a container be found by its short ID and its name without being asked."""
    return found.value in (
        str(around.document.get("Id") or "")[:12],
        str(around.document.get("Name") or "").removeprefix("/"),
    )


def _anonymous_volume(found: Field, around: Surroundings) -> bool:  # noqa: ARG001
    return found.path == "Labels[com.docker.volume.anonymous]"


def _usual_bridge_option(found: Field, around: Surroundings) -> bool:  # noqa: ARG001
    name = found.path.partition("[")[2].removesuffix("]")
    usual = _BRIDGE.get(name, ())
    return usual is None or found.value in usual


def _podman_env(found: Field, around: Surroundings) -> bool:
    """Podman prints what it injects."""
    name, _, value = str(found.value).partition("=")
    hostname = around.part("Config").get("Hostname")
    return (
        (name, value) in (("container", "podman"), ("container", "oci"), ("TERM", "xterm"))
        or (name == "HOSTNAME" and value == hostname)
        or (name == "HOME" and (around.image is None or found.path not in around.image))
    )


_PODMAN_ANNOTATIONS = (
    "io.container.",
    "io.containers.",
    "io.kubernetes.cri-o.",
    "io.podman.annotations.",
    "org.opencontainers.image.stopSignal",
    "org.systemd.property.",
)


def _podman_annotation(found: Field, around: Surroundings) -> bool:  # noqa: ARG001
    return found.path.partition("[")[2].startswith(_PODMAN_ANNOTATIONS)


RULES: dict[str, Callable[[Field, Surroundings], bool]] = {
    "@name-only": _name_only,
    "@assigned-hostname": _assigned_hostname,
    "@derived-swap": _derived_swap,
    "@cgroup-namespace": _cgroup_namespace,
    "@no-user-namespaces": _no_user_namespaces,
    "@default-runtime": _default_runtime,
    "@default-log-driver": _default_log_driver,
    "@idle-security-option": _idle_security_option,
    "@usual-masked-paths": _usual(_MASKED_CORE, _MASKED),
    "@usual-readonly-paths": _usual(_READ_ONLY_CORE, _READ_ONLY),
    "@restarts-never": _restarts_never,
    "@hollow": _hollow,
    "@network-of-mode": _network_of_mode,
    "@own-name": _own_name,
    "@anonymous-volume": _anonymous_volume,
    "@usual-bridge-option": _usual_bridge_option,
    "@podman-env": _podman_env,
    "@podman-annotation": _podman_annotation,
}
