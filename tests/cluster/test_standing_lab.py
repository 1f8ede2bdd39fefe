"""`make lab` and what goes with it: the command itself brings up one lab for these tests, beside that of the run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab import programs, standing
from tests.lab.cluster import GivenCluster
from tests.lab.engine import Engine
from tests.lab.standing import Standing
from tests.lab.traces import ALL_KINDS, kinds, processes, traces, until

ROOT = Path(__file__).parents[2]
IDENT = f"test-{os.getpid()}"


pytestmark = pytest.mark.usefixtures("own_machine")


@pytest.fixture(scope="module")
def stands(own_machine: None) -> Iterator[Standing]:  # noqa: ARG001
    programs.ensure(print)
    with held(IDENT):
        yield standing.standing(IDENT)
        lab("down", IDENT)


def test_what_stands_is_what_it_says(stands: Standing) -> None:
    found = lab("status", IDENT)

    assert found.returncode == 0
    assert "ENDED" not in found.stdout
    for part in ("edge-a1", "edge-a2", "edge-b1", "kubelet on node-a", "kube-proxy on node-b", "etcd on control"):
        assert f"runs   {part}\n" in found.stdout
    # which of them is Ready, in kubectl's own words
    assert found.stdout.count(" Ready ") == 2
    assert (stands.folder / "lab.json").stat().st_mode & 0o777 == 0o600
    assert stands.folder.stat().st_mode & 0o777 == 0o700


def test_again_it_says_so_at_once(stands: Standing) -> None:
    began = time.monotonic()
    again = lab("up", IDENT)

    assert time.monotonic() - began < 5
    assert again.returncode == 0
    assert again.stderr == f"lab: {stands.name} stands already, and all of it runs\n"
    assert again.stdout == standing.description(stands) + "\n"


def test_its_kubeconfig_is_a_path_and_nothing_else(stands: Standing) -> None:
    """By make, as a user would, for a kubectl that knows nothing but this file."""
    path = make("lab-kubeconfig").removesuffix("\n")

    assert path == stands.state["kubeconfig"]
    theirs = GivenCluster(Path(path), yaml.safe_load(Path(path).read_text())["current-context"], kubectl=kubectl())
    assert theirs.context == stands.name
    assert [node["metadata"]["name"] for node in theirs.get("nodes")["items"]] == ["node-a", "node-b"]


def test_its_engines_answer_where_it_says(stands: Standing) -> None:
    lines = [line.split() for line in make("lab-docker").splitlines()]

    assert lines == [[one["name"], one["url"]] for one in stands.state["engines"]]
    assert [name for name, _ in lines] == ["edge-a1", "edge-a2", "edge-b1"]
    for name, url in lines:
        engine = Engine(url, name=name)
        assert engine.client.info()["Name"] == name
        engine.close()


def test_one_command_moves_an_image(stands: Standing) -> None:
    missing = lab("load", IDENT, "team/web:1.4", "--from=edge-b1")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "edge-b1 has no image team/web:1.4; it has none." in missing.stderr

    url = next(one["url"] for one in stands.state["engines"] if one["name"] == "edge-b1")
    engine = Engine(url)
    engine.import_image("team/web:1.4", files={"moved": "here"})
    engine.close()
    make("lab-load", "IMAGE=team/web:1.4", "FROM=edge-b1")

    cluster = GivenCluster(Path(stands.state["kubeconfig"]), stands.name, kubectl=kubectl())
    images = {
        node["metadata"]["name"]: {name for image in node["status"]["images"] for name in image["names"]}
        for node in eventually(lambda: cluster.get("nodes")["items"], "docker.io/team/web:1.4")
    }
    assert all("docker.io/team/web:1.4" in names for names in images.values())

    nowhere = lab("load", IDENT, "team/web:1.4", "--from=edge-z")
    assert (nowhere.returncode, nowhere.stderr) == (
        1, "lab: There is no engine edge-z; there are edge-a1, edge-a2, edge-b1.\n",
    )  # fmt: skip


@pytest.mark.usefixtures("stands")
def test_the_walk_through_works_as_it_is_written(tmp_path: Path) -> None:
    """All of "Using it", and both of its ways to bring the image: that of the answer comes first, since what was
    pushed is asked about no more."""
    if shutil.which("docker") is None:
        pytest.skip("no docker command, which the walk-through is for")
    page = (ROOT / "docs" / "how-to" / "the-lab.md").read_text(encoding="utf-8")
    part = page.partition("\n## Using it\n")[2].partition("\n## ")[0]
    first, push, load, apply = re.findall(r"^```sh\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    image = "kubectl get deploy web -o jsonpath='{.spec.template.spec.containers[0].image} {.status.readyReplicas}'"
    script = f"{first}{load}{apply}{image} >$WORK/loaded\n{push}{apply}{image} >$WORK/pushed\n"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=300,
        env={
            **os.environ, "LAB": IDENT, "TMPDIR": str(tmp_path),
            "MAKEFLAGS": f"--no-print-directory --old-file=.venv/.installed BIN={Path(sys.executable).parent}",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:{kubectl().parent}",
        },
    )  # fmt: skip

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (loaded,), (pushed,) = tmp_path.glob("*/loaded"), tmp_path.glob("*/pushed")
    assert loaded.read_text() == "docker.io/library/web:1.4 1"
    assert re.fullmatch(r"registry\.lab\.example/web@sha256:[0-9a-f]{64} 1", pushed.read_text())


def test_without_a_lab_each_command_says_how_to_get_one() -> None:
    for command in (["kubeconfig"], ["docker"], ["status"], ["load", "web:1"]):
        done = lab(command[0], "nowhere", *command[1:])
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("lab: No lab 'nowhere' stands here")
        assert done.stderr.endswith(": `make lab LAB=nowhere` starts one.\n")

    done = lab("down", "nowhere")
    assert done.returncode == 0
    # what a dead run of somebody else had left may be told before
    assert done.stderr.endswith("lab: no lab 'nowhere' stands here; nothing to take away\n")


def test_a_second_lab_and_its_end_without_a_goodbye(stands: Standing) -> None:
    """Two stand at a time. The second one's keeper is killed: all of it ends by itself, but for a folder and cgroups,
    each command says so, and `up` makes it anew."""
    ident = f"{IDENT}-2"
    with held(ident):
        second = standing.standing(ident)
        assert second.name != stands.name
        there = traces(second.name)
        assert kinds(there) == ALL_KINDS
        cluster = GivenCluster(Path(second.state["kubeconfig"]), second.name, kubectl=kubectl())
        assert {node["metadata"]["name"] for node in cluster.get("nodes")["items"]} == {"node-a", "node-b"}
        killed(second, there)

        for command in (["kubeconfig"], ["docker"], ["status"], ["load", "web:1"]):
            done = lab(command[0], ident, *command[1:])
            assert (done.returncode, done.stdout) == (1, "")
            # a run beside this one may have removed already what was left
            assert done.stderr.startswith((f"lab: {second.name} stands no more: its keeper ", "lab: No lab "))
            assert "Traceback" not in done.stderr

    with held(ident) as told:
        assert "lab: all of it stands after " in told
        assert lab("status", ident).returncode == 0
        again = standing.standing(ident)
        there = traces(again.name)
        killed(again, there)
    gone = lab("down", ident)

    assert gone.returncode == 0
    assert f"lab: removed {again.name}, which a run that is dead had left\n" in gone.stderr
    assert "stays on purpose: " in gone.stderr
    assert traces(again.name) & there == set()
    assert "No lab" in lab("status", ident).stderr
    assert lab("up", IDENT).returncode == 0, "the first one never noticed"


def test_a_dead_part_is_told_and_all_goes(stands: Standing) -> None:
    """The last test of this lab: a kubelet of it dies, and an engine."""
    there = traces(stands.name)
    kubelet = process_of(stands, b"/kubelet\0", b"--hostname-override=node-b")
    engine = process_of(stands, b"dockerd\0", b"edge-a2")
    for process in (kubelet, engine):
        os.kill(process, signal.SIGKILL)

    def told() -> bool:
        return lab("status", IDENT).stdout.count("ENDED  ") == 2

    until(told)
    status = lab("status", IDENT)
    assert status.returncode == 1
    assert "ENDED  kubelet on node-b\n" in status.stdout
    assert "ENDED  edge-a2\n" in status.stdout
    assert "-- kubelet on node-b has ended; the last lines of its log:\n" in status.stdout

    again = lab("up", IDENT)
    assert (again.returncode, again.stdout) == (1, "")
    assert "of it edge-a2, kubelet on node-b has ended" in again.stderr

    down = lab("down", IDENT)
    assert down.returncode == 0
    assert f"lab: {stands.name} is gone; stays on purpose: " in down.stderr
    assert traces(stands.name) & there == set()


def test_a_program_that_does_not_come_up_is_named(tmp_path: Path) -> None:
    """With the last lines of its log; and of what had come up nothing stays."""
    broken = tmp_path / "programs"
    broken.mkdir()
    for name in programs.NAMES:
        (broken / name).symlink_to(programs.ensure(print) / name)
    (broken / "kube-scheduler").unlink()
    (broken / "kube-scheduler").write_text("#!/bin/sh\necho no schedule today\nexit 3\n")
    (broken / "kube-scheduler").chmod(0o755)

    try:
        refused = lab("up", f"{IDENT}-3", PODLIFT_LAB_PROGRAMS=str(broken))
    finally:
        left = lab("down", f"{IDENT}-3")

    assert "nothing to take away" in left.stderr
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "kube-scheduler on control has ended\nno schedule today\n" in refused.stderr
    assert refused.stderr.splitlines()[-1].startswith("lab: The lab did not come up, see above;")
    assert "Traceback" not in refused.stderr
    assert processes(str(broken), f"{IDENT}-3") == []


# ---------------------------------------------------------------- the commands


@contextmanager
def held(ident: str) -> Iterator[str]:
    """A lab that ends with the block, and with this process however that ends: it lives as long as a pipe. What was
    told as it started."""
    with subprocess.Popen(
        command("up", ident, "--hold"), cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stderr is not None
        told = process.stderr.read()
        assert process.wait(timeout=60) == 0, told
        yield told
        process.stdin.close()
    until(lambda: not any(one.alive for one in standing.labs(ident)), 30)


def killed(lab: Standing, there: set[str]) -> None:
    """Its keeper is no more, nor is what ran and hung on it; `there` are the lab's traces of before."""
    os.kill(lab.state["pid"], signal.SIGKILL)
    until(lambda: not kinds(traces(lab.name) & there) & {"process", "mount", "device"})
    until(lambda: not any(one.alive for one in standing.labs(lab.state["id"])))


def command(name: str, ident: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "tests.lab", name, f"--id={ident}", *more]


def lab(name: str, ident: str, *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(name, ident, *more), cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def make(target: str, *more: str) -> str:
    """What a target of the Makefile prints, with the environment that these tests run in."""
    given = ["--old-file=.venv/.installed", f"BIN={Path(sys.executable).parent}", f"LAB={IDENT}"]
    done = subprocess.run(
        ["make", "--no-print-directory", target, *given, *more],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def kubectl() -> Path:
    return programs.ensure(print) / "kubectl"


def eventually(look: Any, wanted: str) -> Any:
    """What is looked at, once every item shows what is wanted: a kubelet tells of its images now and then."""
    until(lambda: all(wanted in str(item) for item in look()), 60)
    return look()


def process_of(lab: Standing, *signs: bytes) -> int:
    """The process of a lab whose command line shows all of these."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:  # it has just ended
            continue
        if bytes(lab.folder) + b"/" in line and all(sign in line for sign in signs) and not line.startswith(b"nsenter"):
            return int(folder.name)
    raise AssertionError(f"{lab.name} has no such process: {signs}")
