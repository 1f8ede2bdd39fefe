"""The target and decisions of a case, which stand inline, read as target.yaml and decisions.yaml are."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from converters.decisions import Decisions
from converters.target import Target
from migrate.decisions_file import load_decisions
from migrate.target_file import load_target

T = TypeVar("T")


def target(body: Mapping[str, Any] | None) -> Target:
    """Without a word: the target that counts where a project has none."""
    return Target() if body is None else _loaded(body, load_target)


def decisions(body: Mapping[str, Any] | None) -> Decisions:
    return Decisions() if body is None else _loaded(body, load_decisions)


def _loaded(body: Mapping[str, Any], load: Callable[[Path], T]) -> T:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "inline.yaml")
        path.write_text(yaml.safe_dump(dict(body), sort_keys=False), encoding="utf-8")
        return load(path)
