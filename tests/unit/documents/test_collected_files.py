"""Every YAML and JSON file that was collected from real schedulers, where the collection lies beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.errors import PodliftError
from migrate.documents import parse_documents

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
FILES = sorted(path for path in DATA.rglob("*") if path.suffix in {".json", ".yml", ".yaml"} and path.is_file())


@pytest.mark.skipif(not FILES, reason="the collected files are not beside this checkout")
def test_each_collected_file_loads_or_gives_one_error() -> None:
    """Nothing but a PodliftError leaves the loader, and most files of the wild do load."""
    refused: dict[str, str] = {}
    for path in FILES:
        name = path.relative_to(DATA).as_posix()
        try:
            documents = parse_documents(path.read_bytes(), name=name)
        except PodliftError as error:
            assert error.subject.partition(":")[0] == name  # noqa: PT017
            refused[name] = error.code
        else:
            assert documents
            lines = path.read_text(encoding="utf-8").count("\n") + 1
            assert all(1 <= line <= lines for document in documents for line in document.marks.values()), name
    assert len(refused) < len(FILES) / 10, refused
    assert set(refused.values()) <= {
        "bad-json",
        "bad-yaml",
        "duplicate-key",
        "empty-document",
        "templated-yaml",
        "unknown-yaml-tag",
    }
