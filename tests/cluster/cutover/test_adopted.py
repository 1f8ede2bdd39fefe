"""A Service that somebody made by hand, to containers, with callers: a run takes it over, gives it back as it was, and
takes it over for good; no caller notices."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrate.cutover.driver import Outcome
from migrate.cutover.endpoints import SLICE_BY, SLICE_OF, SLICES_OF_ENDPOINTS, SLICES_OF_PODS
from migrate.cutover.states import State
from tests.cluster.cutover.aborting import GRACEFUL, QUICK
from tests.cluster.served import Served, several
from tests.cluster.traffic import Load, Traffic, on_host, pod_addresses
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine

LOAD = Load(new=60, keep=8, keep_rate=2, poll=1, poll_for_s=2, post=5)
PATIENCE_S = 30.0
ENOUGH = 1_000


@pytest.mark.prove
@pytest.mark.parametrize("by_slice", [False, True], ids=["endpoints", "slice"])
def test_taken_over_given_back_and_kept(
    lab_cluster: Cluster, lab_engines: dict[str, LabEngine], space: str, tmp_path: Path, by_slice: bool
) -> None:
    hosts = [lab_engines["edge-a1"], lab_engines["edge-b1"]]
    with several(lab_cluster, hosts, space, tmp_path, names=["web"], flags=GRACEFUL, timings=QUICK) as found:
        web = found["web"]
        by_hand(web, by_slice=by_slice)
        before, address = led(web), web.address
        node = lab_cluster.nodes[0]
        load = Traffic(on_host(node.host), address, replace(LOAD, sources=pod_addresses(node, 2)))
        with load as traffic:
            there_and_back(web)
            # whole seconds in which nobody but what stood before may answer
            time.sleep(3)
            assert led(web) == before
            cutover = web.cutover(on_drain_timeout="stop")
            for _ in cutover.run():
                pass
            assert cutover.outcome is Outcome.REST, cutover.why
            attached = web.attached()
            for _ in attached.finalize():
                pass
            assert attached.outcome is Outcome.ENDED, attached.why
            time.sleep(1)
            report = traffic.stop()
        assert not report.failed, report.told()
        assert report.sent > ENOUGH
        assert web.address == address
        assert {each["metadata"]["labels"][SLICE_BY] for each in slices(web)} == {SLICES_OF_PODS}


def there_and_back(web: Served) -> None:
    """As far as pods serve alone."""
    stop = threading.Event()
    cutover = web.cutover(on_drain_timeout="stop")
    for event in cutover.run(interrupted=stop.is_set):
        if (event.kind, event.state) == ("state", State.BAKING):
            stop.set()
    assert cutover.outcome is Outcome.PAUSED, cutover.why
    attached = web.attached()
    for _ in attached.abort():
        pass
    assert attached.outcome is Outcome.ROLLED_BACK, attached.why


def by_hand(web: Served, *, by_slice: bool) -> None:
    """A Service without a selector, and what leads to every instance of the workload."""
    metadata = {"name": web.name, "namespace": web.space, "labels": {"made": "by-hand"}}
    planned = next(each for _, each in web.plan.objects if each["kind"] == "Service")
    (port,) = planned["spec"]["ports"]
    named = {"name": port.get("name", ""), "protocol": "TCP"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
    web.lab.apply({**service, "spec": {"ports": [{**named, "port": port["port"]}]}})
    places = sorted(web.published())
    if by_slice:
        for number, (address, published) in enumerate(places):
            labels = {SLICE_OF: web.name, SLICE_BY: "staff"}
            made = {"name": f"{web.name}-hand-{number}", "namespace": web.space, "labels": labels}
            body = {"addressType": "IPv4", "ports": [{**named, "port": published}]}
            kind = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": made}
            web.lab.apply({**kind, **body, "endpoints": [{"addresses": [address]}]})
    else:
        subsets = [
            {"addresses": [{"ip": address}], "ports": [{**named, "port": published}]} for address, published in places
        ]
        web.lab.apply({"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets})
    wanted = {address for address, _ in places}
    end = time.monotonic() + PATIENCE_S
    while {one for each in slices(web) for one in addresses(each)} != wanted:
        assert time.monotonic() < end, "the cluster does not mirror the Endpoints"
        time.sleep(0.2)
    # nodes follow
    time.sleep(3)


def led(web: Served) -> Any:
    """The Service and all that leads by it; slices of Endpoints have other names each time."""
    service = web.lab.get("service", web.name, "-n", web.space)
    endpoints = [
        (each["metadata"].get("labels"), each.get("subsets"))
        for each in web.lab.get("endpoints", "-n", web.space)["items"]
        if each["metadata"]["name"] == web.name
    ]
    metadata = service["metadata"]
    made = [metadata["uid"], metadata.get("labels"), metadata.get("annotations") or {}, service["spec"]]
    return [*made, endpoints, sorted(json.dumps(_content(each), sort_keys=True) for each in slices(web))]


def _content(each: dict[str, Any]) -> list[Any]:
    labels = each["metadata"]["labels"]
    name = "" if labels[SLICE_BY] == SLICES_OF_ENDPOINTS else each["metadata"]["name"]
    return [name, labels, each["ports"], sorted(addresses(each))]


def slices(web: Served) -> list[dict[str, Any]]:
    found = web.lab.get("endpointslices", "-l", f"{SLICE_OF}={web.name}", "-n", web.space)
    return list(found["items"])


def addresses(each: dict[str, Any]) -> list[str]:
    return [address for one in each.get("endpoints") or () for address in one["addresses"]]
