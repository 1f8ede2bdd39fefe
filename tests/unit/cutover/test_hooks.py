"""Hooks: real processes, without a shell, in time, with their last words."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from converters.errors import PodliftError
from migrate.aside import Threads
from migrate.cutover.hooks import CommandHooks
from migrate.unsaid import as_said


def hooks(code: str, *words: str, timeout_s: float = 10) -> CommandHooks:
    return CommandHooks(
        {"freeze": [sys.executable, "-c", code, *words]}, timeout_s=timeout_s, aside=Threads(), hide=as_said
    )


def failure(code: str, *words: str, timeout_s: float = 10) -> PodliftError:
    with pytest.raises(PodliftError) as caught:
        hooks(code, *words, timeout_s=timeout_s).run("freeze", {})
    assert caught.value.code == "hook-failed"
    return caught.value


def gone(pid: int) -> bool:
    """A killed child of a killed parent may be a zombie of init's for a moment."""
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def test_a_hook_knows_what_it_is_about(tmp_path: Path) -> None:
    """By its environment, on top of podlift's own; its words are as they were given."""
    file = tmp_path / "said"
    code = "import os, sys; open(sys.argv[1], 'w').write(os.environ['PODLIFT_RUN'] + os.environ['PATH'] + sys.argv[2])"
    hooks(code, str(file), "$HOME; `id`").run("freeze", {"PODLIFT_RUN": "r1"})
    assert file.read_text() == f"r1{os.environ['PATH']}$HOME; `id`"


def test_which_hooks_there_are() -> None:
    """An empty one is none."""
    made = CommandHooks({"freeze": ["x"], "drain": []}, timeout_s=1, aside=Threads(), hide=as_said)
    assert [made.has(name) for name in ("freeze", "drain", "front")] == [True, False, False]


def test_a_hook_that_fails_says_its_last_lines() -> None:
    """Of both outputs, the last five, a URL's password hidden."""
    code = (
        "import sys; [print('line', n, flush=True) for n in range(9)]; sys.exit('http://u:hunter2-of-mine@x is down')"
    )
    error = failure(code)
    said = "line 5 / line 6 / line 7 / line 8 / http://u:podlift:withheld@x is down"
    assert error.reason == f"it ended with 1: {said}"
    assert error.subject.startswith("hook freeze (")


def test_a_flood_of_output_holds_nobody_up() -> None:
    """Only its end is read."""
    error = failure("print('x' * 5_000_000); print('the end'); raise SystemExit(3)")
    assert error.reason.startswith("it ended with 3: ")
    assert error.reason.endswith(" / the end")
    assert len(error.reason) < 5000


def test_a_hook_that_does_not_end_is_ended_with_its_children(tmp_path: Path) -> None:
    """SIGTERM ignored, and a child that would go on alone."""
    file = tmp_path / "pid"
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "open(sys.argv[1], 'w').write(str(child.pid)); print('asked', flush=True); time.sleep(60)"
    )
    began = time.monotonic()
    error = failure(code, str(file), timeout_s=1)
    assert time.monotonic() - began < 5
    assert error.reason == "it did not end within 1 s: asked"
    end = time.monotonic() + 5
    while not gone(int(file.read_text())) and time.monotonic() < end:
        time.sleep(0.02)
    assert gone(int(file.read_text()))


def test_what_a_hook_leaves_running_holds_nobody_up(tmp_path: Path) -> None:
    """It has the hook's outputs open."""
    file = tmp_path / "pid"
    code = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "open(sys.argv[1], 'w').write(str(child.pid))"
    )
    began = time.monotonic()
    hooks(code, str(file)).run("freeze", {})
    took = time.monotonic() - began
    pid = int(file.read_text())
    assert not gone(pid)
    os.kill(pid, 9)
    assert took < 5


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["/no/such/hook"], "it cannot be started: no such file or directory"),
        (["/"], "it cannot be started: permission denied"),
        (["a\0b"], "it cannot be started: embedded null byte"),
        ([sys.executable, "-c", "import os; os.kill(os.getpid(), 15)"], "it was killed by signal 15"),
    ],
)
def test_a_hook_that_cannot_be_run(argv: list[str], reason: str) -> None:
    """Said as it is, and what to do."""
    with pytest.raises(PodliftError) as caught:
        CommandHooks({"freeze": argv}, timeout_s=5, aside=Threads(), hide=as_said).run("freeze", {})
    assert caught.value.reason == reason
    assert "resume" in caught.value.next_step


def test_a_hook_that_looks() -> None:
    """No is an answer, and not to be able to say is none."""
    assert looked(hooks("")) == ""
    assert looked(hooks("raise SystemExit('thawed')")) == f"hook freeze ({sys.executable}): it ended with 1: thawed"
    with pytest.raises(PodliftError):
        looked(hooks("import time; time.sleep(60)", timeout_s=0.3))


def test_a_hook_that_looks_for_long_holds_nobody_up(tmp_path: Path) -> None:
    """It is run once, and says when it is asked again; what it said long ago does not count."""
    file = tmp_path / "times"
    made = hooks("import sys, time; open(sys.argv[1], 'a').write('.'); time.sleep(2.5)", str(file))
    began = time.monotonic()
    assert made.refuses("freeze", {}) is None
    assert time.monotonic() - began < 2
    assert looked(made) == ""
    assert file.read_text() == "."
    assert made.refuses("freeze", {}) is None


def looked(made: CommandHooks) -> str:
    while (said := made.refuses("freeze", {})) is None:
        pass
    return said


def test_one_that_looks_ends_with_those_who_wanted_to_know(tmp_path: Path) -> None:
    """And is asked anew by whoever drives next."""
    file, aside = tmp_path / "pids", Threads()
    code = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()} '); time.sleep(60)"
    made = CommandHooks({"frozen": [sys.executable, "-c", code, str(file)]}, timeout_s=60, aside=aside, hide=as_said)
    assert made.refuses("frozen", {}) is None
    (first,) = map(int, file.read_text().split())
    aside.end()
    assert gone(first)
    assert made.refuses("frozen", {}) is None
    aside.end()
    assert len(file.read_text().split()) == 2
