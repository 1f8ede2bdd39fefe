"""Limits and requests, devices among them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from .. import quantity
from ..errors import PodliftError
from ..fields.ledger import Ledger
from ..target import Target
from ..workload import Container, DeviceRequest
from .context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What a container asks the scheduler for. ``memory_bytes`` None: nothing."""

    cpu_m: int
    memory_bytes: int | None


def requests(container: Container, target: Target, *, shares_policy: str = "") -> Requests:
    """The requests that the manifests state, also for the HPA, whose utilization is a fraction of them.

    CPU: the config's own, else the shares by policy, else the target's default; never above the limit, which the API
    server refuses. Memory: the reservation, else the limit (the API server would put it there), else the target's
    default.
    """
    cpu: float = target.cpu_request_m
    if container.cpu_request_m is not None:
        cpu = container.cpu_request_m
    elif container.cpu_shares and (shares_policy or target.shares_policy) == "proportional":
        # the inverse of the kubelet's MilliCPUToShares
        cpu = container.cpu_shares * 1000 / 1024
    if container.cpu_limit_m is not None:
        cpu = min(cpu, container.cpu_limit_m)
    memory = container.memory_request_bytes
    if memory is None:
        memory = target.memory_request_bytes if container.memory_limit_bytes is None else container.memory_limit_bytes
    elif container.memory_limit_bytes is not None:
        memory = min(memory, container.memory_limit_bytes)
    return Requests(cpu_m=max(1, math.ceil(round(cpu, 6))), memory_bytes=memory)


def resources(
    container: Container,
    *,
    name: str,
    context: Context,
    ledger: Ledger,
    devices: dict[str, int] | None = None,
) -> dict[str, Any]:
    """``resources`` of the pod's container ``name``.

    devices  resource names of device plugins and how many (devices.py)
    """
    policy = ledger.ask("cpu-shares", container.origins.get("cpu_shares", ())) if container.cpu_shares else None
    wanted = requests(container, context.target, shares_policy=policy or "")
    tell = _Told(container, name, context, ledger)
    limits: dict[str, str] = {}
    if container.cpu_limit_m is not None:
        limits["cpu"] = quantity.cpu(container.cpu_limit_m)
    if container.memory_limit_bytes is not None:
        limits["memory"] = quantity.memory(container.memory_limit_bytes)
    for resource, count in sorted((devices or {}).items()):
        limits[resource] = str(count)
    asked = {"cpu": quantity.cpu(wanted.cpu_m)}
    if wanted.memory_bytes is not None:
        asked["memory"] = quantity.memory(wanted.memory_bytes)
    tell.limits(wanted, policy)
    tell.cpu_request(wanted, policy)
    tell.memory_request(wanted)
    made: dict[str, Any] = {"requests": asked}
    if limits:
        made["limits"] = limits
    return made


@dataclass(frozen=True, slots=True)
class _Told:
    """Verdicts on one container's numbers."""

    container: Container
    name: str
    context: Context
    ledger: Ledger

    def targets(self, path: str) -> tuple[str, ...]:
        return self.context.in_pod(f"spec.containers[{self.name}].resources.{path}")

    def limits(self, wanted: Requests, policy: str | None) -> None:
        """A limit is also a request's bound, or the request itself: then it has two targets."""
        origins, limit = self.container.origins.get("cpu_limit_m", ()), self.container.cpu_limit_m
        unbound = requests(replace(self.container, cpu_limit_m=None), self.context.target, shares_policy=policy or "")
        targets = self.targets("limits.cpu") + (self.targets("requests.cpu") if wanted.cpu_m < unbound.cpu_m else ())
        if limit is not None and not math.isclose(limit, round(limit), abs_tol=1e-6):
            why = f"{limit:g}m: rounded up to whole millicores"
            self.ledger.approximated(origins, "cpu-limit", *targets, why=why)
        elif any(origin.path.endswith("CpuPeriod") for origin in origins):
            # cpuCFSQuotaPeriod of the kubelet's configuration
            why = "the same share of a CPU, in the kubelet's periods (100 ms if nobody changed them)"
            self.ledger.approximated(origins, "cpu-limit", *targets, why=why)
        else:
            self.ledger.exact(origins, "cpu-limit", *(() if limit is None else targets))
        memory = self.container.memory_limit_bytes
        asked = self.container.memory_request_bytes
        bound = memory is not None and (asked is None or asked > memory)
        targets = self.targets("limits.memory") + (self.targets("requests.memory") if bound else ())
        self.ledger.exact(
            self.container.origins.get("memory_limit_bytes", ()),
            "memory-limit",
            *(() if memory is None else targets),
        )

    def cpu_request(self, wanted: Requests, policy: str | None) -> None:
        container, ledger, targets = self.container, self.ledger, self.targets("requests.cpu")
        shares = container.origins.get("cpu_shares", ())
        proportional = (policy or self.context.target.shares_policy) == "proportional"
        if container.cpu_request_m is not None:
            origins = container.origins.get("cpu_request_m", ())
            if math.isclose(wanted.cpu_m, container.cpu_request_m, abs_tol=1e-6):
                ledger.exact(origins, "cpu-request", *targets)
            else:
                why = f"{container.cpu_request_m:g}m: rounded up to whole millicores, and at most the limit"
                ledger.approximated(origins, "cpu-request", *targets, why=why)
            ledger.dropped(shares, "cpu-shares", why="the request that is stated beside it counts")
        elif container.cpu_shares and proportional:
            why = f"{container.cpu_shares} shares as a request of {wanted.cpu_m}m: 1024 are one CPU, by policy"
            todo = "compare the sum of requests with what the nodes have: a weight promised nothing, a request does"
            ledger.approximated(shares, "cpu-shares", *targets, why=why, todo=todo)
        else:
            ledger.dropped(shares, "cpu-shares", why=f"{container.cpu_shares} shares are a weight and no amount")
            why = "nothing was said; without a request the process would have the least weight of all on its node"
            for target in targets:
                ledger.defaulted("request-default", target, why=why)

    def memory_request(self, wanted: Requests) -> None:
        container, ledger, targets = self.container, self.ledger, self.targets("requests.memory")
        origins = container.origins.get("memory_request_bytes", ())
        if container.memory_request_bytes is None:
            # With a limit the request is the limit, as the API server would set it: the limit's verdict says so.
            if wanted.memory_bytes is not None and container.memory_limit_bytes is None:
                for target in targets:
                    ledger.defaulted("request-default", target, why="the target's default")
        elif wanted.memory_bytes == container.memory_request_bytes:
            why = "Docker protects this much from reclaim; Kubernetes schedules by it"
            ledger.approximated(origins, "memory-request", *targets, why=why)
        else:
            why = "a request above the limit is refused: the limit"
            ledger.approximated(origins, "memory-request", *targets, why=why)


def device_resources(
    requested: tuple[DeviceRequest, ...], *, name: str, context: Context, ledger: Ledger
) -> dict[str, int]:
    """Counts by resource name for GPUs and the like: a number of NVIDIA's GPUs is the target's GPU resource; all of
    them, chosen ones or another driver are for the user to decide."""
    made: dict[str, int] = {}
    resource = context.target.gpu_resource
    targets = context.in_pod(f"spec.containers[{name}].resources.limits[{resource}]")
    for index, request in enumerate(requested):
        capabilities = {each for alternative in request.capabilities for each in alternative}
        plain = request.count > 0 and not request.device_ids and not request.options
        if plain and request.driver in ("", "nvidia") and "gpu" in capabilities:
            made[resource] = made.get(resource, 0) + request.count
            ledger.exact(request.origins, "device-request", *targets)
            continue
        what = ", ".join(request.device_ids) or ("all" if request.count == -1 else str(request.count))
        code, subject = "device-request-unclear", f"{name}: device request {index}"
        answer = ledger.ask(code, request.origins, subject)
        if answer is None:
            why = f"{what} of {request.driver or 'any driver'}, {'/'.join(sorted(capabilities)) or 'no capability'}"
            ledger.undecided(request.origins, code, *targets, why=f"{why}: no counterpart", subject=subject)
        elif answer == "drop":
            ledger.dropped(request.origins, code, why="left out, as decided")
        else:
            made[resource] = made.get(resource, 0) + _count(answer)
            ledger.approximated(request.origins, code, *targets, why=f"{answer} of {resource}, as decided")
    return made


def _count(answer: str) -> int:
    if not answer.isascii() or not answer.isdigit() or int(answer) == 0:
        raise PodliftError(
            code="answer-unfit",
            phase="convert",
            subject="device-request-unclear",
            reason=f"{answer!r} is neither a number of devices nor drop",
            next_step="answer with a whole number above 0, or drop",
        )
    return int(answer)
