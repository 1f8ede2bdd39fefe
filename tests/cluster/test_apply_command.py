"""The command ``podlift apply`` as scripts and people use it: what it prints, how it ends, killed and run again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from converters.target import Target
from migrate.apply import apply_plan
from migrate.cluster import Cluster
from migrate.plan.directory import write_plan
from migrate.schemas import schema
from tests.apply_plans import NOWHERE, daemon, deployment, planned, stateful, workload
from tests.lab.cluster import Cluster as LabCluster
from tests.lab.cluster import GivenCluster
from tests.plan_directories import podlift, secretive
from tests.plans import capture, plan, web

NAMES = tuple("".join(letters) for letters in product("abcdefghij", "klmnopqrst"))
SUMMARY = re.compile(
    r"apply: (?P<created>\d+) created, (?P<changed>\d+) changed, (?P<unchanged>\d+) unchanged, (?P<failed>\d+) failed, "
    r"(?P<unsent>\d+) unsent, (?P<unchecked>\d+) unchecked, (?P<withheld>\d+) withheld, (?P<undecided>\d+) undecided, "
    r"(?P<waiting>\d+) not ready"
)


def reach(cluster: GivenCluster) -> list[str]:
    file = [] if cluster.kubeconfig is None else ["--kubeconfig", str(cluster.kubeconfig)]
    return ["--context", cluster.context, *file]


def written(folder: Path, space: str, *names: str, **target: Any) -> Path:
    """A plan directory of workloads that run on one legacy host."""
    place = folder / "plan"
    write_plan(plan(*(web(name) for name in names or ("web",)), target=Target(namespace=space, **target)), place)
    return place


def counted(line: str) -> dict[str, int]:
    found = SUMMARY.fullmatch(line)
    assert found is not None, line
    return {name: int(number) for name, number in found.groupdict().items()}


def test_the_last_line_counts(cluster: GivenCluster, space: str, tmp_path: Path) -> None:
    """What was sent has a line each, what is withheld one a workload; a run after it has nothing to send."""
    place = written(tmp_path, space, "web", "api")
    first = podlift("apply", str(place), "--yes", *reach(cluster), cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    *lines, last = first.stdout.splitlines()
    assert counted(last) | {"created": 4, "withheld": 2} == counted(last)
    assert any(line.split()[:3] == ["created", f"{space}/Deployment/web", "web"] for line in lines)
    assert any(line.split() == ["withheld", "web", "until", "its", "cutover:", "Service/web"] for line in lines)
    assert "4 of 4 objects sent" in first.stderr
    # something of the plan stands, so that nobody is asked again
    again = podlift("apply", str(place), *reach(cluster), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert counted(again.stdout.splitlines()[-1]) | {"created": 0, "changed": 0, "unchanged": 4} == counted(
        again.stdout.splitlines()[-1]
    )


def test_json_and_names(cluster: GivenCluster, space: str, tmp_path: Path) -> None:
    """JSON is as its schema says; names are those that were sent, here of what a selector finds."""
    place = str(written(tmp_path, space, "web", "api"))
    dry = podlift("apply", place, "--dry-run", "server", "-o", "json", *reach(cluster), cwd=tmp_path)
    assert dry.returncode == 0, dry.stderr
    body = json.loads(dry.stdout)
    jsonschema.validate(body, schema("applied"))
    assert body["dryRun"] == "server"
    assert body["stages"] == {"api": "gated", "web": "gated"}
    labels = ("-l", "podlift.dev/workload=web")
    names = podlift("apply", place, *labels, "--yes", "-o", "name", *reach(cluster), cwd=tmp_path)
    assert names.stdout.split() == ["ServiceAccount/web", "Deployment/web"]
    assert SUMMARY.search(names.stderr)


def test_nobody_applies_to_a_cluster_unasked(cluster: GivenCluster, space: str, tmp_path: Path) -> None:
    """The plan's target names none: without a terminal and --yes it is refused, and nothing is sent."""
    place = written(tmp_path, space)
    done = podlift("apply", str(place), *reach(cluster), cwd=tmp_path)
    assert done.returncode == 1
    assert "[target-unnamed]" in done.stderr
    assert cluster.get("deployments", "-n", space)["items"] == []


def test_a_terminal_is_asked(cluster: GivenCluster, space: str, tmp_path: Path) -> None:
    """No ends it, yes applies."""
    place = str(written(tmp_path, space))
    for answer, code in (("n", 130), ("y", 0)):
        ours, theirs = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "migrate.cli.main", "apply", place, *reach(cluster)],
            stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        _, said = process.communicate(timeout=60)
        os.close(ours)
        assert process.returncode == code, said
        assert "names no cluster" in said
        assert len(cluster.get("deployments", "-n", space)["items"]) == int(answer == "y")


def test_another_cluster_is_refused(cluster: GivenCluster, space: str, tmp_path: Path) -> None:
    """The target says by its identity which one it is; the right one needs no --yes."""
    identity = cluster.get("namespace", "kube-system")["metadata"]["uid"]
    for named, code in (("00000000-0000-4000-8000-000000000000", 1), (identity, 0)):
        folder = tmp_path / named
        folder.mkdir()
        done = podlift("apply", str(written(folder, space, identity=named)), *reach(cluster), cwd=folder)
        assert done.returncode == code, done.stderr
        assert ("[wrong-cluster]" in done.stderr) is bool(code)


def test_an_edited_plan_is_refused(cluster: GivenCluster, space: str, tmp_path: Path) -> None:
    place = written(tmp_path, space)
    file = place / "objects.json"
    file.write_text(file.read_text().replace("reg.example/web", "reg.example/wet"))
    done = podlift("apply", str(place), "--yes", *reach(cluster), cwd=tmp_path)
    assert done.returncode == 1
    assert "[plan-edited]" in done.stderr


def test_secrets_go_with_the_plan_and_not_into_words(cluster: GivenCluster, space: str, tmp_path: Path) -> None:
    """Their values come from PLAN/secrets; without the folder nothing is sent."""
    place = tmp_path / "plan"
    write_plan(plan(secretive(), target=Target(namespace=space)), place)
    hidden = place / "secrets"
    hidden.rename(tmp_path / "kept")
    refused = podlift("apply", str(place), "--yes", *reach(cluster), cwd=tmp_path)
    assert refused.returncode == 1
    assert "[secret-missing]" in refused.stderr
    assert cluster.get("deployments", "-n", space)["items"] == []
    (tmp_path / "kept").rename(hidden)
    done = podlift("apply", str(place), "--yes", "-v", "-o", "json", *reach(cluster), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert cluster.get("secret", "web-env", "-n", space)["data"]["DB_PASSWORD"] == "aHVudGVyMi1vZi1taW5lLTk="


# ---------------------------------------------------------------- the legacy side


def test_what_moved_since_the_plan_is_refused(edge: Cluster, space: str) -> None:
    """Through the library, with what the engines say now: the workload is named with what moved; others go on."""
    made = plan(web(), web("api"), target=Target(namespace=space))
    now = capture(web(Cmd=["other"]), web("api"))
    with pytest.raises(Exception, match="legacy-moved") as raised:
        apply_plan(made, edge, legacy=now)
    assert "web: " in str(raised.value)
    assert "other" in str(raised.value)
    assert apply_plan(made, edge, workloads=["api"], legacy=now).complete
    assert apply_plan(made, edge, legacy=capture(web(), web("api"))).complete
    with pytest.raises(Exception, match="legacy-unread"):
        apply_plan(made, edge, legacy=capture(web(), web("api"), error="no answer"))


def test_hosts_that_are_named_are_read(cluster: GivenCluster, space: str, tmp_path: Path) -> None:
    """One that cannot be reached stops the run, unless nobody wants to look."""
    place = str(written(tmp_path, space))
    host = ("--host", f"h1=unix://{tmp_path}/none.sock")
    done = podlift("apply", place, "--yes", *host, *reach(cluster), cwd=tmp_path)
    assert done.returncode == 1
    assert "[legacy-unread]" in done.stderr
    done = podlift("apply", place, "--yes", *host, "--skip-hosts", *reach(cluster), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------- interrupted


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_interrupted_in_the_middle_and_run_again(
    cluster: GivenCluster, space: str, tmp_path: Path, how: signal.Signals
) -> None:
    """A hundred workloads; the run after it sends what is left, and nothing twice."""
    place = str(written(tmp_path, space, *NAMES))
    process = subprocess.Popen(
        [sys.executable, "-m", "migrate.cli.main", "apply", place, "--yes", "--progress", "json", *reach(cluster)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        event = json.loads(line)
        if event["stage"] == "apply" and event["done"] == 130:
            process.send_signal(how)
            break
    rest, said = process.communicate(timeout=60)
    assert process.returncode == (-how if how is signal.SIGKILL else 130)
    assert rest == ""
    if how is signal.SIGINT:
        assert "What was sent stays. Run it again: it sends the rest.\n" in said
        assert said.endswith("\ninterrupted\n")
        assert "Traceback" not in said
    there = len(objects(cluster, space))
    assert 130 <= there < 200
    again = podlift("apply", place, *reach(cluster), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    numbers = counted(again.stdout.splitlines()[-1])
    assert (numbers["created"], numbers["unchanged"], numbers["changed"]) == (200 - there, there, 0)
    found = objects(cluster, space)
    assert len(found) == 200
    assert {each["metadata"].get("generation", 1) for each in found} == {1}


def objects(cluster: GivenCluster, space: str) -> list[dict[str, Any]]:
    found = cluster.get("serviceaccounts,deployments", "-n", space, "-l", "app.kubernetes.io/managed-by=podlift")
    made: list[dict[str, Any]] = found["items"]
    return made


# ---------------------------------------------------------------- waiting

STUCK = {
    "image": (deployment("stuck", image=NOWHERE), r"(ErrImagePull|ImagePullBackOff).*registry\.invalid"),
    "probe": (
        deployment("stuck", readinessProbe={"exec": {"command": ["false"]}, "periodSeconds": 1}),
        r"Unhealthy: Readiness probe failed",
    ),
    "command": (deployment("stuck", command=["sh", "-c", "exit 3"]), r"stuck ended with 3|CrashLoopBackOff"),
    "nodes": (
        deployment("stuck", pod={"nodeSelector": {"no": "where"}}),
        r"not scheduled: 0/\d nodes are available.*affinity/selector",
    ),
    "quota": (deployment("stuck", replicas=4), r"exceeded quota: few"),
    "quota of a StatefulSet": (
        stateful("stuck", replicas=4),
        r"FailedCreate: .*exceeded quota: few",
    ),
}


@pytest.mark.parametrize("what", STUCK)
def test_waiting_says_why(lab_cluster: LabCluster, space: str, edge: Cluster, what: str) -> None:
    """In the cluster's words: while it waits, and in what is left when the time is up."""
    stuck, words = STUCK[what]
    if "quota" in what:
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few", "namespace": space}}
        # the pods of a StatefulSet come one after the other, each when the one before is ready
        room = "0" if "StatefulSet" in what else "2"
        lab_cluster.apply(quota | {"spec": {"hard": {"pods": room}}})
    told: list[str] = []
    # a quota would hold back this one too
    others = [] if "quota" in what else [workload("web", deployment("web"), legacy=0)]
    plan_ = planned(space, workload("stuck", stuck, legacy=0), *others)
    applied = apply_plan(plan_, edge, wait=True, timeout_s=14, on_trouble=told.append)
    assert not applied.complete
    (left,) = applied.waiting
    assert (left.workload, left.namespace) == ("stuck", space)
    assert re.search(words, left.why, re.DOTALL), left.why
    assert any(re.search(words, line, re.DOTALL) for line in told) or "quota" in what
    assert len(told) == len(set(told))


def test_waiting_ends_when_all_is_ready(lab_cluster: LabCluster, space: str, edge: Cluster) -> None:
    events: list[tuple[str, int, int]] = []
    made = planned(
        space, workload("web", deployment("web", replicas=2), stateful("web-store"), daemon("web-agent"), legacy=0)
    )
    began = time.monotonic()
    applied = apply_plan(made, edge, wait=True, timeout_s=60, on_event=lambda *each: events.append(each))
    assert applied.complete
    assert time.monotonic() - began < 60
    assert events[-1] == ("wait", 3, 3)
    found = lab_cluster.get("pods", "-n", space)["items"]
    assert {each["status"]["phase"] for each in found} == {"Running"}


def test_the_command_waits(cluster: GivenCluster, space: str, tmp_path: Path) -> None:
    """An image for another architecture: why is told on stderr, the time is kept, and the exit code says so."""
    place = str(written(tmp_path, space))
    began = time.monotonic()
    done = podlift(
        "apply", place, "--yes", "--stage", "final", "--never-cut-over", "web", "--wait", "--timeout", "8s",
        *reach(cluster), cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert time.monotonic() - began < 40
    assert "not scheduled: 0/" in done.stderr
    assert counted(done.stdout.splitlines()[-1])["waiting"] == 1
    assert "not ready" in done.stdout
