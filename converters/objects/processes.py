"""Process namespaces and init processes: who is process 1 in a container."""

from __future__ import annotations

from typing import Any

from ..fields.ledger import Ledger
from ..workload import Workload
from .context import Context
from .pod_security import refused

SHARE = "share-process-namespace"
JOINED = "container:"


def own_process_one(workload: Workload, context: Context, ledger: Ledger) -> bool:
    """Whether the container's own process is process 1: neither the host's init nor the pause container."""
    if workload.pid_mode == "host":
        return context.target.pod_security != "privileged"
    return workload.pid_mode != "shared" and not _init_decided(workload, ledger)


def process_namespace(workload: Workload, *, context: Context, ledger: Ledger) -> dict[str, Any]:
    """``hostPID`` or ``shareProcessNamespace``, and the verdicts on pid mode and init."""
    made: dict[str, Any] = {}
    mode, origins = workload.pid_mode, workload.origins.get("pid_mode", ())
    if mode == "host":
        what, subject = "the host's processes (hostPID)", "pod: hostPID"
        if not refused("privileged", origins, what=what, context=context, ledger=ledger, subject=subject):
            made["hostPID"] = True
            ledger.exact(origins, "pid-mode", *context.in_pod("spec.hostPID"))
    elif mode == "shared":
        made["shareProcessNamespace"] = True
        why = "all containers of the pod share it, and network, IPC and host name too; the pause container is process 1"
        ledger.approximated(origins, "pid-mode", *context.in_pod("spec.shareProcessNamespace"), why=why)
    elif mode.startswith((JOINED, "ns:")):
        ask_joined(origins, "processes", mode, ledger)
    else:
        ledger.exact(origins, "pid-mode", why="a container's own, there as here")
    shares = _tell_init(workload, context, ledger)
    if shares and "hostPID" not in made:
        # The API server refuses both at once.
        made["shareProcessNamespace"] = True
    return made


def ask_joined(origins: Any, what: str, mode: str, ledger: Ledger) -> None:
    """A namespace of something that is no part of the pod."""
    subject = f"pod: {what}"
    if ledger.ask("namespace-of-container", origins, subject) == "drop":
        ledger.dropped(origins, "namespace-of-container", why=f"{what} of {mode}: left out, as decided")
    else:
        why = f"{what} of {mode}, which is no part of this pod"
        ledger.undecided(origins, "namespace-of-container", why=why, subject=subject)


def _init_decided(workload: Workload, ledger: Ledger) -> bool:
    return any(
        container.init and ledger.ask("init", container.origins.get("init", ()), f"{container.name}: init") == SHARE
        for container in workload.containers
    )


def _tell_init(workload: Workload, context: Context, ledger: Ledger) -> bool:
    """Whether the pause container is to reap, as decided for one container or more."""
    shares = False
    for container in workload.containers:
        origins, subject = container.origins.get("init", ()), f"{container.name}: init"
        if not container.init:
            ledger.exact(origins, "init", why="no init process, there as here")
            continue
        answer = ledger.ask("init", origins, subject)
        if answer == SHARE:
            shares = True
            why = "the pause container reaps, as decided; the container's process is no longer process 1"
            ledger.approximated(origins, "init", *context.in_pod("spec.shareProcessNamespace"), why=why)
        elif answer is not None:
            ledger.dropped(origins, "init", why="no init process, as decided")
        else:
            why = "the engine put an init process before the image's own; a pod has none"
            ledger.undecided(origins, "init", why=why, subject=subject)
    return shares
