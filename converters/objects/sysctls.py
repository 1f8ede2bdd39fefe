"""Kernel settings of the pod: which ones kubelets take, and which the target allows besides."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from ..fields.ledger import Ledger
from ..workload import Pair, Workload
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
    return [{"name": name, "value": made[name].value} for name in sorted(made)]


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
