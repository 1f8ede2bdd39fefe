"""What goes wrong around a run: what others do to its objects, and what happens to nodes and to the control plane."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from migrate.cutover.endpoints import SLICE_BY, SLICES_ARE_OURS
from tests.cluster.served import Served
from tests.lab.cluster import Cluster, KubectlError
from tests.lab.node import Node

_CUT = (
    "table inet cut {"
    " chain in { type filter hook prerouting priority -500; iifname eth0 drop; };"
    " chain out { type filter hook postrouting priority 500; oifname eth0 drop; };"
    "}"
)
READY = {"ready": True, "serving": True, "terminating": False}
# Of an engine's events: what changes a container. Looking at one is none.
_ON_CONTAINERS = frozenset({"create", "start", "restart", "stop", "kill", "die", "update", "destroy", "rename"})


@contextmanager
def api_away(lab: Cluster) -> Iterator[None]:
    """Its API server is killed, and comes back."""
    server = lab.daemons["kube-apiserver"]
    server.stop()
    try:
        yield
    finally:
        server.start()
        # others use the machine too
        server.wait(lambda: _answers(lab), deadline_s=120)


def _answers(lab: Cluster) -> bool:
    with suppress(KubectlError, subprocess.TimeoutExpired):
        return lab.kubectl("get", "--raw", "/readyz", timeout_s=5) == "ok"
    return False


@contextmanager
def cut_off(node: Node) -> Iterator[None]:
    """Nothing reaches the node, nor leaves it."""
    node.run("nft", _CUT)
    try:
        yield
    finally:
        node.run("nft", "delete table inet cut")


def evict(web: Served, pod: str) -> None:
    """By the Eviction API, as a drain does."""
    path = f"/api/v1/namespaces/{web.space}/pods/{pod}/eviction"
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": web.space},
    }
    web.lab.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body))


@contextmanager
def drained(web: Served, node: Node) -> Iterator[None]:
    """Cordoned, and the workload's pods are evicted from it."""
    try:
        web.lab.kubectl("drain", node.name, "--ignore-daemonsets", "--force", "--delete-emptydir-data")
        yield
    finally:
        web.lab.kubectl("uncordon", node.name)


def pods_of(web: Served) -> list[dict[str, Any]]:
    """Those that are not on their way out."""
    found = web.lab.get("pods", "-n", web.space, "-l", f"podlift.dev/workload={web.name}")["items"]
    return [each for each in found if "deletionTimestamp" not in each["metadata"]]


def serving(web: Served, node: Node | None = None) -> list[str]:
    """Names of pods that callers reach by the Service: all, or those on a node."""
    listed = {
        one["targetRef"]["name"]
        for each in slices(web, ours=False)
        for one in each["endpoints"] or ()
        if one["conditions"]["ready"]
    }
    return [
        each["metadata"]["name"]
        for each in pods_of(web)
        if each["metadata"]["name"] in listed and (node is None or each["spec"]["nodeName"] == node.name)
    ]


def slices(web: Served, *, ours: bool) -> list[dict[str, Any]]:
    found = web.lab.get("endpointslices", "-n", web.space, "-l", f"kubernetes.io/service-name={web.name}")["items"]
    return [each for each in found if (each["metadata"]["labels"].get(SLICE_BY) == SLICES_ARE_OURS) is ours]


def legacy(web: Served) -> list[dict[str, bool]]:
    """The conditions of each legacy endpoint."""
    return [one["conditions"] for each in slices(web, ours=True) for one in each["endpoints"] or ()]


def called(web: Served) -> set[tuple[str, int]]:
    """Address and port of each legacy endpoint that new callers are sent to."""
    return {
        (one["addresses"][0], each["ports"][0]["port"])
        for each in slices(web, ours=True)
        for one in each["endpoints"] or ()
        if one["conditions"]["ready"]
    }


def patch(web: Served, kind: str, name: str, body: Any, how: str = "merge") -> None:
    """As somebody else."""
    place = ("-n", web.space, f"--type={how}", "--field-manager=somebody")
    web.lab.kubectl("patch", kind, name, *place, "-p", json.dumps(body))


@contextmanager
def service_with(web: Served, body: dict[str, Any]) -> Iterator[None]:
    """A merge patch of its Service by somebody else, who then puts back what was there."""
    before = web.lab.get("service", web.name, "-n", web.space)["spec"]
    patch(web, "service", web.name, body)
    try:
        yield
    finally:
        now = web.lab.get("service", web.name, "-n", web.space)["spec"].get("selector") or {}
        selector = dict.fromkeys(now) | before["selector"]
        patch(web, "service", web.name, {"spec": {"selector": selector, "ports": before["ports"]}})


@contextmanager
def plain_service(web: Served) -> Iterator[str]:
    """HOST:PORT of a Service of its own before all pods of the workload, as callers would have it without a run."""
    with _service(web, {"podlift.dev/workload": web.name}) as address:
        yield address


@contextmanager
def legacy_service(web: Served) -> Iterator[str]:
    """The same before all legacy containers, where they are now: without a run nobody follows them elsewhere."""
    with _service(web, None, web.published()) as address:
        yield address


@contextmanager
def _service(web: Served, selector: dict[str, str] | None, endpoints: Iterable[tuple[str, int]] = ()) -> Iterator[str]:
    (port,) = web.lab.get("service", web.name, "-n", web.space)["spec"]["ports"]
    port = {key: port[key] for key in ("name", "port", "targetPort", "protocol")}
    made = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "plain", "namespace": web.space},
        "spec": {"ports": [port]} | ({"selector": selector} if selector else {}),
    }
    web.lab.apply(made)
    try:
        for number, (address, at) in enumerate(endpoints):
            labels = {"kubernetes.io/service-name": "plain", SLICE_BY: "somebody"}
            one = {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {"name": f"plain-{number}", "namespace": web.space, "labels": labels},
                "addressType": "IPv4",
                "endpoints": [{"addresses": [address], "conditions": READY}],
                "ports": [{"name": port["name"], "port": at, "protocol": port["protocol"]}],
            }
            web.lab.apply(one)
        address = web.lab.get("service", "plain", "-n", web.space)["spec"]["clusterIP"]
        # until proxies know it
        time.sleep(2)
        yield f"{address}:{port['port']}"
    finally:
        web.lab.kubectl("delete", "service", "plain", "-n", web.space)
        web.lab.kubectl("delete", "endpointslices", "-n", web.space, "-l", "kubernetes.io/service-name=plain")


def on_containers(web: Served, began: float, ended: float) -> list[str]:
    """What happened to the workload's containers, as their engines have it."""
    found = []
    for engine in web.engines:
        for event in engine.client.events(since=int(began), until=int(ended) + 1, decode=True):
            name = event.get("Actor", {}).get("Attributes", {}).get("name")
            if event.get("Action") in _ON_CONTAINERS and name in web.containers:
                found.append(f"{event['timeNano'] / 1e9:.1f} {event['Action']} {name}")
    return [each for each in found if began <= float(each.split(" ")[0]) <= ended]


def until(condition: Callable[[], bool], within_s: float = 60) -> float:
    """Seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, "it did not come"
        time.sleep(0.1)
    return time.monotonic() - began
