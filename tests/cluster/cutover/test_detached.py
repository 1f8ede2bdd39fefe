"""A run that is left to the cluster: a pod of the image that image/Dockerfile makes drives it. It is a service account
with the printed roles, and reaches the engine by ssh; a user's commands steer it by the journal alone."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.plan.directory import write_plan
from tests.cluster.cutover.test_straight import GRACEFUL, load_on, nothing_lost, stands_alone
from tests.cluster.served import LEDGER, Served, several
from tests.lab import building, programs
from tests.lab.cluster import Cluster
from tests.lab.engine import LabEngine, say
from tests.lab.probing import probe_image
from tests.lab.ssh import SshServer
from tests.lab.tls import TlsEngine

pytestmark = pytest.mark.prove
IMAGE = "podlift:lab"
# A pod is killed whose process had the lease, and all is asked by ssh: a little more patience than a lab's.
TIMINGS: dict[str, object] = {"lease": "10s", "renew": "3s", "heartbeat": "6s", "hook_timeout": "8s"}
TIMINGS |= {"observe_timeout": "300s", "ready_timeout": "300s", "min_samples": 2}
FROZEN = "/run/web.frozen"
SSH = ("ssh", "-o", "BatchMode=yes")


@pytest.fixture(scope="module")
def images(lab_cluster: Cluster, lab_engines: dict[str, LabEngine], tmp_path_factory: pytest.TempPathFactory) -> None:
    """On the nodes: podlift, built by its Dockerfile."""
    engine = lab_engines["edge-b1"]
    with engine.clean():
        base = building.python_base(engine, building.wheels_of(tmp_path_factory.mktemp("wheels")))
        building.build(engine, "image/Dockerfile", IMAGE, base=base)
        lab_cluster.load(engine, IMAGE)


@dataclass(frozen=True)
class User:
    """Whoever types commands, in a folder of theirs."""

    web: Served
    folder: Path
    path: str

    def types(self, *words: str, code: int = 0, timeout_s: float = 600) -> str:
        """A verb of podlift cutover; what it prints."""
        web = self.web
        reach = [f"--context={web.lab.context}", f"--kubeconfig={web.lab.kubeconfig}", "-n", web.space]
        done = subprocess.run(
            [sys.executable, "-m", "migrate.cli.main", "cutover", *words, *reach, f"--directory={self.folder}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            env={**os.environ, "PATH": f"{self.path}:{os.environ['PATH']}"},
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.logs()}"
        return done.stdout + done.stderr

    def logs(self) -> str:
        selected = ("-n", self.web.space, "-l", "podlift.dev/run", "--tail=40", "--prefix")
        return self.web.lab.kubectl("logs", *selected)

    def state(self) -> str:
        journal = self.web.lab.get("configmap", f"cutover-{self.web.name}", "-n", self.web.space)
        return str(journal["data"]["state"])

    def pods(self) -> list[str]:
        """Of podlift, by name."""
        found = self.web.lab.get("pods", "-n", self.web.space, "-l", "podlift.dev/run")["items"]
        return [each["metadata"]["name"] for each in found if "deletionTimestamp" not in each["metadata"]]


@pytest.fixture
def user(
    images: None,  # noqa: ARG001
    lab_cluster: Cluster,
    lab_engines: dict[str, LabEngine],
    space: str,
    tmp_path: Path,
) -> Iterator[User]:
    """All is reached by ssh, and the scheduler keeps off."""
    engine = lab_engines["edge-a1"]
    with (
        planned(lab_cluster, engine, space, tmp_path) as web,
        ssh_to(lab_cluster, engine, space) as servers,
        granted(lab_cluster, space),
    ):
        (tmp_path / "podlift.yaml").write_text(yaml.safe_dump(project(lab_cluster, engine)))
        files = ssh_files(servers)
        lab_cluster.apply(secret(files, space))
        yield User(web, tmp_path, str(client(files, tmp_path)))


@pytest.fixture
def user_of_tls(
    images: None,  # noqa: ARG001
    lab_cluster: Cluster,
    request: pytest.FixtureRequest,
    space: str,
    tmp_path: Path,
) -> Iterator[User]:
    """Nothing but the engine's own port leads to the legacy host, and nothing tells a scheduler anything."""
    tls = TlsEngine(request.getfixturevalue("_session_lab"), "edge-t1")
    engine = tls.engine
    with planned(lab_cluster, engine, space, tmp_path) as web, granted(lab_cluster, space):
        image = probe_image(engine)
        lab_cluster.load(engine, image)
        body: dict[str, Any] = {
            "hosts": [
                {
                    "name": engine.name,
                    "url": tls.url,
                    "address": engine.address,
                    "tls": {part: str(path) for part, path in tls.files.items()},
                    "exec": "container",
                    "image": image,
                }
            ],
            "cutover": {"profile": "lab", "timings": TIMINGS, "probe_image": image},
        }
        (tmp_path / "podlift.yaml").write_text(yaml.safe_dump(body))
        lab_cluster.apply(secret({path.name: path.read_bytes() for path in tls.files.values()}, space))
        yield User(web, tmp_path, "")


@contextmanager
def planned(lab: Cluster, engine: LabEngine, space: str, folder: Path) -> Iterator[Served]:
    """A served workload of two containers on one engine, and its plan's directory."""
    with several(
        lab, [engine], space, folder, names=["web"], flags=GRACEFUL, environment={"LEDGER": LEDGER}, scaled=True
    ) as found:
        write_plan(found["web"].plan, folder / "plan")
        yield found["web"]


@contextmanager
def ssh_to(lab: Cluster, engine: LabEngine, space: str) -> Iterator[dict[str, SshServer]]:
    """The legacy host, and the nodes with the probe on them, by name."""
    with ExitStack() as stack:
        made = {}
        for host in (engine.host, *(node.host for node in lab.nodes)):
            shutil.copy2(programs.ensure_probe(say), host.folder / "podlift-probe")
            made[host.name] = stack.enter_context(SshServer(host.folder / f"ssh-{space}", host))
        yield made


def project(lab: Cluster, engine: LabEngine) -> dict[str, Any]:
    hooks = {"freeze": ["touch", FROZEN], "frozen": ["test", "-e", FROZEN], "unfreeze": ["rm", "-f", FROZEN]}
    nodes = {node.name: {"probe": [*SSH, node.name, str(node.host.folder / "podlift-probe")]} for node in lab.nodes}
    return {
        "hosts": [{"name": engine.name, "url": f"ssh://{engine.name}/run/docker.sock", "address": engine.address}],
        "cutover": {
            "profile": "lab",
            "timings": TIMINGS,
            # what a scheduler's own machine is told, and not this one
            "hooks": {name: [*SSH, engine.name, *argv] for name, argv in hooks.items()},
            "nodes": nodes,
        },
    }


def ssh_files(servers: Mapping[str, SshServer]) -> dict[str, bytes]:
    """What lies in ~/.ssh of who reaches them all."""
    found = {f"{name}.key": (each.folder / "key").read_bytes() for name, each in servers.items()}
    found["known_hosts"] = b"".join((each.folder / "known_hosts").read_bytes() for each in servers.values())
    config = "".join(
        f"Host {name}\n  HostName {each.address}\n  Port {each.port}\n  User root\n  IdentityFile ~/.ssh/{name}.key\n"
        for name, each in servers.items()
    )
    return {**found, "config": config.encode()}


def client(files: Mapping[str, bytes], folder: Path) -> Path:
    """An ssh for a user whose ~/.ssh is a folder of the test's; the folder of the program."""
    home, place = folder / "ssh", folder / "bin"
    home.mkdir()
    place.mkdir()
    for name, body in files.items():
        (home / name).write_bytes(body.replace(b"~/.ssh", str(home).encode()))
        (home / name).chmod(0o600)
    words = f"exec {shutil.which('ssh')} -F {home}/config -o UserKnownHostsFile={home}/known_hosts"
    (place / "ssh").write_text(f'#!/bin/sh\n{words} "$@"\n')
    (place / "ssh").chmod(0o755)
    return place


def secret(files: Mapping[str, bytes], space: str) -> dict[str, Any]:
    """As `kubectl create secret generic engines --from-file=…` makes it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "engines", "namespace": space},
        "data": {name: base64.b64encode(body).decode() for name, body in files.items()},
    }


@contextmanager
def granted(lab: Cluster, space: str) -> Iterator[None]:
    """Who podlift is in the cluster, as docs/how-to/grant-rights.md has it."""
    roles = subprocess.run(
        [sys.executable, "-m", "migrate.cli.main", "explain", "--roles"], capture_output=True, text=True, check=True
    ).stdout
    lab.kubectl("apply", "-f", "-", stdin=roles)
    account = f"--serviceaccount={space}:podlift"
    lab.kubectl("create", "serviceaccount", "podlift", "-n", space)
    lab.kubectl("create", "rolebinding", "podlift", "--clusterrole=podlift-cutover", account, "-n", space)
    lab.kubectl("create", "clusterrolebinding", f"podlift-{space}", "--clusterrole=podlift-target", account)
    try:
        yield
    finally:
        lab.kubectl("delete", "clusterrolebinding", f"podlift-{space}")


# Each look of a node's is a pod of its own, on a machine that may have more to do.
LIMIT_S = 300.0


def until(user: User, what: Callable[[], bool], why: str) -> float:
    """Seconds that it took."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < LIMIT_S, f"{why}\n{user.types('status', 'web')}\n{user.logs()}"
        time.sleep(0.5)
    return time.monotonic() - began


def nothing_left(user: User) -> None:
    """Of what drove it: by itself, soon after the run has ended."""
    lab, space = user.web.lab, user.web.space
    kinds = "deployments,replicasets,pods,leases,secrets,serviceaccounts,roles,rolebindings,configmaps,jobs"

    def ours() -> list[str]:
        found = lab.get(kinds, "-n", space)["items"]
        own = {"Secret/engines", "ServiceAccount/podlift", "ServiceAccount/default", "RoleBinding/podlift"}
        own |= {"ConfigMap/kube-root-ca.crt", f"ConfigMap/cutover-{user.web.name}"}
        names = {f"{each['kind']}/{each['metadata']['name']}" for each in found}
        planned = {f"{each['kind']}/{each['metadata']['name']}" for _, each in user.web.plan.objects}
        of_web = {
            f"{each['kind']}/{each['metadata']['name']}"
            for each in found
            if each["metadata"].get("labels", {}).get("podlift.dev/workload") == user.web.name
            and each["kind"] != "Lease"
        }
        return sorted(names - own - planned - of_web)

    took = until(user, lambda: not ours(), "it stays")
    say(f"nothing is left {took:.1f} s after the end")


START = ("start", "plan", "web", "--detach", "--image", IMAGE, "--secret", "engines")


def test_driven_in_the_cluster_to_the_end(user: User) -> None:
    """Under load; its pod is killed in the middle; the user steers by the journal alone."""
    web = user.web
    began = time.monotonic()
    told = user.types(*START, "--yes", "--hold-before", "SHIFT", "--on-drain-timeout", "stop")
    say(f"left to the cluster after {time.monotonic() - began:.1f} s")
    (first,) = user.pods()
    assert f"left to the cluster: podlift@{first}:" in told
    assert "next: podlift cutover status web -w" in told
    until(user, lambda: user.state() not in ("PLANNED", "PREFLIGHT"), "it is not BRIDGED")
    with load_on(web) as traffic:
        until(user, lambda: user.state() == "DEPLOYED", "it is not DEPLOYED")
        user.types("approve", "web", "SHIFT")
        until(user, lambda: user.state() in ("SHIFT", "PROMOTED"), "it does not shift")
        web.lab.kubectl("delete", "pod", first, "-n", web.space, "--force", "--grace-period=0")
        killed = time.monotonic()
        shown = user.types("status", "web", "--for", "STOPPED")
        say(f"STOPPED {time.monotonic() - killed:.1f} s after its pod was killed in the middle")
        (second,) = user.pods()
        assert second != first
        assert web.running() == [], shown
        user.types("finalize", "web", "--yes")
        assert user.state() == "FINALIZED"
        nothing_left(user)
        stands_alone(web)
        report = traffic.stop()
    say(report.told())
    nothing_lost(web, report)
    history = json.loads(user.types("status", "web", "--history", "-o", "json"))
    assert history


def test_paused_resumed_and_aborted_from_a_terminal(user: User) -> None:
    web = user.web
    user.types(*START, "--yes", "--hold-before", "STANDBY")
    until(user, lambda: user.state() == "PROMOTED", "it is not PROMOTED")
    user.types("pause", "web")
    until(user, lambda: "a user asked for it" in user.types("status", "web"), "it is not paused")
    told = user.types("resume", "web", "--detach", "--image", IMAGE, "--secret", "engines")
    (pod,) = user.pods()
    assert f"podlift@{pod}:" in told
    until(user, lambda: "a user asked for it" not in user.types("status", "web"), "it does not go on")
    began = time.monotonic()
    told = user.types("abort", "web", code=5)
    say(f"callers are back {time.monotonic() - began:.1f} s after abort was typed")
    assert user.state() == "ROLLED_BACK"
    assert web.running() == sorted(web.containers)
    nothing_left(user)


def test_an_engine_that_is_reached_by_tls_alone(user_of_tls: User) -> None:
    """Its certificates lie in the Secret; who holds connections to it is asked in containers, and nodes in pods."""
    user = user_of_tls
    web = user.web
    user.types(*START, "--yes")
    until(user, lambda: user.state() == "STANDBY", "it is not STANDBY")
    assert len(user.pods()) == 1
    assert "waits for   a freeze hook" in user.types("status", "web")
    assert web.running() == sorted(web.containers)
    user.types("abort", "web", code=5)
    assert user.state() == "ROLLED_BACK"
    assert web.running() == sorted(web.containers)
    nothing_left(user)
