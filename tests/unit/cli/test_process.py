"""podlift as a process: what it imports, signals, pipes, colour, neighbours."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from migrate.cli.command import Session
from migrate.cli.neighbours import strangers
from tests.plans import inspect_file

REPO = Path(__file__).parents[3]
PODLIFT = [sys.executable, "-m", "migrate.cli.main"]


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    return kept | {"PYTHONPATH": str(REPO)} | more


def run(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PODLIFT, *args], capture_output=True, text=True, check=False, env=environment(**more), timeout=120
    )


def imported_by(*args: str) -> set[str]:
    program = (
        "import sys, json\n"
        "from migrate.cli.main import cli\n"
        f"try: cli.main({args!r})\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment(), timeout=120
    )
    return set(json.loads(done.stderr))


CLIENTS = ("docker", "kubernetes", "deepdiff", "jmespath", "requests", "urllib3")


def test_help_imports_no_client() -> None:
    """podlift --help must not pay for docker, kubernetes, yaml or the converters."""
    heavy = (*CLIENTS, "yaml", "converters.workload", "converters.fields.catalogue", "migrate.plan.making")
    assert imported_by("--help").isdisjoint(heavy)


@pytest.mark.parametrize("command", ["cutover", "diff"])
def test_a_commands_help_imports_no_client(command: str) -> None:
    assert imported_by(command, "--help").isdisjoint((*CLIENTS, "converters.sources.mapping"))


def test_ctrl_c() -> None:
    """One line, and 130."""
    program = (
        "import time\n"
        "import migrate.cli.version as version\n"
        "from migrate.cli.main import cli\n"
        "def wait():\n"
        "    print('waiting', flush=True)\n"
        # a signal that comes just before a sleep is heard after it
        "    for _ in range(600): time.sleep(0.1)\n"
        "version.installed_version = wait\n"
        "cli.main(['version'])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said.strip()) == (130, "interrupted")


def test_a_fault_of_our_own() -> None:
    """One error without a stack; PODLIFT_TRACEBACK=1 shows it."""
    program = (
        "import migrate.cli.version as version\n"
        "from migrate.cli.main import cli\n"
        "version.installed_version = lambda: 1 / 0\n"
        "cli.main(['version'])\n"
    )

    def failed(**more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment(**more), timeout=120
        )

    done = failed()
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "ZeroDivisionError" in done.stderr
    assert "Traceback" in failed(PODLIFT_TRACEBACK="1").stderr


def test_a_reader_that_goes_away() -> None:
    """podlift schema mapping | head -1 says nothing on stderr."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*PODLIFT, "schema", "mapping"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        env=environment(),
        timeout=120,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("option", "variables", "terminal", "coloured"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colour(
    monkeypatch: pytest.MonkeyPatch, option: str, variables: dict[str, str], terminal: bool, coloured: bool
) -> None:
    """The option, then NO_COLOR (unless empty), then FORCE_COLOR, then whether it is a terminal that can."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Session(color=option).coloured(Terminal() if terminal else io.StringIO()) == coloured


def test_no_escape_without_a_terminal(tmp_path: Path) -> None:
    """And with --color always there is."""
    file = str(inspect_file(tmp_path))
    done = run("plan", file)
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x1b" in run("plan", file, "--color", "always").stdout


def test_the_same_bytes_elsewhere(tmp_path: Path) -> None:
    """Another folder, hash seed, time zone and locale change no byte of a plan."""
    made = []
    for name, more in (
        ("one", {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"}),
        ("two", {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}),
    ):
        folder = tmp_path / name
        folder.mkdir()
        file = inspect_file(folder)
        (folder / "decisions.yaml").write_text("answers: [{code: acts-unasked, answer: no}]\n")
        answers = str(folder / "decisions.yaml") if name == "one" else os.path.relpath(folder / "decisions.yaml")
        done = run("plan", str(file), "--out", str(folder / "plan"), "--decisions", answers, **more)
        assert done.returncode == 0, done.stderr
        made.append({p.relative_to(folder): p.read_bytes() for p in sorted(folder.glob("plan/**/*")) if p.is_file()})
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("info", "file", "text", "found"),
    [
        ("sqlalchemy_migrate-0.13.0.dist-info", "RECORD", "migrate/__init__.py,sha256=x,1\n", ("sqlalchemy-migrate",)),
        ("migrate-0.3.8.egg-info", "top_level.txt", "migrate\n", ("migrate",)),
        ("podlift-0.1.0.dist-info", "RECORD", "migrate/__init__.py,sha256=x,1\n", ()),
        ("alembic-1.0.dist-info", "RECORD", "alembic/migrate/x.py,,\nmigrate_tool.py,,\n", ()),
    ],
)
def test_who_else_owns_the_name(tmp_path: Path, info: str, file: str, text: str, found: tuple[str, ...]) -> None:
    """Found by the records of installed distributions; our own is none of them."""
    (tmp_path / info).mkdir()
    (tmp_path / info / file).write_text(text)
    assert strangers([str(tmp_path), "/nowhere"]) == found


def test_a_stranger_stops_the_command(tmp_path: Path) -> None:
    """Said clearly, before anything odd can happen."""
    (tmp_path / "sqlalchemy_migrate-0.13.0.dist-info").mkdir()
    (tmp_path / "sqlalchemy_migrate-0.13.0.dist-info" / "RECORD").write_text("migrate/__init__.py,,\n")
    done = run("version", PYTHONPATH=f"{REPO}:{tmp_path}")
    assert done.returncode == 1
    assert "sqlalchemy-migrate" in done.stderr
    assert "pipx" in done.stderr


def test_closed_streams_are_no_fault() -> None:
    """Whoever closes stdout or stderr wants nothing on it; the command does its work."""
    for closing in (">&-", "2>&-", ">&- 2>&-"):
        line = f"{' '.join(PODLIFT)} explain bind {closing}"
        done = subprocess.run(
            ["sh", "-c", line], capture_output=True, text=True, check=False, env=environment(), timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert "error" not in done.stderr


def test_without_a_command_it_shows_its_help() -> None:
    """Which is no error's text, though nothing was done."""
    done = run()
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: ")
