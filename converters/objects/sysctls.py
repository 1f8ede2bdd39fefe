"""Kernel settings of the pod: which ones kubelets take, and which the target allows besides."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from ..fields.ledger import Ledger
from ..workload import Container, Pair, Workload
from .context import Context
from .pod_security import refused

# What every kubelet takes without a flag, by the version since when (kubernetes, pkg/kubelet/sysctl/safe_sysctls.go);
# pod security's baseline admits the same.
SAFE: tuple[tuple[tuple[int, int], frozenset[str]], ...] = (
    (
        (1, 0),
        frozenset(
            {
                "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
                "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
            }
        ),
    ),
    ((1, 27), frozenset({"net.ipv4.ip_local_reserved_ports"})),
    (
        (1, 29),
        frozenset(
            {
                "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
                "net.ipv4.tcp_keepalive_probes",
            }
        ),
    ),
    ((1, 32), frozenset({"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"})),
)  # fmt: skip
# Of the network's and of the IPC namespace; the kubelet refuses them beside the host's own.
_OF_NETWORK = ("net.",)
_OF_IPC = ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")


# What Docker (20.10 and later) sets in each network namespace of its own, and a kubelet does not, with the capability
# that makes it needless.
_DOCKERS = (
    ("net.ipv4.ip_unprivileged_port_start", "0", "NET_BIND_SERVICE", "ports below 1024 need no privilege"),
    ("net.ipv4.ping_group_range", "0 2147483647", "NET_RAW", "every group may ping"),
)


def sysctls(
    workload: Workload, *, host_network: bool, host_ipc: bool, context: Context, ledger: Ledger
) -> list[dict[str, str]]:
    """``securityContext.sysctls`` of the pod, sorted by name, and the verdicts on each."""
    made: dict[str, Pair] = {}
    for pair in workload.sysctls:
        name = pair.key.replace("/", ".")
        before = made.get(name)
        if before is not None and before.value != pair.value:
            _conflict(pair, name, before.value, ledger)
        elif _taken(pair, name, host_network=host_network, host_ipc=host_ipc, context=context, ledger=ledger):
            made[name] = pair
            ledger.exact(pair.origins, "sysctl", *context.in_pod(f"spec.securityContext.sysctls[{name}]"))
    asked = {pair.key.replace("/", ".") for pair in workload.sysctls}
    for name, value, capability, why in () if host_network else _DOCKERS:
        if name not in asked and any(_lacks(container, capability) for container in workload.containers):
            made[name] = Pair(key=name, value=value)
            for target in context.in_pod(f"spec.securityContext.sysctls[{name}]"):
                ledger.defaulted("security-default", target, why=f"in Docker's containers {why}")
    return [{"name": name, "value": made[name].value} for name in sorted(made)]


def _lacks(container: Container, capability: str) -> bool:
    """Whether its process has not this one of Docker's usual capabilities: root has it, unless it was dropped."""
    if container.privileged:
        return False
    user = str(container.user or container.inherited.get("user") or "0").partition(":")[0]
    added = {item.value.upper().removeprefix("CAP_") for item in container.cap_add}
    dropped = {item.value.upper().removeprefix("CAP_") for item in container.cap_drop}
    return user not in ("0", "root") or (bool(dropped & {"ALL", capability}) and not added & {"ALL", capability})


def is_safe(name: str, version: tuple[int, int]) -> bool:
    return any(name in names for since, names in SAFE if version >= since)


def _taken(pair: Pair, name: str, *, host_network: bool, host_ipc: bool, context: Context, ledger: Ledger) -> bool:
    target: Any = context.target
    of_host = (host_network and name.startswith(_OF_NETWORK)) or (host_ipc and name.startswith(_OF_IPC))
    spelled = f"{name}={pair.value}"
    if of_host:
        return _asked(pair, f"{spelled}: no kubelet sets it beside the host's own namespace", name, ledger)
    if is_safe(name, target.version):
        return True
    if not any(fnmatchcase(name, pattern) for pattern in target.unsafe_sysctls):
        return _asked(pair, f"{spelled}: kubelets take it only with --allowed-unsafe-sysctls", name, ledger)
    subject = f"sysctl {name}"
    return not refused("privileged", pair.origins, what=spelled, context=context, ledger=ledger, subject=subject)


def _asked(pair: Pair, why: str, name: str, ledger: Ledger) -> bool:
    subject = f"sysctl {name}"
    if ledger.ask("sysctl-unsafe", pair.origins, subject) == "drop":
        ledger.dropped(pair.origins, "sysctl-unsafe", why=f"{name}={pair.value}: left out, as decided")
    else:
        ledger.undecided(pair.origins, "sysctl-unsafe", why=why, subject=subject)
    return False


def _conflict(pair: Pair, name: str, other: str, ledger: Ledger) -> None:
    subject = f"sysctl {name}"
    if ledger.ask("sysctl-conflict", pair.origins, subject) == "drop":
        ledger.dropped(pair.origins, "sysctl-conflict", why=f"{name}={pair.value}: left out, as decided")
    else:
        why = f"{name} is {other} in one container and {pair.value} in another, and a pod has one value"
        ledger.undecided(pair.origins, "sysctl-conflict", why=why, subject=subject)
