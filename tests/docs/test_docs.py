"""Every command and every program in README.md and docs/ is run, in order, as a reader would run it.

In a ``console`` block, lines that begin with ``$ `` are commands (what stands below them is what they print, shown
but not compared). A ``python`` block is a program. A comment above a block tells what the page's reader has:

    <!-- test: in=fixtures/edge-estate exit=3 -->     a copy of that folder to stand in; the exit code to expect
    <!-- test: in=repo -->                            the checkout itself
    <!-- test: needs=engine -->                       DOCKER_HOST leads to a Docker engine
    <!-- test: in=repo needs=cluster -->              kubectl is there, and its current context is a cluster
    <!-- test: needs=served -->                       the same, and what served_project of conftest.py makes

Blocks of one page share their folder, so that a later block may use what an earlier one made.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.cluster import GivenCluster

REPO = Path(__file__).parents[2]
PAGES = [REPO / "README.md", *sorted((REPO / "docs").rglob("*.md"))]
_BLOCK = re.compile(
    r"(?:<!-- test: (?P<told>[^>]*) -->\n)?```(?P<kind>console|python)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    kind: str
    body: str
    told: dict[str, str]

    @property
    def commands(self) -> list[str]:
        """A command goes on where a line ends with a backslash."""
        joined = self.body.replace("\\\n", " ")
        commands = [line[2:] for line in joined.splitlines() if line.startswith("$ ")]
        # It is what runs this test; from within it would never end.
        return [command for command in commands if command != "make test"]

    @property
    def runs(self) -> list[list[str]]:
        if self.kind == "python":
            return [[sys.executable, "-c", self.body]]
        return [["bash", "-ec", command] for command in self.commands]


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        told = dict(part.split("=", 1) for part in (match["told"] or "").split())
        yield Block(page, text.count("\n", 0, match.start()) + 1, match["kind"], match["body"], told)


def _id(page: Path) -> str:
    return str(page.relative_to(REPO))


@pytest.mark.parametrize("page", [page for page in PAGES if any(True for _ in blocks(page))], ids=_id)
def test_page(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """All blocks of a page, in order, in one folder."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "NO_COLOR": "1",
    }
    environment.pop("VIRTUAL_ENV", None)
    for block in blocks(page):
        if block.told.get("needs") == "engine":
            environment["DOCKER_HOST"] = request.getfixturevalue("engine").url
        if block.told.get("needs") == "served":
            request.getfixturevalue("served_project")
        if block.told.get("needs") in ("cluster", "served"):
            environment |= _reach(request.getfixturevalue("cluster"), tmp_path, environment["PATH"])
        folder = _folder(block.told.get("in", ""), tmp_path)
        expected = int(block.told.get("exit", "0"))
        for run in block.runs:
            done = subprocess.run(
                run, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600
            )
            assert done.returncode == expected, f"{page.name}:{block.line}: {run[-1]}\n{done.stdout}\n{done.stderr}"


def _reach(cluster: GivenCluster, folder: Path, path: str) -> dict[str, str]:
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(cluster.kubectl("config", "view", "--raw", "--minify"))
    return {"KUBECONFIG": str(kubeconfig), "PATH": f"{path}:{Path(cluster.program).parent}"}


def _folder(name: str, tmp_path: Path) -> Path:
    if name == "repo":
        return REPO
    if not name:
        return tmp_path
    copy = tmp_path / Path(name).name
    if not copy.exists():
        shutil.copytree(REPO / name, copy)
    return copy


def test_readme_has_the_three_blocks() -> None:
    """Demo, test, install, in this order: what a newcomer looks for."""
    text = (REPO / "README.md").read_text(encoding="utf-8")
    found = [text.index(command) for command in ("$ make demo", "$ make test", "$ pipx install")]
    assert found == sorted(found)
