"""Whom the probes ask: pods that take callers, the legacy side's instances, the Service. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..edges import Backend
from ..run import Spec
from ..world import SeenPod, World, port_of
from .judging import Side, Target


def admitted(world: World) -> tuple[SeenPod, ...]:
    """The pods that stand in the Services' slices, ready or not, without those on their way out."""
    addresses = {
        member.backend.address for each in world.services.values() for member in each.members if member.source == "pod"
    }
    return tuple(pod for pod in world.pods if pod.address in addresses and not pod.ending)


def targets(spec: Spec, world: World) -> tuple[Target, ...]:
    made = [
        Target(side=Side.PODS, name=pod.name, backend=backend)
        for pod in admitted(world)
        if pod.ready and (backend := pod_backend(spec, world, pod)) is not None
    ]
    for container in world.running:
        backend = port_of(spec, container)
        if backend is not None:
            made.append(Target(side=Side.LEGACY, name=f"{container.host}/{container.name}", backend=backend))
    service = _service(spec, world)
    return tuple(made) if service is None else (*made, service)


def pod_backend(spec: Spec, world: World, pod: SeenPod) -> Backend | None:
    """Where a pod is asked: the check's port; without one, the port that its slice has for the Service's first."""
    if spec.check.get("port"):
        return Backend(pod.address, int(spec.check["port"]))
    ports = {
        member.backend.port
        for each in world.services.values()
        for member in each.members
        if member.source == "pod" and member.backend.address == pod.address
    }
    if ports:
        return Backend(pod.address, min(ports))
    first = spec.services[0]["spec"]["ports"][0] if spec.services else {}
    return Backend(pod.address, first["targetPort"]) if isinstance(first.get("targetPort"), int) else None


def _service(spec: Spec, world: World) -> Target | None:
    """The first Service. Where its first port is not what the check asks, a connection is all that can be tried there:
    another port may have another answer, but callers need one that takes them."""
    if not spec.services:
        return None
    planned: Mapping[str, Any] = spec.services[0]
    seen = world.services.get(planned["metadata"]["name"])
    port = planned["spec"]["ports"][0].get("targetPort")
    if seen is None or seen.address in ("", "None"):
        return None
    elsewhere = spec.check.get("port", port) not in (port, None)
    name, backend = f"Service {seen.name}", Backend(seen.address, seen.port)
    return Target(side=Side.SERVICE, name=name, backend=backend, connect=elsewhere)
