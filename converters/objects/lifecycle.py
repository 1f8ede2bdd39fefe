"""How a pod ends: the drain, the stop signal, and the time until it is killed.

A container has one preStop hook. While it runs the pod has already left its Services' endpoints; when it returns the
kubelet sends the image's stop signal; the grace counts from the beginning of both.
"""

from __future__ import annotations

import math
import re
import shlex
from typing import Any

from ..fields.ledger import Ledger
from ..fields.verdict import Origins
from ..workload import Container, Workload
from .context import Context
from .processes import own_process_one
from .service import has_service

DRAIN_S = 10
DOCKER_GRACE_S = 10
FOREVER_S = 365 * 24 * 3600
MARGIN_S = 5
# The sleep action is beta and on since 1.30 (KEP-3960).
SLEEP_SINCE = (1, 30)
# lifecycle.stopSignal (KEP-4960) is off unless its gate is on, and needs spec.os.name.
STOP_SIGNAL_GATE, STOP_SIGNAL_SINCE = "ContainerStopSignals", (1, 33)

# In order of their numbers on Linux, from 1 (signal(7); amd64 and arm64 agree).
_NAMES = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
]  # fmt: skip
_RT_MIN, _RT_MAX = 34, 64
_REAL_TIME = re.compile(r"RTM(?:IN(?:\+(?P<up>\d{1,2}))?|AX(?:-(?P<down>\d{1,2}))?)")


def signal_number(text: str) -> int | None:
    """The number of a signal as Docker takes it: ``SIGQUIT``, ``quit``, ``3``, ``SIGRTMIN+3``; None for no signal."""
    name = text.strip().upper().removeprefix("SIG")
    if name.isascii() and name.isdigit():
        number = int(name)
        return number if 1 <= number <= len(_NAMES) or _RT_MIN <= number <= _RT_MAX else None
    if name in _NAMES:
        return _NAMES.index(name) + 1
    match = _REAL_TIME.fullmatch(name)
    if match is None:
        return None
    number = _RT_MAX - int(match["down"] or 0) if name.startswith("RTMAX") else _RT_MIN + int(match["up"] or 0)
    return number if _RT_MIN <= number <= _RT_MAX else None


def signal_name(number: int) -> str:
    """As the API spells it: ``SIGQUIT``, ``SIGRTMIN+3``."""
    if number <= len(_NAMES):
        return f"SIG{_NAMES[number - 1]}"
    if number == _RT_MIN:
        return "SIGRTMIN"
    return "SIGRTMAX" if number == _RT_MAX else f"SIGRTMIN+{number - _RT_MIN}"


def drain_seconds(workload: Workload) -> int:
    """How long the hook sleeps: as the legacy side drained, else ten seconds behind a Service, so that callers have
    noticed before the process ends."""
    if workload.termination.drain_s is not None:
        return max(0, math.ceil(workload.termination.drain_s))
    return DRAIN_S if has_service(workload) else 0


def grace_seconds(workload: Workload) -> int:
    """``terminationGracePeriodSeconds``: the drain, Docker's time between signal and kill, and a margin."""
    return drain_seconds(workload) + _until_kill(workload) + MARGIN_S


def _until_kill(workload: Workload) -> int:
    """Below 0 Docker waits for ever."""
    wanted = workload.termination.grace_s
    if wanted is None:
        return DOCKER_GRACE_S
    return FOREVER_S if wanted < 0 or wanted > FOREVER_S else math.ceil(wanted)


def tell_grace(workload: Workload, *, context: Context, ledger: Ledger) -> None:
    """The verdicts on the times: grace and drain."""
    ending, targets = workload.termination, context.in_pod("spec.terminationGracePeriodSeconds")
    origins: Origins = ending.origins.get("grace_s", ())
    if not origins:
        for target in targets:
            why = f"Docker's {DOCKER_GRACE_S} s, the drain of {drain_seconds(workload)} s and {MARGIN_S} s more"
            ledger.defaulted("grace-default", target, why=why)
    if origins:
        why = f"until the kill {MARGIN_S} s more, since the kubelet is slower than the engine"
        if _until_kill(workload) == FOREVER_S:
            why = f"{ending.grace_s:g} s: a year, since a pod is not waited for without end"
        ledger.approximated(origins, "stop-timeout", *targets, why=why)
    of_drain: Origins = ending.origins.get("drain_s", ())
    hooks = tuple(
        target
        for container in workload.containers
        for target in context.in_pod(f"spec.containers[{container.name}].lifecycle.preStop")
    )
    if ending.drain_s is not None and ending.drain_s != drain_seconds(workload):
        why = f"{ending.drain_s:g} s, rounded up to {drain_seconds(workload)} s"
        ledger.approximated(of_drain, "drain", *hooks, *targets, why=why)
    ledger.exact(of_drain, "drain", *hooks, *targets)


def lifecycle(workload: Workload, container: Container, *, context: Context, ledger: Ledger) -> dict[str, Any]:
    """``lifecycle`` of one of the pod's containers, ``{}`` for none, and the verdicts on stop signal and hook.

    Every container drains, since each is stopped by itself; signal and command are the first one's.
    """
    at = context.in_pod(f"spec.containers[{container.name}].lifecycle.preStop")
    seconds = drain_seconds(workload)
    made: dict[str, Any] = {}
    steps: list[str] = [f"sleep {seconds}"] if seconds else []
    command: list[str] | None = None
    if container is workload.containers[0]:
        command = _command(workload, at, ledger)
        number = _signal(workload, container, context, ledger)
        if number is not None and uses_stop_signal_field(context):
            made["stopSignal"] = signal_name(number)
        elif number is not None:
            steps += [shlex.join(command)] if command else []
            made["preStop"] = _shell([*steps, *_kill(number, workload)])
            return made
    if command and steps:
        made["preStop"] = _shell([*steps, shlex.join(command)])
    elif command:
        # The kubelet expands no variables in the command of a hook, so it needs no escaping.
        made["preStop"] = {"exec": {"command": command}}
    elif seconds:
        if workload.termination.drain_s is None:
            for target in at:
                ledger.defaulted("grace-default", target, why="callers have noticed before the process ends")
        sleeps = context.target.version >= SLEEP_SINCE
        made["preStop"] = {"sleep": {"seconds": seconds}} if sleeps else {"exec": {"command": ["sleep", str(seconds)]}}
    return dict(sorted(made.items()))


def uses_stop_signal_field(context: Context) -> bool:
    return context.target.version >= STOP_SIGNAL_SINCE and STOP_SIGNAL_GATE in context.target.gates


def sends_by_field(workload: Workload, context: Context) -> bool:
    """Whether the pod needs ``os.name``: the API server takes a stop signal only beside it."""
    signal = signal_number(workload.termination.signal) if workload.termination.signal else None
    return signal is not None and signal_name(signal) != "SIGTERM" and uses_stop_signal_field(context)


def _shell(steps: list[str]) -> dict[str, Any]:
    return {"exec": {"command": ["/bin/sh", "-c", "; ".join(steps)]}}


def _kill(number: int, workload: Workload) -> list[str]:
    """Sends the signal and waits for the process to end, as long as Docker did: the kubelet's own signal follows at
    once when the hook returns, and would cut short what the first one began."""
    name = signal_name(number).removeprefix("SIG")
    option = name if number <= len(_NAMES) else str(number)
    wanted = workload.termination.grace_s
    wait_s = math.ceil(DOCKER_GRACE_S if wanted is None else wanted)
    waiting = f"while kill -0 1 2>/dev/null && [ $n -lt {wait_s} ]; do sleep 1; n=$((n+1)); done"
    return [f"kill -{option} 1", f"n=0; {waiting}"]


def _command(workload: Workload, at: tuple[str, ...], ledger: Ledger) -> list[str] | None:
    origins: Origins = workload.termination.origins.get("pre_stop", ())
    if not workload.termination.pre_stop:
        ledger.exact(origins, "pre-stop")
        return None
    why = ["its time counts within the grace"]
    if drain_seconds(workload):
        why.append("it runs after the drain, by a shell")
    if len(workload.containers) > 1:
        why.append(f"it runs in {workload.containers[0].name} only")
    ledger.approximated(origins, "pre-stop", *at, why="; ".join(why))
    return list(workload.termination.pre_stop)


def _signal(workload: Workload, container: Container, context: Context, ledger: Ledger) -> int | None:
    """The number of a signal that must be sent, None for none; the ledger is told."""
    text, origins = workload.termination.signal, workload.termination.origins.get("signal", ())
    path = f"spec.containers[{container.name}].lifecycle"
    if not text:
        ledger.exact(origins, "stop-signal", why="the image's own, as the runtime sends it")
        return None
    number = signal_number(text)
    if number is None:
        ledger.dropped(origins, "stop-signal-lost", why=f"{text} is no signal")
        return None
    name = signal_name(number)
    if name == "SIGTERM":
        why = "a pod's process gets SIGTERM unless its image says otherwise"
        ledger.approximated(origins, "stop-signal", why=why)
        return None
    if uses_stop_signal_field(context):
        ledger.exact(origins, "stop-signal", *context.in_pod(f"{path}.stopSignal"), *context.in_pod("spec.os"))
        return number
    if name in ("SIGKILL", "SIGSTOP"):
        why = f"{name} cannot be sent to the first process from inside: it gets the image's own, and SIGKILL after it"
        ledger.dropped(origins, "stop-signal-lost", why=why)
        return None
    if not own_process_one(workload, context, ledger):
        why = f"{name}: process 1 is not the container's own here, so that no hook finds it"
        ledger.dropped(origins, "stop-signal-lost", why=why)
        return None
    why = (
        f"{name} is sent by a preStop hook, which needs /bin/sh in the image; without it the image's own comes at once"
    )
    if len(workload.containers) > 1:
        why += f"; only {container.name} gets it"
    ledger.approximated(origins, "stop-signal", *context.in_pod(f"{path}.preStop"), why=why)
    return number
