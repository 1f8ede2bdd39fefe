"""The examples of docs/reference/files.md are files that podlift takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from docs.files_page import examples, files_page
from migrate import load_decisions, load_hosts, load_project, load_target
from migrate.cutover.gates_file import load_gates
from migrate.schemas import schema

LOAD: dict[str, Callable[[Path], object]] = {
    "project": load_project,
    "hosts": load_hosts,
    "target": load_target,
    "decisions": load_decisions,
    "gates": load_gates,
}


@pytest.mark.parametrize("name", examples())
def test_an_example_is_taken(name: str, tmp_path: Path) -> None:
    """By the loader that reads such a file, with the hosts file that a project names beside it."""
    (tmp_path / "hosts.yaml").write_text(examples()["hosts"], encoding="utf-8")
    file = tmp_path / ("podlift.yaml" if name == "project" else f"{name}.yaml")
    file.write_text(examples()[name], encoding="utf-8")
    assert LOAD[name](file)


@pytest.mark.parametrize("name", examples())
def test_every_key_is_on_the_page(name: str) -> None:
    """What a schema takes, the page tells."""
    assert all(f"| `{key}` |" in files_page() for key in schema(name)["properties"] if key != "schema")
