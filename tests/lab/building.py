"""Builds this checkout's Dockerfiles on an engine of the lab, which reaches no registry.

    build(engine, "image/Dockerfile", "podlift:1", base=python_base(engine))
    build(engine, "probe/Dockerfile", "podlift-probe:1", base=go_base(engine))

What a Dockerfile is FROM is made here, under the name that it has there, from this machine's Python or Go: another
version of it, on another system. In it pip and Go find what they want without a network; and Debian's apt-get is a
stand-in that knows of one package, openssh-client, and brings this machine's ssh. So what is tried is each line of the
Dockerfile as it stands, and neither the official base images nor Debian's package.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.lab import golang, programs
from tests.lab.engine import LabEngine

REPO = Path(__file__).parents[2]
_APT = """\
#!/bin/sh
case "$*" in
update) exit 0 ;;
"install --yes --no-install-recommends openssh-client") exec cp /opt/debian/bin/ssh /usr/bin/ssh ;;
esac
echo "apt-get $*: not known to the lab" >&2
exit 100
"""
_NOT_NEEDED = {"test", "idlelib", "tkinter", "turtledemo", "ensurepip", "site-packages", "lib2to3"}


def build(engine: LabEngine, dockerfile: str, tag: str, *, context: str = ".", base: str) -> None:
    """Builds as `docker build -t TAG -f DOCKERFILE CONTEXT` does with the engine's own builder; paths count from the
    checkout. HostError names what failed."""
    stages = re.findall(r"^FROM (\S+)", (REPO / dockerfile).read_text(), re.MULTILINE)
    assert base in stages, f"{dockerfile} is not FROM {base}: {stages}"
    engine.client.images.build(
        path=str(REPO / context), dockerfile=str(REPO / dockerfile), tag=tag, rm=True, forcerm=True, nocache=True
    )
    engine.made.append(("image", tag))


def python_base(engine: LabEngine, wheels: Path) -> str:
    """What image/Dockerfile is FROM. ``wheels``: a folder that pip looks in (``wheels_of``)."""
    name = _base("image/Dockerfile")
    standard = Path(sysconfig.get_paths()["stdlib"])
    executable = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    modules = [
        each
        for each in standard.rglob("*")
        if each.is_file() and not _left_out(each.relative_to(standard)) and "__pycache__" not in each.parts
    ]
    home = f"usr/local/lib/{standard.name}"
    files: dict[str, str | bytes] = {f"{home}/{each.relative_to(standard)}": each.read_bytes() for each in modules}
    pip = Path(sysconfig.get_paths()["purelib"]) / "pip"
    files |= {
        f"{home}/site-packages/pip/{each.relative_to(pip)}": each.read_bytes()
        for each in pip.rglob("*.*")
        if each.is_file() and each.suffix != ".pyc"
    }
    files |= {f"usr/local/bin/{alias}": executable.read_bytes() for alias in ("python", "python3", standard.name)}
    files["usr/local/bin/pip"] = '#!/bin/sh\nexec python -m pip "$@"\n'
    files["usr/bin/apt-get"] = _APT
    files["opt/debian/bin/ssh"] = Path("/usr/bin/ssh").read_bytes()
    files["usr/bin/useradd"] = Path("/usr/sbin/useradd").read_bytes()
    files["var/lib/apt/lists/none"] = ""
    files |= {f"opt/wheels/{each.name}": each.read_bytes() for each in wheels.iterdir()}
    native = [each for each in modules if each.suffix == ".so"]
    files |= _libraries([executable, Path("/usr/bin/ssh"), Path("/usr/sbin/useradd"), *native])
    environment = ["PIP_NO_INDEX=1", "PIP_FIND_LINKS=/opt/wheels", "PIP_DISABLE_PIP_VERSION_CHECK=1"]
    engine.import_image(name, files=files, config={"Env": [_PATH, *environment]})
    return name


_PATH = "PATH=/usr/local/bin:/usr/bin:/bin:/sbin:/usr/sbin"


def wheels_of(folder: Path) -> Path:
    """Fills a folder with what pip wants to build and install podlift: from the index that the user's pip asks."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text())
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--only-binary=:all:", "-d", str(folder)]
    subprocess.run([*pip, *wanted], check=True, stdin=subprocess.DEVNULL)
    return folder


def go_base(engine: LabEngine) -> str:
    """What probe/Dockerfile is FROM: Go, and what its modules are downloaded from."""
    name = _base("probe/Dockerfile")
    programs.ensure_probe(lambda _line: None)
    go_mod = (REPO / "probe" / "go.mod").read_text()
    go = golang.choose(golang.installed(), golang.wanted(go_mod))
    assert go.program is not None, "a Go that is installed on this machine is needed"
    root = go.program.resolve().parents[1]
    kept = [each for part in ("bin", "src", "pkg") for each in (root / part).rglob("*") if each.is_file()]
    files: dict[str, str | bytes] = {
        f"usr/local/go/{each.relative_to(root)}": each.read_bytes()
        for each in [*kept, root / "go.env", root / "VERSION"]
        if each.is_file() and "testdata" not in each.parts and not each.name.endswith("_test.go")
    }
    downloads = golang.caches(go.program)[0] / "cache" / "download"
    for module in _modules(go_mod):
        folder = downloads / module / "@v"
        files |= {
            f"opt/modules/{module}/@v/{each.name}": each.read_bytes() for each in folder.iterdir() if each.is_file()
        }
    environment = [f"{_PATH}:/usr/local/go/bin", "GOPROXY=file:///opt/modules", "GONOSUMDB=*", "GOTOOLCHAIN=local"]
    engine.import_image(name, files=files, config={"Env": environment})
    return name


def _modules(go_mod: str) -> list[str]:
    """Their paths as Go's cache spells them; the probe's have no capitals."""
    return re.findall(r"^\t(\S+) v\S+", go_mod, re.MULTILINE)


def _base(dockerfile: str) -> str:
    found = re.search(r"^FROM (\S+) AS build$", (REPO / dockerfile).read_text(), re.MULTILINE)
    assert found, f"{dockerfile} has no stage that builds"
    return found[1]


def _left_out(path: Path) -> bool:
    return path.parts[0] in _NOT_NEEDED or path.parts[0].startswith("config-")


def _libraries(binaries: Iterable[Path]) -> Mapping[str, bytes]:
    """What they are linked with, where the loader looks, and the loader."""
    listed = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False).stdout
    loaders = set(re.findall(r"^\s+(/\S+)", listed, re.MULTILINE))
    libraries = set(re.findall(r"=> (/\S+)", listed))
    return {loader.lstrip("/"): Path(loader).read_bytes() for loader in loaders} | {
        f"usr/lib/{Path(library).name}": Path(library).read_bytes() for library in libraries
    }
