"""The lab's Kubernetes itself: that its nodes, Services, names and images are real, and that it keeps to its place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from tests.lab import programs
from tests.lab.cluster import API, ZONE, Cluster, GivenCluster, KubectlError
from tests.lab.engine import LabEngine, Registry
from tests.lab.host import HostError
from tests.lab.traces import ALL_KINDS, kinds, traces, until

ROOT = Path(__file__).parents[2]
SERVE = "echo $HOSTNAME >/tmp/index.html; exec httpd -f -p 8080 -h /tmp"


@dataclass
class Site:
    """A namespace with a pod on each node, and a Service `web` before them."""

    cluster: Cluster
    namespace: str
    pods: dict[str, str]

    def service(self, name: str = "web") -> str:
        """The address of a Service."""
        return str(self.cluster.get("service", name, "-n", self.namespace)["spec"]["clusterIP"])

    def inside(self, pod: str, *command: str) -> str:
        return self.cluster.kubectl("exec", "-n", self.namespace, pod, "--", *command)

    def askers(self) -> dict[str, Callable[..., str]]:
        """Whoever may ask: each node and each pod runs a command."""
        return {
            **{node.name: node.run for node in self.cluster.nodes},
            **{pod: lambda *command, pod=pod: self.inside(pod, *command) for pod in self.pods.values()},
        }

    def apply(self, *objects: dict[str, Any]) -> None:
        for one in objects:
            one["metadata"].setdefault("namespace", self.namespace)
        self.cluster.apply(*objects)

    def running(self, *pods: str) -> None:
        """Waits for pods."""
        for pod in pods:
            self.cluster.kubectl("wait", "-n", self.namespace, "--for=condition=Ready", f"pod/{pod}", "--timeout=30s")


@pytest.fixture(scope="module")
def site(lab_cluster: Cluster, engine: LabEngine) -> Iterator[Site]:
    namespace = f"lab-{uuid.uuid4().hex[:6]}"
    site = Site(lab_cluster, namespace, {node.name: f"on-{node.name}" for node in lab_cluster.nodes})
    with engine.clean():
        engine.import_image("lab-web:1")
        lab_cluster.load(engine, "lab-web:1")
    lab_cluster.kubectl("create", "namespace", namespace)
    site.apply(
        *(pod(name, "lab-web:1", on=node, labels={"app": "web"}) for node, name in site.pods.items()),
        service("web", 8080, selector={"app": "web"}),
    )
    site.running(*site.pods.values())
    yield site
    lab_cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def test_each_site_has_a_node_with_a_kubelet_of_its_own(lab_cluster: Cluster, site: Site) -> None:
    found = {node["metadata"]["name"]: node for node in lab_cluster.get("nodes")["items"]}

    assert {name: node["metadata"]["labels"][ZONE] for name, node in found.items()} == {
        "node-a": "site-a",
        "node-b": "site-b",
    }
    for node in lab_cluster.nodes:
        conditions = {one["type"]: one["status"] for one in found[node.name]["status"]["conditions"]}
        assert conditions["Ready"] == "True"
        assert node.run("hostname").strip() == node.name
        # what the kubelet behind this node's own address says it runs
        pods = json.loads(lab_cluster.kubectl("get", "--raw", f"/api/v1/nodes/{node.name}/proxy/pods"))["items"]
        ours = [one["metadata"]["name"] for one in pods if one["metadata"]["namespace"] == site.namespace]
        assert ours == [site.pods[node.name]]
    assert len({node.address for node in lab_cluster.nodes}) == 2


def test_a_service_answers_on_every_node_and_in_every_pod(site: Site) -> None:
    url = f"http://{site.service()}/"
    for asker in site.askers().values():
        assert answers(asker, url, 2) == set(site.pods.values())


def test_a_service_answers_for_a_container_of_an_engine(site: Site, engine: LabEngine) -> None:
    """A hand-made slice lists what the legacy host publishes."""
    with engine.clean():
        engine.import_image("lab-legacy:1")
        command = ["sh", "-c", "echo legacy >/tmp/index.html; exec httpd -f -p 80 -h /tmp"]
        engine.client.containers.run("lab-legacy:1", command, detach=True, ports={"80/tcp": 18080})
        labels = {"kubernetes.io/service-name": "legacy", "endpointslice.kubernetes.io/managed-by": "lab"}
        site.apply(
            service("legacy", 18080),
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {"name": "legacy", "labels": labels},
                "addressType": "IPv4",
                "ports": [{"name": "http", "port": 18080}],
                "endpoints": [{"addresses": [engine.address]}],
            },
        )
        url = f"http://{site.service('legacy')}/"
        for asker in site.askers().values():
            assert answers(asker, url, 1) == {"legacy"}


def test_pods_resolve_names(site: Site) -> None:
    address = site.service()
    for name in site.pods.values():
        assert address in site.inside(name, "nslookup", f"web.{site.namespace}.svc.cluster.local")
        assert "10.96.0.1" in site.inside(name, "nslookup", "kubernetes.default.svc.cluster.local")
        # by the search list too
        assert site.inside(name, "wget", "-qO-", "http://web/").strip() in site.pods.values()
    assert API == "10.96.0.1"


def test_an_image_moves_from_an_engine_to_every_node(site: Site, engine: LabEngine) -> None:
    with engine.clean():
        engine.import_image("team/moved:1.4", files={"moved": "from the engine"})
        site.cluster.load(engine, "team/moved:1.4")

    for node in site.cluster.nodes:
        name = f"moved-{node.name}"
        site.apply(pod(name, "team/moved:1.4", on=node.name))
        site.running(name)
        assert site.inside(name, "cat", "/moved") == "from the engine"


def test_pods_pull_from_the_registry_by_digest(site: Site, engine: LabEngine, registry: Registry) -> None:
    with engine.clean():
        engine.import_image("pulled:1", files={"pulled": "by digest"})
        digest = engine.push("pulled:1", f"{registry.name}/team/pulled:1")

    for node in site.cluster.nodes:
        name = f"pulled-{node.name}"
        site.apply(pod(name, f"{registry.name}/team/pulled@{digest}", on=node.name, pull="Always"))
        site.running(name)
        assert site.inside(name, "cat", "/pulled") == "by digest"


def test_metrics_of_nodes_and_pods(site: Site) -> None:
    site.cluster.await_metrics(deadline_s=60)

    rows = [line.split() for line in site.cluster.kubectl("top", "nodes", "--no-headers").splitlines()]
    assert [row[0] for row in rows] == ["node-a", "node-b"]
    for _, cpu, _, memory, _ in rows:
        assert int(cpu.removesuffix("m")) > 0
        assert int(memory.removesuffix("Mi")) > 0

    def told() -> bool:
        try:
            pods = site.cluster.kubectl("top", "pods", "-n", site.namespace, "--no-headers")
        except KubectlError:
            return False
        return set(site.pods.values()) <= {line.split()[0] for line in pods.splitlines()}

    until(told, 60)


def test_a_kube_proxy_that_is_away_learns_later(site: Site) -> None:
    """While it is stopped its node keeps what it knows and learns nothing; the other node does."""
    ahead, behind = site.cluster.nodes
    known = f"http://{site.service()}/"
    behind.daemons["kube-proxy"].stop()
    try:
        site.apply(service("later", 8080, selector={"app": "web"}))
        later = f"http://{site.service('later')}/"
        assert answers(ahead.run, later, 2) == set(site.pods.values())
        assert answers(behind.run, known, 2) == set(site.pods.values())
        with pytest.raises(HostError):
            behind.run("wget", "-qO-", "-T1", "-t1", later)
    finally:
        behind.daemons["kube-proxy"].start()

    assert answers(behind.run, later, 2) == set(site.pods.values())


@pytest.mark.usefixtures("own_machine")
def test_the_machine_gets_one_device_and_nothing_else() -> None:
    from tests.lab.engine import Lab

    before = machine()
    with Lab() as lab:
        registry = lab.registry()
        engine = lab.engine("edge-a1")
        engine.import_image("busy:1")
        engine.client.containers.run("busy:1", "sleep 600", detach=True, ports={"80/tcp": 8080})
        digest = engine.push("busy:1", f"{registry.name}/busy:1")
        cluster = lab.cluster()
        for node in cluster.nodes:
            cluster.apply(
                pod(f"busy-{node.name}", f"{registry.name}/busy@{digest}", on=node.name, pull="Always", space="default")
            )
            cluster.kubectl("wait", "--for=condition=Ready", f"pod/busy-{node.name}", "--timeout=30s")
        during = machine()
        left = traces(lab.name)
        assert kinds(left) == ALL_KINDS

        assert without_others(during["devices"] - before["devices"], lab.device) == {lab.device}
        routes = {line.split()[2] for line in during["routes"] - before["routes"]}
        assert without_others(routes, lab.device) == {lab.device}
        for kind in ("rules", "mounts", "settings"):
            assert during[kind] == before[kind], kind

    assert traces(lab.name) & left == set()
    for kind, there in machine().items():
        assert {line for line in there - before[kind] if lab.device in line.split()} == set(), kind


def test_a_given_cluster_is_used_as_it_is(cluster: GivenCluster) -> None:
    """What PODLIFT_TEST_CONTEXT gives, or the lab's own: a cluster that answers as its administrator's."""
    assert cluster.get("namespace", "default")["metadata"]["name"] == "default"
    assert client.VersionApi(cluster.api).get_code().major == "1"


def test_with_a_given_cluster_nothing_is_started(lab_cluster: Cluster, tmp_path: Path) -> None:
    """Not even could be: the program that makes namespaces is on no PATH. What needs the lab's own nodes says so."""
    (tmp_path / "kubectl").symlink_to(programs.ensure(print) / "kubectl")
    names = ("test_a_given_cluster_is_used_as_it_is", "test_metrics_of_nodes_and_pods")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider",
         *(f"{Path(__file__).relative_to(ROOT)}::{name}" for name in names)],
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST_")},
            "PATH": str(tmp_path),
            "KUBECONFIG": str(lab_cluster.kubeconfig),
            "PODLIFT_TEST_CONTEXT": lab_cluster.context,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    assert f"PASSED {Path(__file__).relative_to(ROOT)}::{names[0]}" in done.stdout
    assert "PODLIFT_TEST_CONTEXT (needs nodes and engines of the lab's own)" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout


# ---------------------------------------------------------------- objects and looks


def pod(
    name: str, image: str, *, on: str, labels: dict[str, str] | None = None, pull: str = "Never", space: str = ""
) -> dict[str, Any]:
    """A pod on one node that answers with its name."""
    container = {"name": "main", "image": image, "imagePullPolicy": pull, "command": ["sh", "-c", SERVE]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {}, **({"namespace": space} if space else {})},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": on},
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        },
    }


def service(name: str, port: int, *, selector: dict[str, str] | None = None) -> dict[str, Any]:
    spec = {"ports": [{"name": "http", "port": 80, "targetPort": port}], **({"selector": selector} if selector else {})}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def answers(asker: Callable[..., str], url: str, wanted: int) -> set[str]:
    """Who answers, asked until so many have."""
    # not wget's own -T: by it the static busybox of the pods dies of a signal
    found: set[str] = set()

    def asked() -> bool:
        try:
            found.add(asker("timeout", "3", "wget", "-qO-", url).strip())
        except HostError:
            # rules follow the API within a moment
            time.sleep(0.2)
        return len(found) == wanted

    until(asked, 20)
    return found


def machine() -> dict[str, set[str]]:
    """What the machine's own namespaces hold."""
    routes = [*printed("ip", "-o", "route", "show", "table", "all"), *printed("ip", "-6", "-o", "route", "show")]
    return {
        "devices": {path.name for path in Path("/sys/class/net").iterdir()},
        "routes": {f"{line.split()[0]} dev {line.split(' dev ')[1].split()[0]}" for line in routes if " dev " in line},
        "rules": set(printed("nft", "list", "ruleset")),
        "mounts": set(Path("/proc/self/mountinfo").read_text().splitlines()),
        "settings": set(settings()),
    }


def without_others(names: set[str], own: str) -> set[str]:
    """Devices but for those of other runs of the lab, which come and go meanwhile."""
    return {name for name in names if name == own or not name.startswith("podlift")}


def printed(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def settings() -> Iterator[str]:
    """All that sysctl shows, but for what moves by itself and what belongs to the runs' devices."""
    for file in Path("/proc/sys").rglob("*"):
        name = str(file.relative_to("/proc/sys"))
        if name in MOVING or name.startswith(("kernel/random/", "fs/binfmt_misc")) or "/podlift" in name:
            continue
        try:
            if file.is_file():
                yield f"{name}={file.read_text(errors='replace').strip()}"
        except OSError:
            # some can only be written
            continue


MOVING = {
    "fs/aio-nr", "fs/dentry-state", "fs/file-nr", "fs/inode-nr", "fs/inode-state", "fs/quota/syncs",
    "kernel/ns_last_pid", "kernel/pty/nr", "net/netfilter/nf_conntrack_count",
}  # fmt: skip
