"""``podlift diff`` on a real engine and a real cluster: the legacy side now, and what runs on both."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate import Cluster, Runtime, diff_plan, discover, read_plan
from migrate.diff import Comparison, State
from migrate.hosts_file import entry_of
from migrate.plan.directory import read_secrets
from migrate.plan.model import Plan
from tests.lab.cluster import Cluster as LabCluster
from tests.lab.engine import Engine
from tests.lab.images import archive
from tests.plan_directories import podlift

IMAGE = "diff-sides:1"
SECRET = "hunter2-of-mine"
KEY = b"k" * 32


@pytest.fixture
def space(lab_cluster: LabCluster) -> Iterator[str]:
    name = f"sides-{uuid.uuid4().hex[:8]}"
    lab_cluster.kubectl("create", "namespace", name)
    yield name
    lab_cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def host(clean_engine: Engine, lab_cluster: LabCluster) -> Engine:
    """An engine with two instances of one application, and another beside."""
    config = {"Cmd": ["sleep", "1000000"], "Env": ["PATH=/bin", "MODE=slow"], "WorkingDir": "/etc"}
    clean_engine.client.images.load(archive(IMAGE, config=config))
    lab_cluster.load(clean_engine, IMAGE)
    for name in ("web-1", "web-2"):
        start(clean_engine, name)
    clean_engine.client.containers.run(
        IMAGE,
        ["-c", "trap exit TERM; while :; do sleep 1; done"],
        name="agent",
        entrypoint="sh",
        read_only=True,
        restart_policy={"Name": "always", "MaximumRetryCount": 0},
        detach=True,
    )
    return clean_engine


def start(engine: Engine, name: str, **more: Any) -> None:
    said: dict[str, Any] = {
        "environment": {"MODE": "fast", "DB_PASSWORD": SECRET},
        "mem_limit": "64m",
        "nano_cpus": 500_000_000,
        "cap_add": ["NET_ADMIN"],
        "user": "1000:1000",
        "tmpfs": {"/scratch": ""},
        "restart_policy": {"Name": "always"},
        "healthcheck": {"test": ["CMD", "true"], "interval": 5_000_000_000},
        "ports": {"80/tcp": None},
    }
    engine.client.containers.run(IMAGE, name=name, detach=True, **{**said, **more})


def planned(engine: Engine, space: str, folder: Path) -> Plan:
    target = {"version": "1.36", "namespace": space, "podSecurity": "privileged", "exposure": {"*": "ClusterIP"}}
    (folder / "target.yaml").write_text(yaml.safe_dump(target))
    answers = [{"code": "acts-unasked", "answer": "no"}, {"code": "image-local-only", "answer": IMAGE}]
    (folder / "decisions.yaml").write_text(yaml.safe_dump({"answers": answers}))
    done = podlift(
        "plan", "--host", f"h1={engine.url}", "--target", "target.yaml", "--decisions", "decisions.yaml",
        "--out", "plan", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = read_plan(folder / "plan")
    assert made.withheld == ()
    return made


def told(found: Comparison) -> dict[str, list[str]]:
    return {each.name: [change.path for change in each.changes] for each in found.objects if each.changes}


def test_must_one_plan_again(host: Engine, space: str, tmp_path: Path) -> None:
    """A container made anew as it was is noise; one with another setting, a new one and one that is gone are not."""
    made = planned(host, space, tmp_path)
    hosts = (entry_of(f"h1={host.url}"),)

    def now() -> Comparison:
        return diff_plan(made, discover(hosts))

    assert not now().differs
    host.client.containers.get("web-2").remove(force=True)
    start(host, "web-2")
    assert now().answer.startswith("Must you plan again? No")
    host.client.containers.get("web-2").remove(force=True)
    start(host, "web-2", mem_limit="96m")
    # one of two instances: that they differ is new
    assert "differences" in told(now())["workload/web"]
    host.client.containers.get("web-2").remove(force=True)
    host.client.containers.get("agent").remove(force=True)
    host.client.containers.run(IMAGE, name="newcomer", detach=True)
    found = now()
    assert found.answer == "Must you plan again? Yes: 1 workload changed, 1 workload new, 1 workload gone."
    assert "instances[h1/web-2]" in told(found)["workload/web"]
    done = podlift("diff", "plan", "--against", "legacy", "--host", f"h1={host.url}", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, found.answer)
    done = podlift("diff", "plan", "--against", "legacy", "--host", "h1=tcp://127.0.0.1:9", cwd=tmp_path)
    assert done.returncode == 2
    assert "Not compared with the legacy side: h1 could not be read" in done.stdout


def test_what_runs_on_both_sides(lab_cluster: LabCluster, host: Engine, space: str, tmp_path: Path) -> None:
    """Nothing where a pod is its container; then what somebody changes in the cluster, and secrets by their hashes."""
    made = planned(host, space, tmp_path)
    edge = Cluster(lab_cluster.context, lab_cluster.kubeconfig)
    sides = Runtime(cluster=edge, hosts=(entry_of(f"h1={host.url}"),))

    def now() -> Comparison:
        return diff_plan(made, sides, hmac_key=KEY)

    found = now()
    assert {(each.name, each.state) for each in found.objects} == {
        (f"container/h1/{name}", State.REMOVED) for name in ("agent", "web-1", "web-2")
    }
    for _, each in (*read_secrets(tmp_path / "plan"), *made.objects):
        edge.apply(each)
    await_pods(lab_cluster, space)
    found = now()
    assert (told(found), found.differs, found.compared) == ({}, False, 3)
    lab_cluster.kubectl("set", "env", "deployment/web", "MODE=slow", "DB_PASSWORD=another-of-mine", "-n", space)
    await_pods(lab_cluster, space)
    found = now()
    assert told(found) == {"container/h1/web-1": ["env.MODE", "env.DB_PASSWORD"]}
    assert "1 container more alike" in found.objects[0].note
    assert SECRET not in repr(found)
    assert "another-of-mine" not in repr(found)
    edge.close()


def await_pods(cluster: LabCluster, space: str) -> None:
    """Until the newest pods of each Deployment run and no other is left."""
    for name in ("web", "agent"):
        cluster.kubectl("rollout", "status", f"deployment/{name}", "-n", space, "--timeout=90s", timeout_s=100)
    until = time.monotonic() + 60
    while len(cluster.get("pods", "-n", space)["items"]) > 3:
        assert time.monotonic() < until
        time.sleep(0.5)
