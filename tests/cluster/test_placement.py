"""Pods run where their containers ran: an estate of three hosts at two sites is read from real engines and converted,
with a controller for each site and with one for all, and the pods' real nodes are compared with the containers' hosts.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from converters.capture import Capture
from tests.cluster.migration import Estate, Pods, applied, captured, load_estate, planned, standing
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine, Registry

NODE_OF = {"edge-a1": "node-a", "edge-a2": "node-a", "edge-b1": "node-b"}
NODES = ["node-a", "node-b"]
DAEMONS = ("agent", "logs")
DISK = "lab.example/disk"


@dataclass(frozen=True)
class Read:
    estate: Estate
    capture: Capture


@pytest.fixture(scope="module")
def read(lab_engines: Mapping[str, LabEngine], registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Read:
    estate = load_estate("placement")
    with standing(estate, lab_engines, registry) as legacy:
        return Read(estate, captured(legacy, tmp_path_factory.mktemp("placement")))


@pytest.fixture(scope="module")
def nodes(lab_cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with what an operator would bring there first: a label, and the data."""
    data = lab_cluster.nodes[0].root / "srv/data"
    data.mkdir(parents=True, exist_ok=True)
    lab_cluster.kubectl("label", "node", "node-b", f"{DISK}=ssd")
    yield lab_cluster
    lab_cluster.kubectl("label", "node", "node-b", f"{DISK}-")
    data.rmdir()


@pytest.fixture(scope="module")
def split(read: Read, nodes: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    """A controller for each site."""
    with applied(planned(read.estate, read.capture, tmp_path_factory.mktemp("split")), nodes) as pods:
        yield pods


@pytest.fixture(scope="module")
def whole(read: Read, nodes: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    """One controller for all sites."""
    folder = tmp_path_factory.mktemp("merged")
    with applied(planned(read.estate, read.capture, folder, target="target-merged.yaml"), nodes) as pods:
        yield pods


def _legacy(pods: Pods) -> dict[str, Counter[str]]:
    """Workload to how many of its containers stood at the site of each node."""
    return {
        workload["name"]: Counter(NODE_OF[each["host"]] for each in workload["instances"])
        for workload in pods.plan.workloads
    }


def test_nothing_is_withheld(split: Pods, whole: Pods) -> None:
    assert split.plan.withheld == whole.plan.withheld == ()
    assert split.plan.undecided == whole.plan.undecided == 0


def test_every_pod_runs_at_the_site_of_its_container(split: Pods) -> None:
    """As many at each site as there were; daemons count nodes."""
    there = {name: Counter(split.nodes(name)) for name in _legacy(split) if name not in DAEMONS}
    assert there == {name: counts for name, counts in _legacy(split).items() if name not in DAEMONS}


@pytest.mark.parametrize("name", DAEMONS)
@pytest.mark.parametrize("pods", ["split", "whole"])
def test_a_container_on_every_host_is_a_pod_on_every_node(request: pytest.FixtureRequest, pods: str, name: str) -> None:
    """By config and by evidence, and one for all sites."""
    made: Pods = request.getfixturevalue(pods)
    assert made.nodes(name) == NODES
    assert {each["metadata"]["ownerReferences"][0]["kind"] for each in made.of(name)} == {"DaemonSet"}


@pytest.mark.parametrize("name", ["pinned", "away", "labelled", "data"])
def test_what_is_bound_to_its_host_stays_there_without_sites(whole: Pods, name: str) -> None:
    """The host by name, hosts not to be on, a label of the host, data of the host: all of them on one node."""
    assert Counter(whole.nodes(name)) == _legacy(whole)[name]
    assert len(set(whole.nodes(name))) == 1


@pytest.mark.parametrize("name", ["apart", "even"])
def test_what_is_spread_is_spread_without_sites(whole: Pods, name: str) -> None:
    """One on each host, and evenly over sites."""
    assert Counter(whole.nodes(name)) == _legacy(whole)[name]


def test_merged_sites_are_one_controller_of_all(whole: Pods) -> None:
    for name in ("web", "local"):
        owners = {each["metadata"]["ownerReferences"][0]["name"] for each in whole.of(name)}
        assert len(owners) == 1
        assert len(whole.of(name)) == _legacy(whole)[name].total()


def test_split_sites_keep_to_themselves_when_they_grow(split: Pods) -> None:
    """What is started later stays at its site too: that the pods are there is no chance."""
    names = ("web-site-b", "local", "pinned")
    split.cluster.kubectl("-n", "placement", "scale", "--replicas=6", *(f"deployment/{name}" for name in names))
    end = time.monotonic() + 30
    while True:
        pods = split.cluster.get("-n", "placement", "pods")["items"]
        found = {
            name: Counter(
                each["spec"].get("nodeName") for each in pods if each["metadata"]["name"].startswith(f"{name}-")
            )
            for name in names
        }
        placed = all(counts.total() == 6 and None not in counts for counts in found.values())
        if placed or time.monotonic() > end:
            break
        time.sleep(0.3)
    assert found == {"web-site-b": {"node-b": 6}, "local": {"node-a": 6}, "pinned": {"node-b": 6}}
