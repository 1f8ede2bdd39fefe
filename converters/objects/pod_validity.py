"""What schemas cannot check of a pod template."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .legality import LABEL, amount, labels, parsed, port_range, twice

_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?", re.ASCII)


def pod_problems(template: Mapping[str, Any], kind: str, *, claims: Collection[str] = ()) -> Iterator[str]:
    """``kind`` of the controller; ``claims``: names of its claim templates, which are volumes as well."""
    yield from _pod(template, kind)
    yield from _volumes(template["spec"], claims)


def _pod(template: Mapping[str, Any], kind: str) -> Iterator[str]:
    spec = template["spec"]
    yield from labels((template.get("metadata") or {}).get("labels") or {})
    policy = spec.get("restartPolicy", "Always")
    allowed = ("Never", "OnFailure") if kind in ("Job", "CronJob") else ("Always",)
    if policy not in allowed:
        yield f"restartPolicy {policy}, and a {kind} takes {' or '.join(allowed)}"
    containers = [*spec.get("initContainers", ()), *spec["containers"]]
    if not spec["containers"]:
        yield "no containers"
    yield from twice((c["name"] for c in containers), "container")
    yield from twice(
        (
            f"{p.get('hostIP', '')}:{p['hostPort']}/{p.get('protocol', 'TCP')}"
            for c in spec["containers"]
            for p in c.get("ports", ())
            if "hostPort" in p
        ),
        "host port",
    )
    for container in containers:
        for problem in _container(container, host_network=bool(spec.get("hostNetwork"))):
            yield f"container {container['name']}: {problem}"
    grace = spec.get("terminationGracePeriodSeconds", 30)
    if grace < 0:
        yield f"terminationGracePeriodSeconds {grace}"
    yield from twice((s["name"] for s in (spec.get("securityContext") or {}).get("sysctls", ())), "sysctl")
    if len((spec.get("dnsConfig") or {}).get("nameservers") or ()) > 3:
        yield "more than three name servers"


def _container(container: Mapping[str, Any], *, host_network: bool) -> Iterator[str]:
    if not LABEL.fullmatch(container["name"]):
        yield "the name is no DNS label"
    if not container.get("image", "").strip():
        yield "no image"
    yield from twice((e["name"] for e in container.get("env", ())), "variable")
    ports = container.get("ports", ())
    yield from twice((f"{p['containerPort']}/{p.get('protocol', 'TCP')}" for p in ports), "port")
    yield from twice((p["name"] for p in ports if "name" in p), "port name")
    for port in ports:
        yield from port_range(port["containerPort"], "containerPort")
        if "hostPort" in port:
            yield from port_range(port["hostPort"], "hostPort")
            if host_network and port["hostPort"] != port["containerPort"]:
                yield f"hostPort {port['hostPort']} is not {port['containerPort']}, in the node's network"
        if "name" in port and not _PORT_NAME.fullmatch(port["name"]):
            yield f"{port['name']!r} is no port name"
    yield from _resources(container.get("resources") or {})
    for role in ("livenessProbe", "readinessProbe", "startupProbe"):
        if role in container:
            yield from (f"{role}: {problem}" for problem in _probe(container[role], role))


def _resources(resources: Mapping[str, Any]) -> Iterator[str]:
    limits, asked = resources.get("limits") or {}, resources.get("requests") or {}
    for part, amounts in (("limit", limits), ("request", asked)):
        for name, value in amounts.items():
            yield from amount(value, f"{name} {part}")
    for name in sorted(limits.keys() & asked.keys()):
        wanted, most = parsed(asked[name]), parsed(limits[name])
        if wanted is not None and most is not None and wanted > most:
            yield f"{name} request {asked[name]} is above the limit {limits[name]}"


def _probe(probe: Mapping[str, Any], role: str) -> Iterator[str]:
    handlers = [key for key in ("exec", "httpGet", "tcpSocket", "grpc") if key in probe]
    if len(handlers) != 1:
        yield f"{len(handlers)} handlers"
    for key in ("periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold"):
        if probe.get(key, 1) < 1:
            yield f"{key} {probe[key]}"
    if role != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        yield f"successThreshold {probe['successThreshold']}, and 1 is due"
    for key in ("httpGet", "tcpSocket", "grpc"):
        port = (probe.get(key) or {}).get("port")
        if isinstance(port, int):
            yield from port_range(port, "port")


def _volumes(spec: Mapping[str, Any], claims: Collection[str]) -> Iterator[str]:
    names = [volume["name"] for volume in spec.get("volumes", ())]
    yield from twice([*names, *claims], "volume")
    known = {*names, *claims}
    for name in names:
        if not LABEL.fullmatch(name):
            yield f"volume {name!r} has no DNS label's name"
    for volume in spec.get("volumes", ()):
        size = (volume.get("emptyDir") or {}).get("sizeLimit")
        if size is not None:
            yield from amount(size, f"volume {volume['name']}: sizeLimit")
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        mounts = container.get("volumeMounts", ())
        yield from twice((m["mountPath"] for m in mounts), f"container {container['name']}: mount path")
        for mount in mounts:
            if mount["name"] not in known:
                yield f"container {container['name']}: volume {mount['name']} is not there"
            if ":" in mount["mountPath"]:
                yield f"container {container['name']}: mount path {mount['mountPath']} holds a colon"
