"""What happens where no engine can or may be started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import packages
from tests.lab.__main__ import main

ROOT = Path(__file__).parents[2]


def run_without_lab(**settings: str) -> tuple[int, str]:
    """The lab's own tests in a run of their own with TEST_LAB=0: exit code and what it printed."""
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "tests/engine/test_lab.py"],
        cwd=ROOT,
        env={**kept, "TEST_LAB": "0", **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_test_lab_0_skips_and_counts() -> None:
    code, printed = run_without_lab()

    assert code == 0
    count = printed.count("s", 0, printed.index(" "))
    assert f"{count} tests that need a Docker engine were skipped ({count} by TEST_LAB=0)\n" in printed


def test_with_ci_set_a_skip_is_a_failure() -> None:
    code, printed = run_without_lab(CI="true")

    assert code == 1
    assert "by TEST_LAB=0); with CI set that is a failure" in printed


@pytest.fixture
def no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delenv("TEST_LAB", raising=False)
    monkeypatch.delenv("PODLIFT_TEST_DOCKER_HOST", raising=False)
    monkeypatch.setattr(sys, "argv", ["tests.lab", "prepare"])


@pytest.mark.usefixtures("no_root")
def test_without_root_it_stops_and_names_both_ways_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 1

    said = capsys.readouterr().err
    assert "needs root" in said
    assert "PODLIFT_TEST_DOCKER_HOST=" in said
    assert "TEST_LAB=0" in said


@pytest.mark.usefixtures("no_root")
@pytest.mark.parametrize("way_out", [("TEST_LAB", "0"), ("PODLIFT_TEST_DOCKER_HOST", "unix:///some.sock")])
def test_without_root_either_way_out_will_do(way_out: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*way_out)

    assert main() == 0


def test_it_says_before_what_it_installs_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    wanted = iter([["docker.io", "docker-registry"], []])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "missing", lambda _extra: next(wanted))
    monkeypatch.setattr(shutil, "which", lambda _program: "/usr/bin/apt-get")
    monkeypatch.setattr(packages, "_install", lambda names: said.append(f"installed {names}"))

    packages.ensure(said.append)

    assert "docker.io, docker-registry" in said[0]
    assert "about a minute" in said[0]
    assert said[1] == "installed ['docker.io', 'docker-registry']"
