"""A file of gates, given with ``--gates``: in place of those of podlift.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..input_file import body, read_checked
from .settings import gates_of

CODE = "bad-gates"


def load_gates(path: Path | str) -> tuple[Mapping[str, Any], ...]:
    """The gates, as Spec.gates has them.

    Raises PodliftError ``bad-gates`` with file, line and key, ``cannot-read``, and what parsing raises.
    """
    document = read_checked(path, "gates", code=CODE)
    folder = str(Path(path).parent.absolute())
    return gates_of(document, ("gates",), body(document).get("gates", ()), folder=folder, code=CODE)
