"""A pod beside the workload's: with their labels and their network, nobody's endpoint, and no controller's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest

from migrate.cutover.edges import Backend, CallingPods
from migrate.cutover.pod_network import NO_IMAGE, PodNetwork
from migrate.cutover.probe_pods import LogApi
from tests.cutover.model import Model

DATABASE, CACHE = Backend("10.0.0.5", 5432), Backend("10.0.0.6", 6379)
TEMPLATE = {
    "metadata": {"labels": {"podlift.dev/workload": "web", "team": "shop", "pod-template-hash": "t1"}},
    "spec": {"serviceAccountName": "web", "dnsPolicy": "None", "dnsConfig": {"searches": ["corp.example"]}, "x": 1},
}


class Cluster:
    """Each pod ends at once, and says which of what it was asked it could not open."""

    def __init__(self, *, errors: Mapping[str, str] | None = None, phase: str = "Succeeded") -> None:
        self.errors = errors or {}
        self.phase = phase
        self.names = {"web": ["198.51.100.7", "198.51.100.6"]}
        self.made: list[dict[str, Any]] = []
        self.deleted: list[str] = []

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        assert (api_version, namespace) in {
            (version, "shop") for version in ("apps/v1", "v1", "coordination.k8s.io/v1")
        }
        if kind == "Deployment":
            return {"spec": {"template": TEMPLATE}}
        if kind == "ConfigMap":
            return {"metadata": {"name": name, "uid": "u2"}} if name == "kube-root-ca.crt" else None
        if kind == "Lease":
            return {"metadata": {"name": name, "uid": "u1"}}
        return {"status": {"phase": self.phase, "message": "evicted"}}

    def create(self, obj: Mapping[str, Any], *, manager: str = "") -> dict[str, Any]:
        assert manager == "podlift-cutover"
        self.made.append(dict(obj))
        return dict(obj)

    def delete(self, _version: str, _kind: str, _namespace: str, name: str) -> None:
        self.deleted.append(name)

    def raw(self, path: str) -> str:
        (pod,) = [each for each in self.made if each["metadata"]["name"] == path.split("/")[-2]]
        task = json.loads(pod["spec"]["containers"][0]["env"][0]["value"])
        answers = [{"error": self.errors.get(each["address"], "")} for each in task.get("asks", ())]
        names = [
            {"addresses": self.names.get(each["name"], []), "error": self.errors.get(each["name"], "")}
            for each in task.get("names", ())
        ]
        return json.dumps({"asks": answers, "names": names, "conntrack": {"read": False}})


def network(cluster: Cluster, image: str = "probe:1") -> PodNetwork:
    return PodNetwork(cast(LogApi, cluster), image, lambda: ["n2", "n1"])


def test_each_node_tries_each_place() -> None:
    cluster = Cluster(errors={"10.0.0.6": "timed out"})
    found = network(cluster).reach(Model().spec(), ["n2", "n1"], [DATABASE, CACHE])
    assert found.failed == {"10.0.0.6:6379": {"n1": "timed out", "n2": "timed out"}}
    assert found.silent == {}
    assert sorted(each["spec"]["nodeName"] for each in cluster.made) == ["n1", "n2"]
    assert sorted(cluster.deleted) == sorted(each["metadata"]["name"] for each in cluster.made)


def test_the_pod_is_like_the_workloads_and_nobodys() -> None:
    """Policies see its labels; no ReplicaSet adopts it, no Service sends to it, and it goes with the run's Lease."""
    cluster = Cluster()
    network(cluster).reach(Model().spec(), ["n1"], [DATABASE])
    (pod,) = cluster.made
    assert pod["metadata"]["labels"] == {"podlift.dev/workload": "web", "team": "shop", "podlift.dev/probe": "run1"}
    (owner,) = pod["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == ("Lease", "cutover-web", "u1", True)
    spec = pod["spec"]
    assert spec["readinessGates"] == [{"conditionType": "podlift.dev/never"}]
    assert (spec["serviceAccountName"], spec["dnsConfig"]) == ("web", {"searches": ["corp.example"]})
    assert "hostNetwork" not in spec
    assert "x" not in spec
    (container,) = spec["containers"]
    assert container["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize(
    ("image", "phase", "why"), [("", "Succeeded", NO_IMAGE), ("probe:1", "Failed", "its probe's pod failed: ")]
)
def test_a_node_where_nobody_can_try_is_silent(image: str, phase: str, why: str) -> None:
    found = network(Cluster(phase=phase), image).reach(Model().spec(), ["n1"], [DATABASE])
    assert found.failed == {}
    assert found.silent["n1"].startswith(why)


FRONT = CallingPods(namespace="shop", labels={"app": "front", "pod-template-hash": "t1"})


def test_what_callers_get_to() -> None:
    """By a pod like them that no ReplicaSet adopts and no Service sends to; what fails is tried again."""
    cluster = Cluster(errors={"10.0.0.6": "timed out"})
    assert network(cluster).call([FRONT], [DATABASE, CACHE]) == ({"10.0.0.6:6379": "timed out"},)
    assert len(cluster.made) == len(cluster.deleted) == 3
    pod = cluster.made[0]
    assert (pod["metadata"]["namespace"], pod["metadata"]["labels"]) == ("shop", {"app": "front"})
    (owner,) = pod["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("ConfigMap", "u2", True)
    assert pod["spec"]["readinessGates"] == [{"conditionType": "podlift.dev/never"}]
    well = Cluster()
    assert network(well).call([FRONT], [DATABASE]) == ({},)
    assert len(well.made) == 1


def test_callers_that_cannot_be_tried() -> None:
    assert network(Cluster(), image="").call([FRONT], [DATABASE]) == (NO_IMAGE,)
    (why,) = network(Cluster(phase="Failed")).call([FRONT], [DATABASE])
    assert isinstance(why, str)
    assert why.startswith("its probe's pod failed: ")
    assert network(Cluster(), image="").call([], [DATABASE]) == ()


def test_what_a_name_is_for_a_caller() -> None:
    """In a pod of no workload's, with the cluster's name servers; where these give no answer, nothing is known."""
    cluster = Cluster()
    assert network(cluster).resolve("shop", ["web", "cart"]) == {"web": ("198.51.100.6", "198.51.100.7"), "cart": ()}
    (pod,) = cluster.made
    assert (pod["spec"]["nodeName"], cluster.deleted) == ("n1", [pod["metadata"]["name"]])
    assert pod["metadata"]["labels"]["app.kubernetes.io/name"] == "podlift-probe"
    assert not {"hostNetwork", "dnsPolicy"} & {*pod["spec"]}
    assert network(Cluster(errors={"web": "timed out"})).resolve("shop", ["web"]) is None
    assert network(Cluster(phase="Failed")).resolve("shop", ["web"]) is None
    assert network(Cluster(), image="").resolve("shop", ["web"]) is None
    assert network(Cluster(), image="").resolve("shop", []) == {}
