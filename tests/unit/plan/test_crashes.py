"""What kills the writing of a plan: afterwards the old or the new one is there, whole."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from converters.errors import PodliftError
from migrate.cli.main import cli
from migrate.plan.directory import read_plan, write_plan
from tests.plan_directories import alone, podlift, refused, tree
from tests.plans import inspect_file, plan, web

REPO = Path(__file__).parents[3]


_DYING = """
import os, shutil, signal, sys
from pathlib import Path
from migrate.cli.main import cli
import migrate.cli.plan, migrate.inspect_files
folder, file = Path(sys.argv[1]), sys.argv[2]
calls, point = [], -1
def dying(real):
    def call(*args, **more):
        if len(calls) == point:
            os.kill(os.getpid(), signal.SIGKILL)
        calls.append(real.__name__)
        return real(*args, **more)
    return call
for owner, name in (
    (Path, "mkdir"), (Path, "rename"), (Path, "write_text"), (Path, "touch"),
    (shutil, "rmtree"), (os, "unlink"), (os, "rmdir"),
):
    setattr(owner, name, dying(getattr(owner, name)))
def planned():
    try:
        cli.main(["plan", file, "--out", str(folder / str(point) / "p"), "-q", "-o", "name"])
    except SystemExit as ended:
        return ended.code
assert planned() == 0
total, killed = len(calls), 0
for point in range(total):
    child = os.fork()
    if child == 0:
        calls.clear()
        planned()
        os._exit(1)
    killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
print("killed", killed, "of", total)
"""


def test_killed_while_it_writes(tmp_path: Path) -> None:
    """SIGKILL before each step of ``podlift plan --out`` on files: the next command finds a whole plan, the old or
    the new one, and says what it mended."""
    file = inspect_file(tmp_path)
    write_plan(plan(web("old")), tmp_path / "-1" / "p")
    for point in range(60):
        shutil.copytree(tmp_path / "-1", tmp_path / str(point))
    done = subprocess.run(
        [sys.executable, "-c", _DYING, str(tmp_path), str(file)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        timeout=120,
    )
    killed, total = (int(each) for each in re.findall(r"\d+", done.stdout.splitlines()[-1]))
    assert 30 < killed == total <= 60
    seen = set()
    for point in range(total):
        place = tmp_path / str(point) / "p"
        left = not alone(place)
        shown = CliRunner().invoke(cli, ["show", str(place), "-o", "name"])
        assert shown.exit_code == 0, shown.stderr
        assert alone(place)
        assert ("replacement of" in shown.stderr) == left
        seen.add((shown.stdout, shown.stderr.partition(" ")[0]))
    assert {name for name, _ in seen} == {"old\n", "web\n"}
    assert {"Completed", "Removed"} <= {word for _, word in seen}


def _small_files() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))


def test_a_file_that_cannot_grow(tmp_path: Path) -> None:
    """The system refuses a write in the middle of the plan: one error, and the earlier plan as it was."""
    inspect_file(tmp_path)
    write_plan(plan(web("old")), tmp_path / "p")
    before = tree(tmp_path / "p")
    done = podlift("plan", "h1.json", "--out", "p", cwd=tmp_path, preexec_fn=_small_files)
    assert done.returncode == 1
    assert "[cannot-write]" in done.stderr
    assert "file too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert tree(tmp_path / "p") == before
    assert alone(tmp_path / "p")


def test_a_full_disk(tmp_path: Path) -> None:
    """A disk of 64 kB: the earlier plan stays whole beside no half of another. Where nothing may be mounted, the
    system's error is put in a write's place."""
    disk = tmp_path / "disk"
    disk.mkdir()
    many = [web(f"web-{n}", host={"PortBindings": {}}) for n in range(8)]
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "podlift-test", str(disk)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        with pytest.MonkeyPatch.context() as patched:
            write_plan(plan(web("old")), disk / "p")
            if not mounted:
                patched.setattr(Path, "write_text", _no_space)
            error = refused(plan(*many), disk / "p")
        assert (error.code, "no space left" in error.reason) == ("cannot-write", True)
        assert read_plan(disk / "p").workloads[0]["name"] == "old"
        assert [each.name for each in disk.iterdir()] == ["p"]
    finally:
        if mounted:
            subprocess.run(["umount", str(disk)], check=True)


def _no_space(file: Path, *_text: object, **_more: object) -> int:
    raise OSError(28, "No space left on device", str(file))


@pytest.mark.parametrize("there", [False, True])
def test_a_parent_that_may_not_be_written(there: bool) -> None:
    """Neither a new plan nor a replacement; as root, with the rights of somebody else."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        parent = Path(made)
        if there:
            write_plan(plan(web("old")), parent / "p")
        parent.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            error = refused(plan(), parent / "p", secrets="omit") if not there else _refusal(parent / "p")
        finally:
            if root:
                os.seteuid(0)
            parent.chmod(0o755)
        assert (error.code, "permission denied" in error.reason) == ("cannot-write", True)
        assert [each.name for each in parent.iterdir()] == ["p"] * there


def _refusal(place: Path) -> PodliftError:
    with pytest.raises(PodliftError) as raised:
        write_plan(plan(), place)
    return raised.value


def test_a_plan_below_a_file(tmp_path: Path) -> None:
    """The parent is no directory."""
    (tmp_path / "file").write_text("mine")
    assert refused(plan(), tmp_path / "file" / "p").code == "cannot-write"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
