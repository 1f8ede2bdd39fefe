"""Every code that podlift can utter can be explained."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from converters.fields.catalogue import CATALOGUE

REPO = Path(__file__).parents[3]
# Functions of ours whose first argument is an error's code.
_MAKERS = frozenset({"refusal", "_refusal"})


def uttered(file: Path) -> Iterator[tuple[str, int]]:
    """Constants given as ``code=`` to an error, to a maker of errors, or kept as a module's CODE."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            given = [k.value for k in node.keywords if k.arg == "code"]
            given += node.args[:1] if name in _MAKERS else []
        elif isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "CODE" for t in node.targets):
            given = [node.value]
        else:
            continue
        for value in given:
            text = value.value if isinstance(value, ast.Constant) else None
            # A maker may name the file first; codes have no blanks, dots or slashes.
            if isinstance(text, str) and text and not set(text) & set(" ./{}"):
                yield text, node.lineno


def test_every_uttered_code_is_in_the_catalogue() -> None:
    """podlift explain knows whatever stands in square brackets."""
    found = {
        (code, f"{file.relative_to(REPO)}:{line}")
        for package in ("converters", "migrate")
        for file in (REPO / package).rglob("*.py")
        for code, line in uttered(file)
    }
    assert {code for code, _ in found} >= {"bad-yaml", "plan-edited", "bad-target", "inspect-list"}
    assert sorted(where for code, where in found if code not in CATALOGUE) == []
