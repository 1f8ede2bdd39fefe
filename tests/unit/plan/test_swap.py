"""Whatever kills a replacement, one whole directory is there and the next run mends the rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from migrate.plan.swap import beside, recover, replace_directory


def fill(text: str, directory: Path) -> None:
    (directory / "a").write_text(text)
    (directory / "b").write_text(text)


def whole(directory: Path) -> str:
    """The text of a directory whose two files agree."""
    first, second = (directory / "a").read_text(), (directory / "b").read_text()
    assert first == second
    return first


def test_nothing_to_mend_says_nothing(tmp_path: Path) -> None:
    """A clean directory is left as it is."""
    replace_directory(tmp_path / "plan", lambda d: fill("old", d))
    assert recover(tmp_path / "plan") == ""
    assert whole(tmp_path / "plan") == "old"


def test_a_writer_that_fails_changes_nothing(tmp_path: Path) -> None:
    """A full disk in the middle leaves the old one, and nothing beside it."""
    plan = tmp_path / "plan"
    replace_directory(plan, lambda d: fill("old", d))

    def broken(directory: Path) -> None:
        (directory / "a").write_text("new")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        replace_directory(plan, broken)
    assert whole(plan) == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["plan"]


_SCRIPT = """
import os, shutil, signal, sys
from pathlib import Path
from migrate.plan.swap import replace_directory
plan, point = Path(sys.argv[1]), int(sys.argv[2])
calls = 0
def dying(real):
    def call(*args, **more):
        global calls
        if calls == point:
            os.kill(os.getpid(), signal.SIGKILL)
        calls += 1
        return real(*args, **more)
    return call
Path.mkdir, Path.rename, Path.write_text = dying(Path.mkdir), dying(Path.rename), dying(Path.write_text)
shutil.rmtree = dying(shutil.rmtree)
os.unlink = dying(os.unlink)
def fill(d):
    (d / "a").write_text("new")
    (d / "b").write_text("new")
replace_directory(plan, fill)
print(calls)
"""


def run(plan: Path, point: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(plan), str(point)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )


def test_killed_before_each_of_its_steps(tmp_path: Path) -> None:
    """SIGKILL before every file operation in turn: afterwards the old or the new one is there, whole, alone."""
    total = int(run(_old(tmp_path / "whole"), 10_000).stdout)
    assert total >= 7
    seen = set()
    for point in range(total):
        plan = _old(tmp_path / str(point))
        assert run(plan, point).returncode == -signal.SIGKILL
        said = recover(plan)
        seen.add((whole(plan), said.partition(" ")[0]))
        assert [p.name for p in plan.parent.iterdir()] == ["plan"], f"killed before step {point}"
        assert recover(plan) == ""
    assert {text for text, _ in seen} == {"old", "new"}
    assert {"completed", "removed"} <= {word for _, word in seen}


def test_a_lost_next_is_undone(tmp_path: Path) -> None:
    """Between the renames with the new one gone, the old one comes back."""
    plan = _old(tmp_path)
    plan.rename(beside(plan, "previous"))
    assert recover(plan).startswith("undid")
    assert whole(plan) == "old"


def test_a_living_writer_is_no_crash(tmp_path: Path) -> None:
    """What another process writes is left alone by readers, refused to a second writer, and mended once it is dead."""
    plan = _old(tmp_path)
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from migrate.plan.swap import replace_directory\n"
        "def write(directory):\n"
        "    (directory / 'a').write_text('new')\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
        "replace_directory(Path(sys.argv[1]), write)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(plan)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        assert recover(plan) == ""
        assert (beside(plan, "writing") / "a").read_text() == "new"
        with pytest.raises(OSError, match="another podlift is writing"):
            replace_directory(plan, lambda d: fill("third", d))
        process.kill()
    assert recover(plan).startswith("removed a half-written")
    assert whole(plan) == "old"


def test_interrupted_between_the_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at the worst moment: what was whole is put in place before the command ends."""
    plan = _old(tmp_path)
    rename = Path.rename

    def interrupted(self: Path, to: Path) -> Path:
        made = rename(self, to)
        if to == beside(plan, "previous"):
            raise KeyboardInterrupt
        return made

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace_directory(plan, lambda d: fill("new", d))
    assert whole(plan) == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["plan"]


def _old(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    replace_directory(folder / "plan", lambda d: fill("old", d))
    return folder / "plan"
