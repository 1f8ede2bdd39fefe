"""podlift as a process of its own: interrupted, its reader gone, its disk full. Nothing half-written stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from migrate.plan.directory import write_plan
from migrate.plan.swap import beside
from tests.plans import inspect_file, plan, web

REPO = Path(__file__).parents[2]
PODLIFT = [sys.executable, "-m", "migrate.cli.main"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPO)}


def tree(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


# podlift with a stop before the step of the second argument, until somebody interrupts it.
_STOPPED = """
import sys, time
from pathlib import Path
from migrate.cli.main import cli
import migrate.cli.plan, migrate.plan.making, migrate.plan.swap
step, *args = sys.argv[1:]
def stopped(real):
    def call(*given, **more):
        print("stopped", flush=True)
        # a signal that comes just before a sleep is heard after it
        for _ in range(600):
            time.sleep(0.1)
        return real(*given, **more)
    return call
if step == "converting":
    migrate.plan.making.convert = stopped(migrate.plan.making.convert)
elif step == "writing":
    wrote, count = Path.write_text, iter(range(1000))
    halting = stopped(wrote)
    Path.write_text = lambda *given, **more: (halting if next(count) == 4 else wrote)(*given, **more)
elif step == "swapping":
    rename, count = Path.rename, iter(range(1000))
    halting = stopped(rename)
    Path.rename = lambda *given: (halting if next(count) == 2 else rename)(*given)
cli.main(args)
"""


@pytest.mark.parametrize("step", ["converting", "writing", "swapping"])
def test_ctrl_c(tmp_path: Path, step: str) -> None:
    """SIGINT while it converts, in the middle of writing, between the renames: 130, one line, a whole plan."""
    inspect_file(tmp_path)
    write_plan(plan(web("old")), tmp_path / "p")
    before = tree(tmp_path / "p")
    with subprocess.Popen(
        [sys.executable, "-c", _STOPPED, step, "plan", "h1.json", "--out", "p", "-q"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stopped\n"
        process.send_signal(signal.SIGINT)
        data, said = process.communicate(timeout=60)
    # click ends the terminal's line that ^C stands in
    assert (process.returncode, data, said.lstrip("\n")) == (130, "", "interrupted\n")
    if step == "swapping":
        assert json.loads((tmp_path / "p" / "plan.json").read_bytes())["workloads"][0]["name"] == "web"
    else:
        assert tree(tmp_path / "p") == before
    assert not any(beside(tmp_path / "p", stage).exists() for stage in ("writing", "next", "previous"))


@pytest.mark.parametrize("args", [("plan",), ("plan", "-o", "json"), ("convert",)], ids=" ".join)
def test_a_reader_that_goes_away(tmp_path: Path, args: tuple[str, ...]) -> None:
    """| head -1: no complaint, and no traceback of Python's at exit."""
    file = inspect_file(tmp_path, *(web(f"web-{n}", host={"PortBindings": {}}) for n in range(60)))
    command, *more = args
    with subprocess.Popen(
        [*PODLIFT, command, str(file), *more, "-q"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        process.wait(timeout=60)
    assert said == b""
    assert process.returncode == 1


def test_a_plan_is_whole_although_its_reader_went(tmp_path: Path) -> None:
    """The directory is written before the summary is."""
    file = inspect_file(tmp_path)
    with subprocess.Popen(
        [*PODLIFT, "plan", str(file), "--out", str(tmp_path / "p"), "-q"], stdout=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(timeout=60)
    assert (tmp_path / "p" / "plan.json").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_onto_a_full_disk(tmp_path: Path) -> None:
    """podlift convert > file, where the file cannot grow: one error, not a cut-off file and a 0."""
    file = inspect_file(tmp_path)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PODLIFT, "convert", str(file), "-q"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=environment(),
            timeout=120,
        )
    assert done.returncode == 1
    assert done.stderr == "error: output: no space left on device [cannot-write]\n"
